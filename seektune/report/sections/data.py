"""Which rows went in, which came out, and why: the counts that a person checks before believing a score.

Made of what stands in the prepared rows' report and in the token store; `seektune data` and the prepare task show the
same blocks (data_counts.py, data_examples.py).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seektune.ledger.results import PrepareResult
from seektune.report import plots
from seektune.report.blocks import Block, Figure, Section
from seektune.report.chart import BLUE, axis, layout
from seektune.report.data_counts import counts
from seektune.report.data_examples import examples
from seektune.report.facts import Facts
from seektune.report.wording import count
from seektune.trial import Json

BARS = 40


def data(facts: Facts) -> Section | None:
    if facts.prepare is None or not facts.rows:
        return None
    return Section("Data", blocks(facts.rows, facts.prepare))


def blocks(rows: Json, prepared: PrepareResult) -> tuple[Block, ...]:
    """The whole data report, with the plot of lengths."""
    if not prepared.store or not Path(prepared.store).is_dir():
        return (*counts(rows, {}), *examples(rows))
    from seektune.text.data_report import after_tokenising
    from seektune.text.store import TokenStore

    store = TokenStore(Path(prepared.store))
    lengths = store.lengths("train")
    rows = after_tokenising(rows, store.dropped())
    return (*counts(rows, store.facts["splits"]), *([_plot(lengths)] if len(lengths) else []), *examples(rows))


def _plot(lengths: np.ndarray) -> Figure:
    """Histogram of the training rows' lengths in tokens."""
    amounts, edges = np.histogram(lengths, bins=min(BARS, max(int(lengths.max() - lengths.min()), 1)))
    bars = {"type": "bar", "x": ((edges[1:] + edges[:-1]) / 2).tolist(), "y": amounts.tolist(),
            "width": np.diff(edges).tolist(), "marker": {"color": BLUE}}  # fmt: skip
    caption = (
        f"Training rows by length: median {np.median(lengths):.0f}, 90% below {np.quantile(lengths, 0.9):.0f}, longest "
        f"{lengths.max()} tokens; {count(lengths.sum())} tokens in all."
    )
    spec = {"data": [bars], "layout": layout(axis("tokens per row"), axis("rows"), bargap=0.05)}
    picture = plots.lengths(amounts.tolist(), edges.tolist())
    return Figure("lengths", spec, caption, height=260, plot=picture)
