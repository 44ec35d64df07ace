"""From a user's files to rows that may be trained on: read, checked, deduplicated, split, augmented, guarded.

    sources -> read + check -> clusters -> split -> mix -> augment (train only) -> leak guard -> Parquet
                  |               |                   |          |
              quarantine     duplicates            left out   rejected          every row is in exactly one of these

The result is a folder in the cache, addressed by the content of the files, the options and the seed: a second call
returns at once, and a killed call leaves nothing behind that looks whole. Raises DataError (see the rooms it calls).
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from seektune.errors import DataError
from seektune.text import leaks
from seektune.text.augment import augment, augmenter_identity
from seektune.text.clusters import cluster
from seektune.text.data_report import data_report
from seektune.text.duplicates import MAX_CANDIDATES
from seektune.text.mixing import mix
from seektune.text.options import DataOptions
from seektune.text.reading import Quarantined, Read, Row, check_share, read
from seektune.text.sources import resolve
from seektune.text.split import EVALUATION, assign, need_both_sides, uneven
from seektune.text.stored import stored
from seektune.trial import Json, fingerprint

SCHEMA = 3
"""Raised when the same files and options would give other rows."""

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class RowSet:
    """A folder with train, validation, test, general .parquet, quarantine.jsonl, dropped.jsonl and report.json."""

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
        """Rows of train, validation, test or general, in content-hash order."""
        rows: list[dict[str, Any]] = pq.read_table(self.folder / f"{split}.parquet").to_pylist()
        return rows


def prepare_rows(data: DataOptions, cache: Path, seed: int) -> RowSet:
    """Everything between files and rows. `seed` is that of augmentation; the split does not depend on it."""
    sources = [resolve(options) for options in data.sources]
    general = [resolve(options) for options in data.general]
    options = data.model_dump(mode="json", exclude={"max_length"})
    key = fingerprint(
        "rows",
        SCHEMA,
        options,
        [source.identity for source in (*sources, *general)],
        [augmenter_identity(data), seed] if data.augment.operators else [],
    )

    def build(folder: Path) -> None:
        wanted = read(data, sources, data.kind)
        plain = read(data, general, "text")
        listed = cache / "quarantine" / f"{key[:16]}.jsonl"
        try:  # each block by itself: a large clean one must not hide a bad one
            check_share(wanted, data.checks.max_bad_share, listed, "data.sources")
            check_share(plain, data.checks.max_bad_share, listed, "data.general")
        except DataError:
            listed.parent.mkdir(parents=True, exist_ok=True)
            _write_lines(listed, wanted.quarantined + plain.quarantined)
            raise
        _build(folder, data, seed, wanted, plain, options)

    return RowSet.open(stored(cache / "rows" / key[:32], build))


def _build(folder: Path, data: DataOptions, seed: int, wanted: Read, plain: Read, options: Json) -> None:
    clusters, forest = cluster(wanted.rows, data)
    leaks.refuse([_crossing(a, b, how) for a, b, how in clusters.crossing] if data.split.column else [])
    dropped = [(row, reason, other.place) for row, reason, other in clusters.dropped]
    position = {id(row): i for i, row in enumerate(wanted.rows)}
    while True:
        oversized = assign(wanted.rows, clusters.kept, forest, data)
        evaluation = [row for row in clusters.kept if row.side in EVALUATION]
        guard = leaks.Guard(evaluation, data)
        found = [leak for row in clusters.kept if row.side == "train" and (leak := guard.leak(row))]
        if not found or data.split.column:
            break
        for leak in found:  # natural duplicates that only the guard saw: every turn leaves fewer clusters
            forest.join(position[id(leak.train)], position[id(leak.evaluation)])
    leaks.refuse(found)
    need_both_sides(clusters.kept, data, dropped)

    train = [row for row in clusters.kept if row.side == "train"]
    train, left_out = mix(train, {options.path or str(options.hub): options.weight for options in data.sources})
    dropped += [(row, "mixing", "") for row in left_out]
    children, augmentation = augment(train, data, seed, guard)
    leaks.refuse([leak for child in children if (leak := guard.leak(child))])

    texts: dict[str, Row] = {}
    general_dropped: list[tuple[Row, str, str]] = []
    for row in plain.rows:
        if row.id in texts:
            general_dropped.append((row, "exact duplicate", texts[row.id].place))
        texts.setdefault(row.id, row)
    for name, other in guard.holding(list(texts.values())).items():
        general_dropped.append((texts.pop(name), "holds an evaluation row", other.place))

    split_rows = {name: [row for row in evaluation if row.side == name] for name in EVALUATION}
    split_rows["train"] = [*train, *children]
    digests = {}
    for name in SPLITS:
        split_rows[name].sort(key=lambda row: row.id)
        digests[name] = _write_rows(folder / f"{name}.parquet", split_rows[name], data.kind)
    digests["general"] = _write_rows(folder / "general.parquet", sorted(texts.values(), key=lambda r: r.id), "text")
    _write_lines(folder / "quarantine.jsonl", wanted.quarantined + plain.quarantined)
    everything = dropped + general_dropped
    with (folder / "dropped.jsonl").open("w", encoding="utf-8") as file:
        for row, reason, other_place in everything:
            line = {"file": row.file, "line": row.line, "id": row.id, "reason": reason, "repeats": other_place}
            file.write(json.dumps(line, ensure_ascii=True) + "\n")
    report = data_report(data, wanted, dropped, split_rows, clusters.conflicts, augmentation)
    report["general"] = {
        "rows_in": sum(plain.rows_in.values()),
        "used": len(texts),
        "quarantined": dict(Counter(row.reason for row in plain.quarantined)),
        "dropped": dict(Counter(reason for _, reason, _ in general_dropped)),
    }
    report["leaks"] = {
        "rows_checked": len(split_rows["train"]),
        "against_rows": len(evaluation),
        "found": 0,
        "candidates_not_compared": guard.capped,
    }
    report["clusters"] = {"oversized_sent_to_train": oversized, "candidates_not_compared": clusters.capped}
    report["notes"] += [*wanted.notes, *uneven(clusters.kept, data)]
    if skipped := clusters.capped + guard.capped:
        report["notes"].append(
            f"{skipped:,} candidates were not compared, because a row had more than {MAX_CANDIDATES} of them: near "
            f"duplicates among rows of one template may have been missed"
        )
    report |= {"schema": SCHEMA, "options": options, "fingerprint": fingerprint(digests)}
    report["test_fingerprint"] = digests["test"]
    (folder / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")


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
    """Write a split; gives the sha256 of its rows (files and lines left out: content only)."""
    columns: dict[str, Any] = {"id": [row.id for row in rows]}
    columns |= {name: [row.fields[name] for row in rows] for name in _FIELD_TYPES[kind]}
    columns |= {name: [getattr(row, name) for row in rows] for name in _ORIGIN_TYPES}
    schema = pa.schema([("id", _TEXT), *_FIELD_TYPES[kind].items(), *_ORIGIN_TYPES.items()])
    pq.write_table(pa.Table.from_pydict(columns, schema=schema), path)
    return fingerprint([[row.id, row.group, row.parent, row.operator] for row in rows])


def _write_lines(path: Path, rows: Sequence[Quarantined]) -> None:
    """Quarantine as JSON lines, ASCII only, so that no control character reaches a terminal."""
    path.write_text("".join(json.dumps(dataclasses.asdict(row)) + "\n" for row in rows), encoding="utf-8")
