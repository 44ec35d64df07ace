"""Scores per example, as one array whose mean is the metric.

Loss is a mean over target tokens, so each row's loss is weighted by its share of the tokens: then the mean of the
weighted scores is exactly the metric, and a paired difference per row makes sense. F1 is a ratio of sums over rows: each
row has its part in the linearised ratio (score/f1.py), the mean of which is again the metric.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from seektune.errors import SeektuneError
from seektune.score.f1 import class_counts, f1_per_row
from seektune.score.options import METRICS


@dataclass(frozen=True)
class Examples:
    """scores [N], groups [N]; rows in stored order, the same for every run on the same split."""

    scores: NDArray[np.float64]
    groups: list[str]
    row_ids: list[str]


def read_examples(path: Path, metric: str) -> Examples:
    """Read a Result.examples file (train/evaluate.py, write_examples, says what its columns are)."""
    table = parquet.read_table(path)
    column = {name: table.column(name).to_numpy(zero_copy_only=False) for name in table.column_names}
    if metric in ("loss", "perplexity"):
        tokens = column["tokens"].astype(np.float64)
        scores = column["loss"] * tokens / tokens.mean()
    elif metric == "macro_f1":
        label, predicted = (np.hstack(column[name]) for name in ("label", "predicted"))  # a class, or one per word
        scores = f1_per_row(class_counts(label, predicted, column["tokens"]))
    elif metric == "entity_f1":
        scores = f1_per_row((column["entity_hits"][:, None], column["entity_sizes"][:, None]))
    elif metric == "accuracy":
        tokens = column["tokens"].astype(np.float64)
        scores = column["accuracy"] * tokens / tokens.mean()
    elif metric == "exact_match":
        scores = column["exact"].astype(np.float64)
    else:
        raise SeektuneError(f"metric {metric} has no score per example; use {', '.join(METRICS)}")
    return Examples(
        scores=np.asarray(scores, dtype=np.float64),
        groups=[str(group) for group in column["group"]],
        row_ids=[str(row) for row in column["row_id"]],
    )
