"""What a reader gives for each row of a file.

A row that cannot be parsed is a Record with a fault (and no value): whoever asked decides whether that stops the run or
goes to quarantine. What is wrong with a whole file raises DataError in the reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

CUT = "the file is cut in the middle of a row"


@dataclass(frozen=True, slots=True)
class Record:
    """One row as it stands in the file; `line` counts from 1 (row number, where a format has no lines)."""

    line: int
    value: dict[str, Any] | None
    fault: str = ""
    column: int | None = None
    text: str = ""  # of a row with a fault: its first line as it stands
    columns: tuple[str, ...] = ()  # of a row with a fault: what the file's header names
    note: str = ""  # what a person should know of a row that can be parsed

    @property
    def place(self) -> str:
        return f"{self.line}" if self.column is None else f"{self.line}:{self.column}"
