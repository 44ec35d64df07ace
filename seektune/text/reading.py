"""From resolved sources to checked rows and a quarantine: every row read ends in exactly one of the two.

Raises DataError for malformed rows (unless they are to be quarantined), for columns that are not there (with the
nearest names), and when more than the allowed share of rows is bad.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seektune.errors import DataError
from seektune.text.files.column_types import ColumnTypes
from seektune.text.files.lines import counted, shown
from seektune.text.files.record import Record
from seektune.text.files.sources import Source
from seektune.text.kinds import BadRow, Fields, parse, prompt_text
from seektune.text.language import language
from seektune.text.options import COLUMNS, DataOptions
from seektune.text.shelf import Shelf
from seektune.trial import fingerprint

_ALIASES = {
    "text": ("content", "sentence", "body", "document", "message", "question", "query"),
    "instruction": ("prompt", "question", "query", "task"),
    "input": ("context", "question", "prompt", "query"),
    "output": ("response", "answer", "completion", "target", "reply"),
    "label": ("category", "class", "intent", "tag", "target"),
    "messages": ("conversations", "conversation", "dialogue", "dialog", "turns", "chat"),
    "tokens": ("words",),
    "tags": ("ner_tags", "labels"),
    "document": ("text", "article", "original_text", "content"),
    "summary": ("target", "highlights", "abstract", "reference_summary"),
}
SIDES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
}


@dataclass(slots=True)
class Row:
    """One usable row and where it came from. `own_*` is what the file says; `group` and `side` are set by the split."""

    id: str
    fields: Fields
    language: str
    source: str
    file: str
    line: int
    group: str = ""
    side: str = ""
    own_id: str | None = None
    own_group: str = ""
    own_side: str = ""
    parent: str | None = None
    operator: str | None = None
    rate: float = 0.0  # of augmented rows: at which rate, and which copy
    copy: int = 0
    augment_seed: int | None = None

    @property
    def place(self) -> str:
        return f"{Path(self.file).name}:{self.line}"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A bad row: where it stands, why it is bad, and its beginning (escaped)."""

    source: str
    file: str
    line: int
    reason: str
    detail: str
    excerpt: str


@dataclass(slots=True)
class Read:
    """What reading gave: `rows_in[source] == rows + quarantined` of that source."""

    rows: list[Row] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    rows_in: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


def row_id(kind: str, fields: Fields) -> str:
    """Content hash of a row (32 hex digits)."""
    return fingerprint(kind, fields)[:32]


def read(data: DataOptions, sources: Sequence[Source], kind: str, shelf: Shelf) -> Read:
    """Read and check all rows of the sources, in their order; what they say is put on the shelf."""
    result = Read()
    group = [data.split.group] if isinstance(data.split.group, str) else list(data.split.group or ())
    extra: dict[str, str] = {}  # column -> the setting that names it
    if kind == data.kind:
        extra = dict.fromkeys(group, "split.group")
        if data.split.column:
            extra[data.split.column] = "split.column"
    for source in sources:
        columns = source.options.columns
        types = ColumnTypes(columns.get(name, name) for name in COLUMNS[kind])
        seen: dict[str, dict[str, None]] = {}  # file -> its columns
        noted: dict[str, list[str]] = {}
        for file, record in source.records(kind):
            result.rows_in[source.name] += 1
            if record.value is not None:
                seen.setdefault(file, {}).update(dict.fromkeys(record.value))
                types.see(file, record.line, record.value)
            elif record.columns:
                seen.setdefault(file, dict.fromkeys(record.columns))
            if record.note:
                noted.setdefault(file, []).append(record.note)
            try:
                result.rows.append(_row(data, kind, group, source.name, file, record, columns, shelf))
            except BadRow as bad:
                if bad.reason == "malformed" and data.checks.malformed == "fail":
                    if record.columns:  # a header that is wrong is why rows are
                        _need_columns(file, kind, columns, list(record.columns), extra)
                    raise DataError(
                        f"{file}:{record.place}: {bad.detail}; mend the row, or set checks.malformed: quarantine"
                    ) from None
                excerpt = shown(repr(record.value) if record.value is not None else record.text.rstrip("\r\n"), 200)
                result.quarantined.append(Quarantined(source.name, file, record.line, bad.reason, bad.detail, excerpt))
        result.notes += [*source.notes, *types.notes()]
        for file, notes in noted.items():
            more = f" ({len(notes) - 1:,} more in this file)" if len(notes) > 1 else ""
            result.notes.append(f"{Path(file).name}: {notes[0]}{more}")
        for file, found in seen.items():
            _need_columns(file, kind, columns, list(found), extra)
    return result


def check_share(read: Read, max_bad_share: float, quarantine: Path, block: str) -> None:
    """Stop when more than `max_bad_share` of all rows of a block of sources (data.sources, data.general, ...) are bad."""
    total, bad = sum(read.rows_in.values()), len(read.quarantined)
    if bad <= max_bad_share * total:
        return
    counts = Counter(row.reason for row in read.quarantined)
    lines = [f"  {row.file}:{row.line}: {row.reason}: {row.detail}" for row in read.quarantined[:5]]
    raise DataError(
        f"{bad:,} of {total:,} rows of {block} are bad ({bad / total:.1%}), at most {max_bad_share:.1%} may be "
        f"(data.checks.max_bad_share): {counted(dict(counts.most_common()))}; "
        f"all of them are listed in {quarantine}; the first:\n"
        + "\n".join([*lines, *(f"  {note}" for note in read.notes)])
    )


def _row(
    data: DataOptions,
    kind: str,
    group: Sequence[str],
    source: str,
    file: str,
    record: Record,
    columns: Mapping[str, str],
    shelf: Shelf,
) -> Row:
    value = record.value
    if value is None:
        raise BadRow("malformed", record.fault)
    fields = parse(kind, value, columns, data.checks.max_characters if kind == data.kind else 10**9)
    row = Row(
        id=row_id(kind, fields),
        fields=shelf.put(fields),
        language=language(prompt_text(kind, fields)),
        source=source,
        file=file,
        line=record.line,
        own_id=_plain(value.get(columns.get("id", "id"))),
        parent=_plain(value.get(columns.get("parent", "parent"))),
    )
    if kind != data.kind:
        return row
    if group:
        parts = [_plain(value.get(columns.get(name, name))) for name in group]
        if all(part is None for part in parts):
            raise BadRow("missing group", f"{', '.join(group)} is empty (split.group)")
        row.own_group = "\x1f".join(part or "" for part in parts)
    if data.split.column:
        side = _plain(value.get(columns.get(data.split.column, data.split.column)))
        if side is None or side.lower() not in SIDES:
            names = ", ".join(SIDES)
            raise BadRow("unknown split", f"{data.split.column} is {str(side)[:20]!r}, expected one of {names}")
        row.own_side = SIDES[side.lower()]
    return row


def _plain(value: Any) -> str | None:
    """A group, id or split name as text; None where there is none."""
    if value is None or value != value or value == "":
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _need_columns(file: str, kind: str, columns: Mapping[str, str], found: list[str], extra: Mapping[str, str]) -> None:
    """All columns that a kind or a setting (`extra`) needs are in the file; else say what it has and what may mend it."""
    needed = [column for column in COLUMNS[kind] if not (kind == "instruction" and column != "output")]
    missing = [column for column in needed if columns.get(column, column) not in found]
    if kind == "instruction" and not any(columns.get(column, column) in found for column in ("instruction", "input")):
        missing.insert(0, "instruction")
    missing += [column for column in columns if columns[column] not in found]
    has = ", ".join(repr(shown(name)) for name in found[:20])
    if not missing:
        for column, setting in extra.items():
            if (wanted := columns.get(column, column)) not in found:
                nearest = _nearest_column(wanted, column, found)
                hint = _nested(wanted, found) or (f"; did you mean {nearest!r}?" if nearest else "")
                raise DataError(f"{file}:1: {setting}: {wanted!r} is no column of the file (it has {has}){hint}")
        return
    missing = list(dict.fromkeys(missing))
    near = {column: _nearest_column(columns.get(column, column), column, found) for column in missing}
    guess = ", ".join(f"{ours}: {theirs}" for ours, theirs in near.items() if theirs)
    hint = f"; did you mean columns: {{{guess}}}?" if guess else ""
    if len(found) == 1 and (mark := next((m for m in ";\t|" if m in found[0]), None)):
        hint = f"; its fields look separated by {mark!r}: save it with commas (.csv) or tabs (.tsv)"
    elif nested := next(filter(None, (_nested(columns.get(column, column), found) for column in missing)), ""):
        hint = nested
    elif kind == "tagging" and any(suffix.lower() in (".csv", ".tsv") for suffix in Path(file).suffixes):
        hint += "; a file with a token and its tag on each line is named .conll, .bio or .txt"
    names = ", ".join(repr(columns.get(column, column)) for column in missing)
    raise DataError(
        f"{file}:1: kind {kind} needs the column{'s' if len(missing) > 1 else ''} {names}, but the file has {has}{hint}"
    )


def _nested(wanted: str, found: Sequence[str]) -> str:
    """The hint where a name with a dot means a field inside a column."""
    outer = wanted.partition(".")[0]
    if wanted == outer or outer not in found:
        return ""
    return f"; fields inside {outer!r} are not read: write rows in which {wanted!r} is a column of its own"


def _nearest_column(wanted: str, ours: str, found: Sequence[str]) -> str | None:
    lower = {name.strip().lower(): name for name in reversed(found)}
    for alias in (wanted.lower(), *_ALIASES.get(ours, ())):
        if alias in lower:
            return lower[alias]
    near = difflib.get_close_matches(wanted.lower(), list(lower), 1)
    return lower[near[0]] if near else None
