"""`seektune trials`: every trial with its state, value, parameters, and why it stopped."""

from __future__ import annotations

import difflib
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from seektune.cli.output import Output
from seektune.cli.progress import label, shown
from seektune.cli.studies import find
from seektune.errors import Problem, StudyFileError
from seektune.report.facts import Facts
from seektune.report.reasons import reasons
from seektune.report.wording import count, duration, number
from seektune.trial import to_json

if TYPE_CHECKING:
    from seektune.ledger.history import TrialRow

WHY_CHARACTERS = 90

Key = Callable[["TrialRow"], Any]


def trials(arguments: Namespace, output: Output) -> int:
    """Changes nothing."""
    found = find(arguments.study)
    history = found.history()
    facts = Facts(history, found.study.model_dump(mode="json"))
    rows = in_order(facts, arguments.sort)
    if arguments.stage:
        rows = [row for row in rows if shown(row.stage) == shown(arguments.stage)]
    everything = len(rows)
    rows = rows[: arguments.limit]

    why = reasons(facts)
    parameters = facts.searched_params()
    columns = ("trial", "stage", "state", facts.metric, "tokens", "time", *parameters, "why")
    cells = [
        (
            *(row.trial, shown(row.stage), str(row.state), number(facts.value(row))),
            *(count(row.tokens), duration(row.cost.seconds)),
            *(_cell(row.params.get(name)) for name in parameters),
            why.get(row.trial, row.reason)[:WHY_CHARACTERS],
        )
        for row in rows
    ]
    output.table(columns, cells, right=(facts.metric, "tokens", "time", *parameters))
    if len(rows) < everything:
        output.line(f"{len(rows)} of {everything}")
    for row in rows:
        known = {name: value for name, value in to_json(row).items() if name not in ("curve", "segments")}
        output.event("trial", **known, value=facts.value(row), why=why.get(row.trial, row.reason))
    return 0


def in_order(facts: Facts, sort: str) -> list[TrialRow]:
    """Sorted by a column; those without a value in it last. Raises StudyFileError on an unknown column."""
    rows = facts.history.trials
    backwards, name = sort.startswith("-"), sort.removeprefix("-")
    keys: dict[str, Key] = {
        "started": lambda row: row.started_at,
        "tokens": lambda row: row.tokens,
        "seconds": lambda row: row.cost.seconds,
        "trial": lambda row: row.trial,
        "stage": lambda row: row.stage,
        "state": lambda row: str(row.state),
        "value": facts.value,
    }
    keys |= {parameter: _parameter(parameter) for row in rows for parameter in row.params if parameter not in keys}
    if name == "rank":
        ranked = facts.ranked()
        places = {id(row): place for place, row in enumerate(ranked)}
        ordered = ranked + [row for row in rows if id(row) not in places]
        return ordered[::-1] if backwards else ordered
    if name not in keys:
        near = difflib.get_close_matches(name, ["rank", *keys], 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are rank, {', '.join(keys)}"
        raise StudyFileError([Problem("--sort", f"no column {name!r}; {hint}")])
    key = keys[name]
    there = [row for row in rows if key(row) is not None]
    mixed = len({isinstance(key(row), str) for row in there}) > 1
    there.sort(key=(lambda row: str(key(row))) if mixed else key, reverse=backwards)
    return there + [row for row in rows if key(row) is None]


def _parameter(name: str) -> Key:
    return lambda row: row.params.get(name)


def _cell(value: object) -> str:
    return "" if value is None else label({"": value}).strip()
