"""TPE: the traps of the library, each as a test, and that it learns anything at all."""

from __future__ import annotations

import math

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from seektune.search.observation import Observation, key
from seektune.search.random import Random
from seektune.search.tpe import GOOD_KEPT, Tpe, relevant
from seektune.space.narrow import Box
from seektune.space.options import ParameterOptions
from seektune.space.space import Space
from seektune.trial import Params


def plane() -> Space:
    return Space(
        {
            "learning_rate": ParameterOptions(low=1e-6, high=1e-1, log=True),
            "weight_decay": ParameterOptions(low=0.0, high=0.1),
        }
    )


def loss(params: Params) -> float:
    return (math.log10(float(params["learning_rate"])) + 3.5) ** 2 + 20 * abs(float(params["weight_decay"]) - 0.03)


def drawn(space: Space, count: int, seed: int = 0) -> list[dict[str, object]]:
    rng = np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(count)]


def proposals(space: Space, history: list[Observation], count: int = 40, box: Box | None = None) -> list[Params]:
    found = [Tpe().propose(space, history, seed=3, slot=slot, box=box) for slot in range(count)]
    return [params for params in found if params is not None]


def near(params: Params, rate: float) -> bool:
    return abs(math.log10(float(params["learning_rate"]) / rate)) < 0.5


@pytest.mark.parametrize("state", ["paused", "running", "stopped"])
def test_leaders_that_wait_at_a_rung_attract(state: str) -> None:
    """Given to Optuna as RUNNING they would repel: no proposal comes near."""
    space = plane()
    history = [Observation(params, "paused", loss(params), 0) for params in drawn(space, 25)]
    leader = {"learning_rate": 3e-4, "weight_decay": 0.03}
    history += [Observation({**leader, "learning_rate": 3e-4 * f}, state, 0.01, 1) for f in (0.8, 1.0, 1.2)]  # type: ignore[arg-type]
    share = np.mean([near(params, 3e-4) for params in proposals(space, history)])
    assert share > 0.6  # one of five decades: 0.2 at random


def test_no_trial_is_ever_given_as_running() -> None:
    space = plane()
    states = ("complete", "paused", "stopped", "running", "diverged", "infeasible")
    history = [Observation(p, states[i % 6], loss(p), i % 3) for i, p in enumerate(drawn(space, 60))]  # type: ignore[arg-type]
    study = Tpe()._study(space, history, seed=0)
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE, TrialState.PRUNED}
    paused = [trial for trial in study.trials if trial.state is TrialState.PRUNED and not trial.constraints]
    assert {step for trial in paused for step in trial.intermediate_values} == {0, 1, 2}  # rung indices, not steps


def test_a_later_rung_counts_more_than_a_better_value_at_an_earlier_one() -> None:
    space = plane()

    def shares(rung: int) -> tuple[float, float]:
        """Proposals where the trials of value 0.9 are (all at `rung`), and where those of value 0.1 are (at rung 0)."""
        early = [Observation(p, "paused", 0.1, 0) for p in drawn(space, 30) if float(p["learning_rate"]) > 1e-2]
        late = [Observation({**p, "learning_rate": 1e-5}, "paused", 0.9, rung) for p in drawn(space, 5)]
        other = [Observation(p, "paused", 2.0, 0) for p in drawn(space, 25, seed=1)]
        found = proposals(space, early + late + other)
        return float(np.mean([near(p, 1e-5) for p in found])), float(np.mean([near(p, 10**-1.5) for p in found]))

    assert shares(rung=1)[0] > 2 * shares(rung=1)[1]
    assert shares(rung=0)[1] > 2 * shares(rung=0)[0]


@pytest.mark.parametrize("state", ["diverged", "infeasible"])
def test_what_diverged_is_avoided(state: str) -> None:
    space = plane()
    points = drawn(space, 40)
    history = [
        Observation(p, state) if float(p["learning_rate"]) > 1e-3 else Observation(p, "complete", 1.0)  # type: ignore[arg-type]
        for p in points
    ]
    bad = np.mean([float(params["learning_rate"]) > 1e-3 for params in proposals(space, history)])
    assert np.mean([o.state == state for o in history]) > 0.3
    assert bad < 0.1


@pytest.mark.parametrize("wreck", [float("-inf"), float("inf"), float("nan")])
def test_a_value_that_is_not_finite_never_wins(wreck: float) -> None:
    space = plane()
    history = [
        Observation(p, "complete", wreck if float(p["learning_rate"]) > 1e-2 else loss(p)) for p in drawn(space, 40)
    ]
    assert np.mean([float(p["learning_rate"]) > 1e-2 for p in proposals(space, history)]) < 0.1


def test_a_flood_of_infeasible_trials_is_not_taken_for_good() -> None:
    space = plane()
    points = drawn(space, 300)
    good = [Observation({**p, "learning_rate": 1e-5}, "complete", 1.0) for p in points[:10]]
    flood = [Observation({**p, "learning_rate": 5e-2}, "diverged") for p in points]
    assert not any(float(p["learning_rate"]) > 1e-2 for p in proposals(space, flood + good))


def test_trials_outside_the_bounds_are_left_out_and_narrowing_keeps_the_model_joint() -> None:
    space = plane()
    outside = [Observation({"learning_rate": 3.0, "weight_decay": 0.0}, "complete", -9.0)]
    history = outside + [Observation(p, "complete", loss(p)) for p in drawn(space, 40)]
    box = Box({"learning_rate": (1e-4, 1e-3)})
    study = Tpe()._study(space, history[1:], seed=0)
    inferred = study.sampler.infer_relative_search_space(study, study.trials[0])
    assert set(inferred) == {"learning_rate", "weight_decay"}
    inside = proposals(space, history, 20, box)
    assert all(1e-4 <= float(params["learning_rate"]) <= 1e-3 for params in inside)


def test_a_box_far_from_all_that_is_known_is_filled_by_folding() -> None:
    space = plane()
    history = [Observation({**p, "learning_rate": 1e-2}, "complete", loss(p)) for p in drawn(space, 40)]
    box = Box({"learning_rate": (1e-6, 2e-6)})
    rates = [float(params["learning_rate"]) for params in proposals(space, history, 20, box)]
    assert all(1e-6 <= rate <= 2e-6 for rate in rates)
    assert len(set(rates)) == 20


def test_conditional_parameters_are_learned() -> None:
    space = Space(
        {
            "method": ParameterOptions(choices=["full", "lora"]),
            "lora_rank": ParameterOptions(choices=[2, 4, 8, 16, 32, 64], when='method == "lora"'),
            "learning_rate": ParameterOptions(low=1e-6, high=1e-1, log=True),
        }
    )
    history = [
        Observation(p, "complete", 1.0 if p["method"] == "full" else abs(math.log2(float(p["lora_rank"])) - 4))
        for p in drawn(space, 60)
    ]
    found = proposals(space, history)
    assert np.mean([params["method"] == "lora" for params in found]) > 0.7
    assert np.mean([params.get("lora_rank") in (8, 16, 32) for params in found if params["method"] == "lora"]) > 0.7


def test_a_long_history_is_cut_to_the_best_and_the_latest() -> None:
    space = plane()
    points = drawn(space, 1200)
    history = [
        Observation(p, "diverged") if i % 10 == 0 else Observation(p, "complete", loss(p)) for i, p in enumerate(points)
    ]
    kept = relevant(history, 500)
    assert len(kept) == 500
    values = sorted(o.value for o in history if o.value is not None)
    assert set(values[:GOOD_KEPT]) <= {o.value for o in kept}
    places = [history.index(observation) for observation in kept]
    assert places == sorted(places)
    assert history[-1] in kept


def test_finds_more_than_random_does() -> None:
    """Mean over ten seeds of the best of 30."""
    space = plane()

    def best(search: Tpe | Random, seed: int) -> float:
        history: list[Observation] = []
        for slot in range(30):
            params = search.propose(space, history, seed=seed, slot=slot)
            assert params is not None
            history.append(Observation(params, "complete", loss(params)))
        return min(o.value for o in history if o.value is not None)

    model, chance = (np.mean([best(search, seed) for seed in range(10)]) for search in (Tpe(), Random()))
    assert model < 0.7 * chance


def test_optuna_is_left_as_talkative_as_it_was() -> None:
    optuna.logging.set_verbosity(optuna.logging.INFO)
    space = plane()
    Tpe().propose(space, [Observation(p, "complete", loss(p)) for p in drawn(space, 12)], seed=0, slot=0)
    assert optuna.logging.get_verbosity() == optuna.logging.INFO


def test_keys_tell_configurations_apart() -> None:
    assert key({"a": 1, "b": 2.0}) == key({"b": 2.0, "a": 1})
    assert key({"a": 1}) != key({"a": 2})
