"""Which rows went in, which came out, and why: the counts that a person checks before believing a score.

Reads report.json of the prepared rows (text/data_report.py) and, for lengths, the token store.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seektune.report.blocks import Block, Cell, Figure, Section, Table, Text
from seektune.report.chart import BLUE, axis, layout
from seektune.report.facts import Facts
from seektune.report.wording import count, joined, number, plural, share

Json = Mapping[str, Any]
LABELS = 40


def data(facts: Facts) -> Section | None:
    rows = facts.rows
    if not rows:
        return None
    blocks: list[Block] = [Text(_sentence(rows))]
    blocks += [Text(str(note), "warn") for note in rows.get("notes", ())]
    blocks.append(_sources(rows))
    blocks.append(_splits(rows))
    if (lengths := _lengths(facts)) is not None:
        blocks.append(lengths)
    for builder in (_labels, _conflicts, _operators, _examples):
        if (block := builder(rows)) is not None:
            blocks.append(block)
    return Section("Data", tuple(blocks))


def _sentence(rows: Json) -> str:
    out = [f"{amount:,} {reason}" for reason, amount in {**rows.get("dropped", {})}.items()]
    bad = sum(rows.get("quarantined", {}).values())
    text = f"{rows.get('rows_in', 0):,} rows in = {rows.get('used', 0):,} used"
    text += f" + {bad:,} quarantined" + (
        f" + {sum(rows.get('dropped', {}).values()):,} dropped ({joined(out)})" if out else ""
    )
    leaks = rows.get("leaks") or {}
    if leaks:
        text += (
            f". Leak check: {leaks.get('rows_checked', 0):,} training rows against "
            f"{leaks.get('against_rows', 0):,} evaluation rows, {leaks.get('found', 0)} found"
        )
    return text + "."


def _sources(rows: Json) -> Table:
    table: list[tuple[Cell, ...]] = []
    plain = {f"{name} text": rows[name] for name in ("domain", "general") if (rows.get(name) or {}).get("rows_in")}
    for name, one in {**rows.get("sources", {}), **plain}.items():
        of_train = one.get("share_of_train")
        table.append(
            (str(name), one.get("rows_in"), one.get("used"), _reasons(one.get("quarantined")),
             _reasons(one.get("dropped")), None if of_train is None else f"{100 * of_train:.1f}%")
        )  # fmt: skip
    columns = ("source", "rows in", "used", "quarantined", "dropped", "share of train")
    return Table(columns, tuple(table), "Rows by source", wrap=True)


def _reasons(counts: Mapping[str, int] | None) -> str:
    return ", ".join(f"{amount:,} {reason}" for reason, amount in (counts or {}).items()) or "–"


def _splits(rows: Json) -> Table:
    table: list[tuple[Cell, ...]] = []
    for name in ("train", "validation", "test"):
        one = (rows.get("splits") or {}).get(name)
        if one:
            characters = one.get("characters") or {}
            told = ", ".join(
                f"{language} {share(amount, one['rows'])}" for language, amount in one["languages"].items()
            )
            table.append(
                (name, one["rows"], one.get("augmented"), one.get("groups"), told, characters.get("p50"),
                 characters.get("p90"), characters.get("p100"))
            )  # fmt: skip
    columns = ("split", "rows", "of them augmented", "groups", "languages", "characters: median", "90%", "longest")
    return Table(columns, tuple(table), "Splits, made before anything learned from the text")


def _lengths(facts: Facts) -> Figure | None:
    """Histogram of row lengths in tokens."""
    if facts.prepare is None or not Path(facts.prepare.store).is_dir() or not facts.prepare.store:
        return None
    from seektune.text.store import TokenStore

    store = TokenStore(Path(facts.prepare.store))
    lengths = np.asarray(store.lengths("train"))
    if not len(lengths):
        return None
    counts, edges = np.histogram(lengths, bins=min(40, max(int(lengths.max() - lengths.min()), 1)))
    bars = {"type": "bar", "x": ((edges[1:] + edges[:-1]) / 2).tolist(), "y": counts.tolist(),
            "width": np.diff(edges).tolist(), "marker": {"color": BLUE}}  # fmt: skip
    caption = (
        f"Training rows by length: median {np.median(lengths):.0f}, 90% below {np.quantile(lengths, 0.9):.0f}, longest "
        f"{lengths.max()} tokens; {count(lengths.sum())} tokens in all."
    )
    spec = {"data": [bars], "layout": layout(axis("tokens per row"), axis("rows"), bargap=0.05)}
    return Figure("lengths", spec, caption, height=260)


def _labels(rows: Json) -> Table | None:
    splits = rows.get("splits") or {}
    labels = (splits.get("train") or {}).get("labels")
    if not labels:
        return None
    total = sum(labels.values())
    order = sorted(labels.items(), key=lambda item: -item[1])
    other = [(splits.get(name) or {}).get("labels", {}) for name in ("validation", "test")]
    table = tuple(
        (str(label), amount, share(amount, total), *(one.get(label, 0) for one in other)) for label, amount in order
    )
    left = f", the {LABELS} most frequent of {len(table)}" if len(table) > LABELS else ""
    ratio = order[0][1] / max(order[-1][1], 1)
    label, of = ("tag", "words") if rows.get("kind") == "tagging" else ("label", "rows")
    caption = f"Balance of {label}s{left}: the most frequent has {number(ratio, 2)} times the {of} of the rarest"
    return Table((label, "train", "share", "validation", "test"), table[:LABELS], caption, folded=len(table) > 12)


def _conflicts(rows: Json) -> Table | None:
    found = rows.get("conflicts") or {}
    if not found.get("count"):
        return None
    table = tuple(
        (one[side]["place"], one[side]["prompt"], one[side]["answer"])
        for one in found["examples"]
        for side in ("first", "second")
    )
    caption = f"{plural(found['count'], 'conflict')}: near duplicates with different answers (kept, not deleted)"
    return Table(("place", "text", "answer"), table, caption, folded=True, wrap=True)


def _operators(rows: Json) -> Table | None:
    operators = (rows.get("augmentation") or {}).get("operators") or {}
    if not operators:
        return None
    table = tuple(
        (str(name), one.get("asked"), one.get("made"), _reasons(one.get("rejected"))) for name, one in operators.items()
    )
    return Table(("operator", "asked", "made", "rejected"), table, "Augmentation (train split only)", wrap=True)


def _examples(rows: Json) -> Table | None:
    """Five before/after pairs of each operator."""
    operators = (rows.get("augmentation") or {}).get("operators") or {}
    table = tuple(
        (str(name), str(pair.get("before", "")), str(pair.get("after", "")))
        for name, one in operators.items()
        for pair in list(one.get("examples") or ())[:5]
    )
    if not table:
        return None
    return Table(("operator", "before", "after"), table, "Augmentation examples: before and after", wrap=True)
