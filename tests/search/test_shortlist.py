"""The shortlist: steadier than raw minima, spread out, complete trials first."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seektune.search.observation import Observation
from seektune.search.shortlist import shortlist
from seektune.space.options import ParameterOptions
from seektune.space.space import Space
from seektune.trial import Params


def plane(**more: ParameterOptions) -> Space:
    return Space(
        {
            "learning_rate": ParameterOptions(low=1e-6, high=1e-1, log=True),
            "weight_decay": ParameterOptions(low=0.0, high=0.1),
            **more,
        }
    )


def truth(params: Params) -> float:
    return (math.log10(float(params["learning_rate"])) + 3.5) ** 2 + 3 * float(params["weight_decay"])


def noisy(space: Space, seed: int, count: int = 30, sd: float = 0.5) -> list[Observation]:
    rng = np.random.default_rng(seed)
    points = [space.sample(rng) for _ in range(count)]
    return [Observation(p, "complete", truth(p) + rng.normal() * sd) for p in points]


def names(history: list[Observation]) -> list[str]:
    return [f"t{i}" for i in range(len(history))]


def test_the_models_first_is_better_than_the_luckiest() -> None:
    space = plane()
    model, lucky = [], []
    for seed in range(8):
        history = noisy(space, seed)
        picked = shortlist(space, history, names(history), count=1)
        model.append(truth(history[int(picked[0][1:])].params))
        lucky.append(truth(min(history, key=lambda o: o.value or 0.0).params))
    assert np.mean(model) < np.mean(lucky)


def test_members_keep_their_distance() -> None:
    space = plane()
    history = noisy(space, 0, sd=0.0)
    best = min(history, key=lambda o: o.value or 0.0)
    decay = float(best.params["weight_decay"])
    copies = [
        Observation({**best.params, "weight_decay": decay + i * 1e-5}, "complete", best.value) for i in range(1, 5)
    ]
    history += copies
    picked = [history[int(name[1:])].params for name in shortlist(space, history, names(history), count=4)]
    assert all(space.distance(a, b) >= 0.05 for i, a in enumerate(picked) for b in picked[:i])


def test_too_few_apart_are_filled_up_with_close_ones() -> None:
    space = plane()
    point = {"learning_rate": 1e-3, "weight_decay": 0.01}
    history = [Observation({**point, "weight_decay": 0.01 + i * 1e-6}, "complete", 1.0 + i) for i in range(4)]
    assert shortlist(space, history, names(history), count=3) == ["t0", "t1", "t2"]


def test_partial_trials_only_fill_the_list_but_teach_the_model() -> None:
    space = plane()
    history = noisy(space, 1, count=3) + [
        Observation(o.params, "paused", (o.value or 0.0) - 5.0, rung=1) for o in noisy(space, 2, count=20)
    ]
    picked = shortlist(space, history, names(history), count=5)
    assert set(picked[:3]) == {"t0", "t1", "t2"}
    assert len(picked) == 5


def test_without_a_value_nobody_is_listed() -> None:
    space = plane()
    history = [Observation(o.params, "diverged") for o in noisy(space, 0, count=5)]
    assert shortlist(space, history, names(history), count=3) == []
    mixed = [*history, Observation({"learning_rate": 1e-3, "weight_decay": 0.0}, "complete", 1.0)]
    assert shortlist(space, mixed, names(mixed), count=3) == ["t5"]


def test_conditions_and_categories_go_to_a_forest() -> None:
    space = plane(
        method=ParameterOptions(choices=["full", "lora"]),
        lora_rank=ParameterOptions(choices=[4, 8, 16], when='method == "lora"'),
    )
    history = [
        Observation(o.params, o.state, (o.value or 0.0) + 10 * (o.params["method"] == "full"))
        for o in noisy(space, 3, count=40, sd=0.1)
    ]
    picked = [history[int(name[1:])].params for name in shortlist(space, history, names(history), count=3)]
    assert {params["method"] for params in picked} == {"lora"}


def test_the_same_history_gives_the_same_list() -> None:
    space = plane()
    history = noisy(space, 5)
    assert shortlist(space, history, names(history), count=4) == shortlist(space, history, names(history), count=4)


def test_names_belong_to_observations() -> None:
    history = noisy(plane(), 0, count=3)
    with pytest.raises(ValueError, match="zip"):
        shortlist(plane(), history, ["t0"], count=1)
