"""The stages on the simulated trainer: the whole chain in seconds, without torch, against a known best point."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seektune.errors import MissingStage
from seektune.ledger.history import History
from seektune.ledger.journal import records
from seektune.ledger.results import ConfirmResult, RangeResult, SearchResult
from seektune.study.run import Run, parse_deadline, run_all
from seektune.study_file import StudyFile

pytestmark = pytest.mark.slow

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


def test_looks_are_counted_once_whenever_the_driver_dies(tmp_path: Path) -> None:
    """Killed between the look and the end of confirm, the look is still the first one; an edited study takes another."""
    first = ConfirmResult.model_validate(run_all(simulated(tmp_path))["confirm"])
    assert first.looks == 1
    folder = tmp_path / "runs" / "chain"
    look = next(record for record in records(folder) if record.kind == "look")
    os.truncate(folder / "journal.jsonl", look.end)
    again = ConfirmResult.model_validate(run_all(simulated(tmp_path))["confirm"])
    assert again.model_copy(update={"model": first.model}) == first  # its folder has the attempt's number
    edited = simulated(tmp_path, stages={"coarse": {"trials": 16}, "fine": {"trials": 7}, "confirm": {"seeds": 3}})
    assert ConfirmResult.model_validate(run_all(edited)["confirm"]).looks == 2


def test_when_every_trial_diverges_the_default_stays(tmp_path: Path) -> None:
    """Learning rates of a thousand and more: nothing has a value, and every stage still answers."""
    space = {"learning_rate": {"low": 1e3, "high": 1e5, "log": True}}
    stages = {"lr_range": None, "coarse": {"trials": 5}, "fine": {"trials": 2}, "confirm": {"top": 2, "seeds": 3}}
    results = run_all(simulated(tmp_path, space=space, stages=stages))
    for stage in ("coarse", "fine"):
        found = SearchResult.model_validate(results[stage])
        assert found.best.trial == "default-0"
        assert found.states.get("diverged", 0) >= 5
    confirmed = ConfirmResult.model_validate(results["confirm"])
    assert confirmed.verdict == "default stays"
    assert confirmed.model is not None
    assert not results["promote"]["promoted"]


def test_perplexity_is_judged_in_units_of_the_loss(tmp_path: Path) -> None:
    confirmed = {}
    for metric in ("loss", "perplexity"):
        study = simulated(tmp_path / metric, objective={"metric": metric})
        confirmed[metric] = ConfirmResult.model_validate(run_all(study)["confirm"])
    share = math.log(1.01)  # 1% of a perplexity, as a difference of logarithms
    assert confirmed["perplexity"].minimum_effect == pytest.approx(share)


def test_the_default_is_not_drawn_again(tmp_path: Path) -> None:
    """A grid that holds the default runs it as the default only."""
    default = run_all(simulated(tmp_path), stages=["prepare"])["prepare"]["default"]
    grid = {
        "learning_rate": {"choices": [1e-4, default["learning_rate"]]},
        "lora_rank": {"choices": [4, default["lora_rank"]]},
    }
    stages = {"lr_range": None, "coarse": {"search": "grid", "trials": 50}, "fine": None, "confirm": {"seeds": 3}}
    results = run_all(simulated(tmp_path, space=grid, stages=stages), stages=["prepare", "coarse"])
    found = SearchResult.model_validate(results["coarse"])
    assert found.trials == 3
    assert len({tuple(sorted(leader.params.items())) for leader in found.history}) == 4


def test_a_long_run_and_an_open_end_change_the_prior(tmp_path: Path) -> None:
    """METHOD: -0.3 decade for a run over five times the ramp; wider where the curve never turned up."""
    stages = {"lr_range": {"steps": 60, "probes": False}}
    near = RangeResult.model_validate(
        run_all(simulated(tmp_path / "near", stages=stages), stages=["prepare", "lr_range"])["lr_range"]
    )
    far = RangeResult.model_validate(
        run_all(simulated(tmp_path / "far", train={"tokens": 600_000}, stages=stages), stages=["prepare", "lr_range"])[
            "lr_range"
        ]
    )
    assert near.suggestion is not None
    assert far.suggestion == pytest.approx(near.suggestion * 10**-0.3)
    assert "longer than the ramp" in far.reason
    assert near.high is not None
    assert near.prior_decades == 0.4
    stages["lr_range"] |= {"high": near.suggestion * 2}
    open_end = RangeResult.model_validate(
        run_all(simulated(tmp_path / "open", stages=stages), stages=["prepare", "lr_range"])["lr_range"]
    )
    assert open_end.usable
    assert open_end.high is None
    assert open_end.prior_decades == 0.6
