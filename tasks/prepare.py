"""Stage: text in, rows checked and split, tokenised once, and a base model to start from."""

from __future__ import annotations

from pathlib import Path

from seektune.ledger.results import PrepareResult
from seektune.report.blocks import Tile, Tiles
from seektune.report.sections.data import blocks
from seektune.report.summary import found as told
from seektune.report.summary import pretrained
from seektune.text.rows import RowSet
from seektune.trial import Json
from tasks import pages
from tasks.board import rounded
from tasks.holding import hold
from tasks.watched import WatchedRun


@hold("prepare", retries=2, retry_delay_seconds=30)  # a hub model or data set comes over the network
def prepare(run: WatchedRun) -> tuple[Json, str]:
    """Rows, tokens and base model, cached by content."""
    result = run.run("prepare")
    sentence = told("prepare", result)
    run.show("data", page(PrepareResult.model_validate(result)), sentence)
    return result, sentence


def page(result: PrepareResult) -> str:
    losses = ", ".join(f"{name} {rounded(value)}" for name, value in result.base_losses.items())
    facts = {
        "kind of data": result.kind,
        "rows to train on": f"{result.train_rows:,} ({result.train_tokens:,} tokens)",
        "length of a full run": f"{result.horizon_tokens:,} tokens",
        "base model": f"{result.parameters:,} parameters, hidden size {result.hidden_size}",
        "continued pre-training": pretrained(result.continued_pretraining) or "none",
        "base before tuning": losses or "not measured",
        "default to beat": pages.params(result.default),
        "rows": result.rows,
        "base folder": result.base,
    }
    tiles = Tiles(tuple(Tile(name, value) for name, value in facts.items()))
    report = blocks(RowSet.open(Path(result.rows)).report, result) if result.rows else ()
    return pages.page(["# Data and base model", *map(pages.block, (tiles, *report))])
