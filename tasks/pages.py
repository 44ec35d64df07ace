"""How is a finding written so that Prefect's UI shows it? Markdown; pictures as data URIs with their numbers in words.

Measured: data URIs of PNG show in both versions of the UI, inline SVG in neither; an older server drops the picture and
keeps the caption. Each keyed artifact is stored twice, so pages stay below half a megabyte. Words from outside (file
names, labels, parameters, reasons) are escaped here or come as blocks of the report, which are escaped there.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence

from seektune.ledger.results import Candidate
from seektune.report import markdown
from seektune.report.blocks import Block, Figure, Table
from seektune.report.safe import markdown as escape
from seektune.trial import Json, Scalar
from tasks import board

LARGEST_PAGE_BYTES = 480_000
WIDEST_TABLE = 90
"""Characters. Prefect breaks no line in a cell: what hangs over is out of sight."""
LONG_CELL = 24


def picture(png: bytes, caption: str) -> str:
    """An image and, below it, what it says."""
    return f"{image(png, escape(caption))}\n\n*{escape(caption)}*"


def image(png: bytes, name: str) -> str:
    """`name` is Markdown already."""
    return f"![{name}](data:image/png;base64,{base64.b64encode(png).decode()})"


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """A markdown table; columns are those of the first row."""
    if not rows:
        return ""
    names = list(rows[0])
    lines = [
        [escape(name) for name in names],
        ["---"] * len(names),
        *([cell(row.get(name)) for name in names] for row in rows),
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def cell(value: object) -> str:
    """Nothing in a cell may end it, or be more than text."""
    return escape(board.rounded(value))


def params(values: Mapping[str, Scalar]) -> str:
    """learning_rate 0.0031, effective_batch 8, ...: not escaped yet"""
    return ", ".join(f"{name} {board.rounded(value)}" for name, value in values.items())


def block(one: Block) -> str:
    """A block of the report: its plot as data, a table of long texts as a list."""
    if isinstance(one, Figure) and one.plot is not None:
        return picture(one.plot, one.caption)
    if isinstance(one, Table) and one.wrap:
        cells = [[markdown.cell(cell) for cell in row] for row in one.rows]
        if sum(max(map(len, column)) for column in zip(*cells, strict=True)) > WIDEST_TABLE:
            return "\n".join([f"*{escape(one.caption)}*", "", *(listed(one.columns, row) for row in cells)])
    return markdown.block(one)


def listed(columns: Sequence[str], cells: Sequence[str]) -> str:
    """A row as an item: short cells beside each other, long ones on lines of their own."""
    text, beside = "- ", False
    for number, (name, cell) in enumerate(zip(columns, cells, strict=True)):
        short = len(cell) <= LONG_CELL
        text += "" if number == 0 else " · " if short and beside else "  \n  "
        text, beside = f"{text}*{escape(name)}* {cell}", short
    return text


def page(parts: Iterable[str]) -> str:
    """Parts below each other, cut (and saying so) when they are too long for an artifact."""
    text = "\n\n".join(part for part in parts if part)
    if len(text.encode()) <= LARGEST_PAGE_BYTES:
        return text
    kept = text.encode()[:LARGEST_PAGE_BYTES].decode(errors="ignore")
    return kept.rsplit("\n", 1)[0] + "\n\n*Cut here: the whole report is in the study's folder.*"


def scores(one: Candidate, metric: str) -> Json:
    """Cells of a configuration that was trained with several seeds."""
    return {f"mean {metric}": one.mean, "seeds": ", ".join(str(board.rounded(value)) for value in one.values)}
