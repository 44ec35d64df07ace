"""From the best trials to a box: where the fine stage looks first.

METHOD, "Handing on": the box of the top 25% plus 0.3 decade either side, at least one decade wide for the learning
rate; an optimum at an edge widens the box; categories are reweighted, never dropped. The box never leaves the study's
bounds, and it is soft: the stored distributions keep the outer bounds, and the caller draws a share with `box=None`.

What the recipe leaves open, as chosen here: a linear axis gets a tenth of its range on either side (0.3 decade is
about that share of a five-decade learning rate); ordered choices get one place (0.3 decade is one doubling); "at an
edge" means that the best trial has the smallest or largest value among the top ones, and then that side gets its
margin twice.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seektune.space.axis import Axis
from seektune.trial import Json, Params, Scalar

if TYPE_CHECKING:
    from seektune.space.space import Space

MARGIN_DECADES = 0.3
MARGIN_LINEAR = 0.1
MIN_DECADES: Mapping[str, float] = {"learning_rate": 1.0}


@dataclass(frozen=True, slots=True)
class Box:
    """Bounds per numeric parameter (values, both included) and weights per choice of a category."""

    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    weights: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def inner(self, axis: Axis) -> tuple[float, float]:
        """The box on one axis, in the axis' own coordinate; whole values only where the axis has steps."""
        if axis.name not in self.bounds:
            return axis.low, axis.high
        low, high = (axis.inner(bound) if not axis.choices else _place(axis, bound) for bound in self.bounds[axis.name])
        return max(low, axis.low), min(high, axis.high)

    def contains(self, axes: Mapping[str, Axis], params: Params) -> bool:
        for name, axis in axes.items():
            if name in params and name in self.bounds:
                low, high = self.inner(axis)
                if not low - 1e-9 <= axis.inner(params[name]) <= high + 1e-9:
                    return False
        return True

    def fold(self, axis: Axis, value: Scalar) -> Scalar:
        """A value outside the box is mirrored at its walls until it lies inside (no heap of points on the wall)."""
        if axis.name not in self.bounds:
            return value
        low, high = self.inner(axis)
        width, inner = high - low, axis.inner(value)
        if low <= inner <= high:
            return value
        if width <= 0:
            return axis.value(low)
        offset = (inner - low) % (2 * width)
        return axis.value(low + (offset if offset <= width else 2 * width - offset))

    def to_json(self) -> Json:
        return {
            "bounds": {name: list(bounds) for name, bounds in self.bounds.items()},
            "weights": {name: dict(weights) for name, weights in self.weights.items()},
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Box:
        return Box({name: (low, high) for name, (low, high) in data["bounds"].items()}, data["weights"])


def _place(axis: Axis, bound: float) -> float:
    numbers = [choice for choice in axis.choices if isinstance(choice, int | float)]
    return axis.low + min(range(len(numbers)), key=lambda i: abs(numbers[i] - bound))


def narrow(
    space: Space,
    ranked: Sequence[Params],
    share: float = 0.25,
    min_decades: Mapping[str, float] = MIN_DECADES,
) -> Box:
    """`ranked`: configurations, best first (search.observation.ranked). At least two of them make the box."""
    top = ranked[: max(2, math.ceil(share * len(ranked)))]
    bounds: dict[str, tuple[float, float]] = {}
    weights: dict[str, dict[str, float]] = {}
    for name, axis in space.axes.items():
        values = [params[name] for params in top if name in params and axis.contains(params[name])]
        if not values:
            continue
        if axis.kind == "category":
            counts = Counter(str(value) for value in values)
            # Laplace: a choice that no leader has keeps the weight of one trial.
            weights[name] = {str(choice): counts[str(choice)] + 1.0 for choice in axis.choices}
        else:
            best = top[0].get(name)  # the default may lead, and lie outside of what is searched
            edge = axis.inner(best) if best is not None and axis.contains(best) else None
            low, high = _walls(axis, [axis.inner(v) for v in values], edge)
            low, high = _widen(axis, low, high, min_decades.get(name, 0.0))
            bounds[name] = (_number(axis, low), _number(axis, high))
    return Box(bounds, weights)


def _walls(axis: Axis, inner: list[float], best: float | None) -> tuple[float, float]:
    margin = {"log": MARGIN_DECADES, "ordered": 1.0}.get(axis.kind, MARGIN_LINEAR * (axis.high - axis.low))
    if axis.step is not None:
        margin = max(margin, axis.step)
    low, high = min(inner), max(inner)
    return low - margin * (2 if best == low else 1), high + margin * (2 if best == high else 1)


def _widen(axis: Axis, low: float, high: float, decades: float) -> tuple[float, float]:
    """At least so wide; where one side meets a bound, the other gives the width. Never outside the bounds."""
    if axis.kind == "log" and high - low < decades:
        middle = (low + high) / 2
        low, high = middle - decades / 2, middle + decades / 2
    if low < axis.low:
        low, high = axis.low, max(high, min(axis.high, axis.low + decades)) if axis.kind == "log" else high
    if high > axis.high:
        low, high = min(low, max(axis.low, axis.high - decades)) if axis.kind == "log" else low, axis.high
    return max(low, axis.low), min(high, axis.high)


def _number(axis: Axis, inner: float) -> float:
    value = axis.value(inner)
    assert not isinstance(value, str)
    return float(value)
