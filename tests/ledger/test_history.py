"""History: one row per trial over all its segments and stages, as the study stands now."""

from __future__ import annotations

from pathlib import Path

import pytest

from seektune.ledger.history import History
from seektune.study.driver import Driver
from seektune.study.executors.in_process import InProcess
from seektune.study.stage import Allowance, Round, StageRun
from seektune.trial import Evaluate, Segment, Start, State, TrainerSpec

SPEC = TrainerSpec("seektune.study.simulated:SimulatedTrainer", {})
COARSE, EDITED, FINE = "c" * 64, "e" * 64, "f" * 64


def segment(trial: str, begin: int, end: int, rate: float = 1e-3, split: str = "validation") -> Segment:
    start = Start(trial, begin) if begin else None
    evaluate = Evaluate(split=split, every_tokens=1_000)
    return Segment(trial, {"learning_rate": rate}, 7, begin, end, 8_000, start, evaluate=evaluate)


def stage(*rounds: tuple[Segment, ...], look: str | None = None) -> StageRun:
    for segments in rounds:
        yield Round(SPEC, segments, {s.trial: "by hand" for s in segments}, look=look)
    return {"rounds": len(rounds)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Driver(tmp_path, InProcess()) as driver:
        driver.run("coarse", COARSE, stage((segment("a", 0, 2_000), segment("b", 0, 2_000, rate=5.0))))
        driver.run("fine", FINE, stage((segment("a", 2_000, 8_000), segment("new", 0, 8_000))), upstream=(COARSE,))
        driver.run(
            "confirm",
            "d" * 64,
            stage((segment("a", 8_000, 8_000, split="test"),), look="rows-1"),
            upstream=(FINE, COARSE),
        )
    return tmp_path


def test_a_trial_that_goes_on_in_another_stage_is_one_row(folder: Path) -> None:
    history = History.read(folder)
    assert [row.trial for row in history.trials] == ["a", "b", "new"]
    a = history.trials[0]
    assert (a.stage, a.state, a.tokens, a.attempts, a.origin) == ("coarse", State.COMPLETE, 8_000, 3, "by hand")
    tokens = [point.tokens for point in a.curve]
    assert tokens == sorted(set(tokens))
    assert tokens[-1] >= 8_000
    new = history.trial("new")
    assert new is not None
    assert a.metrics["loss"] == pytest.approx(new.metrics["loss"])  # same params and seed: the same run
    assert a.cost.tokens == new.cost.tokens
    assert "test.loss" in a.metrics
    assert [(s.from_tokens, s.to_tokens) for s in a.segments] == [(0, 2_000), (2_000, 8_000), (8_000, 8_000)]


def test_a_diverged_trial_says_why_and_has_no_value(folder: Path) -> None:
    b = History.read(folder).trials[1]
    assert b.state is State.DIVERGED
    assert b.reason
    assert "loss" not in b.metrics


def test_an_edited_study_shows_its_present_stages_only(folder: Path) -> None:
    with Driver(folder, InProcess()) as driver:
        driver.run("coarse", EDITED, stage((segment("other", 0, 2_000),)))
    history = History.read(folder)
    assert [row.trial for row in history.trials] == ["other"]
    assert {name: row.status for name, row in history.stages.items()} == {
        "coarse": "finished",
        "fine": "stale",
        "confirm": "stale",
    }
    with Driver(folder, InProcess()) as driver:  # the edit is taken back
        driver.run("coarse", COARSE, stage())
    history = History.read(folder)
    assert [row.trial for row in history.trials] == ["a", "b", "new"]
    assert history.spend.trials == 4
    assert history.stages["coarse"].spend.trials == 2


def test_a_stage_that_ran_out_says_so(tmp_path: Path) -> None:
    with Driver(tmp_path, InProcess()) as driver:
        rounds = stage((segment("a", 0, 2_000), segment("b", 0, 2_000)))
        driver.run("coarse", COARSE, rounds, Allowance(tokens=3_000))
    history = History.read(tmp_path)
    assert [row.state for row in history.trials] == [State.PAUSED, State.STOPPED]
    assert history.trials[1].reason == history.stages["coarse"].exhausted
    assert history.spend.tokens == 2_000


def test_the_table_has_one_row_per_trial_and_plain_cells(folder: Path) -> None:
    frame = History.read(folder).frame()
    assert list(frame["trial"]) == ["a", "b", "new"]
    assert {"params.learning_rate", "metrics.loss", "metrics.test.loss", "state", "reason", "seconds"} <= set(
        frame.columns
    )
    assert set(frame["state"]) == {"complete", "diverged"}


def test_a_folder_without_a_journal_is_an_empty_history(tmp_path: Path) -> None:
    history = History.read(tmp_path)
    assert history.trials == []
    assert history.spend.attempts == 0


def test_looks_sessions_and_trainers_are_there(folder: Path) -> None:
    history = History.read(folder)
    (look,) = history.looks
    assert (look.split, look.stage) == ("rows-1", "confirm")
    assert len(history.sessions) == 1
    assert history.trainers[history.trials[0].trainer] == SPEC
