"""How does a command speak? To people in words and tables, to machines in JSON lines, or in quiet: the result alone.

| mode    | standard output                     | standard error                     |
|---------|-------------------------------------|------------------------------------|
| people  | progress, tables, result            | what went wrong                    |
| quiet   | result                              | what went wrong                    |
| json    | one object per line, "event" first  | what went wrong (and as an object) |
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from seektune.errors import SeektuneError, StudyFileError

if TYPE_CHECKING:
    from rich.console import Console

Mode = Literal["people", "quiet", "json"]
PIPE_WIDTH = 200
"""Columns where nobody knows how wide the reader is."""


def plain(value: Any) -> Any:
    """JSON of the strict kind has no NaN and no infinity: they become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


@dataclass
class Output:
    """Handed to every command."""

    mode: Mode = "people"
    debug: bool = False
    _console: Console | None = None

    @property
    def console(self) -> Console:
        if self._console is None:
            from rich.console import Console

            terminal = sys.stdout.isatty()
            self._console = Console(width=None if terminal else PIPE_WIDTH, highlight=False, soft_wrap=not terminal)
        return self._console

    def line(self, text: str = "") -> None:
        """Words for people."""
        if self.mode == "people":
            print(text, flush=True)

    def event(self, event: str, **fields: object) -> None:
        """An object for machines."""
        if self.mode == "json":
            print(json.dumps({"event": event, **plain(fields)}, ensure_ascii=False, allow_nan=False), flush=True)

    def result(self, text: str, event: str, **fields: object) -> None:
        """What the command was called for: words for people, also in quiet, and an object for machines."""
        if self.mode == "json":
            self.event(event, **fields)
        else:
            print(text, flush=True)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()) -> None:
        """A table for people, also in quiet. `right`: columns of numbers."""
        if self.mode == "json":
            return
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for column in columns:
            table.add_column(column, justify="right" if column in right else "left", no_wrap=column != columns[-1])
        for row in rows:
            table.add_row(*row)
        self.console.print(table, markup=False)

    def error(self, error: SeektuneError) -> None:
        """One that the user can act on."""
        problems = error.problems if isinstance(error, StudyFileError) else ()
        self.event(
            "error",
            kind=type(error).__name__,
            exit_code=error.exit_code,
            message=str(error),
            problems=[{"place": problem.place, "message": problem.message} for problem in problems],
        )
        head = f"{len(problems)} problems\n" if len(problems) > 1 else ""
        print(f"seektune: {head}{error}", file=sys.stderr, flush=True)
