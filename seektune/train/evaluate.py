"""How good are these weights on these rows? Losses and hits per row, and the metrics of the kind.

No dropout and no random number is used, so that measuring never changes what is trained. The batches of a split are
laid out once per trial and used again at every point of the curve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from seektune.errors import DataError
from seektune.score.entities import entity_counts
from seektune.score.metrics import Scores, measure
from seektune.score.options import CLASSES
from seektune.text.selection import ORIGINALS
from seektune.train.layout import Batch, lay_out, moved, split
from seektune.train.loop import StopAsked


class Evaluation:
    """The first `rows` rows (all: None) of a split, ready to be measured again and again."""

    def __init__(
        self,
        store: Any,
        split_name: str,
        rows: int | None,
        *,
        fold: tuple[int, int] | None = None,
        kind: str,
        pad_id: int,
        micro_tokens: int,
        device: torch.device,
        stop_asked: Callable[[], bool],
    ) -> None:
        self._stop_asked = stop_asked
        name = "train" if split_name in ("probe", "fold") else split_name
        assert (split_name == "fold") == (fold is not None), "only a fold is measured on, of a view that has one"
        indices: Any = range(store.rows(name))
        if name == "train":  # measured on original rows: the same ones, whatever a trial's augmentation is
            indices = store.selected(name, ORIGINALS)
        if fold is not None:
            indices = np.intersect1d(indices, store.fold(name, *fold, inside=True), assume_unique=True)
        if len(indices) == 0:
            place = f"fold {fold}" if split_name == "fold" else f"split {name!r}"
            raise DataError(f"the token store has no rows in {place}; nothing can be measured on it")
        self._rows = [store.row(name, int(index)) for index in indices[:rows]]
        self._kind, self._names = kind, tuple(store.facts["labels"]) if kind in CLASSES else ()
        groups = split(
            [len(row.input_ids) for row in self._rows], micro_batch=None, micro_tokens=micro_tokens, device=device.type
        )
        self._batches: list[tuple[Sequence[int], Batch]] = []
        for group in groups:
            members = [self._rows[index] for index in group]
            batch = lay_out(members, [[i] for i in range(len(members))], kind=kind, packed=False, pad_id=pad_id)
            self._batches.append((group, moved(batch, device)))

    def scores(self, logits_of: Callable[[Batch], Tensor], model: Any) -> Scores:
        """Per-row sums under the weights that the model shows now. May raise StopAsked."""
        count = len(self._rows)
        loss, correct = np.zeros(count), np.zeros(count, dtype=np.int64)
        targets = np.zeros(count, dtype=np.int64)
        classes = [np.zeros((3, 0), dtype=np.int64)]  # row, most likely class, true class
        model.eval()
        try:
            for group, batch in self._batches:
                if self._stop_asked():
                    raise StopAsked
                with torch.no_grad():
                    logits = logits_of(batch)
                losses = cross_entropy(logits, batch.targets, reduction="none").double().cpu().numpy()
                choices = logits.argmax(-1).cpu().numpy()
                wanted = batch.targets.cpu().numpy()
                hits = choices == wanted
                owners = np.asarray(group)[batch.owners.cpu().numpy()]
                np.add.at(loss, owners, losses)
                np.add.at(targets, owners, 1)
                np.add.at(correct, owners, hits)
                if self._kind in CLASSES:
                    classes.append(np.stack([owners, choices, wanted]))
        finally:
            model.train()
        owners, predicted, label = np.concatenate(classes, axis=1)
        order = np.argsort(owners, kind="stable")  # row after row, each in the order of its words
        return Scores(loss, targets, correct, predicted[order], label[order], self._names)

    def metrics(self, scores: Scores) -> Mapping[str, float]:
        return measure(self._kind, scores)

    def write_examples(self, scores: Scores, path: Path) -> None:
        """One row of scores per example, in stored order."""
        targets = np.maximum(scores.targets, 1)
        columns = {
            "row_id": [row.row_id for row in self._rows],
            "group": [row.group for row in self._rows],
            "loss": scores.loss / targets,  # mean over the row's targets
            "tokens": scores.targets,  # targets: tokens with loss, tagged words, or 1
            "accuracy": scores.correct / targets,
            "exact": scores.correct == scores.targets,
        }
        if self._kind == "classification":
            columns |= {"predicted": scores.predicted, "label": scores.label}
        elif self._kind == "tagging":
            ends = np.cumsum(scores.targets)[:-1]
            hits, sizes = entity_counts(scores.label, scores.predicted, scores.targets, scores.names)
            columns |= {
                "predicted": np.split(scores.predicted, ends),  # one class per word
                "label": np.split(scores.label, ends),
                "entity_hits": hits[:, 0],
                "entity_sizes": sizes[:, 0],  # true ones plus predicted ones
            }
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), path)
