"""Where did this run, with which versions, and what did the study file say?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seektune.report.blocks import Cell, Section, Table
from seektune.report.facts import Facts


def environment(facts: Facts) -> Section:
    rows: list[tuple[Cell, ...]] = list(flat(facts.environment))
    if facts.prepare is not None:
        rows += [
            ("data fingerprint", facts.prepare.data_fingerprint),
            ("base fingerprint", facts.prepare.base_fingerprint),
        ]
    if facts.confirm is not None and facts.confirm.model:
        rows.append(("winner's folder", facts.confirm.model))
    return Section(
        "Environment",
        (
            Table(("what", "value"), tuple(rows), "Machine, versions, commit", wrap=True),
            Table(
                ("key", "value"), tuple(flat(facts.study)), "The study file, defaults included", folded=True, wrap=True
            ),
        ),
    )


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
