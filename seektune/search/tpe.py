"""Tree-structured Parzen estimator (Bergstra et al. 2011), multivariate as in Falkner et al. 2018, by Optuna's
TPESampler.

A fresh sampler, seeded by the slot, over a fresh in-memory study at each ask: the proposal is a function of
(history, seed, slot) alone. How the history is told:
- complete trials as COMPLETE; paused, stopped and still running ones that have a value as PRUNED with that value at
  their rung's index (Optuna ranks PRUNED by rung, then value, below all COMPLETE). Never as RUNNING: Optuna counts
  RUNNING trials as bad, so that leaders waiting at a rung would repel the search.
- diverged and infeasible ones through a constraint, never as a bad value; at most nine times as many of them as there
  are others, else Optuna would fill the good tenth with them.
- every trial with the study's outer bounds: one trial with other bounds takes the parameter out of the multivariate
  model, and a trial outside the bounds raises. Trials outside (a default that the space excludes) are left out.
- parameters that all trials have are modelled jointly; conditional ones singly, from the trials that have them.

Narrowing is soft: a proposal outside the box is drawn again, a few times; then it is folded into the box at its walls.
Forbidden and repeated proposals are drawn again as well. Until `startup` trials have a value, draws are random.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from seektune.search.observation import Observation, key, rank
from seektune.search.options import TpeOptions
from seektune.search.random import Random, remaining
from seektune.space.narrow import Box
from seektune.space.options import Prior
from seektune.space.space import Space
from seektune.trial import Scalar, derive_seed

GOOD_KEPT = 100  # best trials that stay in a cut history; Optuna calls at most 25 good
ATTEMPTS = 40
BOX_ATTEMPTS = 16


class Tpe:
    def __init__(self, settings: TpeOptions | None = None) -> None:
        self.settings = settings or TpeOptions()

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
        told = [o for o in history if (o.feasible or o.infeasible) and space.encode(o.params) is not None]
        if sum(o.feasible for o in told) < self.settings.startup or not space.axes:
            return Random().propose(space, history, seed=seed, slot=slot, box=box, priors=priors, taken=taken)
        with _quiet():
            study = self._study(space, relevant(told, self.settings.history), derive_seed(seed, slot))
            for attempt in range(ATTEMPTS):
                params = self._ask(study, space)
                if box is not None and not box.contains(space.axes, params):
                    if attempt < BOX_ATTEMPTS:
                        continue
                    # A condition may have changed with the fold: what is then missing is drawn at random.
                    params = _folded(space, params, box, np.random.default_rng([seed, slot, attempt]))
                if key(params) not in taken and not space.forbidden(params):
                    return params
        rng = np.random.default_rng([seed, slot])
        return Random().propose(space, history, seed=seed, slot=slot, box=box, taken=taken) or remaining(
            space, rng, taken
        )

    def _study(self, space: Space, history: Sequence[Observation], seed: int) -> optuna.Study:
        sampler = optuna.samplers.TPESampler(
            n_startup_trials=0,
            n_ei_candidates=self.settings.candidates,
            seed=seed,
            multivariate=True,
            constant_liar=False,
        )
        study = optuna.create_study(sampler=sampler)
        distributions = space.distributions()
        study.add_trials([_trial(space, distributions, observation) for observation in history])
        return study

    def _ask(self, study: optuna.Study, space: Space) -> dict[str, Scalar]:
        """One proposal, parameter by parameter in the order of their conditions."""
        trial = study.ask()
        distributions = space.distributions()
        values: dict[str, Scalar] = dict(space.defaults)
        free: dict[str, Scalar] = {}
        for name in space.search_order:
            if name in distributions and space.active(name, values):
                free[name] = space.axes[name].decode(_suggest(trial, name, distributions[name]))
            resolved = space.resolve(name, free, values)
            if resolved is not None:
                values[name] = resolved
        study.tell(trial, state=TrialState.FAIL)  # Optuna never reads a failed trial again
        return space.complete(free)


def _suggest(trial: optuna.Trial, name: str, distribution: BaseDistribution) -> Scalar:
    if isinstance(distribution, IntDistribution):
        return trial.suggest_int(
            name, distribution.low, distribution.high, step=distribution.step, log=distribution.log
        )
    if isinstance(distribution, FloatDistribution):
        return trial.suggest_float(
            name, distribution.low, distribution.high, step=distribution.step, log=distribution.log
        )
    assert isinstance(distribution, CategoricalDistribution)
    choice: Scalar = trial.suggest_categorical(name, distribution.choices)
    return choice


def relevant(history: Sequence[Observation], most: int) -> list[Observation]:
    """In the order of arrival: the best ones and the latest ones, and no flood of infeasible ones."""
    feasible = [i for i, observation in enumerate(history) if observation.feasible]
    infeasible = [i for i, observation in enumerate(history) if not observation.feasible]
    best = sorted(feasible, key=lambda i: rank(history[i]))[:GOOD_KEPT]
    infeasible = infeasible[-min(9 * len(feasible), most // 4) :]
    rest = [i for i in feasible if i not in set(best)]
    kept = set(best) | set(infeasible) | set(rest[max(0, len(rest) - (most - len(best) - len(infeasible))) :])
    return [history[i] for i in sorted(kept)]


def _trial(space: Space, outer: Mapping[str, BaseDistribution], observation: Observation) -> FrozenTrial:
    params = space.encode(observation.params)
    assert params is not None
    distributions = {name: distribution for name, distribution in outer.items() if name in params}
    if not observation.feasible:
        return create_trial(
            state=TrialState.PRUNED, params=params, distributions=distributions, constraints={"feasible": 1.0}
        )
    assert observation.value is not None
    if observation.state == "complete":
        return create_trial(value=observation.value, params=params, distributions=distributions)
    return create_trial(
        state=TrialState.PRUNED,
        params=params,
        distributions=distributions,
        intermediate_values={observation.rung: observation.value},
    )


def _folded(space: Space, params: Mapping[str, Scalar], box: Box, rng: np.random.Generator) -> dict[str, Scalar]:
    drawn = space.draw(rng, box=box)
    own = {name: box.fold(axis, params[name]) for name, axis in space.axes.items() if name in params}
    return space.complete(drawn | own)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Optuna announces every study; ours live for a millisecond."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
