"""Rungs by hand."""

from __future__ import annotations

import pytest

from seektune.stop.rungs import rung_tokens, survivors


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((90_000, 3, 3.0, 1.0), (10_000, 30_000, 90_000)),
        ((90_000, 2, 3.0, 1 / 3), (10_000, 30_000)),
        ((90_000, 3, 3.0, 1 / 3, 5_000), (10_000, 30_000)),  # 3,333 would compare noise
        ((90_000, 3, 3.0, 1 / 3, 50_000), (50_000,)),
        ((90_000, 3, 3.0, 1 / 3, 500_000), (90_000,)),
        ((1, 8, 3.0, 1.0), (1,)),
    ],
)
def test_rungs(arguments: tuple[int, int, float, float], expected: tuple[int, ...]) -> None:
    assert rung_tokens(*arguments) == expected


@pytest.mark.parametrize(("trials", "expected"), [(0, 0), (1, 1), (2, 1), (9, 3), (24, 8)])
def test_survivors(trials: int, expected: int) -> None:
    assert survivors(trials, 3.0) == expected
