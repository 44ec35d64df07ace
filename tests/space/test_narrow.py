"""The box: METHOD's numbers by hand, soft walls, and that it never leaves the bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seektune.space.narrow import Box, narrow
from seektune.space.options import ParameterOptions
from seektune.space.space import Space


@pytest.fixture
def space() -> Space:
    return Space(
        {
            "learning_rate": ParameterOptions(low=1e-6, high=1e-1, log=True),
            "weight_decay": ParameterOptions(low=0.0, high=0.1),
            "effective_batch": ParameterOptions(choices=[4, 8, 16, 32, 64, 128]),
            "layers": ParameterOptions(low=1, high=20, integer=True),
            "method": ParameterOptions(choices=["full", "lora", "prefix"]),
        }
    )


def params(
    rate: float, decay: float = 0.05, batch: int = 16, layers: int = 10, method: str = "lora"
) -> dict[str, object]:
    return {
        "learning_rate": rate, "weight_decay": decay, "effective_batch": batch, "layers": layers, "method": method,
    }  # fmt: skip


def test_margin_of_three_tenths_of_a_decade(space: Space) -> None:
    best = [params(1e-3), params(1e-4), params(1e-2)]
    box = narrow(space, best + [params(1e-6)] * 9)
    low, high = box.bounds["learning_rate"]
    assert math.log10(low) == pytest.approx(-4.3, abs=1e-4)
    assert math.log10(high) == pytest.approx(-1.7, abs=1e-4)


def test_an_optimum_at_an_edge_widens_that_side(space: Space) -> None:
    box = narrow(space, [params(1e-4), params(1e-3), params(1e-2)] + [params(1e-6)] * 9)
    low, high = box.bounds["learning_rate"]
    assert math.log10(low) == pytest.approx(-4.6, abs=1e-4)
    assert math.log10(high) == pytest.approx(-1.7, abs=1e-4)


@pytest.mark.parametrize("outside", [2, 24, 256])
def test_a_leader_outside_the_choices_says_nothing_about_them(space: Space, outside: int) -> None:
    """The default, where the study leaves its batch out."""
    box = narrow(space, [params(1e-3, batch=outside), params(1e-3, batch=16), params(1e-3, batch=128)])
    assert box.bounds["effective_batch"] == (8, 32)  # around the second, which is no edge's optimum


def test_the_learning_rate_keeps_a_decade(space: Space) -> None:
    narrow_rates = Space({"learning_rate": ParameterOptions(low=1e-4, high=1e-2, log=True)})
    twins = [{"learning_rate": 1.0e-3}] * 8  # both edges: 0.6 to either side
    low, high = narrow(narrow_rates, twins).bounds["learning_rate"]
    assert math.log10(high / low) >= 1 - 1e-4
    at_bound = [{"learning_rate": 1e-2}, {"learning_rate": 0.99e-2}]
    low, high = narrow(narrow_rates, at_bound).bounds["learning_rate"]
    assert high == 1e-2
    assert math.log10(high / low) >= 1 - 1e-4


def test_linear_ordered_and_whole_numbers(space: Space) -> None:
    best = [params(1e-3, 0.05, 16, 10), params(1e-3, 0.06, 32, 12), params(1e-3, 0.04, 8, 8)]
    box = narrow(space, best)
    assert box.bounds["weight_decay"] == pytest.approx((0.03, 0.07))
    assert box.bounds["effective_batch"] == (4, 64)  # one doubling either side
    assert box.bounds["layers"] == (6, 14)  # a tenth of the range is two layers


def test_categories_are_reweighted_never_dropped(space: Space) -> None:
    box = narrow(space, [params(1e-3, method="lora")] * 6 + [params(1e-3, method="full")] * 2, share=1.0)
    assert box.weights["method"] == {"full": 3.0, "lora": 7.0, "prefix": 1.0}
    assert "method" not in box.bounds
    rng = np.random.default_rng(0)
    assert {space.sample(rng, box=box)["method"] for _ in range(300)} == {"full", "lora", "prefix"}


def test_conditional_parameters_use_the_trials_that_have_them() -> None:
    space = Space(
        {
            "method": ParameterOptions(choices=["full", "lora"]),
            "rank": ParameterOptions(choices=[4, 8, 16, 32], when='method == "lora"'),
        }
    )
    box = narrow(space, [{"method": "full"}, {"method": "lora", "rank": 8}], share=1.0)
    assert box.bounds["rank"] == (4, 16) or box.bounds["rank"] == (4, 8)
    assert "rank" not in narrow(space, [{"method": "full"}] * 3).bounds


def test_values_outside_the_study_are_ignored(space: Space) -> None:
    box = narrow(space, [params(5.0), params(1e-3), params(2e-3)], share=1.0)
    assert box.bounds["learning_rate"][1] < 1e-2


def test_travels_as_json(space: Space) -> None:
    box = narrow(space, [params(1e-3), params(3e-3)])
    assert Box.from_json(box.to_json()) == box


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30))
def test_never_leaves_the_bounds_and_draws_stay_inside(seed: int, count: int) -> None:
    space = Space(
        {
            "learning_rate": ParameterOptions(low=1e-6, high=1e-1, log=True),
            "weight_decay": ParameterOptions(low=0.0, high=0.1, step=0.02),
            "effective_batch": ParameterOptions(choices=[8, 16, 32]),
            "layers": ParameterOptions(low=1, high=6, integer=True),
        }
    )
    rng = np.random.default_rng(seed)
    box = narrow(space, [space.sample(rng) for _ in range(count)])
    for name, (low, high) in box.bounds.items():
        axis = space.axes[name]
        assert axis.low - 1e-9 <= box.inner(axis)[0] <= box.inner(axis)[1] <= axis.high + 1e-9
        assert low <= high
    for _ in range(5):
        assert box.contains(space.axes, space.sample(rng, box=box))
        wild = space.sample(rng)
        folded = {name: box.fold(axis, wild[name]) for name, axis in space.axes.items()}
        assert box.contains(space.axes, folded)
        if box.contains(space.axes, wild):
            assert folded == wild


def test_folding_mirrors_at_the_wall() -> None:
    space = Space({"x": ParameterOptions(low=0.0, high=10.0)})
    box = Box({"x": (2.0, 4.0)})
    fold = {value: box.fold(space.axes["x"], value) for value in (3.0, 4.5, 6.5, 1.5, 9.0)}
    assert fold == pytest.approx({3.0: 3.0, 4.5: 3.5, 6.5: 2.5, 1.5: 2.5, 9.0: 3.0})
