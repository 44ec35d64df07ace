"""Why did each trial stop? In words, for the table, the plots and the Prefect artifacts.

The journal says it for trials that were stopped, diverged or failed. A paused trial was compared at its rung: its place
there, and how many went on, is the reason.
"""

from __future__ import annotations

from bisect import bisect_left

from seektune.report.facts import Facts
from seektune.report.wording import count
from seektune.trial import State


def reasons(facts: Facts) -> dict[str, str]:
    """Trial -> why it stopped; "" for one that is still running."""
    told: dict[str, str] = {}
    places: dict[tuple[str, int], tuple[list[float], int]] = {}
    for row in facts.searched:
        if row.state is State.COMPLETE:
            told[row.trial] = "reached its full length"
        elif row.state is not State.PAUSED or row.reason:
            told[row.trial] = row.reason
        elif (at := (row.stage, row.tokens)) not in places:
            places[at] = _compared(facts, *at)
    for row in facts.searched:
        if row.trial not in told:
            value = facts.value_at(row, row.tokens)
            values, went_on = places[row.stage, row.tokens]
            told[row.trial] = _paused(facts, row.tokens, row.stage, value, values, went_on)
    return told


def _compared(facts: Facts, stage: str, tokens: int) -> tuple[list[float], int]:
    """Minimised values of the stage's trials at this rung, best first, and how many of them went on."""
    there = [row for row in facts.searched if row.stage == stage and row.tokens >= tokens]
    values = [value for row in there if (value := facts.value_at(row, tokens)) is not None]
    return sorted(map(facts.minimised, values)), sum(row.tokens > tokens for row in there)


def _paused(facts: Facts, tokens: int, stage: str, value: float | None, values: list[float], went_on: int) -> str:
    rung = f"rung {facts.rungs.index(tokens) + 1}" if tokens in facts.rungs else "a rung"
    at = f"{rung} ({count(tokens)} tokens)"
    known = facts.history.stages.get(stage)
    if value is None or known is None or (known.status != "finished" and not went_on):
        return f"waits at {at}"
    place = bisect_left(values, facts.minimised(value)) + 1
    return f"{at}: place {place} of {len(values)}, {went_on} went on"
