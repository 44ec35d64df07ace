"""What is good? Metrics of a set of rows, from per-row sums.

A target is a token that carries loss (language kinds) or the class of the row (classification). All are computed by
teacher forcing: a row is an exact match when every target token is the most likely one, which is when greedy decoding
gives the reference.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seektune.score.options import METRICS, metrics_of


@dataclass(frozen=True, slots=True)
class Scores:
    """One entry per row."""

    loss: NDArray[np.float64]  # summed over the row's targets, in nats
    targets: NDArray[np.int64]  # number of targets
    correct: NDArray[np.int64]  # targets that were the most likely one
    predicted: NDArray[np.int64]  # classification: most likely class; else -1
    label: NDArray[np.int64]  # classification: true class; else -1


def loss(scores: Scores) -> float:
    """Mean over all targets of all rows."""
    return float(scores.loss.sum() / max(1, scores.targets.sum()))


def perplexity(scores: Scores) -> float:
    """exp(loss); the largest finite number where that overflows."""
    mean = loss(scores)
    return math.exp(min(mean, 709.0)) if math.isfinite(mean) else mean


def accuracy(scores: Scores) -> float:
    """Share of all targets that were the most likely one."""
    return float(scores.correct.sum() / max(1, scores.targets.sum()))


def exact_match(scores: Scores) -> float:
    """Share of rows whose targets were all the most likely ones."""
    return float((scores.correct == scores.targets).mean()) if len(scores.targets) else 0.0


def macro_f1(scores: Scores) -> float:
    """Unweighted mean of the F1 of every class that is true or predicted somewhere (as scikit-learn does)."""
    classes = np.union1d(scores.label, scores.predicted)
    values = []
    for index in classes:
        hit = float(((scores.label == index) & (scores.predicted == index)).sum())
        values.append(2 * hit / float((scores.label == index).sum() + (scores.predicted == index).sum()))
    return float(np.mean(values)) if values else 0.0


def measure(kind: str, scores: Scores) -> Mapping[str, float]:
    """All metrics of this kind of data."""
    return {name: float(METRICS[name].load()(scores)) for name in metrics_of(kind)}
