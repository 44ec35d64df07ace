"""What every search of the registry must do. A new one is tested by standing in the registry."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seektune.search.named import named
from seektune.search.observation import Observation, key
from seektune.search.options import SEARCHES
from seektune.space.narrow import Box
from seektune.space.options import ParameterOptions, Prior
from seektune.space.space import Space
from seektune.trial import Scalar

ROOT = Path(__file__).parents[2]
EVERY = pytest.mark.parametrize("name", sorted(SEARCHES))


def space() -> Space:
    return Space(
        {
            "learning_rate": ParameterOptions(low=1e-6, high=1e-1, log=True),
            "effective_batch": ParameterOptions(choices=[8, 16, 32, 64]),
            "weight_decay": ParameterOptions(low=0.0, high=0.1),
            "method": ParameterOptions(choices=["full", "lora"]),
            "lora_rank": ParameterOptions(choices=[4, 8, 16], when='method == "lora"'),
            "lora_alpha": ParameterOptions(derive="2 * lora_rank"),
            "schedule": ParameterOptions(value="cosine"),
        },
        forbid=['method == "full" and learning_rate > 1e-2'],
    )


def loss(params: dict[str, Any]) -> float:
    rank = math.log2(params.get("lora_rank", 2))
    return (math.log10(params["learning_rate"]) + 3.5) ** 2 + params["weight_decay"] * 2 - 0.05 * rank


def run(name: str, slots: int, made: Space | None = None) -> list[Observation]:
    """Every state that a history can hold, in turn."""
    made = made or space()
    history: list[Observation] = []
    for slot in range(slots):
        taken = frozenset(key(observation.params) for observation in history)
        params = named(name).propose(made, history, seed=7, slot=slot, taken=taken)
        if params is None:
            break
        value = loss(params)
        turn = [
            Observation(params, "complete", value),
            Observation(params, "paused", value + 0.3, rung=slot % 2),
            Observation(params, "stopped", value + 0.2),
            Observation(params, "running", value + 0.3),
            Observation(params, "running"),
            Observation(params, "failed"),
        ]
        diverged = params["learning_rate"] > 2e-2
        history.append(Observation(params, "diverged") if diverged else turn[slot % len(turn)])
    return history


@EVERY
def test_proposals_are_allowed_whole_and_never_repeated(name: str) -> None:
    made = space()
    history = run(name, 40)
    assert len(history) == 40
    for observation in history:
        assert made.allowed(observation.params)
        assert made.complete(observation.params) == observation.params
    assert len({key(observation.params) for observation in history}) == 40


@EVERY
def test_same_proposals_after_a_restart(name: str) -> None:
    """A fresh process with another hash seed, in the middle of a history."""
    history = run(name, 30)
    code = f"""
import json, sys
sys.path[:0] = [{str(ROOT)!r}, {str(Path(__file__).parent)!r}]
from test_search_contract import named, space, Observation, key
history = [Observation(*row) for row in json.load(sys.stdin)]
taken = frozenset(key(o.params) for o in history)
print(json.dumps([named({name!r}).propose(space(), history, seed=7, slot=slot, taken=taken) for slot in (30, 31)]))
"""
    rows = [[o.params, o.state, o.value, o.rung] for o in history]
    there = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(rows),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "4321", "OMP_NUM_THREADS": "1"},
    )
    taken = frozenset(key(observation.params) for observation in history)
    here = [named(name).propose(space(), history, seed=7, slot=slot, taken=taken) for slot in (30, 31)]
    assert json.loads(there.stdout) == here


@EVERY
def test_the_seed_and_the_slot_matter(name: str) -> None:
    def first(seed: int, slot: int) -> dict[str, Scalar] | None:
        return named(name).propose(space(), [], seed=seed, slot=slot)

    assert first(1, 0) == first(1, 0)
    assert len({key(first(1, slot) or {}) for slot in range(10)}) == 10
    assert first(1, 0) != first(2, 0)


@EVERY
def test_a_small_space_is_used_up_exactly(name: str) -> None:
    small = Space(
        {
            "learning_rate": ParameterOptions(choices=[1e-4, 1e-3, 1e-2]),
            "weight_decay": ParameterOptions(low=0.0, high=0.1, step=0.1),
            "method": ParameterOptions(choices=["full", "lora"]),
            "lora_rank": ParameterOptions(low=2, high=4, integer=True, log=True, when='method == "lora"'),
        },
        forbid=['method == "full" and learning_rate > 5e-3'],
    )
    cells = {key(params) for params in small.grid()}
    assert len(cells) == 2 * 2 + 3 * 2 * 3
    history = run(name, len(cells) + 1, small)
    assert {key(observation.params) for observation in history} == cells


@EVERY
def test_nothing_to_search(name: str) -> None:
    made = Space({"learning_rate": ParameterOptions(value=1e-3)})
    assert named(name).propose(made, [], seed=0, slot=0) == {"learning_rate": 1e-3}
    assert named(name).propose(made, [], seed=0, slot=1, taken=frozenset({key({"learning_rate": 1e-3})})) is None


@EVERY
@pytest.mark.parametrize("state", ["diverged", "infeasible", "failed", "complete"])
def test_a_history_without_any_value(name: str, state: Any) -> None:
    value = float("nan") if state == "complete" else None
    history = [Observation(o.params, state, value) for o in run("random", 30)]
    taken = frozenset(key(observation.params) for observation in history)
    params = named(name).propose(space(), history, seed=0, slot=30, taken=taken)
    assert params is not None
    assert space().allowed(params)


@pytest.mark.parametrize("name", ["random", "tpe"])
def test_a_box_is_kept_and_priors_shape_the_draws(name: str) -> None:
    box = Box({"learning_rate": (1e-4, 1e-3), "effective_batch": (16, 32)}, {"method": {"full": 1.0, "lora": 5.0}})
    history = run("random", 30)
    for slot in range(15):
        params = named(name).propose(space(), history, seed=1, slot=slot, box=box)
        assert params is not None
        assert 1e-4 <= float(params["learning_rate"]) <= 1e-3
        assert params["effective_batch"] in (16, 32)
    prior = {"learning_rate": Prior(center=1e-5, sd_decades=0.2)}
    drawn = [named(name).propose(space(), [], seed=1, slot=slot, priors=prior) or {} for slot in range(50)]
    logs = sorted(math.log10(float(params["learning_rate"])) for params in drawn)
    assert logs[25] == pytest.approx(-5, abs=0.15)


def test_settings_reach_the_search() -> None:
    cells = {key(named({"grid": {"points": 2}}).propose(space(), [], seed=0, slot=slot) or {}) for slot in range(200)}
    assert len(cells) == len(space().grid(2)) < len(space().grid(3))
    in_order = named({"grid": {"points": 2, "shuffle": False}}).propose(space(), [], seed=0, slot=0)
    assert in_order == space().grid(2)[0]
