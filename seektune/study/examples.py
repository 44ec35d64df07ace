"""Scores per example, as one array whose mean is the metric.

Loss is a mean over target tokens, so each row's loss is weighted by its share of the tokens: then the mean of the
weighted scores is exactly the metric, and a paired difference per row makes sense. For metrics without a per-example
form (macro-F1) each correct row counts by the inverse frequency of its class, which is macro recall: said in the report.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from seektune.errors import SeektuneError


@dataclass(frozen=True)
class Examples:
    """scores [N], groups [N]; rows in stored order, the same for every run on the same split."""

    scores: NDArray[np.float64]
    groups: list[str]
    row_ids: list[str]


def read_examples(path: Path, metric: str) -> Examples:
    """Read a Result.examples file (columns row_id, group, loss, tokens, accuracy, exact, label)."""
    table = parquet.read_table(path)
    column = {name: table.column(name).to_numpy(zero_copy_only=False) for name in table.column_names}
    if metric in ("loss", "perplexity"):
        tokens = column["tokens"].astype(np.float64)
        scores = column["loss"] * tokens / tokens.mean()
    elif metric == "macro_f1":
        _, index, counts = np.unique(column["label"], return_inverse=True, return_counts=True)
        scores = column["exact"] * len(index) / (len(counts) * counts[index])
    elif metric == "accuracy":
        tokens = column["tokens"].astype(np.float64)
        scores = column["accuracy"] * tokens / tokens.mean()
    elif metric == "exact_match":
        scores = column["exact"].astype(np.float64)
    else:
        raise SeektuneError(f"metric {metric} has no score per example; use loss, accuracy, exact_match or macro_f1")
    return Examples(
        scores=np.asarray(scores, dtype=np.float64),
        groups=[str(group) for group in column["group"]],
        row_ids=[str(row) for row in column["row_id"]],
    )
