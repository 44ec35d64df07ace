"""Rows of one row set under one tokenizer: every row is stored, cut or dropped, and each is counted by reason.

An original row that is dropped becomes a line of `dropped.jsonl`; an augmented one is counted only, for it was never read.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from seektune.score.options import CLASSES
from seektune.text.files.lines import shown
from seektune.text.kinds import running_text, strings
from seektune.text.layout import IGNORED, Layout, LayoutError, fit, messages_of
from seektune.text.options import COLUMNS
from seektune.text.pretraining import block, blocks
from seektune.text.rows import RowSet
from seektune.text.store import SPLITS, Row

PAIRS = 100
"""Pairs of a row and one made from it, on which a model says whether augmentation keeps labels."""


class Filler:
    """Rows of one row set under one tokenizer, split by split."""

    def __init__(self, layout: Layout, rows: RowSet, max_length: int, too_long: str, dropped: IO[str]) -> None:
        self._layout, self._rows, self._max, self._too_long = layout, rows, max_length, too_long
        self._dropped = dropped
        self.counts: dict[str, dict[str, Counter[str]]] = {
            split: {what: Counter() for what in ("dropped", "dropped_augmented", "truncated", "notices")}
            for split in SPLITS
        }
        self.label_names: list[str] = []
        if rows.kind in CLASSES:
            splits = rows.report["splits"].values()
            self.label_names = sorted({label for split in splits for label in split["labels"]})
        self._index = {name: number for number, name in enumerate(self.label_names)}

    def split(self, split: str) -> Iterator[Row]:
        """In content-hash order, but for kind text, whose rows are blocks of the stored ones."""
        make = {"text": self._plain, "classification": self._plain, "tagging": self._tagged}
        for batch in self._rows.batches(split):
            for row in batch:
                texts = strings({name: row[name] for name in COLUMNS[self._rows.kind]})
                if any(map(self._layout.spells_special, texts)):
                    self.counts[split]["notices"]["special token as plain text"] += 1
            yield from make.get(self._rows.kind, self._chats)(split, batch)

    def pairs(self) -> list[Row]:
        """Classification: the first augmented rows in content-hash order, each behind the row that it was made from."""
        if self._rows.kind != "classification":
            return []
        children = list(islice((row for row in self._train() if row["augment_seed"] is not None), PAIRS))
        wanted = {name for child in children for name in (child["id"], child["parent"])}
        made = {row.row_id: row for row in self._plain("pairs", [row for row in self._train() if row["id"] in wanted])}
        pairs = [(made.get(child["parent"]), made.get(child["id"])) for child in children]
        return [row for pair in pairs if None not in pair for row in pair if row is not None]

    def _train(self) -> Iterator[dict[str, Any]]:
        return (row for batch in self._rows.batches("train") for row in batch)

    def _drop(self, split: str, row: dict[str, Any], reason: str, detail: str = "") -> None:
        augmented = row["augment_seed"] is not None
        self.counts[split]["dropped_augmented" if augmented else "dropped"][reason] += 1
        if not augmented and split != "pairs":  # those are training rows a second time
            line = {name: row[name] for name in ("file", "line", "id", "source")}
            line |= {"split": split, "reason": reason, "detail": detail}
            self._dropped.write(json.dumps(line, ensure_ascii=True) + "\n")

    def _row(self, row: dict[str, Any], ids: NDArray[np.int32], labels: NDArray[np.int32], label: int) -> Row:
        made_by = "" if row["augment_seed"] is None else row["operator"]
        return Row(row["id"], row["group"], ids, labels, label, row["language"], made_by, row["rate"], row["copy"])

    def _plain(self, split: str, batch: Sequence[dict[str, Any]]) -> list[Row]:
        made: list[Row] = []
        counts = self.counts[split]
        for row, ids in zip(batch, self._layout.plain([row["text"] for row in batch]), strict=True):
            if self._rows.kind == "text":
                for i, piece in enumerate(blocks(self._layout.document(ids), self._max)):
                    made.append(block(f"{row['id']}/{i}", row["group"], piece, row["language"]))
                continue
            whole = self._layout.document(ids)
            if len(whole) > self._max:
                if self._too_long == "quarantine":
                    self._drop(split, row, "too long", f"{len(whole):,} tokens")
                    continue
                counts["truncated"]["text"] += 1
                whole = np.append(whole[: self._max - 1], np.int32(self._layout.eos_id))
            labels = np.full(len(whole), IGNORED, dtype=np.int32)
            made.append(self._row(row, whole, labels, self._index[row["label"]]))
        return made

    def _tagged(self, split: str, batch: Sequence[dict[str, Any]]) -> list[Row]:
        """The last token of a word carries its tag: there a causal model has read the whole word."""
        made: list[Row] = []
        counts = self.counts[split]
        sentences = self._layout.words([running_text(row["tokens"], row["language"]) for row in batch])
        for row, words in zip(batch, sentences, strict=True):
            if not all(map(len, words)):
                self._drop(split, row, "a word without a token")
                continue
            start = self._layout.document(words[0][:0], end=False)
            ends = len(start) + np.cumsum([len(word) for word in words])
            kept = int(np.searchsorted(ends, self._max, side="right"))
            if kept < len(words):
                if self._too_long == "quarantine" or not kept:
                    self._drop(split, row, "too long", f"{ends[-1]:,} tokens")
                    continue
                counts["truncated"]["words"] += 1
            ids = np.concatenate([start, *words[:kept]])
            labels = np.full(len(ids), IGNORED, dtype=np.int32)
            labels[ends[:kept] - 1] = [self._index[tag] for tag in row["tags"][:kept]]
            made.append(self._row(row, ids, labels, -1))
        return made

    def _chats(self, split: str, batch: Sequence[dict[str, Any]]) -> list[Row]:
        made: list[Row] = []
        counts = self.counts[split]
        chats = [messages_of(self._rows.kind, row) for row in batch]
        for row, laid in zip(batch, self._layout.chats(chats), strict=True):
            if isinstance(laid, LayoutError):
                self._drop(split, row, shown(str(laid), 120))
                continue
            if not (laid.labels[1:] != IGNORED).any():
                self._drop(split, row, "no target token")
                continue
            if len(laid.input_ids) > self._max and self._too_long == "quarantine":
                self._drop(split, row, "too long", f"{len(laid.input_ids):,} tokens")
                continue
            cut, prompt_cut, answer_cut = fit(laid, self._max)
            if prompt_cut or answer_cut:
                counts["truncated"][" and ".join(["prompt"] * prompt_cut + ["answer"] * answer_cut)] += 1
            made.append(self._row(row, cut.input_ids, cut.labels, -1))
        return made
