"""Blocks as Markdown: report.md, and the pieces that Prefect artifacts show while a run is under way.

Every text from outside is escaped or stands in a code span; there is no HTML in the result. Pictures are data URIs,
each with its sentence beside it, because not every viewer shows them.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from seektune.report.blocks import Block, Cell, Figure, Headline, Marked, Section, Table, Text, Tiles
from seektune.report.facts import STAGES, Facts, finite
from seektune.report.reasons import reasons
from seektune.report.safe import markdown as escape
from seektune.report.safe import visible
from seektune.report.summary import found
from seektune.report.wording import count, duration, number
from seektune.trial import Scalar

SIGNS = {"warn": "⚠ ", "bad": "⚠ ", "good": "✓ "}
ROWS = 100
"""Longest table in report.md; the CSV has them all."""


def document(title: str, subtitle: str, sections: Sequence[Section], pictures: PurePosixPath | None = None) -> str:
    """report.md; figures point to PNG files in `pictures`, or are left to their captions."""
    parts = [f"# {escape(title)}"]
    for section in sections:
        if not section.opening:
            parts.append(f"## {escape(section.title)}")
        parts += [text for one in section.blocks if (text := block(one, pictures))]
    return "\n\n".join([*parts, "---", escape(subtitle)]) + "\n"


def block(one: Block, pictures: PurePosixPath | None = None) -> str:
    match one:
        case Headline(text, tone, below):
            return f"**{SIGNS.get(tone, '')}{escape(text)}**" + (f"\n\n{escape(below)}" if below else "")
        case Text(text, tone):
            return ("> " if tone in SIGNS else "") + SIGNS.get(tone, "") + escape(text)
        case Tiles(tiles):
            return "\n".join(
                f"- {escape(tile.name)}: **{escape(tile.value)}**" + (f" ({escape(tile.note)})" if tile.note else "")
                for tile in tiles
            )
        case Table(columns, rows, caption):
            head = f"*{escape(caption)}*\n\n" if caption else ""
            left = (
                f"\n\n{len(rows) - ROWS} more rows are in the HTML report and in trials.csv."
                if len(rows) > ROWS
                else ""
            )
            return head + grid(columns, rows[:ROWS]) + left
        case Figure(name, _, caption, _, plot):
            picture = f"![{escape(name)}]({pictures / f'{name}.png'})\n\n" if pictures is not None and plot else ""
            return picture + escape(caption)


def grid(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A GFM table; floats rounded, nothing as a dash."""
    lines = ["| " + " | ".join(escape(name) for name in columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(cell(one) for one in row) + " |" for row in rows]
    return "\n".join(lines)


def cell(value: Cell) -> str:
    """Escaped; marked parts are bold."""
    if value is None:
        return "–"
    if isinstance(value, Marked):
        return "".join(_marked(part) if marked else escape(part) for part, marked in value.parts)
    return number(value) if isinstance(value, int | float) and not isinstance(value, bool) else escape(value)


def _marked(part: str) -> str:
    """Bold; Markdown wants its stars at the words, not at spaces."""
    line = visible(part)
    bare = line.strip()
    return line.replace(bare, f"**{escape(bare)}**", 1) if bare else line


def picture(plot: bytes, caption: str) -> str:
    """A PNG as Markdown (data URI) with its words, for a Prefect artifact."""
    return f"![{escape(caption)}](data:image/png;base64,{base64.b64encode(plot).decode()})\n\n{escape(caption)}"


def leading_trials(facts: Facts, limit: int = 20) -> list[dict[str, Scalar]]:
    """The best trials so far as flat rounded rows: a Prefect table shows neither nested cells nor long floats well."""
    names, why = facts.searched_params(), reasons(facts)
    rows = []
    for place, row in enumerate(facts.ranked()[:limit], start=1):
        value = facts.value(row)
        flat: dict[str, Scalar] = {
            "place": place,
            "trial": visible(row.trial, 80),
            facts.metric: "–" if value is None else number(value),
            "tokens": count(row.tokens),
            "state": str(row.state),
        }
        flat |= {name: _flat(row.params.get(name)) for name in names if name not in flat}
        flat |= {"time": duration(row.cost.seconds), "why it stopped": visible(why[row.trial], 120)}
        rows.append(flat)
    return rows


def _flat(value: object) -> Scalar:
    if isinstance(value, float):
        return number(finite(value), 3)
    return value if isinstance(value, int) else "–" if value is None else visible(value, 60)


def stage_summary(stage: str, result: Mapping[str, Any], metric: str = "loss") -> str:
    """What a stage found, as Markdown: one sentence and its main numbers."""
    sentence = escape(found(stage, result, metric) or "Nothing to tell.")
    return f"**{STAGES.get(stage, escape(stage))}.** {sentence}"


def spend_table(facts: Facts) -> str:
    """Status, runs, tokens and time of each stage so far."""
    rows: list[tuple[Cell, ...]] = []
    for name, stage in facts.history.stages.items():
        runs = sum(row.stage == name for row in facts.history.trials)
        spend = stage.spend
        rows.append(
            (STAGES.get(name, name), str(stage.status), runs, count(spend.tokens), duration(spend.device_seconds),
             duration(spend.wall_seconds))
        )  # fmt: skip
    return grid(("stage", "status", "runs", "tokens", "training time", "wall time"), rows)
