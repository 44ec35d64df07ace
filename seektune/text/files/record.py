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

    @property
    def place(self) -> str:
        return f"{self.line}" if self.column is None else f"{self.line}:{self.column}"
