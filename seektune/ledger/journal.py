"""The journal: what happened in a study, one JSON line per event, on disk before anything follows from it.

    {"n":7,"at":1767225600.123,"kind":"result","attempt":3,"identity":"9f86...","result":{...},"sum":"0c2b61f4"}

`n` counts up from 1, `at` is Unix time, `sum` is the CRC-32 of everything before it. The journal is the truth: pauses,
promotions, budgets and tables are pure functions of it, so a restart replays to the same point.

| kind           | says                                                                                           |
|----------------|------------------------------------------------------------------------------------------------|
| opened         | a driver began: pid, host, version, `alive_until` (last sign of life of the driver before it)   |
| stage_started  | stage, key, upstream keys, allowance                                                           |
| stage_reused   | stage, key: it had finished, its result was handed out again                                  |
| stage_reopened | stage, key: its budget had ended it, and there is more now; what was cut short goes on        |
| trainer        | identity, target, settings of the trainer that the next dispatches use                         |
| proposed       | trial, params, origin (how it was chosen), seed                                                |
| look           | the test split `split` is about to be read                                                     |
| dispatched     | attempt, identities, segments, folder, trainer: a worker starts                                |
| result         | attempt, identity, result: the only thing that counts                                          |
| died           | attempt, identity, reason, cause (killed, memory, raised, checkpoint, disk, stopped, driver)    |
| exhausted      | stage, key, limit, reason: budget or deadline; segments without a result are STOPPED from here on      |
| stage_finished | stage, key, result, keep, spend                                                                |

A line cut short by a kill (the last one only) is removed when the journal is opened. Raises JournalError when any other
line is damaged, when lines are missing, or when the disk is full.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seektune.errors import JournalError
from seektune.ledger.durable import sync_folder
from seektune.ledger.fault import fault
from seektune.trial import Json

VERSION = 1
FILE = "journal.jsonl"
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Record:
    """One line."""

    n: int
    at: float
    kind: str
    data: Mapping[str, Any]
    offset: int
    """Byte at which the line begins ..."""
    end: int
    """... and the first byte after it."""


def _encode(n: int, at: float, kind: str, data: Json) -> bytes:
    head = json.dumps({"n": n, "at": round(at, 3), "kind": kind, **data}, ensure_ascii=False, separators=(",", ":"))
    prefix = head[:-1].encode()
    return prefix + b',"sum":"%08x"}\n' % zlib.crc32(prefix)


def _decode(line: bytes, offset: int) -> Record | None:
    """None when the line is not whole."""
    prefix, mark, rest = line.rpartition(b',"sum":"')
    if not mark or rest != b'%08x"}\n' % zlib.crc32(prefix):
        return None
    data = json.loads(prefix + b"}")
    return Record(data.pop("n"), data.pop("at"), data.pop("kind"), data, offset, offset + len(line))


def records(folder: Path) -> Iterator[Record]:
    """Every whole record of the study in `folder`; a torn last line is passed over (a driver may be writing it)."""
    path = folder / FILE
    offset, expected, torn = 0, 1, 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if torn:
                raise JournalError(f"{path}:{torn}: damaged line before the end; restore the file from a copy")
            record = _decode(line, offset)
            if record is None:
                torn = number
                continue
            if record.n != expected:
                raise JournalError(f"{path}:{number}: expected record {expected}, got {record.n}: lines are missing")
            if record.kind == "opened" and record.data["version"] != VERSION:
                raise JournalError(
                    f"{path}:{number}: written in format {record.data['version']}, this seektune reads format {VERSION}"
                )
            yield record
            offset = record.end
            expected += 1


class Journal:
    """The writer's end. One process at a time: the study's lock sees to that."""

    def __init__(self, folder: Path, fold: Callable[[Record], None], clock: Clock = time.time) -> None:
        """Open or create; every record that is there goes through `fold`, and so does every new one."""
        self.path = folder / FILE
        self.clock = clock
        self._fold = fold
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        sync_folder(folder)
        self._next, self._end = 1, 0
        for record in records(folder):
            fold(record)
            self._next, self._end = record.n + 1, record.end
        self.cut_bytes = os.fstat(self._descriptor).st_size - self._end
        """Bytes of a torn last line that were removed."""
        if self.cut_bytes:
            os.ftruncate(self._descriptor, self._end)
            os.fsync(self._descriptor)

    def append(self, *events: tuple[str, Json]) -> None:
        """Write events, durable on return (one fsync for all of them), then fold them."""
        added: list[Record] = []
        lines: list[bytes] = []
        offset = self._end
        for n, (kind, data) in enumerate(events, start=self._next):
            at = self.clock()
            line = _encode(n, at, kind, data)
            added.append(Record(n, round(at, 3), kind, data, offset, offset + len(line)))
            lines.append(line)
            offset += len(line)
        self._write(b"".join(lines))
        self._next, self._end = self._next + len(events), offset
        for record in added:
            self._fold(record)

    def at(self, offset: int) -> Record:
        """Read one record again."""
        record = _decode(self._line(offset), offset)
        if record is None:
            raise JournalError(f"{self.path}: the record at byte {offset} changed on disk while the study was running")
        return record

    def close(self) -> None:
        os.close(self._descriptor)

    def _write(self, text: bytes) -> None:
        try:
            fault("journal.before")
            half = len(text) // 2
            os.write(self._descriptor, text[:half])
            fault("journal.torn")
            written = half
            while written < len(text):
                written += os.write(self._descriptor, text[written:])
            os.fsync(self._descriptor)
        except OSError as error:
            os.ftruncate(self._descriptor, self._end)
            free = shutil.disk_usage(self.path.parent).free
            raise JournalError(
                f"{self.path}: cannot write {len(text)} bytes ({error.strerror}; {free} bytes free); "
                "make room and start the same command again, it goes on from here"
            ) from error
        fault("journal.after")

    def _line(self, offset: int) -> bytes:
        parts: list[bytes] = []
        while True:
            part = os.pread(self._descriptor, 65_536, offset)
            end = part.find(b"\n")
            if end >= 0 or not part:
                parts.append(part[: end + 1])
                return b"".join(parts)
            parts.append(part)
            offset += len(part)
