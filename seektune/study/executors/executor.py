"""Where trials run, as the driver sees it: hand a dispatch out, hear what became of it.

Every dispatch that was started ends in exactly one Finished or Died, also after `stop` and `kill`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from seektune.trial import Dispatch, Progress, Result, TrainerSpec

Cause = Literal["killed", "memory", "raised", "checkpoint", "disk", "stopped", "driver"]
"""Why an attempt ended without a result: the worker was killed or crashed; out of memory; the trainer raised; a
checkpoint was not valid; the disk is full; it was asked to stop; its driver died."""


@dataclass(frozen=True, slots=True)
class Reported:
    """A worker's word on the way."""

    attempt: int
    progress: Progress


@dataclass(frozen=True, slots=True)
class Finished:
    """One result per segment, already on disk as `result.json` in the attempt's folder."""

    attempt: int
    results: tuple[Result, ...]
    asked: bool = False
    """The worker had been asked to stop: a STOPPED result is the asker's doing, not the trial's."""


@dataclass(frozen=True, slots=True)
class Died:
    """The worker is gone and left no result."""

    attempt: int
    reason: str
    cause: Cause


Event = Reported | Finished | Died


class Executor(Protocol):
    """A place with `slots` workers."""

    slots: int

    def inherit(self, descriptor: int) -> None:
        """The study's lock: workers keep it open, so that the study is busy while any of them lives."""

    def start(self, dispatch: Dispatch, trainer: TrainerSpec) -> None:
        """Hand out a dispatch; returns at once. At most `slots` at a time."""

    def wait(self, timeout_seconds: float) -> list[Event]:
        """What happened, waiting at most so long for the first event. TrialError: the trainer cannot be made at all."""
        ...

    def stop(self, grace_seconds: float) -> None:
        """Ask all workers to end with what they have, and kill after the grace those that have not. Returns at once."""

    def kill(self) -> None:
        """End all workers now. Returns at once."""

    def close(self) -> None:
        """End everything and wait until no process is left."""
