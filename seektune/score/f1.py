"""F1 of one or more classes from counts per row: of all rows together, and each row's part in it.

Counts are hits [N, C], how often row n says class c and is right, and sizes [N, C], how often c is true plus how often it
is predicted: F1 = 2 hits / sizes, 0 where nothing is true or predicted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = tuple[NDArray[np.float64], NDArray[np.float64]]


def class_counts(label: NDArray[np.int64], predicted: NDArray[np.int64], targets: NDArray[np.int64]) -> Counts:
    """Of every class that is true or predicted somewhere; label and predicted [T], row after row of `targets` [N]."""
    classes, places = np.unique(np.concatenate([label, predicted]), return_inverse=True)
    row = np.repeat(np.arange(len(targets)), targets)
    true, guessed = places[: len(label)], places[len(label) :]
    right = label == predicted
    hits, sizes = (np.zeros((len(targets), len(classes))) for _ in range(2))
    np.add.at(hits, (row[right], true[right]), 1)
    np.add.at(sizes, (row, true), 1)
    np.add.at(sizes, (row, guessed), 1)
    return hits, sizes


def f1(counts: Counts) -> float:
    """Unweighted mean over the classes."""
    return float(_each(*counts).mean()) if counts[1].size else 0.0


def f1_per_row(counts: Counts) -> NDArray[np.float64]:
    """[N] scores whose mean is `f1`.

    F1 is no mean of rows but a ratio of sums. Each row gets its part in the linearised ratio (the delta method), F1 +
    (2 hits - F1 sizes) / mean sizes, whose spread over rows is that of the F1.
    """
    hits, sizes = counts
    if not sizes.size:
        return np.zeros(len(sizes))
    whole = _each(hits, sizes)
    mean_size = np.maximum(sizes.mean(axis=0), np.finfo(float).tiny)
    scores: NDArray[np.float64] = (whole + (2 * hits - whole * sizes) / mean_size).mean(axis=1)
    return scores


def _each(hits: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    whole: NDArray[np.float64] = 2 * hits.sum(axis=0) / np.maximum(sizes.sum(axis=0), 1)
    return whole
