"""Where on the way trials are compared, and how many go on from each place.

Token positions in geometric progression, as in successive halving (Jamieson and Talwalkar 2016). A rung below
`least_tokens` (METHOD: 50 optimizer steps at the largest batch, twice the warmup) would compare noise: it is left out.
"""

from __future__ import annotations

import math


def rung_tokens(
    horizon: int, rungs: int, reduction: float, last_share: float, least_tokens: int = 0
) -> tuple[int, ...]:
    """Increasing positions, the last at `last_share` of the horizon (at least one, at most the horizon)."""
    last = min(horizon, max(1, round(horizon * last_share), least_tokens))
    positions = {last}
    for i in range(1, rungs):
        position = round(last / reduction**i)
        if position >= max(1, least_tokens):
            positions.add(position)
    return tuple(sorted(positions))


def survivors(trials: int, reduction: float) -> int:
    """How many of `trials` go on from a rung: at least one, while there are any."""
    return min(trials, max(1, math.floor(trials / reduction)))
