"""Random search (Bergstra and Bengio 2012): independent draws, shaped by the priors, one generator per slot.

Departs from the paper in two things: no configuration comes twice, and constraints are met by drawing again. In a small
discrete space whose remaining combinations are rare, the rest is listed and one is picked, so that the search ends
exactly when the space is used up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from seektune.search.observation import Observation, key
from seektune.search.options import RandomOptions
from seektune.space.narrow import Box
from seektune.space.options import Prior
from seektune.space.space import MAX_GRID, Space
from seektune.trial import Scalar

ATTEMPTS = 100


class Random:
    def __init__(self, settings: RandomOptions | None = None) -> None:
        self.settings = settings or RandomOptions()

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
        rng = np.random.default_rng([seed, slot])
        for _ in range(ATTEMPTS):
            params = space.sample(rng, priors, box)
            if key(params) not in taken:
                return params
        return remaining(space, rng, taken)


def remaining(space: Space, rng: np.random.Generator, taken: frozenset[str]) -> dict[str, Scalar] | None:
    """One of the combinations that are left of a discrete space (a box is given up before the search is)."""
    if space.size is None or space.size > MAX_GRID:
        return None
    left = [params for params in space.grid(MAX_GRID) if key(params) not in taken]
    return dict(left[int(rng.integers(len(left)))]) if left else None
