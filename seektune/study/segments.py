"""The segments of one stage: what the journal knows of each, where it goes on from, what may be deleted after it.

Everything here is O(1) per segment. Raises CheckpointError when a segment starts from a checkpoint that nobody can make.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from seektune.errors import CheckpointError
from seektune.ledger.index import Attempt, StagePast
from seektune.ledger.ledger import Ledger
from seektune.study.disk import (
    MANIFEST,
    bytes_below,
    checkpoints,
    delete_checkpoint,
    delete_partial,
    drop_optimizer,
)
from seektune.study.executors.attempt import left_behind
from seektune.study.executors.executor import Cause
from seektune.study.observer import Observer
from seektune.trial import Result, Segment, State, to_json


class Segments:
    """A view on the ledger for one stage. `identity` is always the segment's own; it is handed in, being dear."""

    def __init__(self, ledger: Ledger, past: StagePast, observer: Observer) -> None:
        self.ledger = ledger
        self.past = past
        self.observer = observer

    def known(self, segment: Segment, identity: str) -> Result | None:
        """Journaled, or written by a worker whose driver died before it could journal it."""
        known = self.ledger.result(self.past, identity)
        if known is not None:
            return known
        for attempt in list(self.past.attempts.get(identity, ())):
            if attempt.died is not None:
                continue
            found = self._left_behind(segment, attempt)
            if found is not None:
                return self.ended(segment, identity, attempt.attempt, found)
            self.died(segment, identity, attempt.attempt, "its driver died", "driver")
        return None

    def _left_behind(self, segment: Segment, attempt: Attempt) -> Result | None:
        finished = left_behind(self.ledger.folder / attempt.folder)
        if finished is None or finished.results[0].state is State.FAILED:
            return None
        result = finished.results[0]
        if finished.asked and result.state is State.STOPPED:
            over = self.past.exhausted and not segment.only_measures
            return replace(result, reason=self.past.exhausted or "") if over else None
        return result

    def place(self, segment: Segment, identity: str) -> tuple[Segment, tuple[str, ...]]:
        """Checkpoints to go on from; without one, the same run from its beginning (a rung is a prefix)."""
        earlier = reversed(self.past.attempts.get(identity, ()))
        partial = tuple(str(path) for old in earlier for path in checkpoints(self.ledger.folder / old.folder))
        if segment.start is None:
            return segment, partial
        index, start = self.ledger.index, self.ledger.index.checkpoint(self.past, segment.start)
        there = start is not None and (Path(start) / MANIFEST).exists()
        if (there or partial) and not self.past.deaths(identity, "checkpoint"):
            return segment, (*partial, *([start] if start is not None and there else []))
        if segment.start.trial == segment.trial and index.is_prefix(self.past, segment):
            return replace(segment, from_tokens=0, start=None), ()
        raise CheckpointError(
            f"trial {segment.trial} starts from {segment.start.trial} at {segment.start.tokens} tokens, but that "
            f"checkpoint is gone or damaged ({start or 'never written'}); run the stage that made it again"
        )

    def died(self, segment: Segment, identity: str, attempt: int, reason: str, cause: Cause) -> None:
        """An attempt ended without a result."""
        self.ledger.record("died", attempt=attempt, identity=identity, reason=reason, cause=cause)
        self.observer.attempt_died(self.past.stage, segment, attempt, reason)

    def ended(self, segment: Segment, identity: str, attempt: int, result: Result) -> Result:
        """Write the segment's one result down; only then delete what it replaces."""
        attempts = list(self.past.attempts[identity])
        begun = next(one for one in attempts if one.attempt == attempt)
        if begun.from_tokens < segment.from_tokens:  # it ran from the beginning again: cut to this segment
            curve = tuple(p for p in result.curve if p.tokens > segment.from_tokens or p.tokens == segment.to_tokens)
            result = replace(result, curve=curve)
        self.ledger.record(
            "result", attempt=attempt, identity=identity, from_tokens=segment.from_tokens, result=to_json(result)
        )
        for old in attempts:
            delete_partial(self.ledger.folder / old.folder, [result.checkpoint] if result.checkpoint else [])
        if result.checkpoint and result.state is State.COMPLETE:
            drop_optimizer(Path(result.checkpoint))
        return result

    def supersede(self, ended: Iterable[tuple[Segment, Result]]) -> None:
        """A trial that has come further does not go back: delete what it started from."""
        for segment, result in ended:
            start = segment.start
            if start and start.trial == segment.trial and result.checkpoint and result.tokens > start.tokens:
                old = self.ledger.index.checkpoint(self.past, start)
                if old is not None and old != result.checkpoint:
                    delete_checkpoint(Path(old))

    def make_room(self, limit_bytes: int, needed: Iterable[str]) -> int:
        """Bytes that the study takes, after deleting checkpoints until it fits: those of trials that are not `needed`
        now, oldest first, then theirs. Deleted ones can be made again, so this costs time at worst."""
        taken = bytes_below(self.ledger.folder)
        if taken <= limit_bytes:
            return taken
        keys = [key for key in (*self.past.upstream, self.past.key) if key in self.ledger.index.stages]
        found = [
            (trial in needed, path)
            for key in keys
            for trial, at in self.ledger.index.stages[key].checkpoints.items()
            for path in at.values()
        ]
        for _, path in sorted(found, key=lambda pair: pair[0]):  # stable: oldest first
            if taken <= limit_bytes:
                break
            taken -= bytes_below(Path(path))
            delete_checkpoint(Path(path))
        return taken

    def drop(self, trials: Iterable[str]) -> None:
        """Trials that will not go on."""
        for trial in trials:
            for path in self.ledger.index.checkpoints(self.past, trial):
                delete_checkpoint(Path(path))
