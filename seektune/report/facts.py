"""What every section of a report reads: the journal's history, the stages' results, the rows' report, the study.

Put together once, from what is there: a stage that has not finished is None, and a section that needs it says nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from seektune.ledger.history import History, TrialRow
from seektune.ledger.results import (
    AugmentationResult,
    ConfirmResult,
    Handed,
    Leader,
    PrepareResult,
    RangeResult,
    SearchResult,
)
from seektune.trial import Json, Params, State

Found = TypeVar("Found", bound=Handed)

STAGES = {"prepare": "Data and base", "lr_range": "LR range test", "coarse": "Coarse search", "fine": "Fine search",
          "augmentation": "Augmentation", "confirm": "Confirm", "promote": "Promote", "report": "Report"}  # fmt: skip
LOST = (State.DIVERGED, State.INFEASIBLE, State.FAILED)


@dataclass(frozen=True)
class Facts:
    """Read-only; cheap to make; everything derived is cached."""

    history: History
    study: Mapping[str, Any]

    def _stage(self, name: str, model: type[Found]) -> Found | None:
        row = self.history.stages.get(name)
        if row is None or row.status != "finished" or not row.result:
            return None  # stale: found for other inputs than the ones that the study has now
        try:
            return model.model_validate(row.result)
        except ValidationError:  # written by another version: the report is not the place to fail for it
            return None

    @cached_property
    def prepare(self) -> PrepareResult | None:
        return self._stage("prepare", PrepareResult)

    @cached_property
    def lr_range(self) -> RangeResult | None:
        return self._stage("lr_range", RangeResult)

    @cached_property
    def coarse(self) -> SearchResult | None:
        return self._stage("coarse", SearchResult)

    @cached_property
    def fine(self) -> SearchResult | None:
        return self._stage("fine", SearchResult)

    @cached_property
    def augmentation(self) -> AugmentationResult | None:
        return self._stage("augmentation", AugmentationResult)

    @cached_property
    def confirm(self) -> ConfirmResult | None:
        return self._stage("confirm", ConfirmResult)

    @cached_property
    def rows(self) -> Json:
        """report.json of the prepared rows; empty when there is none (simulated studies have no rows)."""
        if self.prepare is None or not self.prepare.rows:
            return {}
        try:
            loaded = json.loads((Path(self.prepare.rows) / "report.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return loaded if isinstance(loaded, dict) else {}

    @cached_property
    def environments(self) -> list[Mapping[str, Any]]:
        """Versions, commit, machine as they were when something was trained: the different ones, oldest first."""
        found: list[Mapping[str, Any]] = []
        for session in self.history.sessions:
            one = session.get("environment")
            if session.get("attempts") and one and one not in found:
                found.append(one)
        return found

    @property
    def name(self) -> str:
        return str(self.study.get("study", "study"))

    @property
    def metric(self) -> str:
        return str((self.study.get("objective") or {}).get("metric", "loss"))

    @property
    def smaller_is_better(self) -> bool:
        return bool((self.study.get("objective") or {}).get("direction", "minimize") == "minimize")

    def minimised(self, value: float) -> float:
        return value if self.smaller_is_better else -value

    @cached_property
    def searched(self) -> tuple[TrialRow, ...]:
        """Trials of coarse and fine, in the order in which they were proposed."""
        return tuple(row for row in self.history.trials if row.stage in ("coarse", "fine"))

    @cached_property
    def rungs(self) -> tuple[int, ...]:
        """Token positions at which trials were compared, shortest first."""
        found = {
            int(tokens) for stage in (self.coarse, self.fine) if stage for one in stage.history for tokens in one.rungs
        }
        if not found:
            found = {row.tokens for row in self.searched if row.state is State.PAUSED}
        return tuple(sorted(found - {0}))

    @property
    def best(self) -> Leader | None:
        """The leader of the last search that ended."""
        search = self.fine or self.coarse
        return search.best if search else None

    @property
    def winner(self) -> tuple[str, Params] | None:
        """(name, hyperparameters) of what the report is about: the confirmed challenger, else the leader so far."""
        if self.confirm is not None:
            return self.confirm.challenger.name, self.confirm.challenger.params
        if self.best is not None:
            return self.best.trial, self.best.params
        return None

    @property
    def default(self) -> Params:
        if self.confirm is not None:
            return self.confirm.reference.params
        return self.prepare.default if self.prepare is not None else {}

    def value(self, row: TrialRow) -> float | None:
        """A trial's objective at the tokens it reached."""
        return finite(row.metrics.get(self.metric))

    def value_at(self, row: TrialRow, tokens: int) -> float | None:
        """A trial's objective at a rung; the end of a segment is always measured."""
        for point in row.curve:
            if point.tokens >= tokens:
                return finite(point.metrics.get(self.metric))
        return None

    def ranked(self) -> list[TrialRow]:
        """Searched trials, best first: longer ones before shorter ones; those without a value last."""

        def place(row: TrialRow) -> tuple[bool, int, float, str]:
            value = self.value(row)
            lost = value is None or row.state in LOST
            return lost, -row.tokens, self.minimised(value) if value is not None else 0.0, row.trial

        return sorted(self.searched, key=place)

    def space(self) -> list[str]:
        """Parameters that the study searches; fixed and derived ones are left out."""
        given = self.study.get("space") or {}
        fixed = ("value", "derive")
        return [name for name, one in given.items() if not any((one or {}).get(key) is not None for key in fixed)]

    def searched_params(self) -> list[str]:
        """Parameters that differ between trials, in the study's order."""
        order = list(self.study.get("space") or {})
        seen: dict[str, set[str]] = {}
        for row in self.searched:
            for key, value in row.params.items():
                seen.setdefault(key, set()).add(repr(value))
        varying = [key for key, values in seen.items() if len(values) > 1]
        return sorted(varying, key=lambda key: (order.index(key) if key in order else len(order), key))


def finite(value: object) -> float | None:
    """A number that can be drawn and compared, or None."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
