"""With and without augmentation: a known effect is found in its direction, none is called none, a kill changes nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from test_stages import simulated

from seektune.errors import MissingStage
from seektune.ledger.history import History
from seektune.ledger.journal import records
from seektune.ledger.results import AugmentationResult, SearchResult
from seektune.study.plan import make_plan
from seektune.study.run import Run, run_all
from seektune.study.stage_kinds import stages_of
from seektune.study_file import StudyFile
from seektune.trial import Json

pytestmark = pytest.mark.slow

SPACE = {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "augment_copies": {"low": 0, "high": 4}}
STAGES: Json = {"lr_range": None, "coarse": {"trials": 12}, "fine": {"trials": 4}, "confirm": {"top": 1, "seeds": 3}}
SEARCH = ["prepare", "coarse", "fine"]


def study(folder: Path, best_copies: float | None, **changes: Any) -> StudyFile:
    """On the simulated trainer, where so many copies are best (None: they change nothing)."""
    law: Json = {"optimum": {"learning_rate": 1e-3}, "widths": {"learning_rate": 0.5, "augment_copies": 2.0}}
    if best_copies is not None:
        law["optimum"]["augment_copies"] = best_copies
    return simulated(folder, **{"model": {"simulated": law}, "space": SPACE, "stages": STAGES, **changes})


def measured(study: StudyFile) -> AugmentationResult:
    return AugmentationResult.model_validate(run_all(study, stages=[*SEARCH, "augmentation"])["augmentation"])


def test_a_known_gain_is_found_at_equal_tokens_with_the_leaders_own_setting(tmp_path: Path) -> None:
    results = run_all(study(tmp_path, 3), stages=[*SEARCH, "augmentation"])
    found = AugmentationResult.model_validate(results["augmentation"])
    leader = SearchResult.model_validate(results["fine"]).best
    assert found.effect == "helps"
    assert found.sentence.startswith("Augmentation helps: validation loss is better by ")
    assert found.interval is not None and found.augmented is not None and found.original is not None
    assert found.interval.low > 0
    copies = int(leader.params["augment_copies"])
    known = 0.2 * (
        (3 / 2) ** 2 / (1 + (3 / 2) ** 2 / 16) - ((copies - 3) / 2) ** 2 / (1 + ((copies - 3) / 2) ** 2 / 16)
    )
    assert found.interval.mean == pytest.approx(known, rel=0.15)
    assert found.trial == leader.trial
    assert (found.augmented.params["augment_copies"], found.original.params["augment_copies"]) == (copies, 0)
    rows = [row for row in History.read(tmp_path / "runs" / "chain").trials if row.stage == "augmentation"]
    assert {row.tokens for row in rows} == {60_000}
    assert len(rows) == 2 * (3 + found.seeds)


def test_where_augmentation_hurts_the_leader_has_none_and_is_measured_with_all(tmp_path: Path) -> None:
    found = measured(study(tmp_path, 0))
    assert found.effect == "hurts"
    assert found.interval is not None and found.interval.high < 0
    assert found.augmented is not None and found.original is not None
    assert found.original.params["augment_copies"] == 0
    assert found.augmented.params["augment_copies"] > 0


def test_no_effect_is_called_none_with_what_could_have_been_seen(tmp_path: Path) -> None:
    found = measured(study(tmp_path, None, seed=2))
    assert found.effect == "not seen"
    assert found.interval is not None
    assert found.interval.low < 0 < found.interval.high
    assert f"below {found.interval.smallest_visible:.2g} would not show" in found.sentence


def test_each_arm_keeps_its_own_best_learning_rate(tmp_path: Path) -> None:
    found = measured(study(tmp_path, 3))
    for arm, one in {"augmented": found.augmented, "original": found.original}.items():
        assert one is not None
        tried = {rate: value for rate, value in found.learning_rates[arm] if value is not None}
        assert len(found.learning_rates[arm]) == 3
        assert one.params["learning_rate"] == min(tried, key=lambda rate: tried[rate])


def test_killed_anywhere_and_run_again_it_is_the_same(tmp_path: Path) -> None:
    """The journal is cut off behind each record of the stage's results, as a kill leaves it."""
    of_stages = {**STAGES, "augmentation": {"seeds": 2, "learning_rate_factors": [0.5, 1.0]}}
    once = measured(study(tmp_path, 3, stages=of_stages))
    folder = tmp_path / "runs" / "chain"
    started = next(r.end for r in records(folder) if r.kind == "stage_started" and r.data["stage"] == "augmentation")
    ends = [r.end for r in records(folder) if r.kind in ("result", "dispatched") and r.end > started]
    assert len(ends) == 2 * 2 * (2 + 2)
    for end in reversed(ends):
        os.truncate(folder / "journal.jsonl", end)
        assert measured(study(tmp_path, 3, stages=of_stages)) == once


def test_when_nothing_trains_nothing_is_claimed(tmp_path: Path) -> None:
    space = {**SPACE, "learning_rate": {"low": 1e3, "high": 1e5, "log": True}}
    fixed = {"learning_rate_factors": [1e6]}
    found = measured(study(tmp_path, 3, space=space, stages={**STAGES, "augmentation": fixed}))
    assert (found.effect, found.interval, found.augmented) == ("not measured", None, None)


def test_a_budget_that_ends_it_claims_nothing(tmp_path: Path) -> None:
    weights = {"lr_range": 0.0, "coarse": 3.0, "fine": 3.0, "augmentation": 0.5, "confirm": 0.0}
    found = measured(study(tmp_path, 3, stages={**STAGES, "weights": weights}, budget={"tokens": 900_000}))
    assert found.effect == "not measured"
    assert found.sentence.endswith("nothing is claimed.")


def test_it_runs_where_augmentation_is_searched_or_the_study_asks(tmp_path: Path) -> None:
    plain = {"learning_rate": SPACE["learning_rate"]}
    assert "augmentation" in stages_of(study(tmp_path, 3))
    assert stages_of(study(tmp_path, 3)).index("augmentation") == stages_of(study(tmp_path, 3)).index("confirm") - 1
    assert "augmentation" not in stages_of(study(tmp_path, 3, space=plain))
    assert "augmentation" not in stages_of(study(tmp_path, 3, stages={**STAGES, "augmentation": None}))
    asked = study(tmp_path, 3, space=plain, stages={**STAGES, "augmentation": {"seeds": 4}})
    assert "augmentation" in stages_of(asked)
    planned = {one.stage: one.runs for one in make_plan(asked, None, None, 1)[0]}
    assert planned["augmentation"] == 2 * (3 + 4)
    with Run(study(tmp_path, 3, space=plain)) as run, pytest.raises(MissingStage, match=r"stages\.augmentation"):
        run.run("augmentation")


def test_the_stage_does_not_change_the_winner(tmp_path: Path) -> None:
    with_it = run_all(study(tmp_path / "with", 3))
    without = run_all(study(tmp_path / "without", 3, stages={**STAGES, "augmentation": None}))
    assert with_it["confirm"] == {**without["confirm"], "model": with_it["confirm"]["model"]}
