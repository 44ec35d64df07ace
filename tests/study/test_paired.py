"""The paired interval: by hand, and its level over simulated null nights."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from seektune.study.paired import group_variance, interaction, paired_interval, seeds_needed


def test_interaction_by_hand() -> None:
    table = np.array([[1.0, 2.0, 3.0], [1.0, 3.0, 2.0]])
    # Row means 2, 2; column means 1, 2.5, 2.5; grand mean 2. Residuals: 0, -.5, .5 / 0, .5, -.5.
    mean_square, freedom = interaction(table)
    assert freedom == 2
    assert mean_square == pytest.approx(4 * 0.25 / 2)


def test_group_variance_is_the_plain_one_for_groups_of_one() -> None:
    values = np.array([1.0, 2.0, 4.0, 7.0])
    assert group_variance(values, list("abcd")) == pytest.approx(values.var(ddof=1) / 4)


def test_rows_of_one_group_count_once() -> None:
    values = np.array([1.0, 2.0, 4.0, 7.0])
    doubled = np.repeat(values, 5)
    groups = [name for name in "abcd" for _ in range(5)]
    assert group_variance(doubled, groups) == pytest.approx(group_variance(values, list("abcd")))


@pytest.mark.parametrize(("sd", "effect", "seeds"), [(0.001, 1.0, 3), (1.0, 1.0, 9), (10.0, 1.0, 10), (1.0, 0.0, 10)])
def test_seeds_needed(sd: float, effect: float, seeds: int) -> None:
    assert seeds_needed(sd, effect) == seeds


def null_night(rng: np.random.Generator, lead: float = 0.0) -> bool:
    """Six configurations of equal true mean, three seeds; True when the first is called better than the second."""
    configs, seeds, rows, groups = 6, 3, 240, 60
    shared = rng.normal(0, 1, rows)[None, None, :]  # rows differ in difficulty for everybody
    seed_effect = rng.normal(0, 0.05, (1, seeds, 1))
    own = rng.normal(0, 0.03, (configs, seeds, 1))
    by_group = rng.normal(0, 0.1, (configs, 1, groups)).repeat(rows // groups, axis=2)
    scores = 2 + shared + seed_effect + own + by_group + rng.normal(0, 0.1, (configs, seeds, rows))
    scores[0] -= lead
    names = [str(index // (rows // groups)) for index in range(rows)]
    interval = paired_interval(scores[0], scores[1], names, scores.mean(2), alpha=0.05, sign=-1.0)
    return interval.low > 0


def test_null_nights_keep_the_level() -> None:
    """Equal true mean with independent training noise: at most the nominal 5% (plus what 600 nights can scatter)."""
    rng = np.random.default_rng(11)
    called = sum(null_night(rng) for _ in range(600))
    assert called <= stats.binom.ppf(0.999, 600, 0.05)


def test_a_true_lead_is_seen() -> None:
    rng = np.random.default_rng(12)
    assert sum(null_night(rng, lead=0.15) for _ in range(100)) >= 90


def test_sign_and_bounds() -> None:
    ours = np.full((3, 50), 1.0) + np.random.default_rng(0).normal(0, 0.01, (3, 50))
    theirs = np.full((3, 50), 2.0) + np.random.default_rng(1).normal(0, 0.01, (3, 50))
    groups = [str(index) for index in range(50)]
    table = np.stack([ours.mean(1), theirs.mean(1)])
    lower_better = paired_interval(ours, theirs, groups, table, alpha=0.05, sign=-1.0)
    assert lower_better.low < lower_better.mean < lower_better.high
    assert lower_better.mean == pytest.approx(1.0, abs=0.02)
    assert lower_better.low_per_look < lower_better.low
    higher_better = paired_interval(ours, theirs, groups, table, alpha=0.05, sign=1.0)
    assert higher_better.mean == pytest.approx(-lower_better.mean)
