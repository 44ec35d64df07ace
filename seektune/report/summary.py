"""What did a stage find, in one sentence? Read from its result alone, so that a Prefect artifact can say it, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from seektune.ledger.results import (
    AugmentationResult,
    ConfirmResult,
    ContinuedPretraining,
    PrepareResult,
    PromoteResult,
    RangeResult,
    RowBalance,
    SearchResult,
)
from seektune.report.wording import count, joined, number, plural, signed


def found(stage: str, result: Mapping[str, Any], metric: str = "loss") -> str:
    """One plain sentence (unescaped) about a stage's result; "" when it says nothing."""
    teller = SENTENCES.get(stage)
    if teller is None or not result:
        return ""
    try:
        return teller(result, metric)
    except ValidationError:
        return "Its result was written by another version and cannot be read."


def balance(rows: RowBalance) -> str:
    """`100 rows in = 90 used + 4 quarantined (3 empty, 1 too long) + 6 dropped (6 exact duplicate)`"""
    left = [(rows.quarantined, "quarantined"), (rows.dropped, "dropped")]
    return f"{plural(rows.rows_in, 'row')} in = {rows.used:,} used" + "".join(
        f" + {sum(counts.values()):,} {what}" + (f" ({reasons(counts)})" if counts else "") for counts, what in left
    )


def reasons(counts: Mapping[str, int]) -> str:
    """`3 empty, 1 too long`"""
    return ", ".join(f"{amount:,} {reason}" for reason, amount in counts.items())


def _prepare(data: Mapping[str, Any], metric: str) -> str:
    result = PrepareResult.model_validate(data)
    rows = (
        f"{plural(result.train_rows, 'training row')} ({count(result.train_tokens)} tokens). "
        if result.train_rows
        else ""
    )
    base = f"Base model of {count(result.parameters)} parameters. " if result.parameters else ""
    read = f"{balance(result.balance)}. " if result.balance else ""
    pretraining = pretrained(result.continued_pretraining)
    return f"{read}{rows}{base}{pretraining}A full run is {count(result.horizon_tokens)} tokens."


def pretrained(found: ContinuedPretraining | None) -> str:
    """What continued pre-training changed; "" where there was none."""
    if found is None:
        return ""
    changes = [
        f"{number(found.before[name])} to {number(found.after[name])} on {name} text"
        + (f" (forgetting: {found.forgot:.2f} times)" if name == "general" and found.forgot else "")
        for name in found.before
    ]
    mix = f"{count(found.tokens)} tokens ({found.domain_share:.0%} domain text)"
    return f"Continued pre-training on {mix}: perplexity from {joined(changes)}. "


def _lr_range(data: Mapping[str, Any], metric: str) -> str:
    result = RangeResult.model_validate(data)
    if not result.usable or result.suggestion is None:
        return f"No usable range: {result.reason}. The study's own range stands."
    upper = number(result.high, 2) if result.high is not None else "an upper end that the ramp did not reach"
    return (
        f"Learning rates from {number(result.low, 2)} to {upper} are usable; {number(result.suggestion, 2)} is "
        f"suggested (prior for the search: ± {number(result.prior_decades, 2)} decades)."
    )


def _search(data: Mapping[str, Any], metric: str) -> str:
    result = SearchResult.model_validate(data)
    states = joined([f"{amount} {state}" for state, amount in sorted(result.states.items())])
    best = result.best
    text = f"{plural(result.trials, 'new trial')}" + (f" (all seen: {states}). " if states else ". ")
    if best.value is None:
        return text + "None of them could be measured."
    text += f"{best.trial} leads with {metric} {number(best.value)} at {count(best.tokens)} tokens"
    default = result.default_rungs.get(best.tokens, result.default_value)
    text += f"; the default has {number(default)}" if default is not None else ""
    noise = f" (seed noise: {number(result.noise_sd, 2)})" if result.noise_sd is not None else ""
    return f"{text}{noise}." + (f" Ended early: {result.ended}." if result.ended else "")


def _augmentation(data: Mapping[str, Any], metric: str) -> str:
    return AugmentationResult.model_validate(data).sentence


def _confirm(data: Mapping[str, Any], metric: str) -> str:
    result = ConfirmResult.model_validate(data)
    return result.sentence


def _promote(data: Mapping[str, Any], metric: str) -> str:
    result = PromoteResult.model_validate(data)
    return f"{'New champion' if result.promoted else 'The champion stays as it is'}: {result.reason}".rstrip(".") + "."


def how_sure(result: ConfirmResult) -> str:
    """What stands behind the verdict: seeds, rows, looks and what could have been seen."""
    sure = result.test or result.validation
    text = f"{plural(result.seeds, 'paired fresh seed')}; "
    text += "judged on the locked test split" if result.test else "the locked test split was not looked at for it"
    text += f" ({plural(result.looks, 'look')} so far). "
    if sure is None:
        return text.strip()
    if (best := result.against_best_baseline) is not None:
        text += (
            f"Against the best default with another learning rate (validation): {signed(best.mean)}, "
            f"{signed(best.low)} to {signed(best.high)}. "
        )
    return (
        f"{text}The smallest difference that could be seen is {number(sure.smallest_visible, 3)}; "
        f"{number(result.minimum_effect, 3)} would be worth having."
    )


SENTENCES: Mapping[str, Callable[[Mapping[str, Any], str], str]] = {
    "prepare": _prepare,
    "lr_range": _lr_range,
    "coarse": _search,
    "fine": _search,
    "augmentation": _augmentation,
    "confirm": _confirm,
    "promote": _promote,
}
