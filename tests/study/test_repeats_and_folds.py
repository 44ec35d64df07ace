"""Several training runs per configuration: repeats with other seeds, and cross-validation."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_stages import simulated

from seektune.ledger.history import History
from seektune.ledger.results import SearchResult
from seektune.study.plan import make_plan
from seektune.study.run import run_all
from seektune.text.store import TokenStore
from seektune.train.batches import Stream
from seektune.train.trainer import LanguageTrainer
from seektune.trial import Evaluate, State, View
from tests.train.conftest import base_of, store_of, trainer_of  # noqa: F401  (fixtures)
from tests.train.tiny import run, segment

pytestmark = pytest.mark.slow

SEARCH = ["prepare", "coarse", "fine"]
STAGES = {"lr_range": None, "coarse": {"trials": 5}, "fine": {"trials": 2}, "confirm": {"top": 2, "seeds": 3}}


def test_the_mean_over_repeats_counts(tmp_path: Path) -> None:
    study = simulated(tmp_path, objective={"metric": "loss", "repeats": 3}, stages=STAGES)
    results = run_all(study)
    fine = SearchResult.model_validate(results["fine"])
    best = fine.best
    assert [one.trial for one in best.runs] == [f"{best.trial}·repeat{n}" for n in range(3)]
    assert len({one.seed for one in best.runs}) == 3
    measured = {trial.trial: trial.metrics.get("loss") for trial in History.read(tmp_path / "runs" / "chain").trials}
    values = [measured[one.trial] for one in best.runs]
    assert len(set(values)) == 3
    assert best.value == pytest.approx(statistics.fmean(values))
    assert results["confirm"]["verdict"]
    coarse = next(stage for stage in make_plan(study, results["prepare"], None, 1)[0] if stage.stage == "coarse")
    assert coarse.runs == (5 + 3) * 3


def test_folds_go_through_the_searches_only(tmp_path: Path) -> None:
    study = simulated(tmp_path, objective={"metric": "loss", "folds": 4}, stages=STAGES)
    results = run_all(study)
    best = SearchResult.model_validate(results["fine"]).best
    assert [(one.trial, one.fold) for one in best.runs] == [(f"{best.trial}·fold{n}", n) for n in range(4)]
    assert {one.tokens for one in best.runs} == {best.tokens}
    names = [trial.trial for trial in History.read(tmp_path / "runs" / "chain").trials if trial.stage == "confirm"]
    assert not any("fold" in name for name in names)


def test_folds_part_the_rows_by_group(store_of: Callable[[str], Path]) -> None:  # noqa: F811
    """Every row is in exactly one fold, no group in two; a run never trains on a row of its fold."""
    store = TokenStore(store_of("instruction"))
    folds = [store.fold("train", fold, 3, inside=True) for fold in range(3)]
    assert sorted(np.concatenate(folds)) == list(range(store.rows("train")))
    groups = [{store.row("train", int(index)).group for index in fold} for fold in folds]
    assert all(groups)
    assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]
    stream = Stream(store, "train", share=1.0, fold=(1, 3), effective_batch=8, seed=7)
    seen = {int(index) for step in range(60) for index in stream.indices(step)}
    assert seen == {*folds[0], *folds[2]}


def test_a_fold_is_measured_on_its_own_rows(
    trainer_of: Callable[..., LanguageTrainer],  # noqa: F811
    store_of: Callable[[str], Path],  # noqa: F811
    tmp_path: Path,
) -> None:
    import pyarrow.parquet as parquet

    store = TokenStore(store_of("instruction"))
    for fold in range(2):
        trial = replace(
            segment(f"fold{fold}", 600, 600),
            view=View(fold=fold, folds=2),
            evaluate=Evaluate(split="fold", per_example=True),
        )
        result = run(trainer_of("llama"), tmp_path / str(fold), trial)
        assert result.state is State.COMPLETE
        measured = parquet.read_table(result.examples or "")["row_id"].to_pylist()
        held = [store.row("train", int(index)).row_id for index in store.fold("train", fold, 2, inside=True)]
        assert measured == held
