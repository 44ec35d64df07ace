"""What a stage is to the driver: a deterministic generator of rounds.

    def stage(...) -> StageRun:
        results = yield Round(trainer, segments, origins)      # run these, give me their results in this order
        ...
        return {"best": ...}                                   # the stage's result, small JSON

Deterministic: the same inputs and the same results lead to the same rounds. Then a restart simply runs the generator
again; the driver answers from the journal as far as that goes, and the stage goes on where it stopped. No clocks, no
unseeded random numbers, no reading of what other stages may change.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from seektune.ledger.index import Spend
from seektune.trial import Json, Result, Segment, TrainerSpec


@dataclass(frozen=True)
class Round:
    """Segments that may run at the same time. The results come back together, in this order."""

    trainer: TrainerSpec
    segments: tuple[Segment, ...]
    origins: Mapping[str, str] = field(default_factory=dict)
    """Trial -> how it was chosen, in words."""
    done: tuple[str, ...] = ()
    """Trials, of this stage or the ones above it, that will not go on: their checkpoints may be deleted."""
    look: str | None = None
    """Version of the test split that this round reads; needed when a segment evaluates on "test"."""

    def __post_init__(self) -> None:
        assert len(set(self.identities)) == len(self.segments), (
            "a segment stands twice in a round; repeats have other seeds"
        )
        reads_test = any(segment.evaluate.split == "test" for segment in self.segments)
        assert not reads_test or self.look, "a round that reads the test split says which version of it (look)"

    @property
    def only_measures(self) -> bool:
        """Trains nothing: seconds of work that a stage needs to end with an answer, so it runs even when the budget is
        used up."""
        return all(segment.only_measures for segment in self.segments)

    @cached_property
    def identities(self) -> tuple[str, ...]:
        """Of its segments, in order."""
        return tuple(segment.identity for segment in self.segments)


StageRun = Generator[Round, tuple[Result, ...], Json]


class Ended(NamedTuple):
    """Which limit (a field of Allowance) ends a stage, and the words for people; they begin with "budget:"."""

    limit: str
    reason: str


@dataclass(frozen=True)
class Allowance:
    """What a stage may use, over all its restarts. None: no limit.

    Tokens are reserved before a segment starts, so that a token budget ends at the same segment whatever the machine
    does. The others are looked at while trials run.
    """

    wall_seconds: float | None = None
    tokens: int | None = None
    device_seconds: float | None = None
    ends_at: float | None = None
    """Unix time: this stage's share of what was left until the deadline when it began."""
    deadline: float | None = None
    """Unix time: of the whole run."""

    def exceeds(self, earlier: Allowance, limit: str) -> bool:
        """Has the limit that ended the stage grown since?"""
        new, old = getattr(self, limit), getattr(earlier, limit)
        return old is not None and (new is None or new > old)

    def used_up(self, spend: Spend, now: float) -> Ended | None:
        """Why the stage must end now."""
        if self.deadline is not None and now >= self.deadline:
            return Ended("deadline", "budget: the deadline has come")
        if self.ends_at is not None and now >= self.ends_at:
            return Ended("deadline", "budget: this stage's share of the time until the deadline is used up")
        if self.wall_seconds is not None and spend.wall_seconds >= self.wall_seconds:
            return Ended("wall_seconds", f"budget: wall time of {self.wall_seconds:.0f} s used up")
        if self.device_seconds is not None and spend.device_seconds >= self.device_seconds:
            return Ended("device_seconds", f"budget: {self.device_seconds:.0f} device-seconds used up")
        return None

    def refuses(self, tokens: int, spent: int) -> Ended | None:
        """Why a segment of `tokens` does not start."""
        if tokens > 0 and self.tokens is not None and spent + tokens > self.tokens:
            return Ended(
                "tokens", f"budget: {self.tokens} tokens do not hold the next segment ({tokens} after {spent})"
            )
        return None
