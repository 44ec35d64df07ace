"""Stage: text in, rows checked and split, tokenised once, and a base model to start from."""

from __future__ import annotations

from seektune.ledger.results import PrepareResult
from seektune.report.summary import pretrained
from seektune.trial import Json
from tasks import pages
from tasks.board import rounded
from tasks.holding import hold
from tasks.watched import WatchedRun


@hold("prepare", retries=2, retry_delay_seconds=30)  # a hub model or data set comes over the network
def prepare(run: WatchedRun) -> tuple[Json, str]:
    """Rows, tokens and base model, cached by content."""
    result = run.run("prepare")
    found = PrepareResult.model_validate(result)
    sentence = (
        f"{pretrained(found.continued_pretraining)}{found.train_rows:,} rows, {found.train_tokens:,} tokens; a full run is "
        f"{found.horizon_tokens:,} tokens"
    )
    run.show("data", page(found), sentence)
    return result, sentence


def page(result: PrepareResult) -> str:
    losses = ", ".join(f"{name} {rounded(value)}" for name, value in result.base_losses.items())
    facts = [
        {"": "kind of data", "value": result.kind},
        {"": "rows to train on", "value": f"{result.train_rows:,} ({result.train_tokens:,} tokens)"},
        {"": "length of a full run", "value": f"{result.horizon_tokens:,} tokens"},
        {"": "base model", "value": f"{result.parameters:,} parameters, hidden size {result.hidden_size}"},
        {"": "continued pre-training", "value": pretrained(result.continued_pretraining) or "none"},
        {"": "base before tuning", "value": losses or "not measured"},
        {"": "default to beat", "value": pages.params(result.default)},
        {"": "rows", "value": result.rows},
        {"": "base folder", "value": result.base},
    ]
    return pages.page(["# Data and base model", pages.table(facts)])
