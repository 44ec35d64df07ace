"""What a section is made of.

A section says *what* it found, as blocks; a page says *how* it looks (html.py, markdown.py). Sections
never write markup, so that text from outside is escaped in one place per output and cannot leak.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Tone = Literal["plain", "good", "warn", "bad", "muted"]


@dataclass(frozen=True, slots=True)
class Marked:
    """A cell of text in which some parts are marked: (text, marked) in order."""

    parts: tuple[tuple[str, bool], ...]


Cell: TypeAlias = str | int | float | bool | Marked | None


@dataclass(frozen=True, slots=True)
class Headline:
    """The answer, in one sentence."""

    text: str
    tone: Tone = "plain"
    below: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure with its name; a row of tiles is read at a glance."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tiles:
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of flat cells. Numbers are set right and rounded, `None` is a dash."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    folded: bool = False
    """Shown after a click; `caption` is what one clicks on."""
    wrap: bool = False
    """Long text: cells break into lines."""

    @property
    def set_right(self) -> list[bool]:
        """Which columns hold numbers, and nothing else but dashes."""
        columns = [[row[i] for row in self.rows] for i in range(len(self.columns))]
        return [
            any(map(_is_number, cells)) and all(_is_number(cell) or cell is None for cell in cells) for cells in columns
        ]


def _is_number(cell: Cell) -> bool:
    """Also numbers that a section has already written for people: 12.4k, 3e-4, 0.8 s."""
    if isinstance(cell, bool | Marked) or cell is None:
        return False
    return isinstance(cell, int | float) or bool(
        re.fullmatch(r"[+−-]?[\d.,]+(e-?\d+)?[kMG%]?( (s|min|h)( \d\d (s|min))?)?|–", cell)
    )


@dataclass(frozen=True, slots=True)
class Figure:
    """An interactive plot as plotly JSON (data, layout), with a sentence that says the same without the plot."""

    name: str
    spec: Mapping[str, Any]
    caption: str
    height: int = 380
    plot: bytes | None = None
    """The same as a PNG, for places without scripts."""
    min_width: int = 0
    """On a narrow screen the plot scrolls instead of shrinking below this (pixels)."""


Block: TypeAlias = Headline | Text | Tiles | Table | Figure


@dataclass(frozen=True, slots=True)
class Section:
    """One chapter of the report."""

    title: str
    blocks: tuple[Block, ...]
    opening: bool = False
    """Stands at the top without a heading of its own."""


SectionBuilder: TypeAlias = Callable[[Any], Section | None]
"""`Facts -> Section`, or None when there is nothing to say yet."""
