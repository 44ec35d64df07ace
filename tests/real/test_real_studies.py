"""The whole pipeline on real text: every kind, in English or Chinese.

Small runs: what is tested is that every stage works on such rows and that confirm says something that its own numbers
support, not that a tiny model learns much.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest

from seektune.ledger.history import History
from seektune.ledger.results import ConfirmResult, PrepareResult, SearchResult
from seektune.score.options import CLASSES
from seektune.study.run import Run
from seektune.study_file import load_study
from tests.real.studies import DATA, needs_shared, study, write

pytestmark = [pytest.mark.real, pytest.mark.slow, needs_shared]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", list(DATA))
def test_from_a_real_file_to_a_confirmed_winner(name: str, tmp_path: Path) -> None:
    """Every stage in turn; the verdict agrees with the interval; the winner's folder opens."""
    file = write(study(name), tmp_path)
    with Run(load_study(file)) as run:
        results = {stage: run.run(stage) for stage in run.stages}

    prepared = PrepareResult.model_validate(results["prepare"])
    ids = {
        split: set(parquet.read_table(Path(prepared.rows) / f"{split}.parquet")["id"].to_pylist()) for split in SPLITS
    }
    assert all(len(ids[split]) > 20 for split in SPLITS)
    assert not ids["train"] & (ids["validation"] | ids["test"])

    fine = SearchResult.model_validate(results["fine"])
    assert fine.best.value is not None
    assert fine.best.value < prepared.base_losses["loss"], "tuning improves on the untuned base"

    confirmed = ConfirmResult.model_validate(results["confirm"])
    assert confirmed.validation is not None
    if confirmed.test is None:
        assert confirmed.validation.low <= 0
        assert confirmed.verdict in ("default stays", "underpowered", "not shown")
        assert confirmed.looks == 0
    else:
        assert confirmed.looks == 1
        assert (confirmed.verdict == "better") == (confirmed.test.low > 0)
        gain = confirmed.test_scores["default.loss"] - confirmed.test_scores["challenger.loss"]
        assert gain == pytest.approx(confirmed.test.mean, abs=1e-6), "the interval is about the metric itself"
    told = (run.folder / "report" / "report.md").read_text(encoding="utf-8").replace("\\", "")  # Markdown escapes
    assert confirmed.sentence in told
    opens(Path(confirmed.model or ""), prepared.kind)

    history = History.read(run.folder)
    assert all(math.isfinite(point.metrics["loss"]) for trial in history.trials for point in trial.curve)


SPLITS = ("train", "validation", "test")


def opens(folder: Path, kind: str) -> None:
    """The exported winner, as its user would load it."""
    from peft import (
        AutoPeftModelForCausalLM,
        AutoPeftModelForSequenceClassification,
        AutoPeftModelForTokenClassification,
    )
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    loader: Any = {
        "classification": AutoPeftModelForSequenceClassification,
        "tagging": AutoPeftModelForTokenClassification,
    }.get(kind, AutoPeftModelForCausalLM)
    labels = folder / "labels.json"
    extra = {"num_labels": len(json.loads(labels.read_text(encoding="utf-8")))} if labels.exists() else {}
    assert bool(extra) == (kind in CLASSES)
    model = loader.from_pretrained(folder, **extra)
    logits = model(**tokenizer("hello", return_tensors="pt", return_token_type_ids=False)).logits
    assert logits.isfinite().all()
