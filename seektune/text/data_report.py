"""The counts that a person checks before believing a score: nothing lost, nothing odd (report.json of a row set).

`rows_in == used + quarantined + dropped`, in total and for every source; `used` does not count augmented rows. What cannot
be tokenised is known later, under a tokenizer: `after_tokenising` takes it into the same balance.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from seektune.score.options import CLASSES
from seektune.text.files.lines import shown
from seektune.text.kinds import answer_text, labels_of, prompt_text, strings
from seektune.text.options import DataOptions
from seektune.text.reading import Read, Row
from seektune.trial import Json

_EXAMPLES = 20
_FIRST = 5


def data_report(
    data: DataOptions,
    read: Read,
    dropped: Sequence[tuple[Row, str, str]],
    splits: Mapping[str, Sequence[Row]],
    conflicts: Sequence[tuple[Row, Row]],
    augmentation: Json,
) -> Json:
    """Counts by source, reason, split, language and label; conflicts by example."""
    sources: dict[str, Json] = {}
    used = [row for rows in splits.values() for row in rows if row.augment_seed is None]
    for name, rows_in in read.rows_in.items():
        mine = [row for row in used if row.source == name]
        sides = Counter(row.side for row in mine)
        sources[name] = {
            "rows_in": rows_in,
            "used": len(mine),
            "quarantined": dict(Counter(row.reason for row in read.quarantined if row.source == name)),
            "dropped": dict(Counter(reason for row, reason, _ in dropped if row.source == name)),
            "splits": {split: sides[split] for split in splits},
        }
        out = len(mine) + sum(sources[name]["quarantined"].values()) + sum(sources[name]["dropped"].values())
        assert rows_in == out, f"{name}: {rows_in} rows in, {out} accounted for"
    _share(sources)
    return {
        "kind": data.kind,
        "rows_in": sum(read.rows_in.values()),
        "used": len(used),
        "quarantined": dict(Counter(row.reason for row in read.quarantined)),
        "dropped": dict(Counter(reason for _, reason, _ in dropped)),
        "first": {
            "quarantined": _first((q.reason, f"{Path(q.file).name}:{q.line}", q.detail) for q in read.quarantined),
            "dropped": _first((why, row.place, f"repeats {other}" if other else "") for row, why, other in dropped),
        },
        "sources": sources,
        "splits": {name: _split(data.kind, rows) for name, rows in splits.items()},
        "conflicts": {
            "count": len(conflicts),
            "examples": [
                {"first": _told(data.kind, first), "second": _told(data.kind, second)}
                for first, second in conflicts[:_EXAMPLES]
            ],
        },
        "augmentation": augmentation,
        "notes": _notes(data, splits, conflicts, augmentation),
    }


def after_tokenising(report: Json, dropped: Iterable[Json]) -> Json:
    """The report with the rows that a token store dropped (`TokenStore.dropped`) taken off `used`, in total and by source,
    and added to `dropped`. Its `splits` stay as they were made."""
    lines = list(dropped)
    if not lines:
        return report
    sources = {name: {**one, "splits": dict(one["splits"])} for name, one in report["sources"].items()}
    for name, source in sources.items():
        mine = [line for line in lines if line["source"] == name]
        source |= _less(source, mine)
        for split, count in Counter(line["split"] for line in mine).items():
            source["splits"][split] -= count
    _share(sources)
    first = _first((line["reason"], f"{Path(line['file']).name}:{line['line']}", line["detail"]) for line in lines)
    first = {**report["first"], "dropped": {**first, **report["first"]["dropped"]}}
    return {**report, **_less(report, lines), "sources": sources, "first": first}


def _less(counts: Json, lines: Sequence[Json]) -> Json:
    dropped = Counter(counts["dropped"]) + Counter(line["reason"] for line in lines)
    return {"used": counts["used"] - len(lines), "dropped": dict(dropped)}


def _share(sources: Json) -> None:
    """Of the original training rows, how many each source gives."""
    trained = sum(source["splits"]["train"] for source in sources.values())
    for source in sources.values():
        source["share_of_train"] = source["splits"]["train"] / trained if trained else 0.0


def _first(left: Iterable[tuple[str, str, str]]) -> Json:
    """For each reason its first rows: place, and what exactly."""
    found: dict[str, list[Json]] = defaultdict(list)
    for reason, place, detail in left:
        if len(found[reason]) < _FIRST:
            found[reason].append({"place": shown(place), "detail": shown(detail, 120)})
    return dict(found)


def _split(kind: str, rows: Sequence[Row]) -> Json:
    lengths = [sum(map(len, strings(row.fields))) for row in rows] or [0]
    report: Json = {
        "rows": len(rows),
        "augmented": sum(row.augment_seed is not None for row in rows),
        "groups": len({row.group for row in rows}),
        "languages": dict(Counter(row.language for row in rows).most_common()),
        "characters": {f"p{q}": int(np.percentile(lengths, q)) for q in (0, 10, 50, 90, 99, 100)},
    }
    if kind in CLASSES:
        report["labels"] = dict(sorted(Counter(label for row in rows for label in labels_of(kind, row.fields)).items()))
    return report


def _told(kind: str, row: Row) -> Json:
    return {
        "place": row.place,
        "id": row.id,
        "prompt": shown(prompt_text(kind, row.fields), 200),
        "answer": shown(answer_text(kind, row.fields), 100),
    }


def _notes(
    data: DataOptions, splits: Mapping[str, Sequence[Row]], conflicts: Sequence[tuple[Row, Row]], augmentation: Json
) -> list[str]:
    """What a person should read first."""
    notes = list(augmentation.get("notes", ()))
    if conflicts:
        notes.append(f"{len(conflicts):,} near duplicates have different answers: label noise, or a fine distinction")
    seen = {label for row in splits["train"] for label in labels_of(data.kind, row.fields)}
    measured = (*splits["validation"], *splits["test"])
    evaluation = [set(labels_of(data.kind, row.fields)) - seen for row in measured]
    if unseen := set().union(*evaluation):
        names = ", ".join(shown(name) for name in sorted(unseen)[:5])
        notes.append(f"{sum(map(bool, evaluation)):,} evaluation rows have a label that no training row has: {names}")
    alike: dict[str, set[str]] = defaultdict(set)
    for label in seen.union(*evaluation):
        alike[label.casefold()].add(label)
    if twins := sorted(shown(" / ".join(sorted(names))) for names in alike.values() if len(names) > 1):
        notes.append(f"labels that differ in case alone are taken for different ones: {', '.join(twins[:5])}")
    return notes
