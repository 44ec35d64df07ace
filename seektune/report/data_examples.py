"""Rows of a data report to look at: labels, conflicts, and what each augmentation operator made of which row."""

from __future__ import annotations

from collections.abc import Iterator

from seektune.report.blocks import Block, Table
from seektune.report.changes import changes
from seektune.report.summary import reasons
from seektune.report.wording import number, plural, share
from seektune.trial import Json

LABELS = 40
EXAMPLES = 5
"""Of each operator."""


def examples(rows: Json) -> Iterator[Block]:
    for table in (_labels(rows), _conflicts(rows), _operators(rows), _examples(rows)):
        if table is not None:
            yield table


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
        (str(name), one.get("asked"), one.get("made"), share(one.get("made") or 0, one.get("asked") or 0),
         reasons(one.get("rejected") or {}) or None)
        for name, one in operators.items()
    )  # fmt: skip
    return Table(
        ("operator", "asked", "made", "yield", "rejected"), table, "Augmentation (train split only)", wrap=True
    )


def _examples(rows: Json) -> Table | None:
    """Before and after, side by side, the change marked."""
    operators = (rows.get("augmentation") or {}).get("operators") or {}
    table = tuple(
        (str(name), *changes(str(pair.get("before", "")), str(pair.get("after", ""))))
        for name, one in operators.items()
        for pair in list(one.get("examples") or ())[:EXAMPLES]
    )
    if not table:
        return None
    return Table(("operator", "before", "after"), table, "Augmentation: before and after", wrap=True)
