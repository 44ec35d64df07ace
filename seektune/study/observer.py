"""Who watches a run: progress on the command line, Prefect, trackers, the Optuna mirror.

An observer is told and may ask for the run to stop; it never changes what is found, and one that raises is logged once
and costs nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from seektune.trial import Json, Progress, Result, Segment

T = TypeVar("T")
log = logging.getLogger(__name__)


class Observer(Protocol):
    """Subclass it and write what you need; everything else does nothing. Called from the driver's thread: be quick."""

    def stage_started(self, stage: str, key: str, planned_trials: int | None) -> None:
        """A stage begins, or goes on after a restart."""

    def segment_replayed(self, stage: str, segment: Segment, result: Result) -> None:
        """A result was in the journal already."""

    def segment_started(self, stage: str, segment: Segment, attempt: int) -> None:
        """A worker was handed the segment."""

    def progress(self, stage: str, progress: Progress) -> None:
        """A measurement while a trial trains."""

    def attempt_died(self, stage: str, segment: Segment, attempt: int, reason: str) -> None:
        """A worker is gone without a result; the segment runs again or ends as FAILED."""

    def segment_ended(
        self, stage: str, segment: Segment, result: Result, attempt: int, started_at: float, ended_at: float
    ) -> None:
        """The segment's one result was written down. Unix times."""

    def stage_ended(self, stage: str, result: Json, cached: bool) -> None:
        """`cached`: nothing ran, the same stage with the same key had finished before."""

    def tick(self) -> str | None:
        """About once a second while trials run: a reason to stop the run, or None."""
        return None


class Observers(Observer):
    """All of them as one that never raises."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)
        self._blamed: set[tuple[int, str]] = set()

    def _each(self, name: str, call: Callable[[Observer], T]) -> list[T]:
        answers = []
        for observer in self._observers:
            try:
                answers.append(call(observer))
            except Exception:
                if (id(observer), name) not in self._blamed:
                    self._blamed.add((id(observer), name))
                    log.warning("%s.%s failed; training goes on", type(observer).__name__, name, exc_info=True)
        return answers

    def stage_started(self, stage: str, key: str, planned_trials: int | None) -> None:
        self._each("stage_started", lambda o: o.stage_started(stage, key, planned_trials))

    def segment_replayed(self, stage: str, segment: Segment, result: Result) -> None:
        self._each("segment_replayed", lambda o: o.segment_replayed(stage, segment, result))

    def segment_started(self, stage: str, segment: Segment, attempt: int) -> None:
        self._each("segment_started", lambda o: o.segment_started(stage, segment, attempt))

    def progress(self, stage: str, progress: Progress) -> None:
        self._each("progress", lambda o: o.progress(stage, progress))

    def attempt_died(self, stage: str, segment: Segment, attempt: int, reason: str) -> None:
        self._each("attempt_died", lambda o: o.attempt_died(stage, segment, attempt, reason))

    def segment_ended(
        self, stage: str, segment: Segment, result: Result, attempt: int, started_at: float, ended_at: float
    ) -> None:
        self._each("segment_ended", lambda o: o.segment_ended(stage, segment, result, attempt, started_at, ended_at))

    def stage_ended(self, stage: str, result: Json, cached: bool) -> None:
        self._each("stage_ended", lambda o: o.stage_ended(stage, result, cached))

    def tick(self) -> str | None:
        return next(filter(None, self._each("tick", lambda o: o.tick())), None)
