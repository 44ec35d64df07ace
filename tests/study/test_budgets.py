"""Budgets over a whole run: what each stage is given, how it ends, and how it goes on when there is more."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from test_driver import Time
from test_stages import simulated

from seektune.ledger.history import History
from seektune.ledger.journal import records
from seektune.ledger.results import ConfirmResult, SearchResult
from seektune.study.run import Run, run_all

pytestmark = pytest.mark.slow

SEARCH = ["prepare", "lr_range", "coarse", "fine"]


def folder(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "chain"


def tokens_of_the_search(tmp_path: Path) -> int:
    """Run everything before confirm."""
    with Run(simulated(tmp_path)) as run:
        for stage in SEARCH:
            run.run(stage)
        return sum(run._past(stage).spend.tokens for stage in SEARCH)


def test_a_deadline_is_shared_and_does_not_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each stage gets its share of the time that is left; once passed it is passed, also for later stages."""
    now = time.time()
    monkeypatch.setattr("seektune.study.run.time.time", lambda: now)
    deadline = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(now + 3600))
    with Run(simulated(tmp_path, budget={"deadline": deadline})) as run:
        whole = run._deadline
        assert whole == pytest.approx(now + 3600, abs=1)
        weights = run.study.stages.weights
        share = weights["coarse"] / (weights["coarse"] + weights["fine"] + weights["confirm"])
        assert run._allowance("coarse").ends_at == pytest.approx(now + 3600 * share, abs=1)
        assert run._allowance("confirm").ends_at == pytest.approx(now + 3600, abs=1)
        now += 3601
        assert run._allowance("confirm").deadline == whole
        assert run._allowance("confirm").used_up(run._past("confirm").spend, now) == (
            "deadline",
            "budget: the deadline has come",
        )


def test_a_clock_time_that_has_come_is_not_tomorrows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.mktime(time.strptime("2030-01-15 05:59:00", "%Y-%m-%d %H:%M:%S"))
    monkeypatch.setattr("seektune.study.run.time.time", lambda: now)
    with Run(simulated(tmp_path, budget={"deadline": "06:00"})) as run:
        first = run._allowance("coarse").deadline
        now += 120
        assert run._allowance("confirm").deadline == first == pytest.approx(now - 60)


def test_an_edited_study_starts_with_its_whole_budget(tmp_path: Path) -> None:
    """What other settings have used is not charged to these."""
    budget = {"tokens": 900_000}
    with Run(simulated(tmp_path, budget=budget)) as run:
        for stage in SEARCH:
            run.run(stage)
        before = run._allowance("coarse").tokens
    with Run(simulated(tmp_path, seed=6, budget=budget)) as run:
        for stage in ("prepare", "lr_range"):
            run.run(stage)
        assert run._allowance("coarse").tokens == pytest.approx(before, rel=0.05)


def test_more_budget_reopens_what_the_budget_had_ended(tmp_path: Path) -> None:
    """The stage goes on and ends as if the budget had been there at once; the stages below it run again."""
    stages = {"lr_range": None, "coarse": {"trials": 16}, "fine": {"trials": 6}, "confirm": {"top": 2, "seeds": 3}}
    small = run_all(simulated(tmp_path, stages=stages, budget={"tokens": 400_000}))
    assert SearchResult.model_validate(small["coarse"]).ended
    assert ConfirmResult.model_validate(small["confirm"]).verdict == "not shown"
    used = History.read(folder(tmp_path)).spend
    again = run_all(simulated(tmp_path, stages=stages, budget={"tokens": 400_000}))
    assert again == small, "the same budget: nothing runs"
    assert History.read(folder(tmp_path)).spend.attempts == used.attempts

    more = run_all(simulated(tmp_path, stages=stages))
    whole = run_all(simulated(tmp_path / "whole", stages=stages))
    for stage in ("coarse", "fine"):
        assert more[stage] == whole[stage]
    assert (
        ConfirmResult.model_validate(more["confirm"]).sentence
        == ConfirmResult.model_validate(whole["confirm"]).sentence
    )
    spend, wanted = History.read(folder(tmp_path)).spend, History.read(tmp_path / "whole" / "runs" / "chain").spend
    assert spend.attempts - used.attempts < wanted.attempts, "what had finished was not trained again"


def test_between_reopening_and_running_again_the_stages_below_are_stale(tmp_path: Path) -> None:
    run_all(simulated(tmp_path, budget={"tokens": 400_000}))
    assert History.read(folder(tmp_path)).stages["confirm"].status == "finished"
    run_all(simulated(tmp_path), stages=["prepare", "lr_range", "coarse"])
    assert History.read(folder(tmp_path)).stages["confirm"].status == "stale"


def test_a_budget_that_ends_in_confirm_claims_nothing_and_says_why(tmp_path: Path) -> None:
    """One token fewer than two whole seeds of shortlist and default; the other baselines may be missing."""
    used = tokens_of_the_search(tmp_path)
    runs = (2 + 3) + (2 + 1)
    results = run_all(simulated(tmp_path, budget={"tokens": used + runs * 60_000 - 1}))
    confirmed = ConfirmResult.model_validate(results["confirm"])
    assert confirmed.seeds == 1
    assert confirmed.verdict == "not shown"
    assert "budget" in confirmed.sentence
    assert confirmed.model is not None, "a usable winner is written all the same"

    results = run_all(simulated(tmp_path, budget={"tokens": used + runs * 60_000}))
    confirmed = ConfirmResult.model_validate(results["confirm"])
    assert confirmed.seeds == 2
    assert confirmed.validation is not None
    assert [arm.name for arm in confirmed.baselines] == ["default"]


def test_weights_of_zero(tmp_path: Path) -> None:
    stages = {"coarse": {"trials": 4}, "confirm": {"seeds": 3}, "weights": {"coarse": 1.0, "fine": 0.0, "confirm": 0.0}}
    with Run(simulated(tmp_path, stages=stages, budget={"tokens": 500_000})) as run:
        assert run._allowance("coarse").tokens == 500_000
        assert run._allowance("confirm").tokens == 0


def test_a_later_deadline_does_not_reopen_what_another_limit_ended(tmp_path: Path) -> None:
    """Every night has a later one; the token budget is still used up."""
    night = {"tokens": 400_000, "deadline": "2090-01-01T06:00"}
    run_all(simulated(tmp_path, budget=night))
    records_before = (folder(tmp_path) / "journal.jsonl").read_text().count("stage_reopened")
    run_all(simulated(tmp_path, budget={**night, "deadline": "2090-01-02T06:00"}))
    assert (folder(tmp_path) / "journal.jsonl").read_text().count("stage_reopened") == records_before == 0


def test_a_smaller_budget_ends_a_stage_that_has_only_to_measure(tmp_path: Path) -> None:
    """Killed between training and look of confirm, then given less: it looks, and ends."""
    whole = run_all(simulated(tmp_path))["confirm"]
    look = next(record for record in records(folder(tmp_path)) if record.kind == "look")
    os.truncate(folder(tmp_path) / "journal.jsonl", look.end)
    again = run_all(simulated(tmp_path, budget={"tokens": 70_000}), stages=["confirm"])["confirm"]
    assert again["sentence"] == whole["sentence"]


def test_confirm_that_is_reopened_counts_both_looks(tmp_path: Path) -> None:
    used = tokens_of_the_search(tmp_path)
    two_seeds = (2 + 3) + (2 + 1)
    first = run_all(simulated(tmp_path, budget={"tokens": used + two_seeds * 60_000}))["confirm"]
    assert (first["seeds"], first["looks"]) == (2, 1)
    more = run_all(simulated(tmp_path))["confirm"]
    assert (more["seeds"], more["looks"]) == (3, 2)


def test_a_trial_that_was_cut_short_and_goes_on_is_told_once(tmp_path: Path) -> None:
    """Time is up in the middle of a segment: then the same table as an undisturbed run."""
    slow = {"model": {"simulated": {"seconds_per_step": 0.004}}}
    stages = {"lr_range": None, "coarse": {"trials": 6}, "fine": {"trials": 2}, "confirm": {"top": 2, "seeds": 2}}
    jump = Time(tokens=25_000)  # in the second rung
    with Run(simulated(tmp_path, **slow, stages=stages, budget={"wall_time": 3600}), [jump]) as run:
        assert run._driver is not None
        run._driver._clock = jump
        small = {stage: run.run(stage) for stage in run.stages}
    assert any(row.reason.startswith("budget") and row.tokens for row in History.read(folder(tmp_path)).trials)
    assert small["confirm"]["verdict"] == "not shown"
    run_all(simulated(tmp_path, **slow, stages=stages))
    run_all(simulated(tmp_path / "whole", **slow, stages=stages))
    ours, theirs = (History.read(place / "runs" / "chain") for place in (tmp_path, tmp_path / "whole"))

    def told(history: History) -> list[tuple[object, ...]]:
        return [(row.trial, row.state, row.tokens, [point.tokens for point in row.curve]) for row in history.trials]

    assert told(ours) == told(theirs)
