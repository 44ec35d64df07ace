"""A parameter as a coordinate: table of inner values, encodings for Optuna, draws from priors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from seektune.space.axis import Axis
from seektune.space.options import ParameterOptions, Prior


def axis(**options: object) -> Axis:
    made = Axis.of("p", ParameterOptions.model_validate(options))
    assert made is not None
    return made


RATE = {"low": 1e-6, "high": 1e-1, "log": True}


@pytest.mark.parametrize(
    ("options", "distribution"),
    [
        (RATE, FloatDistribution(1e-6, 1e-1, log=True)),
        ({"low": 0.0, "high": 0.1}, FloatDistribution(0.0, 0.1)),
        ({"low": 0.0, "high": 1.0, "step": 0.25}, FloatDistribution(0.0, 1.0, step=0.25)),
        ({"low": 2, "high": 8, "integer": True}, IntDistribution(2, 8)),
        ({"low": 2, "high": 8, "integer": True, "step": 3}, IntDistribution(2, 8, step=3)),
        ({"low": 2, "high": 512, "integer": True, "log": True}, IntDistribution(2, 512, log=True)),
        ({"choices": [64, 8, 32, 16]}, IntDistribution(3, 6)),  # consecutive powers of two: log2
        ({"choices": [1, 2]}, IntDistribution(0, 1)),
        ({"choices": [8, 32, 64]}, IntDistribution(0, 2)),  # other numbers: their rank
        ({"choices": [0.0, 0.1, 0.01]}, IntDistribution(0, 2)),
        ({"choices": ["full", "lora"]}, CategoricalDistribution(("full", "lora"))),
        ({"choices": [True, False]}, CategoricalDistribution((True, False))),
    ],
)
def test_distribution_keeps_the_outer_bounds(options: dict[str, object], distribution: object) -> None:
    assert axis(**options).distribution() == distribution


@pytest.mark.parametrize(
    "options",
    [
        RATE,
        {"low": 0.0, "high": 0.1},
        {"low": 0.0, "high": 1.0, "step": 0.25},
        {"low": 2, "high": 512, "integer": True, "log": True},
        {"low": 2, "high": 8, "integer": True, "step": 3},
        {"choices": [64, 8, 32, 16]},
        {"choices": [8, 32, 64]},
        {"choices": ["full", "lora", "prefix"]},
        {"choices": [True, False]},
    ],
)
def test_draws_are_inside_and_survive_the_way_to_optuna_and_back(options: dict[str, object]) -> None:
    made = axis(**options)
    distribution = made.distribution()
    for uniform in np.linspace(0, 0.999999, 101):
        value = made.draw(float(uniform), None, made.low, made.high, {})
        assert made.contains(value)
        encoded = made.encode(value)
        assert distribution._contains(distribution.to_internal_repr(encoded))
        assert made.decode(encoded) == value
        assert type(made.decode(encoded)) is type(value)
        assert made.at(made.unit(value)) == value


def test_unit_is_logarithmic_where_the_axis_is() -> None:
    assert axis(**RATE).unit(1e-5) == pytest.approx(0.2)
    assert axis(choices=[8, 16, 32, 64]).unit(16) == pytest.approx(1 / 3)
    assert axis(low=0.0, high=0.2).unit(0.05) == pytest.approx(0.25)


def test_nothing_to_search() -> None:
    assert Axis.of("p", ParameterOptions(choices=[8])) is None
    assert Axis.of("p", ParameterOptions(low=1.0, high=1.0)) is None
    assert Axis.of("p", ParameterOptions(value=3)) is None
    assert Axis.of("p", ParameterOptions(derive="2 * q")) is None


def test_true_is_not_one() -> None:
    assert not axis(choices=[1, 2]).contains(True)
    assert not axis(choices=[True, False]).contains(1)
    assert not axis(**RATE).contains("1e-3")


def test_bounds_are_drawn_exactly_and_never_left() -> None:
    made = axis(low=1e-7 / 3, high=1 / 3, log=True)
    assert made.at(0.0) == 1e-7 / 3
    assert made.at(1.0) == 1 / 3
    assert made.at(2.0) == 1 / 3


def test_whole_numbers_are_equally_frequent() -> None:
    made = axis(low=1, high=4, integer=True)
    draws = [made.draw((i + 0.5) / 4000, None, made.low, made.high, {}) for i in range(4000)]
    assert {value: draws.count(value) for value in set(draws)} == {1: 1000, 2: 1000, 3: 1000, 4: 1000}


def test_log_normal_prior_has_its_centre_and_spread() -> None:
    made, prior = axis(**RATE), Prior(center=3e-4, sd_decades=0.4)
    logs = np.log10([made.draw((i + 0.5) / 2000, prior, made.low, made.high, {}) for i in range(2000)])
    assert np.median(logs) == pytest.approx(math.log10(3e-4), abs=0.01)
    assert np.std(logs) == pytest.approx(0.4, abs=0.02)


def test_prior_never_leaves_the_bounds() -> None:
    made, prior = axis(low=1e-4, high=1e-3, log=True), Prior(center=3e-4, sd_decades=5.0)
    draws = [made.draw((i + 0.5) / 500, prior, made.low, made.high, {}) for i in range(500)]
    assert min(draws) >= 1e-4
    assert max(draws) <= 1e-3
    far = Prior(center=1e6, sd_decades=0.1)  # says nothing here: uniform
    spread = np.log10([made.draw((i + 0.5) / 500, far, made.low, made.high, {}) for i in range(500)])
    assert np.std(spread) == pytest.approx(1 / math.sqrt(12), abs=0.02)


def test_normal_prior_on_a_log_axis_and_log_normal_on_a_linear_one() -> None:
    logarithmic = axis(low=1e-4, high=1.0, log=True)
    draws = [logarithmic.draw((i + 0.5) / 500, Prior(center=0.5, sd=0.1), -4, 0, {}) for i in range(500)]
    assert np.mean(draws) == pytest.approx(0.5, abs=0.02)
    linear = axis(low=0.0, high=1.0)
    draws = [linear.draw((i + 0.5) / 500, Prior(center=0.01, sd_decades=0.3), 0.0, 1.0, {}) for i in range(500)]
    assert np.median(draws) == pytest.approx(0.01, rel=0.05)


def test_weights_of_choices() -> None:
    made = axis(choices=["full", "lora"])
    draws = [made.draw((i + 0.5) / 400, Prior(weights={"lora": 3.0}), made.low, made.high, {}) for i in range(400)]
    assert draws.count("lora") == 300
    draws = [made.draw((i + 0.5) / 400, Prior(weights={"lora": 3.0}), 0, 1, {"full": 3.0}) for i in range(400)]
    assert draws.count("lora") == 200


def test_a_centre_weighs_numeric_choices() -> None:
    made = axis(choices=[1e-5, 1e-4, 1e-3, 1e-2])
    prior = Prior(center=1e-4, sd_decades=0.4)
    draws = [made.draw((i + 0.5) / 1000, prior, made.low, made.high, {}) for i in range(1000)]
    assert draws.count(1e-4) > 800
    assert draws.count(1e-5) > 10
