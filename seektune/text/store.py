"""The tokens a trial sees: memory-mapped Arrow files that cost nothing to open and are shared by all workers.

A store folder holds facts.json, dropped.jsonl (the rows that could not be tokenised) and one .arrow file per split (Arrow
IPC, one record batch each) with

    row_id string | group string | input_ids list<int32> | labels list<int32> | label int32 | language string
    operator string | rate float64 | copy int32

`labels` are aligned with `input_ids` and not shifted; -100 marks a token that is not learned. In tagging the last token of
each word carries the index of its tag, and it is asked at that very token; elsewhere labels are tokens, asked one token
earlier. `label` is the class index (classification), else -1. Both index facts["labels"], the names of all splits, sorted.
`operator` is "" for an original row; an augmented one has the operator that made it, at which rate, and which copy it is.
Rows stand in content-hash order; those of `pairs` two by two. Imports neither torch nor datasets nor transformers.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seektune.errors import DataError
from seektune.text.selection import Selection
from seektune.trial import Json, derive_seed

SPLITS = ("train", "validation", "test", "pairs", "base", "domain", "general")
"""Of the rows; training rows two by two, an original one and one that was made from it; and of plain text: what a base is
pre-trained on, and what is held out of that (text/pretraining.py)."""

DROPPED = "dropped.jsonl"

SCHEMA = pa.schema(
    [
        ("row_id", pa.string()),
        ("group", pa.string()),
        ("input_ids", pa.list_(pa.int32())),
        ("labels", pa.list_(pa.int32())),
        ("label", pa.int32()),
        ("language", pa.string()),
        ("operator", pa.string()),
        ("rate", pa.float64()),
        ("copy", pa.int32()),
    ]
)


_FLAT = ("input_ids", "labels")


@dataclass(frozen=True, slots=True)
class Row:
    """One tokenised row; the arrays are read-only views of the mapped file."""

    row_id: str
    group: str
    input_ids: NDArray[np.int32]
    labels: NDArray[np.int32]
    label: int
    language: str
    operator: str = ""
    rate: float = 0.0
    copy: int = 0


class _Split:
    """One mapped file: offsets and flat values, without a copy."""

    def __init__(self, path: Path) -> None:
        try:
            table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{path}: not a whole token file ({error}); delete its folder, it is made again") from error
        self.rows: int = table.num_rows
        batch = table.to_batches()[0] if self.rows else None
        self.row_id: Any = None if batch is None else batch["row_id"]
        self.group: Any = None if batch is None else batch["group"]
        self.language: Any = None if batch is None else batch["language"]
        empty = np.zeros(0, dtype=np.int32)
        self.offsets = np.zeros(1, dtype=np.int32) if batch is None else _numbers(batch["input_ids"].offsets)
        self.input_ids = empty if batch is None else _numbers(batch["input_ids"].values)
        self.labels = empty if batch is None else _numbers(batch["labels"].values)
        self.label = empty if batch is None else _numbers(batch["label"])
        self.operator: Any = None if batch is None else batch["operator"]
        self.rate: NDArray[Any] = empty if batch is None else _numbers(batch["rate"], np.float64)
        self.copy = empty if batch is None else _numbers(batch["copy"])

    @cached_property
    def operators(self) -> list[tuple[str, NDArray[np.bool_]]]:
        """The operators that made rows ("" for original ones), each with where its rows are."""
        if self.operator is None:
            return []
        encoded = self.operator.dictionary_encode()
        codes = _numbers(encoded.indices)
        return [(name, codes == code) for code, name in enumerate(encoded.dictionary.to_pylist())]


def _numbers(array: Any, kind: Any = np.int32) -> NDArray[Any]:
    """A column of numbers as it is mapped. Not `to_numpy`: that imports pandas, half a second in every new worker."""
    return np.frombuffer(array.buffers()[1], dtype=kind)[array.offset : array.offset + len(array)]


class TokenStore:
    """A store folder, opened lazily: a split is mapped when it is first asked for."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._splits: dict[str, _Split] = {}

    @cached_property
    def facts(self) -> Json:
        """kind, tokenizer_sha256, pad_id, eos_id, label names, max_length, rates of each augmenting operator; rows, tokens,
        targets, sha256, rows dropped and cut by reason per split."""
        try:
            facts: Json = json.loads((self.folder / "facts.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{self.folder.absolute()}: not a token store ({error})") from error
        return facts

    def dropped(self) -> Iterator[Json]:
        """Original rows that are in no split: file, line, id, source, split, reason, detail. None in an older store."""
        path = self.folder / DROPPED
        if path.is_file():
            with path.open(encoding="utf-8") as lines:
                yield from map(json.loads, lines)

    def rows(self, split: str) -> int:
        return self._split(split).rows

    def row(self, split: str, i: int) -> Row:
        """Row `i` of a split, 0 <= i < rows(split)."""
        data = self._split(split)
        if not 0 <= i < data.rows:
            raise IndexError(f"row {i} of {split}, which has {data.rows}")
        start, end = data.offsets[i], data.offsets[i + 1]
        return Row(
            row_id=data.row_id[i].as_py(),
            group=data.group[i].as_py(),
            input_ids=data.input_ids[start:end],
            labels=data.labels[start:end],
            label=int(data.label[i]),
            language=data.language[i].as_py(),
            operator=data.operator[i].as_py(),
            rate=float(data.rate[i]),
            copy=int(data.copy[i]),
        )

    def selected(self, split: str, selection: Selection) -> NDArray[np.int64]:
        """Row numbers of the original rows and of the augmented ones that a selection takes, in stored order."""
        data, rates = self._split(split), self.facts.get("augmentation", {})
        chosen = selection.names(list(rates))
        taken = np.zeros(data.rows, dtype=np.bool_)
        for name, rows in data.operators:
            if not name:
                taken |= rows
            elif name in chosen:
                taken |= rows & (data.copy < selection.copies) & (data.rate == selection.rate_of(rates[name]))
        return np.flatnonzero(taken)

    def lengths(self, split: str) -> NDArray[np.int32]:
        """Tokens of every row."""
        lengths: NDArray[np.int32] = np.diff(self._split(split).offsets)
        return lengths

    def fold(self, split: str, fold: int, folds: int, *, inside: bool) -> NDArray[np.int64]:
        """Row numbers inside or outside of a fold. A group lies in one fold, by a hash of its name."""
        groups = self._split(split).group.dictionary_encode()
        names = groups.dictionary.to_pylist()
        number = np.array([derive_seed("fold", name) % folds for name in names], dtype=np.int64)
        in_fold = number[groups.indices.to_numpy(zero_copy_only=False)] == fold
        found: NDArray[np.int64] = np.flatnonzero(in_fold if inside else ~in_fold)
        return found

    def _split(self, split: str) -> _Split:
        if split not in SPLITS:
            raise ValueError(f"unknown split {split!r}; a token store has {', '.join(SPLITS)}")
        if split not in self._splits:
            self._splits[split] = _Split(self.folder / f"{split}.arrow")
        return self._splits[split]


class Written(NamedTuple):
    """What a split holds: tokens of every row, and how many of them carry a label (at the first place of a row, in all)."""

    lengths: NDArray[np.int64]
    labelled_first: int
    labelled: int


def write_split(path: Path, rows: Iterable[Row], *, by_id: bool = False) -> Written:
    """Write rows as one record batch, in the given order or in that of their ids. Only what tells them apart is held in
    memory; tokens wait in a file."""
    told: dict[str, list[Any]] = {name: [] for name in SCHEMA.names if name not in _FLAT}
    lengths: list[int] = []
    labelled_first = labelled = 0
    with ExitStack() as files:
        flat = {name: files.enter_context(tempfile.TemporaryFile(dir=path.parent)) for name in _FLAT}
        for row in rows:
            for name, values in told.items():
                values.append(getattr(row, name))
            for name, file in flat.items():
                file.write(np.ascontiguousarray(getattr(row, name), dtype=np.int32).tobytes())
            lengths.append(len(row.input_ids))
            learned = row.labels != -100
            labelled_first, labelled = labelled_first + int(learned[:1].sum()), labelled + int(learned.sum())
        written = Written(np.array(lengths, dtype=np.int64), labelled_first, labelled)
        if written.lengths.sum() > np.iinfo(np.int32).max:
            raise DataError(
                f"{path.stem}: {written.lengths.sum():,} tokens are more than one file of 2^31 holds; split the sources"
            )
        order = np.arange(len(lengths))
        if by_id:
            order = np.array(sorted(order, key=told["row_id"].__getitem__), dtype=np.int64)
        offsets = pa.array(np.cumsum([0, *written.lengths[order]]).astype(np.int32))
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, SCHEMA) as writer:
            if lengths:
                columns = {
                    name: pa.array([values[i] for i in order], SCHEMA.field(name).type) for name, values in told.items()
                }
                for name, file in flat.items():
                    spare = files.enter_context(tempfile.TemporaryFile(dir=path.parent))
                    numbers = pa.array(_reordered(file, spare, written.lengths, order))
                    columns[name] = pa.ListArray.from_arrays(offsets, numbers)
                writer.write_batch(pa.record_batch([columns[name] for name in SCHEMA.names], schema=SCHEMA))
    return written


def _reordered(
    file: IO[bytes], spare: IO[bytes], lengths: NDArray[np.int64], order: NDArray[np.int64]
) -> NDArray[np.int32]:
    """The file's rows of numbers in another order, mapped; `spare` is where they are laid."""
    file.flush()
    total = int(lengths.sum())
    values: NDArray[np.int32] = np.memmap(file, dtype=np.int32, mode="r", shape=(total,))
    if bool((np.diff(order) == 1).all()):
        return values
    starts = np.cumsum(lengths) - lengths
    for i in order.tolist():
        spare.write(values[starts[i] : starts[i] + lengths[i]].tobytes())
    spare.flush()
    laid: NDArray[np.int32] = np.memmap(spare, dtype=np.int32, mode="r", shape=(total,))
    return laid
