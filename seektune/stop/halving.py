"""Successive halving (Jamieson and Talwalkar 2016), one rung: which of these trials go on?

Departs from the paper (METHOD, "Length, schedules and rungs"): near-ties within the noise are kept, at most as many
again as `keep`; at the first rung the best of each half-decade of learning rate next to the leader's survives,
because partial runs choose a learning rate about two times too low. Trials without a finite value are dropped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

HALF_DECADE = 0.5


@dataclass(frozen=True, slots=True)
class Promotion:
    """Trial -> why, best first."""

    kept: Mapping[str, str]
    dropped: Mapping[str, str]


def promote(
    values: Mapping[str, float],
    learning_rates: Mapping[str, float] | None = None,
    *,
    keep: int,
    tie: float = 0.0,
    first_rung: bool = False,
) -> Promotion:
    """`values` are minimised. `tie`: differences up to this are noise. `first_rung`: protect neighbouring learning
    rates.

    `learning_rates` may lack trials, or be None, where a space has none.
    """
    finite = {trial: value for trial, value in values.items() if math.isfinite(value)}
    order = sorted(finite, key=lambda trial: (finite[trial], trial))
    best, rest = order[: max(keep, 0)], order[max(keep, 0) :]
    kept = {trial: f"rank {i + 1} of {len(order)}, {keep} go on" for i, trial in enumerate(best)}
    if best:
        cut = finite[best[-1]]
        near = [trial for trial in rest if finite[trial] - cut <= tie]
        for trial in near[:keep] if tie > 0 else []:
            kept[trial] = f"within the noise ({tie:.3g}) of the last that goes on"
        if first_rung:
            for trial in _neighbours(order, learning_rates or {}):
                kept.setdefault(trial, f"best of the half-decade of learning rate next to the leader's ({best[0]})")
    dropped = {
        trial: f"rank {order.index(trial) + 1} of {len(order)}, {finite[trial] - finite[best[-1]]:.3g} behind the last "
        "that goes on"
        if best
        else "none goes on"
        for trial in rest
        if trial not in kept
    }
    dropped |= {trial: "no finite value" for trial in values if trial not in finite}
    return Promotion({trial: kept[trial] for trial in order if trial in kept}, dropped)


def _neighbours(order: list[str], learning_rates: Mapping[str, float]) -> list[str]:
    """The best trial of the half-decade below the leader's, and of the one above (each half-decade centred alike)."""
    if not order or order[0] not in learning_rates:
        return []
    found: dict[int, str] = {}
    for trial in order:
        if trial in learning_rates:
            decades = math.log10(learning_rates[trial] / learning_rates[order[0]])
            found.setdefault(math.floor(decades / HALF_DECADE + 0.5), trial)
    return [found[side] for side in (-1, 1) if side in found]
