"""What a study file may say about one parameter of the space, and about constraints between parameters."""

from __future__ import annotations

import math

from pydantic import Field, model_validator

from seektune.options import Options
from seektune.trial import Scalar


class Prior(Options):
    """Where good values are expected: draws come from it inside the hard bounds, but nothing is cut off.

    The same object travels from stage to stage (`model_dump()` is plain JSON).
    """

    center: float | None = None
    """Most likely value of a numeric parameter."""
    sd_decades: float | None = Field(default=None, gt=0)
    """Spread in powers of ten (log-normal); for parameters on a log scale."""
    sd: float | None = Field(default=None, gt=0)
    """Spread in the parameter's own unit (normal); for parameters on a linear scale."""
    weights: dict[str, float] = Field(default={})
    """Choice -> relative weight; choices that are not named have weight 1."""

    @model_validator(mode="after")
    def _one_kind(self) -> Prior:
        spreads = [spread for spread in (self.sd_decades, self.sd) if spread is not None]
        if self.weights and (self.center is not None or spreads):
            raise ValueError("a prior has either center and spread (numbers) or weights (choices), but got both")
        if not self.weights and (self.center is None or len(spreads) != 1):
            raise ValueError("a prior needs center with sd_decades or sd, or weights")
        if any(weight <= 0 for weight in self.weights.values()):
            raise ValueError("weights must be > 0: a choice is made rare, never dropped")
        return self


class ParameterOptions(Options):
    """One parameter: a range (low, high), a list of choices, a fixed value, or derived from others."""

    low: float | None = None
    """Smallest value of a range."""
    high: float | None = None
    """Largest value of a range."""
    log: bool = False
    """Equal ratios are equally far apart; needs low > 0."""
    integer: bool = False
    """Whole numbers only."""
    step: float | None = Field(default=None, gt=0)
    """Distance between neighbouring values (linear ranges)."""
    choices: list[bool | int | float | str] | None = None
    """Allowed values; numbers are treated as ordered."""
    value: bool | int | float | str | None = None
    """A fixed value."""
    derive: str | None = None
    """Expression that gives the value, for example '4 * embedding_size'."""
    when: str | None = None
    """Expression; where it is false the trial does not have the parameter, for example 'method == "lora"'."""
    prior: Prior | None = None
    """Where good values are expected; soft, inside the bounds."""

    @model_validator(mode="after")
    def _rules(self) -> ParameterOptions:
        broken = list(self._broken())
        if broken:
            raise ValueError("\n".join(broken))
        return self

    def _broken(self) -> list[str]:
        ranged = self.low is not None or self.high is not None
        kinds = [
            name
            for name, given in [
                ("low/high", ranged),
                ("choices", self.choices is not None),
                ("value", self.value is not None),
                ("derive", self.derive is not None),
            ]
            if given
        ]
        if len(kinds) != 1:
            found = " and ".join(kinds) or "none of them"
            return [f"give exactly one of low/high, choices, value, derive, but got {found}"]
        broken: list[str] = []
        if self.low is not None and self.high is not None:
            broken += self._broken_range(self.low, self.high)
        elif ranged:
            broken.append(f"a range needs low and high, but {'high' if self.high is None else 'low'} is missing")
        else:
            broken += [
                f"{name} belongs to a range (low, high); leave it out"
                for name, given in [("log", self.log), ("integer", self.integer), ("step", self.step is not None)]
                if given
            ]
        if self.choices is not None:
            broken += self._broken_choices(self.choices)
        if self.prior is not None:
            broken += self._broken_prior(self.prior)
        return broken

    def _broken_range(self, low: float, high: float) -> list[str]:
        broken = []
        if low > high:
            broken.append(f"`low <= high` must hold, but got low={low:g}, high={high:g}; swap them")
        if self.log and low <= 0:
            broken.append(f"a log scale needs low > 0, but got low={low:g}; raise low or leave out `log`")
        if self.integer and not (low.is_integer() and high.is_integer()):
            broken.append(f"whole numbers need whole bounds, but got low={low:g}, high={high:g}")
        if self.step is None or low > high:
            return broken
        if self.log:
            broken.append("a step on a log scale has no fixed meaning; use choices, or leave out `step` or `log`")
        elif self.integer and not self.step.is_integer():
            broken.append(f"whole numbers need a whole step, but got step={self.step:g}")
        else:
            steps = (high - low) / self.step
            if abs(steps - round(steps)) > 1e-9 * max(1.0, steps):
                last = low + math.floor(steps) * self.step
                broken.append(
                    f"step={self.step:g} does not divide {low:g} to {high:g}: the last value would be {last:g}; "
                    f"write high: {last:g}"
                )
        return broken

    @staticmethod
    def _broken_choices(choices: list[Scalar]) -> list[str]:
        if not choices:
            return ["choices must not be empty; list at least one value"]
        seen: list[tuple[bool, Scalar]] = []
        broken = []
        for choice in choices:
            key = (isinstance(choice, bool), choice)
            if key in seen:
                broken.append(f"choices must differ, but {choice!r:.80} is given twice; leave one out")
            seen.append(key)
        return broken

    def _broken_prior(self, prior: Prior) -> list[str]:
        if self.choices is not None:
            if prior.center is not None:
                numeric = all(
                    isinstance(choice, int | float) and not isinstance(choice, bool) for choice in self.choices
                )
                return [] if numeric else ["a prior with a center is for numbers; give weights"]
            texts = [str(choice) for choice in self.choices]
            return [f"prior: {name!r:.80} is not one of the choices" for name in prior.weights if name not in texts]
        if self.low is None or self.high is None:
            return ["only a parameter that is searched has a prior; leave it out"]
        if prior.center is None:
            return ["weights are for choices; give center and a spread"]
        if not self.low <= prior.center <= self.high:
            return [f"the prior's center {prior.center:g} must lie between low and high"]
        if self.log != (prior.sd_decades is not None):
            return [
                f"a {'log' if self.log else 'linear'} range takes a prior with {'sd_decades' if self.log else 'sd'}"
            ]
        return []


class ConstraintOptions(Options):
    """A rule between parameters."""

    forbid: str
    """Expression; configurations where it is true are never tried."""
