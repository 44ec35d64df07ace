"""Fields of rows on disk, so that files larger than memory can be checked, compared and split.

A row that was read keeps its hash, keys and place in memory (1.5 kilobytes, benchmarks/data.py); what it says lies in an unnamed
file in the folder that is being built, and is read again whenever it is asked for. The file vanishes with the process.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_BUFFER_BYTES = 2**20


class Shelf:
    """Appended to, and read at any place."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - lives as long as its rows
        self._written = 0
        self._waiting = bytearray()
        self._last: tuple[int, dict[str, Any]] = (-1, {})

    def put(self, fields: Mapping[str, Any]) -> Shelved:
        """The same fields, held on disk."""
        line = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        start = self._written + len(self._waiting)
        self._waiting += line
        if len(self._waiting) > _BUFFER_BYTES:
            self._flush()
        return Shelved(self, start, len(line))

    def get(self, start: int, size: int) -> dict[str, Any]:
        if self._last[0] != start:
            if start + size > self._written:
                self._flush()
            self._last = (start, json.loads(os.pread(self._file.fileno(), size, start).decode("utf-8")))
        return self._last[1]

    def _flush(self) -> None:
        view = memoryview(self._waiting)
        while view:
            view = view[self._file.write(view) :]
        self._written += len(self._waiting)
        self._waiting = bytearray()


class Shelved(Mapping[str, Any]):
    """Fields on a shelf: a mapping that is read when it is looked into."""

    __slots__ = ("_shelf", "_size", "_start")

    def __init__(self, shelf: Shelf, start: int, size: int) -> None:
        self._shelf, self._start, self._size = shelf, start, size

    def __getitem__(self, name: str) -> Any:
        return self._shelf.get(self._start, self._size)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shelf.get(self._start, self._size))

    def __len__(self) -> int:
        return len(self._shelf.get(self._start, self._size))
