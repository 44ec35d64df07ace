"""One configuration that a search tries: its training runs, and what they say together."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from seektune.trial import Params, State


@dataclass
class Course:
    """One training run and how far it has come. A configuration has one, or one per fold and repeat."""

    trial: str
    seed: int
    fold: int | None = None
    tokens: int = 0
    state: State = State.PAUSED
    rungs: dict[int, float] = field(default_factory=dict)  # minimised objective by tokens


BROKEN = (State.DIVERGED, State.INFEASIBLE, State.FAILED)


@dataclass
class Tried:
    """One configuration on its way: as far as its slowest run, as well as the mean of all, as broken as any."""

    trial: str
    params: Params
    courses: list[Course]

    @property
    def seed(self) -> int:
        return self.courses[0].seed

    @property
    def tokens(self) -> int:
        return min(course.tokens for course in self.courses)

    @property
    def state(self) -> State:
        found = [course.state for course in self.courses]
        order = (*BROKEN, State.STOPPED, State.PAUSED, State.COMPLETE)
        return min(found, key=order.index)

    @property
    def rungs(self) -> dict[int, float]:
        """Mean of the minimised objective at every place that all runs have been measured at."""
        common = [tokens for tokens in self.courses[0].rungs if all(tokens in c.rungs for c in self.courses)]
        return {tokens: statistics.fmean(c.rungs[tokens] for c in self.courses) for tokens in common}

    @property
    def alive(self) -> bool:
        return self.state not in BROKEN

    @property
    def value(self) -> float | None:
        return self.rungs.get(self.tokens)


DEFAULT = "default-"


def is_default(trial: str) -> bool:
    """Is it one of the runs of the default configuration that make the noise floor?"""
    return trial.startswith(DEFAULT)
