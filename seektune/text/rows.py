"""From a user's files to rows that may be trained on: read, checked, deduplicated, split, augmented, guarded.

    sources -> read + check -> clusters -> split -> mix -> augment (train only) -> leak guard -> Parquet
                  |               |                   |          |
              quarantine     duplicates            left out   rejected          every row is in exactly one of these

The result is a folder in the cache, addressed by the content of the files, the options and the seed: a second call
returns at once, and a killed call leaves nothing behind that looks whole. Raises DataError (see the rooms it calls).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from seektune.errors import DataError
from seektune.text import leaks
from seektune.text.augmentation.augment import augment, augmenter_identity
from seektune.text.clusters import cluster
from seektune.text.data_report import data_report
from seektune.text.files.sources import Source, resolve
from seektune.text.mixing import mix
from seektune.text.near_index import OLDEST
from seektune.text.options import DataOptions, SourceOptions
from seektune.text.reading import Read, Row, check_share, read
from seektune.text.shelf import Shelf
from seektune.text.split import EVALUATION, assign, need_both_sides, sent_to_train, uneven
from seektune.text.stored import stored, write_lines
from seektune.text.translations import Translations
from seektune.trial import Json, canonical, fingerprint

SCHEMA = 8
"""Raised when the same files and options would give other rows."""

SPLITS = ("train", "validation", "test")
_BATCH = 512
PLAIN = ("domain", "general")
"""Blocks of plain text for pre-training. Domain text comes first: a general text that repeats one is dropped."""


@dataclass(frozen=True, slots=True)
class RowSet:
    """A folder with train, validation, test, domain, general .parquet, quarantine.jsonl, dropped.jsonl and report.json."""

    folder: Path
    fingerprint: str
    report: Json

    @staticmethod
    def open(folder: Path) -> RowSet:
        report: Json = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        return RowSet(folder, report["fingerprint"], report)

    @property
    def kind(self) -> str:
        return str(self.report["kind"])

    def rows(self, split: str) -> list[dict[str, Any]]:
        """Rows of train, validation, test, domain or general, in content-hash order."""
        return [row for batch in self.batches(split) for row in batch]

    def batches(self, split: str) -> Iterator[list[dict[str, Any]]]:
        """The same, a few hundred at a time."""
        with pq.ParquetFile(self.folder / f"{split}.parquet") as file:
            for batch in file.iter_batches(batch_size=_BATCH):
                yield batch.to_pylist()


def prepare_rows(data: DataOptions, cache: Path, seed: int) -> RowSet:
    """Everything between files and rows. `seed` is that of augmentation; the split does not depend on it."""
    sources = _resolved(data.sources)
    plain_sources = {name: _resolved(getattr(data, name)) for name in PLAIN}
    options = data.model_dump(mode="json", exclude={"max_length"})
    translations = Translations(data)
    key = fingerprint(
        "rows",
        SCHEMA,
        options,
        [[source.identity for source in block] for block in (sources, *plain_sources.values())],
        [augmenter_identity(data), seed] if data.augment.operators else [],
        translations.identity,
    )

    def build(folder: Path) -> None:
        shelf = Shelf(folder)
        wanted = read(data, sources, data.kind, shelf)
        plain = {name: read(data, block, "text", shelf) for name, block in plain_sources.items()}
        listed = cache / "quarantine" / f"{key[:16]}.jsonl"
        try:  # each block by itself: a large clean one must not hide a bad one
            check_share(wanted, data.checks.max_bad_share, listed, "data.sources")
            for name, one in plain.items():
                check_share(one, data.checks.max_bad_share, listed, f"data.{name}")
        except DataError:
            write_lines(listed, _quarantined(wanted, plain))
            raise
        weights = {source.name: source.options.weight for source in sources}
        leaks_listed = cache / "leaks" / f"{key[:16]}.jsonl"
        _build(folder, data, seed, wanted, plain, weights, options, shelf, translations, leaks_listed)

    return RowSet.open(stored(cache / "rows" / key[:32], build))


def _resolved(block: Sequence[SourceOptions]) -> list[Source]:
    """Sources with names of their own, by which rows are counted and weighed: of equal ones the second is `name (2)`."""
    sources = [resolve(options) for options in block]
    names: set[str] = set()
    for i, source in enumerate(sources):
        name, number = source.name, 1
        while name in names:
            number += 1
            name = f"{source.name} ({number})"
        names.add(name)
        sources[i] = dataclasses.replace(source, name=name)
    return sources


def _build(
    folder: Path,
    data: DataOptions,
    seed: int,
    wanted: Read,
    plain: Mapping[str, Read],
    weights: Mapping[str, float | None],
    options: Json,
    shelf: Shelf,
    translations: Translations,
    leaks_listed: Path,
) -> None:
    clusters, forest = cluster(wanted.rows, data)
    dropped = [(row, reason, other.place) for row, reason, other in clusters.dropped]
    position = {id(row): i for i, row in enumerate(wanted.rows)}
    while True:
        oversized = assign(wanted.rows, clusters.kept, forest, data)
        evaluation = [row for row in clusters.kept if row.side in EVALUATION]
        guard = leaks.Guard(evaluation, data, translations)
        found = [leak for row in clusters.kept if row.side == "train" and (leak := guard.leak(row))]
        if not found or data.split.column:
            break
        for leak in found:  # natural duplicates that only the guard saw: every turn leaves fewer clusters
            forest.join(position[id(leak.train)], position[id(leak.evaluation)])
    if data.split.column:
        found = [_crossing(a, b, how) for a, b, how in clusters.crossing] + found
    leaks.refuse(found, leaks_listed)
    need_both_sides(clusters, oversized, data, dropped)

    train = [row for row in clusters.kept if row.side == "train"]
    train, left_out = mix(train, weights)
    dropped += [(row, "mixing", "") for row in left_out]
    children, augmentation = augment(train, data, seed, guard, shelf)

    split_rows = {name: [row for row in evaluation if row.side == name] for name in EVALUATION}
    split_rows["train"] = [*train, *children]
    digests = {}
    for name in SPLITS:
        split_rows[name].sort(key=lambda row: row.id)
        digests[name] = _write_rows(folder / f"{name}.parquet", split_rows[name], data.kind)
    seen: dict[str, Row] = {}
    plain_report: Json = {}
    everything = list(dropped)
    for name, one in plain.items():
        texts, texts_dropped = _plain_texts(one, seen, guard)
        digests[name] = _write_rows(folder / f"{name}.parquet", texts, "text")
        everything += texts_dropped
        plain_report[name] = {
            "rows_in": sum(one.rows_in.values()),
            "used": len(texts),
            "quarantined": dict(Counter(row.reason for row in one.quarantined)),
            "dropped": dict(Counter(reason for _, reason, _ in texts_dropped)),
        }
    write_lines(folder / "quarantine.jsonl", _quarantined(wanted, plain))
    lines = (
        {"file": row.file, "line": row.line, "id": row.id, "reason": reason, "repeats": other_place}
        for row, reason, other_place in everything
    )
    write_lines(folder / "dropped.jsonl", lines)
    report = data_report(data, wanted, dropped, split_rows, clusters.conflicts, augmentation)
    report |= plain_report
    report["leaks"] = {
        "rows_checked": len(split_rows["train"]),
        "against_rows": len(evaluation),
        "found": len(found),
        "may_have_missed": guard.cut,
    }
    report["clusters"] = {"oversized_sent_to_train": len(oversized), "may_have_missed": clusters.cut}
    report["notes"] += [
        *wanted.notes,
        *(note for one in plain.values() for note in one.notes),
        *sent_to_train(oversized, data),
        *uneven(clusters.kept, data),
    ]
    if any(one.rows for one in plain.values()) and (short := guard.too_short):
        report["notes"].append(
            f"{short:,} evaluation rows have so few words that plain text is not searched for them: they stand in many "
            f"texts by chance"
        )
    if missed := clusters.cut + guard.cut:
        report["notes"].append(
            f"{missed:,} rows are so much like more than {OLDEST} others that only the oldest of these were compared, "
            f"and none of them was near: a near duplicate may have been missed"
        )
    report |= {"schema": SCHEMA, "options": options, "fingerprint": fingerprint(digests)}
    report["test_fingerprint"] = digests["test"]
    (folder / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")


def _plain_texts(one: Read, seen: dict[str, Row], guard: leaks.Guard) -> tuple[list[Row], list[tuple[Row, str, str]]]:
    """(texts that stay, (text, reason, what it repeats or holds)); `seen` are the texts of the blocks before it, too."""
    texts: dict[str, Row] = {}
    dropped = []
    for row in one.rows:
        if row.id in seen:
            dropped.append((row, "exact duplicate", seen[row.id].place))
        else:
            seen[row.id] = texts[row.id] = row
    for name, other in guard.holding(list(texts.values())).items():
        dropped.append((texts.pop(name), "holds an evaluation row", other.place))
    return sorted(texts.values(), key=lambda row: row.id), dropped


def _quarantined(wanted: Read, plain: Mapping[str, Read]) -> Iterator[Json]:
    for one in (wanted, *plain.values()):
        yield from map(dataclasses.asdict, one.quarantined)


def _crossing(a: Row, b: Row, how: str) -> leaks.Leak:
    """A pair across a user's own split, named from the training side where there is one."""
    a.side, b.side = a.own_side, b.own_side
    return leaks.Leak(a, b, how) if a.side == "train" else leaks.Leak(b, a, how)


_TEXT = pa.string()
_FIELD_TYPES = {
    "text": {"text": _TEXT},
    "instruction": {"instruction": _TEXT, "input": _TEXT, "output": _TEXT},
    "chat": {"messages": pa.list_(pa.struct([("role", _TEXT), ("content", _TEXT)]))},
    "classification": {"text": _TEXT, "label": _TEXT},
    "tagging": {"tokens": pa.list_(_TEXT), "tags": pa.list_(_TEXT)},
    "summary": {"document": _TEXT, "summary": _TEXT},
}
_ORIGIN_TYPES = {
    "language": _TEXT,
    "group": _TEXT,
    "source": _TEXT,
    "file": _TEXT,
    "line": pa.int64(),
    "parent": _TEXT,
    "operator": _TEXT,
    "rate": pa.float64(),
    "copy": pa.int64(),
    "augment_seed": pa.int64(),
}


def _write_rows(path: Path, rows: Sequence[Row], kind: str) -> str:
    """Write a split, batch by batch; gives the sha256 of its rows (files and lines left out: content only)."""
    schema = pa.schema([("id", _TEXT), *_FIELD_TYPES[kind].items(), *_ORIGIN_TYPES.items()])
    repeated = ["language", "source", "file", "operator"]  # a dictionary of texts would hold them all once more
    with pq.ParquetWriter(path, schema, use_dictionary=repeated) as writer:
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            told = [dict(row.fields) for row in batch]
            columns: dict[str, Any] = {"id": [row.id for row in batch]}
            columns |= {name: [fields[name] for fields in told] for name in _FIELD_TYPES[kind]}
            columns |= {name: [getattr(row, name) for row in batch] for name in _ORIGIN_TYPES}
            writer.write_table(pa.Table.from_pydict(columns, schema=schema))
    digest = hashlib.sha256()
    for row in rows:
        digest.update(canonical([row.id, row.group, row.parent, row.operator]).encode())
    return digest.hexdigest()
