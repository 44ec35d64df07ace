"""Where did this run, with which versions, and what did the study file say?

As the journal wrote it down when trials ran: a report that is made later, or elsewhere, says the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seektune.report.blocks import Cell, Section, Table, Text
from seektune.report.facts import Facts
from seektune.report.wording import joined, moment

FLOW_RUN = "flow run"
"""Where it was started by Prefect: its page or its id."""


def environment(facts: Facts) -> Section:
    known = facts.environments
    rows: list[tuple[Cell, ...]] = list(flat(known[-1])) if known else []
    if facts.prepare is not None:
        rows += [
            ("data fingerprint", facts.prepare.data_fingerprint),
            ("base fingerprint", facts.prepare.base_fingerprint),
        ]
    if facts.confirm is not None and facts.confirm.model:
        rows.append(("winner's folder", facts.confirm.model))
    changed = [Text(f"Not all trials ran alike: {joined(parts)}.", "warn")] if (parts := differences(known)) else []
    return Section(
        "Environment",
        (
            *changed,
            Table(("what", "value"), tuple(rows), "Machine, versions, commit, when trials ran last", wrap=True),
            *_sessions(facts),
            Table(
                ("key", "value"), tuple(flat(facts.study)), "The study file, defaults included", folded=True, wrap=True
            ),
        ),
    )


def differences(known: Sequence[Mapping[str, Any]]) -> list[str]:
    """What changed between sessions that trained, who started them left out."""
    told: dict[str, list[str]] = {}
    for one in known:
        for key, value in flat(one):
            told.setdefault(str(key), []).append(str(value))
    return [
        f"{key} was {' then '.join(dict.fromkeys(values))}"
        for key, values in told.items()
        if len(set(values)) > 1 and key != FLOW_RUN
    ]


def _sessions(facts: Facts) -> list[Table]:
    """Every call that trained something, and the flow run that it belonged to."""
    rows = tuple(
        (moment(one["at"]), one.get("host"), one["attempts"], (one.get("environment") or {}).get(FLOW_RUN))
        for one in facts.history.sessions
        if one.get("attempts")
    )
    if not any(row[-1] for row in rows) and len(rows) < 2:
        return []
    return [
        Table(("started", "host", "segments", FLOW_RUN), rows, "Sessions that trained", folded=len(rows) > 5, wrap=True)
    ]


def flat(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[Cell, ...]]:
    """Nested mappings as dotted keys, in their own order; empty values are left out."""
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
            for index, item in enumerate(value):
                yield from flat(item if isinstance(item, Mapping) else {"": item}, f"{prefix}{key}[{index}].")
        elif value not in (None, [], (), ""):
            yield f"{prefix}{key}", ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
