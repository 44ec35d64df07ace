"""How is a finding written so that Prefect's UI shows it? Markdown; pictures as data URIs with their numbers in words.

Measured: data URIs of PNG show in both versions of the UI, inline SVG in neither; an older server drops the picture and
keeps the caption. Each keyed artifact is stored twice, so pages stay below half a megabyte.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence

from seektune.trial import Scalar
from tasks import board

LARGEST_PAGE_BYTES = 480_000


def picture(png: bytes, caption: str) -> str:
    """An image and, below it, what it says."""
    return f"{image(png, caption)}\n\n*{caption}*"


def image(png: bytes, name: str) -> str:
    return f"![{name}](data:image/png;base64,{base64.b64encode(png).decode()})"


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """A markdown table; columns are those of the first row."""
    if not rows:
        return ""
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([cell(row.get(name)) for name in names] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def cell(value: object) -> str:
    """Nothing in a cell may end it."""
    return str(board.rounded(value)).replace("|", "\\|").replace("\n", " ")


def params(values: Mapping[str, Scalar]) -> str:
    """`learning_rate` 0.0031, `effective_batch` 8, ..."""
    return ", ".join(f"`{name}` {board.rounded(value)}" for name, value in values.items())


def page(parts: Iterable[str]) -> str:
    """Parts below each other, cut (and saying so) when they are too long for an artifact."""
    text = "\n\n".join(part for part in parts if part)
    if len(text.encode()) <= LARGEST_PAGE_BYTES:
        return text
    kept = text.encode()[:LARGEST_PAGE_BYTES].decode(errors="ignore")
    return kept.rsplit("\n", 1)[0] + "\n\n*Cut here: the whole report is in the study's folder.*"
