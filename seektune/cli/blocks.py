"""Blocks of a report (report/blocks.py) on a terminal: a paragraph, a table, and long text as a list of its columns."""

from __future__ import annotations

from seektune.cli.output import Output
from seektune.report.blocks import Block, Cell, Marked, Table, Text
from seektune.report.safe import visible
from seektune.report.wording import number, plural

MOST_ROWS = 40
"""Of a table; `--json` has them all."""
WIDE = 100
"""A table whose columns before the last need more characters is written as a list of its columns, row by row."""
SIGNS = {"warn": "! ", "bad": "! "}


def show(block: Block, output: Output) -> None:
    """Texts and tables; nothing in them can act on the terminal."""
    match block:
        case Text(text, tone):
            output.line(SIGNS.get(tone, "") + visible(text))
            output.line()
        case Table():
            _table(block, output)


def _table(table: Table, output: Output) -> None:
    rows = [[_plain(cell) for cell in row] for row in table.rows[:MOST_ROWS]]
    output.line(visible(table.caption))
    widths = [max(map(len, cells)) for cells in zip(table.columns, *rows, strict=True)]
    if sum(widths[:-1]) > WIDE:
        width = max(map(len, table.columns))
        for row in rows:
            output.line()
            for name, cell in zip(table.columns, row, strict=True):
                output.line(f"  {name:<{width}}  {cell}")
    else:
        columns = [visible(name) for name in table.columns]
        numbers = [name for name, right in zip(columns, table.set_right, strict=True) if right]
        output.table(columns, rows, right=numbers)
    if left := len(table.rows) - len(rows):
        output.line(f"... and {plural(left, 'more row')}: --json has them all")
    output.line()


def _plain(cell: Cell) -> str:
    """Marked parts in brackets: [changed]."""
    if cell is None:
        return "–"
    if isinstance(cell, Marked):
        return "".join(f"[{visible(part)}]" if marked else visible(part) for part, marked in cell.parts)
    return number(cell) if isinstance(cell, int | float) and not isinstance(cell, bool) else visible(cell)
