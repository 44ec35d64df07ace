"""Which rows does step k train on? A pure function of (seed, k), so that nothing about data order is ever saved.

Every epoch is a permutation of its own; step k takes rows [k B, (k + 1) B) of the endless stream of epochs. No
workers, no iterator state: a resumed, retried or forked trial asks for step k and gets the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seektune.errors import DataError
from seektune.text.selection import EVERYTHING, Selection
from seektune.train.layout import Batch, lay_out, pack, split


class Layout:
    """How rows become micro-batches: settings that change speed and memory, never the loss."""

    def __init__(
        self,
        *,
        kind: str,
        pad_id: int,
        packing: bool,
        capacity: int,
        micro_batch: int | None,
        micro_tokens: int,
        device: str,
    ) -> None:
        self._kind, self._pad_id = kind, pad_id
        self._packing, self._capacity = packing, capacity
        self._micro_batch, self._micro_tokens, self._device = micro_batch, micro_tokens, device

    def batches(self, rows: list[Any]) -> list[Batch]:
        bins = [[index] for index in range(len(rows))]
        lengths = [len(row.input_ids) for row in rows]
        if self._packing:
            bins = pack(lengths, self._capacity)
            lengths = [sum(lengths[index] for index in members) for members in bins]
        groups = split(lengths, micro_batch=self._micro_batch, micro_tokens=self._micro_tokens, device=self._device)
        return [
            lay_out(rows, [bins[place] for place in group], kind=self._kind, packed=self._packing, pad_id=self._pad_id)
            for group in groups
        ]


class Stream:
    """The training rows of one trial in order. Of those that its selection and fold leave, `share` is the leading part."""

    def __init__(
        self,
        store: Any,
        split: str,
        *,
        share: float,
        fold: tuple[int, int] | None = None,
        selection: Selection = EVERYTHING,
        effective_batch: int,
        seed: int,
    ) -> None:
        self._store, self._split = store, split
        if store.rows(split) == 0:
            raise DataError(f"the token store has no rows in split {split!r}; nothing can be trained on")
        self._index: NDArray[np.int64] = store.selected(split, selection)
        if fold is not None:
            self._index = np.intersect1d(self._index, store.fold(split, *fold, inside=False), assume_unique=True)
        if len(self._index) == 0:
            raise DataError(f"fold {fold} leaves no row to train on: the rows are too few groups; take fewer folds")
        self._rows = max(1, round(len(self._index) * share))
        self._effective_batch, self._seed = effective_batch, seed
        self._epoch, self._order = -1, np.empty(0, dtype=np.int64)

    def indices(self, step: int) -> NDArray[np.int64]:
        """Row numbers of step `step` (from 0)."""
        first = step * self._effective_batch
        taken = np.fromiter(self._take(first, first + self._effective_batch), np.int64, self._effective_batch)
        return self._index[taken]

    def _take(self, first: int, last: int) -> Iterator[int]:
        for place in range(first, last):
            epoch, within = divmod(place, self._rows)
            if epoch != self._epoch:
                generator = np.random.Generator(np.random.PCG64([self._seed, epoch]))
                self._epoch, self._order = epoch, generator.permutation(self._rows)
            yield int(self._order[within])

    def rows(self, step: int) -> list[Any]:
        return [self._store.row(self._split, index) for index in self.indices(step)]
