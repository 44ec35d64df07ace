"""Successive halving by hand."""

from __future__ import annotations

import math

import pytest

from seektune.stop.halving import promote


def test_the_best_go_on_with_their_reason() -> None:
    verdict = promote({"a": 3.0, "b": 1.0, "c": 2.0, "d": 4.0}, keep=2)
    assert verdict.kept == {"b": "rank 1 of 4, 2 go on", "c": "rank 2 of 4, 2 go on"}
    assert verdict.dropped == {
        "a": "rank 3 of 4, 1 behind the last that goes on",
        "d": "rank 4 of 4, 2 behind the last that goes on",
    }
    assert list(verdict.kept) == ["b", "c"]


def test_near_ties_go_on_but_at_most_as_many_again() -> None:
    values = {"a": 1.0, "b": 1.05, "c": 1.09, "d": 1.1, "e": 1.2}
    assert set(promote(values, keep=1, tie=0.06).kept) == {"a", "b"}
    assert set(promote(values, keep=2, tie=0.06).kept) == {"a", "b", "c", "d"}
    assert set(promote(values, keep=1, tie=0.5).kept) == {"a", "b"}
    assert "within the noise" in promote(values, keep=1, tie=0.06).kept["b"]


def test_without_noise_equal_values_are_cut_by_name() -> None:
    assert set(promote({"b": 1.0, "a": 1.0, "c": 1.0}, keep=1).kept) == {"a"}


def test_the_neighbouring_half_decades_survive_the_first_rung() -> None:
    values = {"leader": 1.0, "same": 1.1, "above": 5.0, "above2": 6.0, "below": 7.0, "far": 2.0}
    rates = {"leader": 1e-3, "same": 1.5e-3, "above": 3e-3, "above2": 2.5e-3, "below": 3e-4, "far": 1e-5}
    kept = promote(values, rates, keep=1, first_rung=True).kept
    assert set(kept) == {"leader", "above", "below"}
    assert "half-decade" in kept["above"]
    assert set(promote(values, rates, keep=1).kept) == {"leader"}


def test_half_decades_are_centred_on_the_leader() -> None:
    values = {"leader": 1.0, "inside": 2.0, "next": 3.0, "beyond": 4.0}
    rates = {"leader": 1e-3, "inside": 10**-2.76, "next": 10**-2.74, "beyond": 10**-2.2}
    assert set(promote(values, rates, keep=1, first_rung=True).kept) == {"leader", "next"}


@pytest.mark.parametrize("rates", [None, {}, {"b": 1e-3}])
def test_a_space_without_learning_rate(rates: dict[str, float] | None) -> None:
    assert set(promote({"a": 1.0, "b": 2.0}, rates, keep=1, first_rung=True).kept) == {"a"}


def test_values_that_are_not_finite_never_go_on() -> None:
    verdict = promote({"a": math.nan, "b": math.inf, "c": -math.inf, "d": 1.0}, keep=4, tie=9.0)
    assert set(verdict.kept) == {"d"}
    assert verdict.dropped == {"a": "no finite value", "b": "no finite value", "c": "no finite value"}


def test_nobody_to_keep() -> None:
    assert promote({}, keep=3).kept == {}
    assert promote({"a": math.nan}, keep=3).kept == {}
    assert promote({"a": 1.0}, keep=0).dropped == {"a": "none goes on"}


def test_every_trial_is_accounted_for() -> None:
    values = {f"t{i}": (i * 7919) % 31 / 10 for i in range(31)} | {"nan": math.nan}
    rates = {f"t{i}": 10 ** (-6 + i / 6) for i in range(31)}
    verdict = promote(values, rates, keep=10, tie=0.15, first_rung=True)
    assert set(verdict.kept) | set(verdict.dropped) == set(values)
    assert not set(verdict.kept) & set(verdict.dropped)
