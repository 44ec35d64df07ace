"""The chain's other ways, on the simulated trainer: every verdict, no usable range, a maximised objective, a budget in time."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from test_stages import simulated

from seektune.ledger.history import History
from seektune.ledger.results import ConfirmResult, Interval, RangeResult, SearchResult, Verdict
from seektune.study.run import run_all
from seektune.study.verdict import Facts, judge
from seektune.trial import State

pytestmark = pytest.mark.slow

FEW = {"coarse": {"trials": 8}, "fine": {"trials": 3}, "confirm": {"top": 2, "seeds": 3}}
DEFAULT_RATE = 3e-4


# Verdicts


@pytest.mark.parametrize(
    ("verdict", "decay", "height", "noise"),
    [
        ("better", 0.05, 1.0, 0.005),  # the default has no decay: 0.94 above the best
        ("default stays", 0.0, 5.0, 0.005),  # nothing that is searched is as good
        ("underpowered", 0.03, 0.05, 0.03),  # there are 0.018 to win, and three seeds do not show them
    ],
)
def test_the_verdict_is_what_the_law_allows(
    tmp_path: Path, verdict: Verdict, decay: float, height: float, noise: float
) -> None:
    """Only the weight decay matters: the learning rate is searched around its best value, which is the default's."""
    optimum = {"learning_rate": DEFAULT_RATE, "weight_decay": decay}
    study = simulated(
        tmp_path,
        model={"simulated": {"optimum": optimum, "height": height, "noise": noise}},
        space={
            "learning_rate": {"low": DEFAULT_RATE / 1.03, "high": DEFAULT_RATE * 1.03, "log": True},
            "weight_decay": {"low": 0.01, "high": 0.05},
        },
        stages={**FEW, "lr_range": None, "fine": None},
        seed=7,  # one of those with which the lead that cannot be seen is one
    )
    results = run_all(study)
    found = ConfirmResult.model_validate(results["confirm"])
    assert found.verdict == verdict
    assert found.validation is not None
    looked = verdict == "better"
    assert (found.looks, found.test is not None) == (int(looked), looked)
    assert (found.validation.low > 0) is looked
    assert (found.validation.mean > 0) is (verdict != "default stays")
    assert results["promote"]["promoted"] is looked
    assert found.model  # the challenger's model is written, whatever is said about it


def interval(low: float, high: float, visible: float) -> Interval:
    return Interval(
        mean=(low + high) / 2, low=low, high=high, level=0.9, low_per_look=low, degrees_of_freedom=9.0,
        smallest_visible=visible, seed_sd=0.0, example_sd=0.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("known", "verdict", "said"),
    [
        ({"searched": False}, "default stays", "No trial of the search ended with a value"),
        ({"cut": True}, "not shown", "The budget ended"),
        ({}, "not shown", "did not finish on every seed"),
        ({"validation": interval(-0.1, 0.3, 0.5)}, "underpowered", "the test split was not touched"),
        ({"validation": interval(-0.1, 0.3, 0.01)}, "default stays", "the test split was not touched"),
        ({"validation": interval(-0.3, 0.1, 0.5)}, "default stays", "the test split was not touched"),
        ({"validation": interval(0.1, 0.3, 0.05), "looked": True}, "not shown", "could not be taken"),
        ({"test": interval(0.05, 0.25, 0.05)}, "better", "beats the default"),
        ({"test": interval(-0.3, -0.1, 0.05)}, "worse", "is worse than the default"),
        ({"test": interval(-0.1, 0.2, 0.5)}, "underpowered", "smallest visible difference was 0.5"),
        ({"test": interval(-0.1, 0.2, 0.01)}, "not shown", "smallest visible difference was 0.01"),
    ],
)
def test_what_is_said_of_what_is_known(known: dict[str, Any], verdict: Verdict, said: str) -> None:
    if "test" in known:
        known = {"validation": interval(0.1, 0.3, 0.05), "looked": True, **known}
    found, sentence = judge(Facts("coarse-1", 0.1, "loss", **known))
    assert found == verdict
    assert said in sentence


# Ranges and objectives


def test_without_a_usable_range_the_studys_own_range_stands(tmp_path: Path) -> None:
    """The base has nothing left to learn, so that a ramp's loss can only rise."""
    study = simulated(tmp_path, model={"simulated": {"start": 1.0}}, stages=FEW)
    results = run_all(study)
    assert not RangeResult.model_validate(results["lr_range"]).usable
    trials = History.read(tmp_path / "runs" / "chain").trials
    assert {row.origin for row in trials if row.stage == "lr_range"} == {"ramp"}  # no short runs
    assert {row.origin for row in trials if row.stage == "coarse"} == {"default", "random, full range"}
    assert ConfirmResult.model_validate(results["confirm"]).verdict == "better"


@pytest.mark.parametrize("metric", ["accuracy", "exact_match", "perplexity"])
def test_objectives_other_than_the_loss(tmp_path: Path, metric: str) -> None:
    results = run_all(simulated(tmp_path, objective={"metric": metric}))
    maximised = metric != "perplexity"
    fine = SearchResult.model_validate(results["fine"])
    complete = [leader.value for leader in fine.history if leader.tokens == 60_000 and leader.value is not None]
    assert fine.best.value == (max if maximised else min)(complete)
    assert 3e-4 < float(fine.best.params["learning_rate"]) < 4e-3  # known: 1e-3
    found = ConfirmResult.model_validate(results["confirm"])
    assert found.verdict == "better"
    assert found.test is not None
    assert found.test.mean > 0
    assert (found.challenger.mean > found.reference.mean) is maximised
    assert (found.test_scores[f"challenger.{metric}"] > found.test_scores[f"default.{metric}"]) is maximised


# Time


def timed(folder: Path, **budget: Any) -> tuple[dict[str, Any], History]:
    """A run of about 13 s, if nobody ended it; the first rungs of coarse take one of them."""
    study = simulated(
        folder, model={"simulated": {"seconds_per_step": 0.005}}, stages={**FEW, "lr_range": None}, budget=budget
    )
    return run_all(study), History.read(folder / "runs" / "chain")


def says_nothing_unfounded(results: dict[str, Any]) -> None:
    found = ConfirmResult.model_validate(results["confirm"])
    assert found.verdict in ("not shown", "default stays")
    assert (found.looks, found.test) == (0, None)
    assert not results["promote"]["promoted"]
    assert Path(results["report"]["html"]).is_file()


def test_wall_time_is_shared_and_every_stage_ends_with_what_it_has(tmp_path: Path) -> None:
    results, history = timed(tmp_path, wall_time=5.0)
    assert {stage for stage, row in history.stages.items() if row.exhausted} == {"coarse", "fine", "confirm"}
    assert history.spend.wall_seconds < 8
    for stage in ("coarse", "fine"):
        found = SearchResult.model_validate(results[stage])
        assert found.ended.startswith("budget: wall time")
        assert found.best.value is not None
    says_nothing_unfounded(results)


def test_a_deadline_ends_the_run_with_what_it_has(tmp_path: Path) -> None:
    deadline = datetime.now().astimezone() + timedelta(seconds=5)
    results, history = timed(tmp_path, deadline=deadline.isoformat())
    assert time.time() < deadline.timestamp() + 8
    coarse = SearchResult.model_validate(results["coarse"])
    assert coarse.ended.startswith("budget: ")
    assert "deadline" in coarse.ended
    assert coarse.best.value is not None
    stopped = [row for row in history.trials if row.state is State.STOPPED]
    assert stopped
    assert all("deadline" in row.reason for row in stopped)
    says_nothing_unfounded(results)


def test_a_deadline_that_is_over_trains_nothing(tmp_path: Path) -> None:
    results, history = timed(tmp_path, deadline="2020-01-01T06:00:00+00:00")
    assert history.spend.tokens == 0
    says_nothing_unfounded(results)
