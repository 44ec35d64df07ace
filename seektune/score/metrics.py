"""What is good? Metrics of a set of rows, from per-row sums.

A target is a token that carries loss (language kinds), the class of the row (classification) or the tag of a word
(tagging). Language kinds are computed by teacher forcing: a row is an exact match when every target token is the most
likely one, which is when greedy decoding gives the reference.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seektune.score.entities import entity_counts
from seektune.score.f1 import class_counts, f1
from seektune.score.options import METRICS, metrics_of


@dataclass(frozen=True, slots=True)
class Scores:
    """Of N rows with T targets in all; the classes are empty for kinds that have none."""

    loss: NDArray[np.float64]  # [N] summed over the row's targets, in nats
    targets: NDArray[np.int64]  # [N] number of targets
    correct: NDArray[np.int64]  # [N] targets that were the most likely one
    predicted: NDArray[np.int64]  # [T] most likely class of each target, row after row
    label: NDArray[np.int64]  # [T] true class
    names: Sequence[str] = ()  # of the classes


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
    """Unweighted mean of the F1 of every class that is true or predicted somewhere (as scikit-learn does).

    In tagging over words, with the tag O a class like any other; `entity_f1` leaves it out.
    """
    return f1(class_counts(scores.label, scores.predicted, scores.targets))


def entity_f1(scores: Scores) -> float:
    """F1 over all entities of all rows (micro), strict: right where type, start and end are right."""
    return f1(entity_counts(scores.label, scores.predicted, scores.targets, scores.names))


def measure(kind: str, scores: Scores) -> Mapping[str, float]:
    """All metrics of this kind of data."""
    return {name: float(METRICS[name].load()(scores)) for name in metrics_of(kind)}
