"""Augmented rows in a trial: trained on as its parameters choose, never measured on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from seektune.text.selection import ORIGINALS, Selection
from seektune.text.store import TokenStore, write_split
from seektune.train.batches import Stream
from seektune.train.trainer import LanguageTrainer
from seektune.trial import Evaluate, View
from tests.train.tiny import make_rows, run, segment

ORIGINAL_ROWS = 60


@pytest.fixture(scope="module")
def store(store_of, tmp_path_factory: pytest.TempPathFactory) -> Path:  # type: ignore[no-untyped-def]
    """Every third row of 90 is made by an operator, in two copies."""
    folder = tmp_path_factory.mktemp("augmented")
    rows = make_rows("classification", 90, 0)
    rows = [
        replace(row, operator="swap", rate=0.1, copy=number % 2) if number % 3 == 2 else row
        for number, row in enumerate(rows)
    ]
    write_split(folder / "train.arrow", rows)
    write_split(folder / "validation.arrow", make_rows("classification", 24, 1))
    facts = json.loads((store_of("classification") / "facts.json").read_text())
    (folder / "facts.json").write_text(json.dumps({**facts, "augmentation": {"swap": [0.1]}}))
    return folder


def seen(store: TokenStore, selection: Selection, fold: tuple[int, int] | None = None) -> set[int]:
    stream = Stream(store, "train", share=1.0, fold=fold, selection=selection, effective_batch=6, seed=7)
    first_epoch = [int(index) for step in range(15) for index in stream.indices(step)]
    return set(first_epoch)


def test_an_epoch_is_exactly_the_chosen_rows(store: Path) -> None:
    opened = TokenStore(store)
    originals = {number for number in range(90) if number % 3 != 2}
    first_copies = {number for number in range(90) if number % 3 == 2 and number % 2 == 0}
    assert seen(opened, Selection()) == set(range(90))
    assert seen(opened, Selection(copies=1)) == originals | first_copies
    assert seen(opened, ORIGINALS) == originals
    fold = set(opened.fold("train", 1, 3, inside=True).tolist())
    assert seen(opened, Selection(copies=1), fold=(1, 3)) == (originals | first_copies) - fold


@pytest.mark.parametrize(("split", "view"), [("probe", View()), ("fold", View(fold=1, folds=3))])
def test_train_rows_are_measured_without_augmented_ones(
    store: Path,
    base_of,  # type: ignore[no-untyped-def]
    tmp_path: Path,
    split: str,
    view: View,
) -> None:
    trainer = LanguageTrainer(base=str(base_of("llama")), store=str(store), kind="classification")
    measure = Evaluate(split=split, per_example=True)
    result = run(trainer, tmp_path, replace(segment("t", 300, 300), evaluate=measure, view=view))
    measured = parquet.read_table(result.examples or "")["row_id"].to_pylist()
    opened = TokenStore(store)
    inside = set(opened.fold("train", 1, 3, inside=True).tolist()) if split == "fold" else set(range(90))
    wanted = [opened.row("train", n) for n in range(90) if n in inside]
    assert measured == [row.row_id for row in wanted if not row.operator]
    assert len(measured) < len(wanted)


def test_a_trial_without_augmentation_is_the_trial_on_a_store_without_it(store: Path, base_of, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    opened = TokenStore(store)
    plain = tmp_path / "plain"
    plain.mkdir()
    rows = [opened.row("train", n) for n in opened.selected("train", ORIGINALS)]
    assert len(rows) == ORIGINAL_ROWS
    write_split(plain / "train.arrow", rows)
    for name in ("validation.arrow", "facts.json"):
        (plain / name).write_bytes((store / name).read_bytes())
    results = []
    for folder, params in (
        (store, {"augment_copies": 0}),
        (store, {"augment_operators": "none"}),
        (plain, {}),
        (store, {}),
    ):
        trainer = LanguageTrainer(base=str(base_of("llama")), store=str(folder), kind="classification")
        results.append(run(trainer, tmp_path / str(len(results)), segment("t", 3_000, 3_000, params=params)))
    losses = [result.metrics["loss"] for result in results]
    assert losses[0] == losses[1] == losses[2] != losses[3]
    assert {result.tokens for result in results} == {3_000}
