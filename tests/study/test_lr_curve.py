"""The reading of a ramp, against curves whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from seektune.study.lr_curve import judge, local_linear, read_curve


def curve(seed: int = 0, noise: float = 0.01, turn: float = 1e-1, steps: int = 120) -> tuple[list[float], list[float]]:
    """Falls around 1e-4, flat near 3e-3, up again around `turn`."""
    rates = np.logspace(-6, 0, steps)
    x = np.log10(rates)
    losses = 3.0 - 1.0 / (1 + np.exp(-(x + 4) * 4)) + 3.0 / (1 + np.exp(-(x - np.log10(turn)) * 6))
    losses += np.random.default_rng(seed).normal(0, noise, steps)
    return list(rates), list(losses)


def test_bounds_and_suggestion_of_a_known_curve() -> None:
    reading = read_curve(*curve(noise=0.0))
    assert reading is not None
    assert reading.clear
    assert reading.most == pytest.approx(10 ** (-4 + np.log(3) / 4), rel=0.2)  # the logistic's three quarters
    assert 3e-5 < reading.low < 1e-4  # a quarter of the drop
    assert reading.high is not None
    assert 1e-2 < reading.high < 1e-1
    assert reading.most < reading.suggestion < reading.valley


def test_noise_hardly_moves_the_suggestion() -> None:
    """By the slope over the learning rate itself, noise at the left end wins by orders of magnitude (seen: 9e-8 for
    4e-4)."""
    suggestions = []
    for seed in range(40):
        reading = read_curve(*curve(seed, noise=0.01))
        assert reading is not None
        suggestions.append(np.log10(reading.suggestion))
    clean = read_curve(*curve(noise=0.0))
    assert clean is not None
    assert np.max(np.abs(np.array(suggestions) - np.log10(clean.suggestion))) < 0.5


def test_two_steep_parts_are_one_descent() -> None:
    """Seen on real text: which of the two is steeper is chance, and 1.5 decades lie between them."""
    rates = np.logspace(-6, 0, 120)
    x = np.log10(rates)
    readings = []
    for first in (0.45, 0.55, 0.5):
        falls = first / (1 + np.exp(-(x + 4) * 8)) + (1 - first) / (1 + np.exp(-(x + 2.5) * 8))
        readings.append(read_curve(list(rates), list(3 - falls + 3 / (1 + np.exp(-(x + 1) * 6)))))
    verdict = judge(readings)
    assert verdict.usable, verdict.reason
    assert verdict.spread_decades is not None
    assert verdict.spread_decades < 0.2


def test_a_flat_curve_is_no_range() -> None:
    rng = np.random.default_rng(3)
    rates = list(np.logspace(-6, 0, 120))
    readings = [read_curve(rates, list(3 + rng.normal(0, 0.05, 120))) for _ in range(3)]
    verdict = judge(readings)
    assert not verdict.usable
    assert "noise" in verdict.reason


def test_a_curve_that_only_rises_is_no_range() -> None:
    """Its first point is its smallest, far above a noise that cannot be read from one point."""
    rates = list(np.logspace(-6, 0, 120))
    verdict = judge([read_curve(rates, list(1 + 0.01 * np.sqrt(np.arange(120)))) for _ in range(3)])
    assert not verdict.usable
    assert verdict.suggestion is None


def test_a_curve_that_never_turns_up_has_no_upper_bound() -> None:
    reading = read_curve(*curve(turn=1e6))
    assert reading is not None
    assert reading.high is None
    verdict = judge([reading])
    assert verdict.usable
    assert verdict.high is None
    assert "never turned up" in verdict.reason


def test_seeds_that_disagree_are_no_range() -> None:
    readings = [read_curve(*curve(seed=1)), read_curve([rate * 20 for rate in curve()[0]], curve(seed=2)[1])]
    verdict = judge(readings)
    assert not verdict.usable
    assert "disagree" in verdict.reason


def test_divergence_cuts_the_curve_not_the_reading() -> None:
    rates, losses = curve(turn=1e-2)
    losses[-20:] = [float("inf")] * 20
    reading = read_curve(rates, losses)
    assert reading is not None
    assert reading.clear


def test_too_few_points() -> None:
    assert read_curve([1e-4] * 5, [1.0] * 5) is None
    assert not judge([None, None, None]).usable


def test_local_linear_is_exact_on_a_line() -> None:
    x = np.linspace(-6, 0, 50)
    np.testing.assert_allclose(local_linear(x, 2 * x + 1, 0.15), 2 * x + 1, atol=1e-9)
