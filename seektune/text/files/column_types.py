"""Has every column one type? Files of JSON do not say, so the first two rows that differ are named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_NAMES = {str: "text", int: "a number", float: "a number", bool: "true or false", list: "a list", dict: "an object"}


class ColumnTypes:
    """The types seen so far in `columns` of each file, and the first line of each."""

    def __init__(self, columns: Iterable[str]) -> None:
        self._columns = tuple(columns)
        self._seen: dict[tuple[str, str], dict[str, int]] = {}

    def see(self, file: str, line: int, value: Mapping[str, Any]) -> None:
        for column in self._columns:
            if (found := value.get(column)) is not None:
                name = _NAMES.get(type(found), type(found).__name__)
                self._seen.setdefault((file, column), {}).setdefault(name, line)

    def notes(self) -> list[str]:
        return [
            f"{Path(file).name}: column {column!r} is "
            + " and ".join(f"{name} in line {line:,}" for name, line in types.items())
            for (file, column), types in self._seen.items()
            if len(types) > 1
        ]
