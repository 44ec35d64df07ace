"""A study's folder, open for writing: lock, journal and index as one.

<study>/lock  journal.jsonl  attempts/attempt-000001/{result.json, worker.log, <trial>/...}
"""

from __future__ import annotations

import importlib.metadata
import os
import socket
from pathlib import Path

from seektune.ledger.index import Index, StagePast
from seektune.ledger.journal import VERSION, Clock, Journal
from seektune.ledger.lock import StudyLock
from seektune.trial import Json, Result


class Ledger:
    """Raises StudyBusy, JournalError."""

    def __init__(self, folder: Path, clock: Clock, environment: Json | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self.lock = StudyLock(self.folder)
        try:
            self.index = Index()
            self._journal = Journal(self.folder, self.index.fold, clock)
            self.record(
                "opened",
                pid=os.getpid(),
                host=socket.gethostname(),
                version=VERSION,
                seektune=_version(),
                alive_until=round(min(max(self.lock.alive_until, self.index.last_at), clock()), 3),
                cut_bytes=self._journal.cut_bytes,
                environment=environment or {},
            )
            self.lock.beat(clock())
        except BaseException:
            self.lock.release()
            raise

    def record(self, kind: str, /, **data: object) -> None:
        """Write one event; durable on return."""
        self._journal.append((kind, data))

    def record_all(self, events: list[tuple[str, Json]]) -> None:
        """Write several events with one fsync."""
        if events:
            self._journal.append(*events)

    def result(self, past: StagePast, identity: str) -> Result | None:
        """The journaled result of a segment."""
        offset = past.results.get(identity)
        return None if offset is None else Result.from_json(self._journal.at(offset).data["result"])

    def new_attempt(self) -> tuple[int, Path]:
        """A number and a folder that no worker has had before."""
        attempt = self.index.last_attempt
        while True:  # a folder whose dispatch never reached the journal is passed over
            attempt += 1
            folder = self.folder / "attempts" / f"attempt-{attempt:06d}"
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                continue
            return attempt, folder

    def close(self) -> None:
        self._journal.close()
        self.lock.release()


def _version() -> str:
    try:
        return importlib.metadata.version("seektune")
    except importlib.metadata.PackageNotFoundError:
        return "source"
