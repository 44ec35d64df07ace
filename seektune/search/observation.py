"""What a search is told about the past, and what every search promises.

    history = [Observation(params, "complete", 1.23), Observation(params, "paused", 1.31, rung=0), ...]
    search = named("tpe")                          # or named({"tpe": {"candidates": 48}})
    params = search.propose(space, history, seed=7, slot=12, box=box, priors=priors, taken=frozenset({key(p), ...}))

A proposal is a pure function of its arguments: nothing lives on between two asks, so that a restarted driver gets the
same proposals. `value` is always minimised. A value is comparable only with values at the same rung.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from seektune.space.narrow import Box
from seektune.space.options import Prior
from seektune.space.space import Space
from seektune.trial import Params, Scalar, fingerprint

ObservedState = Literal["complete", "paused", "stopped", "diverged", "infeasible", "failed", "running"]


@dataclass(frozen=True, slots=True)
class Observation:
    """One trial as a search sees it."""

    params: Params
    state: ObservedState
    value: float | None = None
    rung: int = 0  # index of the rung where `value` was measured

    @property
    def feasible(self) -> bool:
        """Has a value that may be compared. A finished trial without a finite value is none."""
        measured = self.value is not None and math.isfinite(self.value)
        return measured and self.state not in ("diverged", "infeasible", "failed")

    @property
    def infeasible(self) -> bool:
        """To be avoided: it diverged, or did not fit. A failure of the machine says nothing about the parameters."""
        broken = self.value is not None and not math.isfinite(self.value)
        return self.state in ("diverged", "infeasible") or (broken and self.state != "failed")


class Search(Protocol):
    """One algorithm with its settings."""

    def propose(
        self,
        space: Space,
        history: Sequence[Observation],
        *,
        seed: int,
        slot: int,
        box: Box | None = None,
        priors: Mapping[str, Prior] | None = None,
        taken: frozenset[str] = frozenset(),
    ) -> dict[str, Scalar] | None:
        """Parameters whose `key` is not in `taken`; None when there are none left."""


def key(params: Params) -> str:
    """The identity of a configuration, for `taken`."""
    return fingerprint(dict(params))


def ranked(history: Sequence[Observation]) -> list[Observation]:
    """Best first: complete trials by value, then the others by the rung that they reached, then by value."""
    feasible = [observation for observation in history if observation.feasible]
    return sorted(feasible, key=rank)


def rank(observation: Observation) -> tuple[bool, int, float]:
    assert observation.value is not None
    complete = observation.state == "complete"
    return (not complete, 0 if complete else -observation.rung, observation.value)
