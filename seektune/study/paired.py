"""How sure is a difference between two configurations that were trained with the same seeds?

Scores y[c, s, i]: configuration c, seed s, example i (rows of one split). The difference between challenger and
reference varies for two reasons, and both count:

    Var(mean difference) = 2 MS(config x seed) / n_seeds + Var_groups(mean over seeds of the difference)

MS(config x seed) is the mean square of the interaction in the table of per-run means, pooled over all configurations
that were trained with these seeds: (C - 1)(S - 1) degrees of freedom, so that three seeds are not alone with two. The
second term resamples groups, not rows, since rows of one customer or near-duplicate cluster speak with one voice. The
bootstrap over examples alone was seen to promote falsely in 12-23% of null nights at a nominal 5%.

C configurations, S seeds, N examples, G groups.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from seektune.ledger.results import Interval

Floats = NDArray[np.float64]

POWER = 0.9
"""Chance of showing the smallest visible difference; `seeds_needed` counts with the same."""

LOOKS = 20
"""Looks that one version of a test split bears; the level of each is alpha / LOOKS."""


def interaction(table: Floats) -> tuple[float, int]:
    """Mean square of config x seed in a [C, S] table of run means, and its degrees of freedom."""
    configs, seeds = table.shape
    freedom = (configs - 1) * (seeds - 1)
    if freedom < 1:
        return 0.0, 0
    residual = table - table.mean(1, keepdims=True) - table.mean(0, keepdims=True) + table.mean()
    return float((residual**2).sum() / freedom), freedom


def group_variance(differences: Floats, groups: Sequence[str]) -> float:
    """Variance of the mean of `differences` [N], rows of one group moving together (cluster-robust)."""
    _, index = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.bincount(index, weights=differences - differences.mean())
    count = len(sums)
    if count < 2:
        return 0.0
    return float((sums**2).sum() / len(differences) ** 2 * count / (count - 1))


def paired_interval(
    challenger: Floats, reference: Floats, groups: Sequence[str], table: Floats, *, alpha: float, sign: float
) -> Interval:
    """Interval of `sign * (challenger - reference)` at level 1 - 2 alpha.

    challenger, reference: [S, N] scores per seed and example (already weighted so that their mean is the metric);
    table: [C, S] run means of every configuration trained with these seeds, the two included;
    sign: +1 where larger scores are better, -1 where smaller ones are: positive differences are better.
    """
    difference = sign * (challenger - reference)
    seeds = difference.shape[0]
    mean_square, freedom = interaction(table)
    seed_variance = 2 * mean_square / seeds
    example_variance = group_variance(difference.mean(0), groups)
    total = seed_variance + example_variance
    # Satterthwaite: the example term has as many degrees of freedom as groups, the seed term only a few.
    parts = [(seed_variance, freedom), (example_variance, max(len(set(groups)) - 1, 1))]
    denominator = sum(value**2 / max(degrees, 1) for value, degrees in parts if value > 0)
    degrees_of_freedom = total**2 / denominator if denominator > 0 else float(max(freedom, 1))
    error = math.sqrt(total)
    quantile = float(stats.t.ppf(1 - alpha, degrees_of_freedom))
    power_quantile = float(stats.t.ppf(POWER, degrees_of_freedom))
    mean = float(difference.mean())
    return Interval(
        mean=mean,
        low=mean - quantile * error,
        high=mean + quantile * error,
        level=1 - 2 * alpha,
        low_per_look=mean - float(stats.t.ppf(1 - alpha / LOOKS, degrees_of_freedom)) * error,
        degrees_of_freedom=degrees_of_freedom,
        smallest_visible=(quantile + power_quantile) * error,
        seed_sd=math.sqrt(mean_square),
        example_sd=math.sqrt(example_variance),
    )


def seeds_needed(paired_sd: float, minimum_effect: float) -> int:
    """Paired seeds that show `minimum_effect` at 5% with 90% power (2.93 = 1.645 + 1.282), 3 to 10."""
    if minimum_effect <= 0:
        return 10
    return min(max(math.ceil((2.93 * paired_sd / minimum_effect) ** 2), 3), 10)
