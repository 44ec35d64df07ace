"""What may be tried: parameters, conditions, derived values and forbidden regions.

    space = Space({"learning_rate": ParameterOptions(low=1e-6, high=1e-1, log=True),
                   "method": ParameterOptions(choices=["full", "lora"]),
                   "lora_rank": ParameterOptions(choices=[4, 8, 16], when='method == "lora"')},
                  forbid=['method == "full" and learning_rate > 1e-2'],
                  defaults={"optimizer": "adamw"})     # values that expressions may name, though not of the space
    space.sample(np.random.default_rng(0))             # {"learning_rate": 0.000213, "method": "full"}
    space.sample(rng, priors={"learning_rate": Prior(center=3e-4, sd_decades=0.4)}, box=box)
    space.complete({"learning_rate": 1e-4, "method": "full"})     # adds fixed and derived, drops inactive
    space.restrict(params)       # the other way: the space's active part of what the trainer is given
    space.allowed(params)        # inside the bounds and not forbidden
    space.unit(params)           # {"learning_rate": 0.46, ...}: searched parameters on [0, 1]
    space.distance(a, b)         # root mean square difference in the unit cube
    space.distributions()        # Optuna distributions of the outer bounds; encode() and decode() of Axis translate
    space.grid(points=3)         # every allowed combination

`Params` hold active parameters only, in the study file's order. A constraint that names an inactive parameter does not
apply; a parameter derived from an inactive one is inactive. Departure from the textbook: none; conditions may form any
tree (they are ordered by their dependencies). Raises SpaceError for a space that cannot be (see check.py) and where the
constraints leave nothing to draw.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from seektune.errors import SeektuneError
from seektune.expression import Expression, ExpressionError
from seektune.space.axis import Axis
from seektune.space.check import problems_of, resolution_order
from seektune.space.narrow import Box
from seektune.space.options import ParameterOptions, Prior
from seektune.trial import Json, Params, Scalar

if TYPE_CHECKING:
    import numpy as np
    from optuna.distributions import BaseDistribution

MAX_GRID = 100_000
MAX_REJECTIONS = 1_000


class SpaceError(SeektuneError):
    """The space contradicts itself, or its constraints leave nothing to try."""

    exit_code = 2

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.path = path


class Space:
    """Immutable after construction; every method is a pure function of its arguments."""

    def __init__(
        self,
        parameters: Mapping[str, ParameterOptions],
        forbid: Sequence[str] = (),
        defaults: Mapping[str, Scalar] | None = None,
    ) -> None:
        self.parameters = dict(parameters)
        self.forbid = tuple(forbid)
        self.defaults = {name: value for name, value in (defaults or {}).items() if name not in self.parameters}
        problems = problems_of(self.parameters, self.forbid, self.defaults)
        if problems:
            raise SpaceError("\n".join(f"space: {problem}" for problem in problems))
        self._constraints = tuple(Expression(text) for text in self.forbid)
        self._when = {name: Expression(p.when) for name, p in self.parameters.items() if p.when is not None}
        self._derive = {name: Expression(p.derive) for name, p in self.parameters.items() if p.derive is not None}
        self._grids: dict[int, tuple[dict[str, Scalar], ...]] = {}
        self._order = resolution_order(self.parameters)
        found = {name: Axis.of(name, parameter) for name, parameter in self.parameters.items()}
        self.axes: dict[str, Axis] = {name: axis for name, axis in found.items() if axis is not None}

    @property
    def names(self) -> tuple[str, ...]:
        """All parameters, in the study file's order."""
        return tuple(self.parameters)

    @property
    def free(self) -> tuple[str, ...]:
        """Parameters that are searched."""
        return tuple(self.axes)

    @cached_property
    def size(self) -> int | None:
        """Number of combinations, conditions and constraints aside; None: continuous."""
        sizes = [axis.size for axis in self.axes.values()]
        return None if None in sizes else math.prod(size for size in sizes if size is not None)

    def complete(self, free: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """Searched values -> what the trainer is given. Every active searched parameter must be there."""
        values: dict[str, Scalar] = dict(self.defaults)
        for name in self._order:
            value = self.resolve(name, free, values)
            if value is not None:
                values[name] = value
        return {name: values[name] for name in self.parameters if name in values}

    def restrict(self, params: Params) -> dict[str, Scalar]:
        """The space's own, active part of a parameter vector that may hold more (the defaults of all else)."""
        values: dict[str, Scalar] = dict(self.defaults)
        for name in self._order:
            derived_from = self._derive[name].names if name in self._derive else ()
            if name in params and self.active(name, values) and all(needed in values for needed in derived_from):
                values[name] = params[name]
        return {name: params[name] for name in self.parameters if name in values}

    def active(self, name: str, values: Mapping[str, Scalar]) -> bool:
        """Whether `name` takes part, given the values resolved before it (see `search_order`)."""
        condition = self._when.get(name)
        if condition is None:
            return True
        known = all(needed in values for needed in condition.names)
        return known and bool(_evaluate(condition, values, ("space", name, "when")))

    @property
    def search_order(self) -> tuple[str, ...]:
        """All names, such that each comes after those it depends on."""
        return self._order

    def resolve(self, name: str, free: Mapping[str, Scalar], values: Mapping[str, Scalar]) -> Scalar | None:
        """The value of one parameter, given those resolved before it; None: inactive."""
        if not self.active(name, values):
            return None
        parameter = self.parameters[name]
        if name in self._derive:
            rule = self._derive[name]
            known = all(needed in values for needed in rule.names)
            return _evaluate(rule, values, ("space", name, "derive")) if known else None
        if name in self.axes:
            if name not in free:
                raise SpaceError(f"space: {name} is active, but has no value")
            return free[name]
        if parameter.choices is not None:
            return parameter.choices[0]
        if parameter.value is not None:
            return parameter.value
        assert parameter.low is not None
        return int(parameter.low) if parameter.integer else parameter.low

    def allowed(self, params: Params) -> bool:
        """Inside the bounds and not forbidden."""
        inside = all(axis.contains(params[name]) for name, axis in self.axes.items() if name in params)
        return inside and not self.forbidden(params)

    def forbidden(self, params: Params) -> str:
        """The constraint that is violated, or ""."""
        values = self.defaults | dict(params)
        for index, constraint in enumerate(self._constraints):
            known = all(name in values for name in constraint.names)
            if known and _evaluate(constraint, values, ("constraints", index, "forbid")):
                return constraint.text
        return ""

    def sample(
        self, rng: np.random.Generator, priors: Mapping[str, Prior] | None = None, box: Box | None = None
    ) -> dict[str, Scalar]:
        """One allowed draw. The study file's priors hold where `priors` says nothing."""
        for _ in range(MAX_REJECTIONS):
            params = self.complete(self.draw(rng, priors, box))
            if not self.forbidden(params):
                return params
        raise SpaceError(
            f"space: the constraints forbid all of {MAX_REJECTIONS} draws; relax one of: {'; '.join(self.forbid)}",
            ("constraints",),
        )

    def draw(
        self, rng: np.random.Generator, priors: Mapping[str, Prior] | None = None, box: Box | None = None
    ) -> dict[str, Scalar]:
        """A value for every searched parameter, active or not, constraints aside."""
        drawn: dict[str, Scalar] = {}
        for name, axis in self.axes.items():
            low, high = box.inner(axis) if box is not None else (axis.low, axis.high)
            weights = box.weights.get(name, {}) if box is not None else {}
            prior = (priors or {}).get(name, self.parameters[name].prior)
            drawn[name] = axis.draw(float(rng.random()), prior, low, high, weights)
        return drawn

    def grid(self, points: int = 3) -> tuple[dict[str, Scalar], ...]:
        """Every allowed combination once; `points` values for each range without a step."""
        if points not in self._grids:
            self._grids[points] = self._grid(points)
        return self._grids[points]

    def grid_size(self, points: int = 3) -> int:
        """Combinations before conditions and constraints; SpaceError when there are too many to list."""
        sizes = [min(axis.size or points, points if axis.step is None else MAX_GRID + 1) for axis in self.axes.values()]
        size = math.prod(len(a.choices) or size for a, size in zip(self.axes.values(), sizes, strict=True))
        if size > MAX_GRID:
            raise SpaceError(
                f"space: a grid has at most {MAX_GRID} combinations; use search: random, or fewer points or choices"
            )
        return size

    def _grid(self, points: int) -> tuple[dict[str, Scalar], ...]:
        self.grid_size(points)
        found: dict[tuple[tuple[str, Scalar], ...], dict[str, Scalar]] = {}
        for combination in itertools.product(*(axis.grid(points) for axis in self.axes.values())):
            params = self.complete(dict(zip(self.axes, combination, strict=True)))
            if not self.forbidden(params):
                found.setdefault(tuple(params.items()), params)
        return tuple(found.values())

    def unit(self, params: Params) -> dict[str, float]:
        """Active searched parameters on [0, 1]; values outside the bounds are cut off to them."""
        return {name: min(max(axis.unit(params[name]), 0.0), 1.0) for name, axis in self.axes.items() if name in params}

    def distance(self, a: Params, b: Params) -> float:
        """In [0, 1]: root mean square over the searched parameters.

        A category that differs, or a parameter that only one of them has, counts 1.
        """
        total = 0.0
        here, there = self.unit(a), self.unit(b)
        for name, axis in self.axes.items():
            if (name in here) != (name in there):
                total += 1.0
            elif name in here:
                total += float(a[name] != b[name]) if axis.kind == "category" else (here[name] - there[name]) ** 2
        return math.sqrt(total / max(1, len(self.axes)))

    def distributions(self) -> dict[str, BaseDistribution]:
        return {name: axis.distribution() for name, axis in self.axes.items()}

    def encode(self, params: Params) -> dict[str, Scalar] | None:
        """Searched parameters in the words of `distributions()`; None when one lies outside its bounds."""
        searched = {name: axis for name, axis in self.axes.items() if name in params}
        if not all(axis.contains(params[name]) for name, axis in searched.items()):
            return None
        return {name: axis.encode(params[name]) for name, axis in searched.items()}

    def describe(self) -> Json:
        """Plain JSON for reports and stage keys."""
        return {
            "parameters": {n: p.model_dump(exclude_defaults=True) for n, p in self.parameters.items()},
            "forbid": list(self.forbid),
            "defaults": dict(self.defaults),
        }


def _evaluate(expression: Expression, values: Params, path: tuple[str | int, ...]) -> Scalar:
    try:
        return expression.evaluate(values)
    except ExpressionError as error:
        raise SpaceError(f"{error}, in {expression.text!r:.80}", path) from None
