"""One searched parameter as a coordinate: value <-> unit interval <-> whole numbers or floats for a model-based search.

    kind       inner coordinate x                    given to Optuna as
    linear     value                                 Float, or Int with step
    log        log10(value)                          Float(log), or Int(log)
    ordered    log2(value), when the numeric choices are consecutive powers of two (8, 16, 32, 64: batch, rank);
               else the rank of the choice           Int
    category   position in the list                  Categorical

Numbers offered as choices are ordered, and a search must know it: as categories their neighbourhood is lost.
Floats are rounded to 6 significant digits, so that tables are readable and configurations comparable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

from seektune.space.options import ParameterOptions, Prior
from seektune.trial import Scalar

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

SIGNIFICANT_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Axis:
    """A range, or a list of choices with at least two members."""

    name: str
    kind: Literal["linear", "log", "ordered", "category"]
    low: float  # inner coordinates
    high: float
    bounds: tuple[float, float] = (0.0, 0.0)  # values, of a range
    step: float | None = None  # in inner coordinates; None: continuous (whole numbers on a log scale included)
    integer: bool = False
    choices: tuple[Scalar, ...] = ()  # ordered: sorted

    @staticmethod
    def of(name: str, options: ParameterOptions) -> Axis | None:
        """None when nothing is searched (a single choice, low == high, fixed, derived)."""
        if options.choices is not None and len(options.choices) > 1:
            return _choices_axis(name, tuple(options.choices))
        low, high = options.low, options.high
        if low is None or high is None or low == high:
            return None
        if options.log:
            return Axis(name, "log", math.log10(low), math.log10(high), (low, high), None, options.integer)
        step = options.step or (1.0 if options.integer else None)
        return Axis(name, "linear", low, high, (low, high), step, options.integer)

    @property
    def size(self) -> int | None:
        """How many values; None: continuous."""
        if self.choices:
            return len(self.choices)
        if self.kind == "log":
            return round(self.bounds[1] - self.bounds[0]) + 1 if self.integer else None
        return None if self.step is None else round((self.high - self.low) / self.step) + 1

    def grid(self, points: int) -> list[Scalar]:
        """All values where there are steps or choices; else at most `points`, evenly spread."""
        if self.choices:
            return list(self.choices)
        size = self.size
        if size is not None and size <= points and self.step is None:
            return list(range(round(self.bounds[0]), round(self.bounds[1]) + 1))
        count = size if size is not None and self.step is not None else points
        return list(dict.fromkeys(self.at(i / (count - 1) if count > 1 else 0.5) for i in range(count)))

    def inner(self, value: Scalar) -> float:
        """ValueError for a value that is not on this axis at all (an unknown choice, a text for a number)."""
        if self.choices:
            return self.low + _position(self.choices, value)
        if isinstance(value, str | bool):
            raise ValueError(f"{self.name} takes numbers")
        return math.log10(value) if self.kind == "log" else float(value)

    def value(self, inner: float) -> Scalar:
        """The nearest value on the axis."""
        inner = min(max(inner, self.low), self.high)
        if self.choices:
            return self.choices[round(inner - self.low)]
        for place, bound in zip((self.low, self.high), self.bounds, strict=True):
            if math.isclose(inner, place, rel_tol=0, abs_tol=1e-12 * (self.high - self.low)):
                return round(bound) if self.integer else bound
        if self.step is not None:
            number = self.low + round((inner - self.low) / self.step) * self.step
        else:
            number = 10**inner if self.kind == "log" else inner
        if self.integer:
            return round(number)
        return min(max(float(f"{number:.{SIGNIFICANT_DIGITS}g}"), self.bounds[0]), self.bounds[1])

    def unit(self, value: Scalar) -> float:
        return (self.inner(value) - self.low) / (self.high - self.low)

    def at(self, unit: float) -> Scalar:
        return self.value(self.low + unit * (self.high - self.low))

    def contains(self, value: Scalar) -> bool:
        try:
            return -1e-9 <= self.unit(value) <= 1 + 1e-9
        except (ValueError, TypeError):
            return False

    def draw(
        self, uniform: float, prior: Prior | None, low: float, high: float, weights: Mapping[str, float]
    ) -> Scalar:
        """A value from one uniform number in [0, 1), between inner coordinates `low` and `high`, shaped by the prior.

        `weights` are further weights of choices, by their text.
        """
        if self.choices:
            inside = [c for i, c in enumerate(self.choices) if low - 1e-9 <= self.low + i <= high + 1e-9]
            inside = inside or list(self.choices)
            shares = [_share(choice, prior) * weights.get(str(choice), 1.0) for choice in inside]
            marks = list(accumulate(shares))
            return next((c for c, mark in zip(inside, marks, strict=True) if uniform * marks[-1] < mark), inside[-1])
        if self.step is not None:  # each value owns one step, the first and the last one too
            low, high = low - self.step / 2, high + self.step / 2
        elif self.integer:
            low, high = math.log10(10**low - 0.499), math.log10(10**high + 0.499)
        if prior is None or prior.center is None:
            return self.value(low + uniform * (high - low))
        bell, logarithmic = _bell(prior)
        if logarithmic != (self.kind == "log"):  # the bell stands on the other scale than the axis
            low, high = (10**low, 10**high) if self.kind == "log" else (_log(low), _log(high))
        left, right = bell.cdf(low), bell.cdf(high)
        inner = low + uniform * (high - low)
        if right - left > 1e-9:  # else the prior says nothing about this interval
            inner = bell.inv_cdf(min(max(left + uniform * (right - left), 1e-12), 1 - 1e-12))
        if logarithmic != (self.kind == "log"):
            inner, low, high = (
                (_log(inner), _log(low), _log(high)) if self.kind == "log" else (10**inner, 10**low, 10**high)
            )
        return self.value(min(max(inner, low), high))

    def distribution(self) -> BaseDistribution:
        """Outer bounds; what is stored with every trial of a model-based search."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        if self.kind == "category":
            return CategoricalDistribution(self.choices)
        if self.kind == "ordered":
            return IntDistribution(int(self.low), int(self.high))
        low, high = self.bounds
        if self.integer:
            return IntDistribution(int(low), int(high), log=self.kind == "log", step=int(self.step or 1))
        return FloatDistribution(low, high, log=self.kind == "log", step=self.step)

    def encode(self, value: Scalar) -> Scalar:
        """The value in the words of `distribution`."""
        return int(self.inner(value)) if self.kind == "ordered" else value

    def decode(self, value: Scalar) -> Scalar:
        if self.kind == "category":
            return value
        return self.value(float(value) if self.kind == "ordered" else self.inner(value))


def _choices_axis(name: str, choices: tuple[Scalar, ...]) -> Axis:
    numbers = [choice for choice in choices if isinstance(choice, int | float) and not isinstance(choice, bool)]
    if len(numbers) < len(choices):
        return Axis(name, "category", 0, len(choices) - 1, choices=choices)
    ordered = sorted(numbers)
    first = 0.0
    if all(number > 0 for number in ordered):
        powers = [math.log2(number) for number in ordered]
        if powers[0].is_integer() and all(power == powers[0] + i for i, power in enumerate(powers)):
            first = powers[0]
    return Axis(name, "ordered", first, first + len(ordered) - 1, choices=tuple(ordered))


def _position(choices: tuple[Scalar, ...], value: Scalar) -> int:
    for position, choice in enumerate(choices):
        if choice == value and isinstance(choice, bool) == isinstance(value, bool):
            return position
    raise ValueError(f"{value!r:.80} is not one of {choices!r:.200}")


def _bell(prior: Prior) -> tuple[NormalDist, bool]:
    assert prior.center is not None
    if prior.sd_decades is not None:
        return NormalDist(_log(prior.center), prior.sd_decades), True
    return NormalDist(prior.center, prior.sd or 1.0), False


def _log(value: float) -> float:
    return math.log10(max(value, 1e-300))


def _share(choice: Scalar, prior: Prior | None) -> float:
    if prior is None:
        return 1.0
    if prior.center is None or isinstance(choice, str | bool):
        return prior.weights.get(str(choice), 1.0)
    bell, logarithmic = _bell(prior)
    place = _log(choice) if logarithmic else choice
    return max(bell.pdf(place) / bell.pdf(bell.mean), 1e-3)  # rare, never impossible
