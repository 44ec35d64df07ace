"""What may be said of a challenger, in one word and one sentence for people: only what its intervals support."""

from __future__ import annotations

from dataclasses import dataclass

from seektune.ledger.results import Interval, Verdict


@dataclass
class Facts:
    """What is known when the verdict is given. Intervals: challenger over default, positive is better."""

    name: str
    minimum: float
    metric: str
    """That the intervals are about."""
    searched: bool = True
    """The search left a trial with a value."""
    cut: bool = False
    """A budget ended training before two seeds were whole."""
    looked: bool = False
    validation: Interval | None = None
    test: Interval | None = None


def judge(facts: Facts) -> tuple[Verdict, str]:
    """Verdict and sentence."""
    if not facts.searched:
        return (
            "default stays",
            "No trial of the search ended with a value, so there is nothing to set against the default.",
        )
    if facts.cut:
        return "not shown", (
            f"The budget ended before {facts.name} and the default had finished two seeds each, so nothing is claimed."
        )
    if facts.validation is None:
        return "not shown", f"{facts.name} or the default did not finish on every seed, so nothing is claimed."
    if facts.test is not None:
        return _on_test(facts, facts.test)
    metric, validation = facts.metric, facts.validation
    if facts.looked:
        return "not shown", (
            f"{facts.name} leads the default by {validation.mean:.4g} in validation {metric}, but its scores on the locked "
            "test split could not be taken, so nothing is claimed."
        )
    if validation.smallest_visible > facts.minimum and validation.mean > 0:
        return "underpowered", (
            f"{facts.name} leads the default by {validation.mean:.4g} in validation {metric}, but differences below "
            f"{validation.smallest_visible:.4g} could not be seen with these seeds and rows; the test split was not touched."
        )
    return "default stays", (
        f"On validation {facts.name} does not clearly beat the default ({validation.mean:+.4g} {metric}, "
        f"interval {validation.low:+.4g} to {validation.high:+.4g}); the test split was not touched."
    )


def _on_test(facts: Facts, test: Interval) -> tuple[Verdict, str]:
    metric = facts.metric
    interval = f"{test.level:.0%} interval {test.low:+.4g} to {test.high:+.4g}"
    if test.low > 0:
        return "better", (
            f"{facts.name} beats the default on the locked test split by {test.mean:.4g} in {metric} ({interval})."
        )
    if test.high < 0:
        return "worse", (
            f"{facts.name} is worse than the default on the locked test split by {-test.mean:.4g} in {metric} ({interval})."
        )
    word: Verdict = "underpowered" if test.smallest_visible > facts.minimum else "not shown"
    return word, (
        f"On the locked test split {facts.name} and the default differ by {test.mean:+.4g} in {metric} ({interval}); "
        f"the smallest visible difference was {test.smallest_visible:.4g}."
    )
