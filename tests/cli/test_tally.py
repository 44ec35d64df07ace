"""Bookkeeping by hand: shares, time left, best, spend."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from seektune.cli.live import Live
from seektune.cli.output import Output
from seektune.cli.progress import Plain, clock, label
from seektune.cli.tally import Tally, Work
from seektune.study_file import StudyFile
from seektune.trial import Point, Progress, Result, Segment, State

STAGES = ("prepare", "coarse", "fine", "report")
WORK = {"coarse": Work(1000.0, 100.0), "fine": Work(2000.0, 200.0)}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def make(direction: str = "minimize") -> tuple[Tally, Clock]:
    study = StudyFile.model_validate(
        {
            "study": "a",
            "model": {"simulated": {}},
            "space": {"learning_rate": {"low": 1e-4, "high": 1.0, "log": True}},
            "objective": {"metric": "loss", "direction": direction},
            "budget": {"price_per_device_hour": 36.0},
        }
    )
    time = Clock()
    return Tally(study, STAGES, workers=1, earlier_seconds=50.0, clock=time, work=WORK), time


def segment(trial: str, start: int, end: int) -> Segment:
    return Segment(trial, {"learning_rate": 0.1}, 0, start, end, 1000)


def result(trial: str, tokens: int, loss: float, state: State = State.PAUSED) -> Result:
    return Result(trial, state, tokens, {"loss": loss})


def test_shares_and_time_left_follow_the_pace():
    tally, time = make()
    tally.stage_started("coarse", 4)
    assert tally.eta_seconds() == 300.0  # the plan's word, before anything is known
    tally.segment_started(segment("one", 0, 250))
    time.now = 50.0
    tally.segment_ended(segment("one", 0, 250), result("one", 250, 2.0), 49.0)
    assert tally.share("coarse") == 0.25
    assert tally.eta_seconds() == pytest.approx(2.0 * (75.0 + 200.0))  # twice as slow as planned
    tally.segment_started(segment("two", 0, 500))
    tally.progress(Progress("two", Point(250, 1, 0.1, None, {"loss": 1.0}, 1.0)))
    assert tally.share("coarse") == 0.5
    assert (tally.trials_done, tally.running) == (1, 1)
    time.now = 100.0
    tally.stage_ended("coarse", {}, cached=False)
    assert tally.eta_seconds() == pytest.approx(200.0)


def test_work_of_an_earlier_call_does_not_speed_up_the_pace():
    tally, time = make()
    tally.stage_started("coarse", 4)
    tally.segment_ended(segment("one", 0, 500), result("one", 500, 2.0), None)
    time.now = 50.0
    tally.segment_ended(segment("two", 0, 250), result("two", 250, 2.0), 50.0)
    assert tally.share("coarse") == 0.75
    assert tally.eta_seconds() == pytest.approx(2.0 * (25.0 + 200.0))


def test_spend_counts_devices_of_all_calls():
    tally, _ = make()
    tally.stage_started("coarse", 4)
    tally.segment_ended(segment("one", 0, 250), result("one", 250, 2.0), 50.0)
    tally.segment_ended(segment("two", 0, 250), result("two", 250, 2.0), None)
    assert tally.spend_seconds == 100.0
    assert tally.money == pytest.approx(1.0)


@pytest.mark.parametrize(("direction", "best"), [("minimize", "low"), ("maximize", "high")])
def test_best_is_of_searches_and_never_a_lost_trial(direction, best):
    tally, _ = make(direction)
    tally.stage_started("coarse", 4)
    for trial, loss in (("low", 1.0), ("high", 3.0), ("default-0", 2.0), ("default-1", 1.5)):
        tally.segment_ended(segment(trial, 0, 100), result(trial, 100, loss), 1.0)
    for trial, loss in (("gone", -1.0), ("gone too", 9.0)):
        tally.segment_ended(segment(trial, 0, 100), result(trial, 100, loss, State.DIVERGED), 1.0)
    tally.segment_ended(segment("none", 0, 100), result("none", 100, float("nan")), 1.0)
    tally.stage_started("confirm", None)
    tally.segment_ended(segment("lucky", 0, 100), result("lucky", 100, 0.0 if best == "low" else 9.0), 1.0)
    assert tally.best is not None
    assert tally.best.trial == best
    assert tally.default == 1.75
    assert tally.snapshot()["best"]["trial"] == best


def test_a_lost_worker_is_not_running():
    tally, _ = make()
    tally.stage_started("coarse", 4)
    tally.segment_started(segment("one", 0, 100))
    tally.segment_lost(segment("one", 0, 100))
    assert (tally.trials_done, tally.running) == (0, 0)


def test_live_line_shows_stage_trials_best_time_left_and_spend():
    tally, time = make()
    screen = io.StringIO()
    output = Output(_console=Console(file=screen, force_terminal=True, width=160, color_system=None))
    with Live(tally, output) as live:
        live.stage_started("coarse", "key", 4)
        live.segment_started("coarse", segment("one", 0, 250), 1)
        time.now = 60.0
        live.segment_ended("coarse", segment("one", 0, 250), result("one", 250, 2.0), 1, 0.0, 60.0)
        live.segment_started("coarse", segment("two", 0, 250), 2)
        live.segment_ended(
            "coarse", segment("bad", 0, 9), Result("bad", State.DIVERGED, 9, reason="not finite"), 3, 0.0, 1.0
        )
        output.console.print(live.render())
    said = screen.getvalue()
    assert "stage 2 of 4: coarse, 4 trials planned" in said
    assert "bad diverged at 9 tokens (not finite)" in said
    assert "a · stage 2 of 4 coarse" in said
    assert "2 of 4 trials, 1 running · about 10 min" in said
    assert "best loss 2 one at 250 tokens · spend 1 min 51 s (1.11) · learning_rate 0.1" in said


def test_without_a_terminal_every_tenth_of_a_stage_says_how_far_the_run_is(capsys):
    tally, time = make()
    plain = Plain(tally, Output())
    plain.stage_started("coarse", "key", 4)
    plain.segment_started("coarse", segment("one", 0, 500), 1)
    time.now = 20.0
    for step in range(1, 101):  # a hundred measurements on the first half of the stage
        plain.progress("coarse", Progress("one", Point(5 * step, step, 0.1, None, {"loss": 2.0}, 1.0)))
    time.now = 60.0
    plain.segment_ended("coarse", segment("one", 0, 500), result("one", 500, 2.0), 1, 0.0, 60.0)
    plain.segment_ended("coarse", segment("two", 0, 100), result("two", 100, 3.0), 2, 60.0, 70.0)
    lines = [line for line in capsys.readouterr().out.split("\n") if " running" in line]
    assert len(lines) == 6
    assert "coarse  10%  0 of 4 trials, 1 running · about 9 min 40 s left · spend 1 min 10 s (0.70)" in lines[0]
    assert "coarse  60%  2 of 4 trials, 0 running" in lines[-1]
    assert "best loss 2 one at 500 tokens · spend 2 min 00 s (1.20)" in lines[-1]
    plain.stage_started("fine", "key", 4)
    plain.segment_ended("fine", segment("three", 0, 210), result("three", 210, 1.0), 3, 0.0, 1.0)
    assert "fine  10%  1 of 4 trials" in capsys.readouterr().out


def test_no_time_left_is_told_while_nothing_is_known_of_the_speed():
    tally, time = make()
    tally.work = {name: Work(one.tokens, one.tokens, known=False) for name, one in WORK.items()}
    tally.stage_started("coarse", 4)
    assert tally.eta_seconds() is None
    assert tally.snapshot()["eta_seconds"] is None
    time.now = 20.0
    tally.segment_ended(segment("one", 0, 100), result("one", 100, 2.0), 20.0)
    assert tally.eta_seconds() == pytest.approx(0.2 * (900 + 2000))


def test_words_for_people():
    assert clock(42.4) == "0:42"
    assert clock(3725) == "1:02:05"
    assert label({"learning_rate": 0.00314159, "effective_batch": 8, "schedule": "cosine"}) == (
        "learning_rate 0.00314, effective_batch 8, schedule cosine"
    )
