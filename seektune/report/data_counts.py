"""The counts of a data report as blocks: nothing lost, which rows were left out and why, what lies in which split.

Read from the prepared rows' report (text/data_report.py), in which rows that could not be tokenised are dropped ones, and,
for lengths in tokens, from the token store's facts.
Older reports may lack a part: it is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from seektune.ledger.results import RowBalance
from seektune.report.blocks import Block, Cell, Table, Text
from seektune.report.summary import balance, reasons
from seektune.report.wording import joined, share
from seektune.trial import Json

SPLITS = ("train", "validation", "test")


def counts(rows: Json, tokens: Json) -> Iterator[Block]:
    """`tokens`: by split, as the token store counted; empty where nothing is tokenised."""
    yield Text(sentence(rows))
    yield from (Text(note, "warn") for note in (*rows.get("notes", ()), *token_notes(tokens)))
    yield _sources(rows)
    if (table := _left_out(rows)) is not None:
        yield table
    yield _splits(rows, tokens)
    yield _lengths(rows, tokens)


def sentence(rows: Json) -> str:
    """The balance, and what the leak check looked at."""
    text = balance(RowBalance.of(rows))
    leaks = rows.get("leaks") or {}
    if leaks:
        text += (
            f". Leak check: {leaks.get('rows_checked', 0):,} training rows against "
            f"{leaks.get('against_rows', 0):,} evaluation rows, {leaks.get('found', 0)} found"
        )
    return text + "."


def token_notes(tokens: Json) -> Iterator[str]:
    """What tokenising left out, cut or read as plain text, over all splits."""
    rows = "of the rows in train, validation and test"
    for what, words in (
        ("dropped", f"{rows} could not be tokenised and are dropped"),
        ("dropped_augmented", "augmented rows could not be tokenised and are in no split"),
        ("truncated", f"{rows} were longer than max_length and cut"),
        ("notices", f"{rows} spell out a special token, which is read as plain text"),
    ):
        found: Counter[str] = Counter()
        for split in SPLITS:
            found.update((tokens.get(split) or {}).get(what) or {})
        if amount := sum(found.values()):
            why = "" if what == "notices" else f" ({reasons({name: n for name, n in found.items() if n})})"
            yield f"{amount:,} {words}{why}"


def _sources(rows: Json) -> Table:
    table: list[tuple[Cell, ...]] = []
    plain = {f"{name} text": rows[name] for name in ("domain", "general") if (rows.get(name) or {}).get("rows_in")}
    for name, one in {**rows.get("sources", {}), **plain}.items():
        of_train = one.get("share_of_train")
        table.append(
            (str(name), one.get("rows_in"), one.get("used"), reasons(one.get("quarantined") or {}) or None,
             reasons(one.get("dropped") or {}) or None, None if of_train is None else f"{100 * of_train:.1f}%")
        )  # fmt: skip
    columns = ("source", "rows in", "used", "quarantined", "dropped", "share of train")
    return Table(columns, tuple(table), "Rows by source", wrap=True)


def _left_out(rows: Json) -> Table | None:
    """Every reason for which a row is not used, with its first rows."""
    table: list[tuple[Cell, ...]] = []
    for what in ("quarantined", "dropped"):
        for reason, amount in rows.get(what, {}).items():
            first = ((rows.get("first") or {}).get(what) or {}).get(reason, ())
            told = "; ".join(f"{one['place']} {one['detail']}".strip() for one in first)
            table.append((what, str(reason), amount, share(amount, rows["rows_in"]), told or None))
    if not table:
        return None
    return Table(("rows", "reason", "number", "share", "first of them"), tuple(table), "Rows left out", wrap=True)


def _splits(rows: Json, tokens: Json) -> Table:
    table: list[tuple[Cell, ...]] = []
    for name in SPLITS:
        if one := (rows.get("splits") or {}).get(name):
            languages = [f"{language} {share(n, one['rows'])}" for language, n in one["languages"].items()]
            labels = len(one["labels"]) if "labels" in one else None
            counted = tokens.get(name) or {}
            lost = sum(sum(counted.get(what, {}).values()) for what in ("dropped", "dropped_augmented")) or None
            table.append((name, one["rows"], one.get("augmented"), lost, one.get("groups"), labels, joined(languages)))
    columns = ("split", "rows", "of them augmented", "not tokenised", "groups", "labels", "languages")
    return Table(columns, tuple(table), "Splits, made before anything learned from the text")


def _lengths(rows: Json, tokens: Json) -> Table:
    """In tokens; in characters where nothing is tokenised."""
    table: list[tuple[Cell, ...]] = []
    for name in SPLITS:
        one = tokens.get(name) or (rows.get("splits") or {}).get(name) or {}
        lengths = one.get("lengths") or one.get("characters")
        if lengths:
            table.append(
                (name, one["rows"], one.get("tokens"), one.get("target_tokens"),
                 *(lengths.get(f"p{q}") for q in (0, 50, 90, 99, 100)))
            )  # fmt: skip
    columns = ("split", "rows", "tokens", "learned", "shortest", "median", "90%", "99%", "longest")
    return Table(columns, tuple(table), f"Row lengths in {'tokens' if tokens else 'characters'}")
