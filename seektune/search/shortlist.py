"""The few configurations that are worth fresh seeds: best by a surrogate's mean, and apart from each other.

The raw minimum of noisy values is a winner by luck; the mean of a model that has seen all trials is less so (METHOD,
"Handing on"). Surrogate: a Gaussian process (Matern 5/2, one length per coordinate, fitted noise; Rasmussen and
Williams 2006) over the unit cube with the rung as one more coordinate, so that stopped trials teach at their own
fidelity. Beyond MAX_GP trials, or where conditions make coordinates vanish, a random forest with a bagged mean.
Candidates are observed trials only; complete ones come before partial ones. Bad values are cut off, so that a few
wrecks do not set the scale.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seektune.search.observation import Observation, rank
from seektune.space.space import Space
from seektune.trial import Params

MAX_GP = 200
MIN_MODEL = 8  # fewer trials than this are ranked by their values
CUT = 3.0  # values beyond median + CUT * (median - best) count as that

Floats = npt.NDArray[np.float64]


def shortlist(
    space: Space,
    history: Sequence[Observation],
    names: Sequence[str],
    *,
    count: int,
    seed: int = 0,
    min_distance: float = 0.05,
) -> list[str]:
    """At most `count` of `names` (one per observation), best first, each at least `min_distance` (Space.distance) from
    those before it. The distance is given up, and partial trials are taken, only to fill the list.
    """
    told = [(name, o) for name, o in zip(names, history, strict=True) if o.feasible]
    if not told:
        return []
    means = surrogate_means(space, [o for _, o in told], seed)
    order = sorted(range(len(told)), key=lambda i: (rank(told[i][1])[:2], means[i], told[i][1].value, told[i][0]))
    apart: list[int] = []
    for i in order:
        if all(space.distance(told[i][1].params, told[other][1].params) >= min_distance for other in apart):
            apart.append(i)
    filled = sorted(order, key=lambda i: (told[i][1].state != "complete", i not in apart))
    return [told[i][0] for i in filled[:count]]


def surrogate_means(space: Space, told: Sequence[Observation], seed: int) -> Floats:
    """The model's mean of every trial at full length; the observed values where there are too few for a model."""
    values = np.array([observation.value for observation in told], dtype=float)
    if len(told) < MIN_MODEL or not space.axes:
        return values
    median, best = float(np.median(values)), float(values.min())
    values = np.minimum(values, median + CUT * (median - best))
    fidelities = _fidelities(told)
    inputs = np.array([[*coordinates(space, o.params), f] for o, f in zip(told, fidelities, strict=True)])
    asked = inputs.copy()
    asked[:, -1] = 1.0
    spread = float(values.std()) or 1.0
    model = _model(inputs, seed, simple=len(told) <= MAX_GP and not any(p.when for p in space.parameters.values()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # length scales at a bound: an input without influence, which is no fault
        model.fit(inputs, (values - values.mean()) / spread)
        mean = model.predict(asked)
    means: Floats = mean * spread + values.mean()
    return means


def _model(inputs: Floats, seed: int, *, simple: bool) -> Any:
    if not simple:
        from sklearn.ensemble import RandomForestRegressor

        return RandomForestRegressor(n_estimators=200, min_samples_leaf=2, random_state=seed, n_jobs=1)
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    lengths = np.full(inputs.shape[1], 0.5)
    kernel = ConstantKernel(1.0, (0.05, 20.0)) * Matern(lengths, (0.05, 20.0), nu=2.5) + WhiteKernel(0.1, (1e-5, 1.0))
    return GaussianProcessRegressor(kernel, n_restarts_optimizer=2, random_state=seed)


def _fidelities(told: Sequence[Observation]) -> list[float]:
    """Complete: 1; rung r of R rungs: (r + 1) / (R + 1)."""
    rungs = max([o.rung for o in told if o.state != "complete"], default=0) + 1
    return [1.0 if o.state == "complete" else (o.rung + 1) / (rungs + 1) for o in told]


def coordinates(space: Space, params: Params) -> list[float]:
    """Numbers on [0, 1], an inactive one in the middle; a category has one coordinate per choice, at distance 1."""
    unit = space.unit(params)
    found: list[float] = []
    for name, axis in space.axes.items():
        if axis.kind == "category":
            found += [float(params.get(name) == choice) / math.sqrt(2) for choice in axis.choices]
        else:
            found.append(unit.get(name, 0.5))
    return found
