"""The stages on the simulated trainer: the whole chain in seconds, without torch, against a known best point."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seektune.errors import MissingStage
from seektune.ledger.history import History
from seektune.ledger.results import ConfirmResult, SearchResult
from seektune.study.run import Run, parse_deadline, run_all
from seektune.study_file import StudyFile

SPACE = {
    "learning_rate": {"low": 1e-6, "high": 1e-1, "log": True},
    "weight_decay": {"low": 0.0, "high": 0.1},
    "lora_rank": {"choices": [4, 8, 16, 32]},
}


def simulated(folder: Path, **changes: Any) -> StudyFile:
    content: dict[str, Any] = {
        "study": "chain",
        "seed": 5,
        "model": {"simulated": {}},
        "train": {"tokens": 60_000},
        "method": "lora",
        "space": SPACE,
        "stages": {"coarse": {"trials": 16}, "fine": {"trials": 6}, "confirm": {"top": 2, "seeds": 3}},
        "run": {"folder": str(folder / "runs")},
    }
    return StudyFile.model_validate({**content, **changes})


def test_the_chain_finds_the_known_optimum_and_says_better(tmp_path: Path) -> None:
    results = run_all(simulated(tmp_path))
    fine = SearchResult.model_validate(results["fine"])
    confirmed = ConfirmResult.model_validate(results["confirm"])
    assert 3e-4 < float(fine.best.params["learning_rate"]) < 4e-3  # known: 1e-3
    assert confirmed.verdict == "better"
    assert confirmed.test is not None
    assert confirmed.test.low > 0
    assert confirmed.looks == 1


def test_a_finished_study_returns_at_once_and_looks_no_more(tmp_path: Path) -> None:
    first = run_all(simulated(tmp_path))
    before = (tmp_path / "runs" / "chain" / "journal.jsonl").read_text().count('"kind":"dispatched"')
    again = run_all(simulated(tmp_path))
    after = (tmp_path / "runs" / "chain" / "journal.jsonl").read_text().count('"kind":"dispatched"')
    assert again == first
    assert after == before


def test_an_edited_study_gets_new_keys(tmp_path: Path) -> None:
    with Run(simulated(tmp_path)) as run:
        keys = {stage: run.key(stage) for stage in run.stages if stage != "report"}
    changed = simulated(tmp_path, stages={"coarse": {"trials": 16}, "fine": {"trials": 7}, "confirm": {"seeds": 3}})
    with Run(changed) as run:
        new = {stage: run.key(stage) for stage in run.stages if stage != "report"}
    assert keys["coarse"] == new["coarse"]
    assert keys["fine"] != new["fine"]
    assert keys["confirm"] != new["confirm"]


def test_a_stage_says_what_is_missing(tmp_path: Path) -> None:
    with Run(simulated(tmp_path)) as run, pytest.raises(MissingStage, match="coarse needs the result of prepare"):
        run.run("coarse")


def test_nothing_is_tried_twice_and_fine_starts_warm(tmp_path: Path) -> None:
    results = run_all(simulated(tmp_path), stages=["prepare", "lr_range", "coarse", "fine"])
    fine = SearchResult.model_validate(results["fine"])
    searched = [tuple(sorted(leader.params.items())) for leader in fine.history]
    assert len(searched) == len(set(searched))
    carried = [leader for leader in fine.history if leader.trial.startswith("coarse-") and leader.tokens == 60_000]
    assert len(carried) == 2  # the best paused coarse trials went on to full length
    history = History.read(tmp_path / "runs" / "chain")
    origins = [trial.origin for trial in history.trials if trial.trial.startswith("fine-")]
    assert any("full range" in origin for origin in origins)
    assert any("narrowed" in origin for origin in origins)


def test_a_token_budget_ends_stages_with_a_usable_best(tmp_path: Path) -> None:
    results = run_all(simulated(tmp_path, budget={"tokens": 900_000}))
    history = History.read(tmp_path / "runs" / "chain")
    assert history.spend.tokens <= 900_000
    coarse = SearchResult.model_validate(results["coarse"])
    assert coarse.best.params
    assert coarse.ended.startswith("budget") or SearchResult.model_validate(results["fine"]).ended.startswith("budget")
    assert ConfirmResult.model_validate(results["confirm"]).verdict


def test_left_out_stages(tmp_path: Path) -> None:
    study = simulated(
        tmp_path, stages={"lr_range": None, "fine": None, "coarse": {"trials": 6}, "confirm": {"seeds": 3}}
    )
    results = run_all(study)
    assert set(results) == {"prepare", "coarse", "confirm", "promote", "report"}


def test_the_champion_stands_and_is_kept(tmp_path: Path) -> None:
    first = run_all(simulated(tmp_path))["promote"]
    assert first["promoted"], first["reason"]
    assert Path(first["champion"]).is_dir()
    other = run_all(simulated(tmp_path, seed=6))["promote"]
    assert not other["promoted"]
    assert other["champion"] == first["champion"]


def test_the_chain_needs_no_torch(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from seektune.study.run import run_all
from tests.study.test_stages import simulated
run_all(simulated(Path({str(tmp_path)!r})), stages=["prepare", "lr_range", "coarse", "fine", "confirm", "promote"])
assert not {{"torch", "prefect", "transformers"}} & set(sys.modules), sorted(sys.modules)
"""
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)


def test_deadlines() -> None:
    import time

    now = time.time()
    assert now < parse_deadline("06:00", now) <= now + 86_400
    assert parse_deadline("2030-01-01T06:00:00+00:00", now) == 1893477600.0
