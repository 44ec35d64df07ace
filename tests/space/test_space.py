"""Spaces: conditions, derived values, constraints, grids, distances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from seektune.space.options import ParameterOptions, Prior
from seektune.space.space import Space, SpaceError


def parameters(**options: dict[str, Any]) -> dict[str, ParameterOptions]:
    return {name: ParameterOptions.model_validate(option) for name, option in options.items()}


def tree() -> Space:
    """Three levels: kind -> layers -> width; rank only where kind is lora."""
    return Space(
        parameters(
            width={"derive": "4 * embedding", "when": "layers > 1"},
            rank={"choices": [4, 8, 16], "when": 'kind == "lora"'},
            alpha={"derive": "2 * rank"},
            layers={"low": 1, "high": 3, "integer": True, "when": 'kind == "full"'},
            kind={"choices": ["full", "lora"]},
            rate={"low": 1e-5, "high": 1e-1, "log": True},
            embedding={"choices": [32, 64]},
            schedule={"value": "cosine"},
            single={"choices": [7]},
        ),
        forbid=[
            'kind == "full" and rate > 1e-2',
            "rank > 8 and embedding < 64",
            'optimizer == "adamw" and rate < 2e-5',
        ],
        defaults={"optimizer": "adamw"},
    )


def test_params_hold_what_is_active_in_the_files_order() -> None:
    space = tree()
    assert space.complete({"kind": "full", "layers": 2, "rate": 1e-3, "embedding": 32}) == {
        "width": 128, "layers": 2, "kind": "full", "rate": 1e-3, "embedding": 32, "schedule": "cosine", "single": 7,
    }  # fmt: skip
    lora = space.complete({"kind": "lora", "rank": 8, "layers": 2, "rate": 1e-3, "embedding": 32})
    assert list(lora) == ["rank", "alpha", "kind", "rate", "embedding", "schedule", "single"]
    assert lora["alpha"] == 16


def test_a_condition_on_an_inactive_parameter_is_false() -> None:
    space = tree()
    assert "width" not in space.complete({"kind": "full", "layers": 1, "rate": 1e-3, "embedding": 32})
    assert "width" not in space.complete({"kind": "lora", "rank": 4, "rate": 1e-3, "embedding": 32})


def test_restrict_is_the_way_back_from_a_whole_parameter_vector() -> None:
    space = tree()
    rng = np.random.default_rng(0)
    everything = {"rank": 16, "layers": 2, "alpha": 5, "width": 9, "beta1": 0.9}
    for _ in range(20):
        params = space.sample(rng)
        assert space.restrict({**everything, **params}) == params
    assert space.restrict({"kind": "lora", "beta1": 0.9}) == {"kind": "lora"}


def test_an_active_parameter_needs_a_value() -> None:
    with pytest.raises(SpaceError, match="rank is active"):
        tree().complete({"kind": "lora", "rate": 1e-3, "embedding": 32})


def test_constraints_name_defaults_and_skip_what_is_inactive() -> None:
    space = tree()
    full = {"kind": "full", "layers": 1, "embedding": 32}
    assert not space.allowed(space.complete({**full, "rate": 2e-2}))
    assert not space.allowed(space.complete({**full, "rate": 1.5e-5}))  # optimizer is not of the space
    assert space.allowed(space.complete({**full, "rate": 1e-3}))  # rank > 8 says nothing here
    assert not space.allowed(space.complete({**full, "rate": 1.0}))  # outside the bounds


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_every_draw_is_allowed_complete_and_reproducible(seed: int) -> None:
    space = tree()
    params = space.sample(np.random.default_rng(seed))
    assert space.allowed(params)
    assert params == space.complete(params)
    assert params == tree().sample(np.random.default_rng(seed))
    assert ("rank" in params) == (params["kind"] == "lora")


def test_the_files_prior_holds_unless_another_is_given() -> None:
    prior = {"center": 1e-4, "sd_decades": 0.1}
    space = Space(parameters(rate={"low": 1e-6, "high": 1e-1, "log": True, "prior": prior}))
    rng = np.random.default_rng(0)
    own = [float(space.sample(rng)["rate"]) for _ in range(200)]
    assert np.median(own) == pytest.approx(1e-4, rel=0.1)
    other = [float(space.sample(rng, {"rate": Prior(center=1e-2, sd_decades=0.1)})["rate"]) for _ in range(200)]
    assert np.median(other) == pytest.approx(1e-2, rel=0.1)


def test_grid_of_162_combinations() -> None:
    space = Space(
        parameters(
            rate={"low": 1e-5, "high": 1e-3, "log": True},
            batch={"choices": [8, 16, 32]},
            decay={"low": 0.0, "high": 0.1, "step": 0.05},
            layers={"low": 1, "high": 3, "integer": True},
            packing={"choices": [True, False]},
        )
    )
    cells = space.grid(points=3)
    assert len(cells) == 162
    assert {cell["rate"] for cell in cells} == {1e-5, 1e-4, 1e-3}
    assert {cell["decay"] for cell in cells} == {0.0, 0.05, 0.1}


def test_grid_leaves_out_what_is_equal_or_forbidden() -> None:
    space = Space(
        parameters(
            kind={"choices": ["full", "lora"]},
            rank={"choices": [4, 8, 16], "when": 'kind == "lora"'},
        ),
        forbid=["rank == 16"],
    )
    assert space.grid() == (
        {"kind": "full"},
        {"kind": "lora", "rank": 4},
        {"kind": "lora", "rank": 8},
    )


def test_grid_too_large() -> None:
    space = Space(parameters(**{f"p{i}": {"low": 0, "high": 99, "integer": True} for i in range(3)}))
    with pytest.raises(SpaceError, match="at most 100000 combinations"):
        space.grid()


def test_whole_numbers_on_a_log_scale_are_listed_when_asked_for_all() -> None:
    space = Space(parameters(rank={"low": 1, "high": 9, "integer": True, "log": True}))
    assert [cell["rank"] for cell in space.grid(points=3)] == [1, 3, 9]
    assert [cell["rank"] for cell in space.grid(points=50)] == list(range(1, 10))


def test_constraints_that_leave_nothing() -> None:
    space = Space(parameters(rate={"low": 1e-6, "high": 1e-1, "log": True}), forbid=["rate > 0"])
    with pytest.raises(SpaceError, match="relax one of: rate > 0"):
        space.sample(np.random.default_rng(0))


def test_distance() -> None:
    space = tree()
    a = space.complete({"kind": "full", "layers": 1, "rate": 1e-3, "embedding": 32})
    b = space.complete({"kind": "full", "layers": 1, "rate": 1e-2, "embedding": 32})
    c = space.complete({"kind": "lora", "rank": 4, "rate": 1e-3, "embedding": 32})
    assert space.distance(a, a) == 0
    assert space.distance(a, b) == pytest.approx(0.25 / 5**0.5)  # one of five axes, a quarter of its decades
    assert space.distance(a, c) == pytest.approx((3 / 5) ** 0.5)  # kind, and layers and rank that only one has


@pytest.mark.parametrize(
    ("options", "forbid", "message"),
    [
        ({"a": {"derive": "b + 1"}, "b": {"derive": "a"}}, [], "a.derive: depends on itself: a -> b -> a"),
        ({"a": {"value": 1, "when": "a > 0"}}, [], "a.when: depends on itself: a -> a"),
        ({"a": {"value": 1, "when": "metod > 0"}, "method": {"value": 1}}, [], "'metod' .*did you mean 'method'"),
        ({"m": {"choices": ["full", "lora"]}}, ['m == "lorra"'], "'lorra' is not a choice of m .*did you mean 'lora'"),
        ({"m": {"value": 1}}, ["m >"], "constraints.0.forbid: not an expression"),
    ],
)
def test_spaces_that_cannot_be(options: dict[str, Any], forbid: list[str], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        Space(parameters(**options), forbid)


def test_what_depends_on_a_circle_is_not_blamed_for_it() -> None:
    with pytest.raises(SpaceError) as caught:
        Space(parameters(c={"derive": "a"}, a={"derive": "b"}, b={"derive": "a"}, d={"derive": "c"}))
    assert str(caught.value) == "space: space.a.derive: depends on itself: a -> b -> a; break the circle"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "exactly one of"),
        ({"low": 1.0, "high": 2.0, "choices": [1]}, "low/high and choices"),
        ({"low": 1.0}, "high is missing"),
        ({"low": 2.0, "high": 1.0}, "low <= high"),
        ({"low": 0.0, "high": 1.0, "log": True}, "log scale needs low > 0"),
        ({"low": 0.5, "high": 2.0, "integer": True}, "whole bounds"),
        ({"low": 0.0, "high": 1.0, "step": 0.3}, "the last value would be 0.9; write high: 0.9"),
        ({"low": 1.0, "high": 10.0, "log": True, "step": 1}, "step on a log scale"),
        ({"low": 0, "high": 4, "integer": True, "step": 0.5}, "whole step"),
        ({"choices": []}, "must not be empty"),
        ({"choices": [8, 16, 8.0]}, "8.0 is given twice"),
        ({"choices": [8], "log": True}, "belongs to a range"),
        ({"low": float("nan"), "high": 1.0}, "finite"),
        ({"low": 0.0, "high": float("inf")}, "finite"),
        ({"low": 1e-5, "high": 1e-1, "log": True, "prior": {"center": 1.0, "sd_decades": 1}}, "between low and high"),
        ({"low": 0.0, "high": 1.0, "prior": {"center": 0.5, "sd_decades": 1}}, "takes a prior with sd"),
        ({"choices": ["a"], "prior": {"weights": {"b": 1}}}, "'b' is not one of the choices"),
        ({"choices": ["a"], "prior": {"weights": {"a": 0}}}, "never dropped"),
        ({"value": 1, "prior": {"weights": {"a": 1}}}, "only a parameter that is searched"),
    ],
)
def test_parameters_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ParameterOptions.model_validate(options)


def test_describe_is_plain_json() -> None:
    import json

    described = tree().describe()
    assert json.loads(json.dumps(described)) == described
    assert described["parameters"]["layers"] == {"low": 1.0, "high": 3.0, "integer": True, "when": 'kind == "full"'}
