"""What should a reader know before she believes the verdict? One function per warning, one line to add it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from seektune.ledger.results import FORGETTING_RATIO
from seektune.report.blocks import Section, Text
from seektune.report.facts import LOST, Facts, finite
from seektune.report.wording import count, joined, number, plural, signed
from seektune.score.options import METRICS

FIRST_RUNG_STEPS = 50
"""METHOD: a first rung with fewer optimizer steps at the largest batch ranks noise."""
HIGHER = tuple(name for name, metric in METRICS.items() if metric.direction == "maximize")
"""Task metrics; loss and perplexity are the others."""


def warnings(facts: Facts) -> Section | None:
    texts = [text for check in CHECKS for text in check(facts)]
    if not texts:
        return None
    return Section("Before you believe it", tuple(Text(text, "warn") for text in texts))


def learning_rate_alone(facts: Facts) -> Iterator[str]:
    """METHOD: a win is also reported against the best of the default with other learning rates."""
    result = facts.confirm
    if result is None or result.against_best_baseline is None or result.verdict != "better":
        return
    interval = result.against_best_baseline
    rival = min(result.baselines, key=lambda one: facts.minimised(one.mean), default=None)
    if interval.low > 0 or rival is None or rival.name == result.reference.name:
        return
    yield (
        f"A learning rate alone may do as well: {rival.name} has a mean {facts.metric} of {number(rival.mean)} on "
        f"validation, the winner {number(result.challenger.mean)} (winner's lead {signed(interval.mean)}, "
        f"{signed(interval.low)} to {signed(interval.high)})."
    )


def underpowered(facts: Facts) -> Iterator[str]:
    result = facts.confirm
    if result is None:
        return
    interval = result.test or result.validation
    if interval is None:
        return
    if interval.smallest_visible > result.minimum_effect and result.verdict != "better":
        yield (
            f"Underpowered: with {plural(result.seeds, 'seed')} and these rows the smallest difference that could be "
            f"shown is {number(interval.smallest_visible, 3)}, but {number(result.minimum_effect, 3)} would be worth "
            "having. More seeds (confirm.seeds) or more evaluation rows would tell."
        )


def metrics_disagree(facts: Facts) -> Iterator[str]:
    """Loss and task metric choose different winners."""
    result = facts.confirm
    if result is not None:
        for other in _others(facts):
            challenger = result.test_scores.get(f"challenger.{other}")
            reference = result.test_scores.get(f"default.{other}")
            interval = result.test
            if challenger is None or reference is None or interval is None:
                continue
            gain = (challenger - reference) * (1 if other in HIGHER else -1)
            if gain * interval.mean < 0:
                yield (
                    f"Loss and task metric disagree on the test split: by {facts.metric} the "
                    f"{'winner' if interval.mean > 0 else 'default'} is better, but {other} is {number(challenger)} "
                    f"for the winner and {number(reference)} for the default."
                )
    full = [row for row in facts.searched if row.state not in LOST and facts.value(row) is not None]
    longest = max((row.tokens for row in full), default=0)
    full = [row for row in full if row.tokens == longest]
    if len(full) < 3:
        return
    lead = min(full, key=lambda row: facts.minimised(facts.value(row) or 0.0))
    for other in _others(facts):
        scored = [row for row in full if other in row.metrics]
        if lead not in scored:
            continue
        sign = 1 if other in HIGHER else -1
        rival = max(scored, key=lambda row: sign * row.metrics[other])
        if sign * rival.metrics[other] > sign * lead.metrics[other]:
            yield (
                f"Loss and task metric disagree about the winner: at {count(longest)} tokens {lead.trial} leads by "
                f"{facts.metric} ({number(facts.value(lead))}; {other} {number(lead.metrics[other])}), {rival.trial} "
                f"by {other} ({number(rival.metrics[other])}; {facts.metric} {number(facts.value(rival))})."
            )


def _others(facts: Facts) -> list[str]:
    """Task metrics if the objective is a loss, the loss if it is a task metric."""
    known = {name for row in facts.searched for name in row.metrics}
    if facts.metric in ("loss", "perplexity"):
        return [name for name in HIGHER if name in known]
    return ["loss"] if "loss" in known else []


def first_rung_short(facts: Facts) -> Iterator[str]:
    if not facts.rungs:
        return
    first = facts.rungs[0]
    steps = [(point.step, row) for row in facts.searched for point in row.curve if point.tokens >= first]
    reached: dict[str, int] = {}
    for step, row in steps:
        reached[row.trial] = min(step, reached.get(row.trial, step))
    if reached and (fewest := min(reached.values())) < FIRST_RUNG_STEPS:
        trial = min(reached, key=lambda name: reached[name])
        yield (
            f"The first rung is short: {trial} was judged after {plural(fewest, 'optimizer step')} (at {count(first)} "
            f"tokens); fewer than {FIRST_RUNG_STEPS} rank mostly noise. Fewer rungs, a longer run or smaller batches "
            "help."
        )


def stage_ended_early(facts: Facts) -> Iterator[str]:
    for name, search in (("Coarse search", facts.coarse), ("Fine search", facts.fine)):
        if search is not None and search.ended:
            yield f"{name} ended early: {search.ended}."


def no_usable_range(facts: Facts) -> Iterator[str]:
    if facts.lr_range is not None and not facts.lr_range.usable:
        yield f"The LR range test found no usable range: {facts.lr_range.reason}. The study's own range stands."


def at_the_edge(facts: Facts) -> Iterator[str]:
    """The best value lies at a bound of the study: the optimum may lie outside."""
    if facts.winner is None:
        return
    name, params = facts.winner
    edges = []
    for key, bounds in (facts.study.get("space") or {}).items():
        low, high, value = (
            finite(each) for each in ((bounds or {}).get("low"), (bounds or {}).get("high"), params.get(key))
        )
        if low is None or high is None or value is None or low >= high:
            continue
        log = bounds.get("log") and low > 0 and value > 0
        place = math.log(value / low) / math.log(high / low) if log else (value - low) / (high - low)
        if place > 0.97 or (place < 0.03 and low > 0):  # an optimum at exactly zero (no decay, no warmup) is a fine one
            edges.append(f"{key} = {number(value)} (of {number(low)} to {number(high)})")
    if edges:
        yield f"The winner {name} lies at the edge of the space: {joined(edges)}. A wider range may hold a better one."


def forgetting(facts: Facts) -> Iterator[str]:
    found = facts.prepare.continued_pretraining if facts.prepare is not None else None
    if found is not None and found.forgot:
        yield (
            f"The base forgot general text in continued pre-training: its perplexity there is {found.forgot:.2f} times what "
            f"it was ({number(found.before['general'])} to {number(found.after['general'])}; told above "
            f"{FORGETTING_RATIO:g} times). A smaller domain_share, learning rate or fewer tokens forget less."
        )


def lost_trials(facts: Facts) -> Iterator[str]:
    failed = [row for row in facts.searched if row.state == "failed"]
    if failed:
        why = failed[0].reason or "no reason given"
        yield f"{plural(len(failed), 'trial')} failed twice and count for nothing: {why}."


CHECKS: tuple[Callable[[Facts], Iterator[str]], ...] = (
    learning_rate_alone,
    underpowered,
    metrics_disagree,
    first_rung_short,
    stage_ended_early,
    no_usable_range,
    at_the_edge,
    forgetting,
    lost_trials,
)
