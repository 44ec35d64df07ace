"""Grid search: every allowed combination once, indexed by slot.

Conditions make some combinations equal and constraints forbid others: both are left out before counting. The order is
a permutation drawn from the seed (option `shuffle`). A slot whose combination has been run already takes the next one
that has not. A box or priors have no meaning for a grid and are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from seektune.search.observation import Observation, key
from seektune.search.options import GridOptions
from seektune.space.narrow import Box
from seektune.space.options import Prior
from seektune.space.space import Space
from seektune.trial import Scalar


class Grid:
    def __init__(self, settings: GridOptions) -> None:
        self.settings = settings

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
        cells = space.grid(self.settings.points)
        order = np.random.default_rng(seed).permutation(len(cells)) if self.settings.shuffle else np.arange(len(cells))
        for place in range(slot, slot + len(cells)):
            params = cells[order[place % len(cells)]]
            if key(params) not in taken:
                return dict(params)
        return None
