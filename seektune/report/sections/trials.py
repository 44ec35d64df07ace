"""All trials of the search: what each tried, how far it came, and why it stopped."""

from __future__ import annotations

from collections import Counter

from seektune.report.blocks import Block, Cell, Section, Table, Text
from seektune.report.facts import Facts
from seektune.report.reasons import reasons
from seektune.report.wording import count, duration, joined, number

SHOWN = 30
MOST = 1000


def trials(facts: Facts) -> Section | None:
    ranked = facts.ranked()
    if not ranked:
        return None
    names, why = facts.searched_params(), reasons(facts)
    columns = ("trial", "state", facts.metric, "tokens", "why it stopped", *names, "how chosen", "time", "attempts")
    rows: list[tuple[Cell, ...]] = []
    for row in ranked[:MOST]:
        rows.append(
            (row.trial, str(row.state), facts.value(row), count(row.tokens), why[row.trial],
             *(_cell(row.params.get(name)) for name in names), row.origin, duration(row.cost.seconds), row.attempts)
        )  # fmt: skip
    states = Counter(str(row.state) for row in ranked)
    summary = joined([f"{amount} {state}" for state, amount in states.most_common()])
    blocks: list[Block] = [Text(f"{len(ranked)} trials: {summary}. Best first; longer runs before shorter ones.")]
    blocks.append(Table(columns, tuple(rows[:SHOWN])))
    if rows[SHOWN:]:
        blocks.append(Table(columns, tuple(rows[SHOWN:]), f"The other {len(rows) - SHOWN} trials", folded=True))
    if len(ranked) > MOST:
        blocks.append(
            Text(f"The best {MOST} are shown; trials.csv and trials.parquet hold all {len(ranked)}.", "muted")
        )
    return Section("Trials", tuple(blocks))


def _cell(value: object) -> Cell:
    if isinstance(value, float):
        return number(value, 3)
    return value if isinstance(value, str | int | bool) or value is None else str(value)
