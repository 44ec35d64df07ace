"""What does a watcher want to see of a running stage? How far it is, which trial leads, how each trial ended.

Pure bookkeeping, no Prefect: rows by trial, a sentence, a percentage, a table of flat, rounded cells (Prefect shows a
nested cell as `[object Object]` and a float with all its digits).
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

from seektune.study_file import StudyFile
from seektune.trial import Json, Params, Progress, Result, Segment, State

MOST_ROWS = 50
MOST_PARAMETERS = 6
LOST = (State.DIVERGED, State.INFEASIBLE, State.FAILED)


def rounded(value: object) -> str | int:
    """A cell: four significant digits, no false precision.

    >>> rounded(0.00310049), rounded(1.23456), rounded(40000), rounded("cosine"), rounded(None)
    ('0.0031', '1.235', 40000, 'cosine', '')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "" if value is None else str(value)
    return value if isinstance(value, int) else f"{value:.4g}"


@dataclass
class Row:
    """One trial, as far as it has come."""

    params: Params
    state: State | None = None  # None: running
    value: float | None = None
    begins: int = 0  # of the segment that is running
    tokens: int = 0
    seconds: float = 0.0
    reason: str = ""


@dataclass
class Board:
    """One stage."""

    study: StudyFile
    stage: str
    planned: int | None
    planned_tokens: float = 0.0  # to train on, by the plan; 0: unknown
    rows: dict[str, Row] = field(default_factory=dict)
    trained: int = 0
    furthest: float = 0.0

    def started(self, segment: Segment) -> None:
        row = self.rows.setdefault(segment.trial, Row(segment.params))
        row.state, row.reason, row.begins, row.tokens = None, "", segment.from_tokens, segment.from_tokens

    def progressed(self, progress: Progress) -> None:
        row = self.rows.get(progress.trial)
        if row is not None:
            row.tokens, row.seconds = progress.point.tokens, progress.point.seconds
            row.value = (
                self._value(progress.point.metrics) if self._value(progress.point.metrics) is not None else row.value
            )

    def ended(self, result: Result) -> None:
        row = self.rows[result.trial]
        row.state, row.tokens, row.reason = result.state, result.tokens, result.reason
        self.trained += max(0, result.tokens - row.begins)
        if result.curve:
            row.seconds = result.curve[-1].seconds
        row.value = None if result.state in LOST else self._value(result.metrics)

    def _value(self, metrics: object) -> float | None:
        value = metrics.get(self.study.objective.metric) if hasattr(metrics, "get") else None
        return float(value) if value is not None and math.isfinite(value) else None

    @property
    def running(self) -> int:
        return sum(row.state is None for row in self.rows.values())

    def percent(self) -> float:
        """Tokens trained over tokens planned; a bar never moves back, and is full only at the end."""
        on_the_way = sum(max(0, row.tokens - row.begins) for row in self.rows.values() if row.state is None)
        if self.planned_tokens > 0:
            self.furthest = max(self.furthest, min(99.0, 100 * (self.trained + on_the_way) / self.planned_tokens))
        return round(self.furthest, 1)

    def ranking(self) -> list[tuple[str, Row]]:
        """Best first; those without a value last."""
        sign = 1.0 if self.study.objective.direction == "minimize" else -1.0
        return sorted(
            self.rows.items(),
            key=lambda item: (item[1].value is None, item[1].state in LOST, sign * (item[1].value or 0.0), item[0]),
        )

    def sentence(self) -> str:
        """How far, who leads, how the others ended."""
        ended = Counter(str(row.state) for row in self.rows.values() if row.state is not None)
        parts = [f"{self.stage}: {len(self.rows) - self.running} of {max(self.planned or 0, len(self.rows))} trials"]
        if self.running:
            parts.append(f"{self.running} running")
        parts += [f"{count} {state}" for state, count in sorted(ended.items())]
        ranking = self.ranking()
        if ranking and ranking[0][1].value is not None:
            parts.append(f"best {self.study.objective.metric} {rounded(ranking[0][1].value)} ({ranking[0][0]})")
        return " · ".join(parts)

    def table(self) -> list[Json]:
        """Leading trials, one flat row each, with the parameters that differ between trials."""
        seen: dict[str, set[object]] = {}
        for row in self.rows.values():
            for name, value in row.params.items():
                seen.setdefault(name, set()).add(value)
        names = [name for name, values in seen.items() if len(values) > 1][:MOST_PARAMETERS]
        return [
            {
                "trial": trial,
                "outcome": str(row.state or "running"),
                self.study.objective.metric: rounded(row.value),
                "tokens": row.tokens,
                **{name: rounded(row.params.get(name)) for name in names},
                "seconds": round(row.seconds, 1),
                "why": row.reason[:120],
            }
            for trial, row in self.ranking()[:MOST_ROWS]
        ]

    def outcome(self, result: Result) -> str:
        """A trial's end, and what it had tried, in one line."""
        value = None if result.state in LOST else self._value(result.metrics)
        scored = "" if value is None else f"{self.study.objective.metric} {rounded(value)} at "
        row = self.rows[result.trial]
        searched = [f"{name} {rounded(row.params[name])}" for name in self.study.space if name in row.params]
        parts = [
            f"{scored}{result.tokens:,} tokens",
            f"{result.cost.seconds:.1f} s",
            result.reason,
            ", ".join(searched),
        ]
        return " · ".join(part for part in parts if part)
