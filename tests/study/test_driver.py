"""The driver in one process: replay, budgets, retries, stops, disk, the lock."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_study import COARSE, FINE, HORIZON, coarse, fine, one_round, rates, run, segment, spec, table

from seektune.errors import Stopped, StudyBusy, TrialError
from seektune.ledger.history import History
from seektune.ledger.journal import records
from seektune.ledger.lock import holder
from seektune.study.driver import Driver
from seektune.study.executors.attempt import cleaned, perform
from seektune.study.executors.executor import Finished
from seektune.study.executors.in_process import InProcess, Report
from seektune.study.observer import Observer
from seektune.study.stage import Allowance, Round, StageRun
from seektune.trial import Cost, Dispatch, Json, Point, Progress, Result, Segment, Start, State, Trainer, TrainerSpec

KEY = "k" * 64
Faulty = Callable[..., TrainerSpec]


@pytest.fixture
def faulty(tmp_path: Path) -> Faulty:
    (tmp_path / "marks").mkdir()

    def make(fault: str, victim: str, **more: object) -> TrainerSpec:
        return spec("faulty:Faulty", fault=fault, victim=victim, marks=str(tmp_path / "marks"), **more)

    return make


def play(
    folder: Path, stage: StageRun, allowance: Allowance | None = None, *observers: Observer, **driver: Any
) -> Json:
    with Driver(folder, InProcess(), observers, **driver) as opened:
        return opened.run("stage", KEY, stage, allowance)


def grid(count: int, to_tokens: int = HORIZON // 4, **more: object) -> list[Segment]:
    return [segment(f"t-{i}", {"learning_rate": rate}, to_tokens, **more) for i, rate in enumerate(rates(count))]


def kinds(folder: Path, kind: str) -> list[Json]:
    return [dict(record.data) for record in records(folder) if record.kind == kind]


class Diary(Observer):
    """Writes down what it is told."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.told: list[str] = []
        self.ended: list[Result] = []
        self.stop_after = stop_after

    def stage_started(self, stage: str, key: str, planned_trials: int | None) -> None:
        self.told.append(f"started {stage}")

    def segment_replayed(self, stage: str, segment: Segment, result: Result) -> None:
        self.told.append("replayed")

    def segment_ended(
        self, stage: str, segment: Segment, result: Result, attempt: int, started_at: float, ended_at: float
    ) -> None:
        assert ended_at >= started_at
        self.told.append("ended")
        self.ended.append(result)

    def stage_ended(self, stage: str, result: Json, cached: bool) -> None:
        self.told.append(f"stage ended, cached={cached}")

    def tick(self) -> str | None:
        return "cancelled by a person" if len(self.ended) >= self.stop_after else None


class Time(Observer):
    """A clock that jumps by hours once a trial has reported so many tokens."""

    def __init__(self, tokens: int) -> None:
        self.tokens, self.ahead = tokens, 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead

    def progress(self, stage: str, progress: Progress) -> None:
        if progress.point.tokens >= self.tokens:
            self.ahead = 7200.0


# Replay


def test_a_finished_stage_returns_at_once(tmp_path: Path) -> None:
    seen: list[Result] = []
    first = play(tmp_path, one_round(spec(), grid(3), seen))
    again: list[Result] = []
    diary = Diary()
    assert play(tmp_path, one_round(spec(), grid(3), again), None, diary) == first
    assert again == []
    assert diary.told == ["stage ended, cached=True"]
    assert [result.trial for result in seen] == ["t-0", "t-1", "t-2"]


def test_a_changed_stage_runs_under_its_own_key(tmp_path: Path) -> None:
    play(tmp_path, one_round(spec(), grid(2)))
    with Driver(tmp_path, InProcess()) as driver:
        other = driver.run("stage", "other" * 8, one_round(spec(), grid(2, HORIZON)))
    assert {result["state"] for result in other["results"]} == {"complete"}
    assert [row.tokens for row in History.read(tmp_path).trials] == [HORIZON, HORIZON]


def test_a_result_that_its_driver_never_read_is_not_computed_again(tmp_path: Path) -> None:
    """Killed before the fifth write: opened, started, proposed and dispatched are there, the result is only a file."""
    script = (
        "import sys; from pathlib import Path; from test_driver import *;"
        "play(Path(sys.argv[1]), one_round(spec(), grid(2)))"
    )
    here = Path(__file__).parent
    environment = {
        **os.environ,
        "SEEKTUNE_FAULT": "journal.before:kill9:5",
        "PYTHONPATH": f"{here.parents[1]}{os.pathsep}{here}",
    }
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=environment, check=False)
    assert killed.returncode == -9
    assert (tmp_path / "attempts" / "attempt-000001" / "result.json").exists()
    assert kinds(tmp_path, "result") == []
    play(tmp_path, one_round(spec(), grid(2)))
    assert len(kinds(tmp_path, "dispatched")) == 2
    assert kinds(tmp_path, "died") == []


# Budgets


def test_a_token_budget_ends_at_the_same_segment_every_time(tmp_path: Path) -> None:
    allowance = Allowance(tokens=3 * (HORIZON // 4) + 1)
    for folder in ("one", "two"):
        play(tmp_path / folder, one_round(spec(), grid(5)), allowance)
    assert table(tmp_path / "one") == table(tmp_path / "two")
    history = History.read(tmp_path / "one")
    assert [row.state for row in history.trials] == [*[State.PAUSED] * 3, *[State.STOPPED] * 2]
    assert history.trials[4].reason.startswith("budget: ")
    assert history.spend.tokens <= allowance.tokens  # type: ignore[operator]


def test_wall_time_is_checked_while_a_trial_runs(tmp_path: Path) -> None:
    slow = spec(seconds_per_step=0.02)
    seen: list[Result] = []
    jump = Time(tokens=4_000)
    play(tmp_path, one_round(slow, grid(3, HORIZON), seen), Allowance(wall_seconds=3600), jump, clock=jump)
    assert [result.state for result in seen] == [State.STOPPED] * 3
    assert all(result.reason.startswith("budget: ") for result in seen)
    assert 4_000 <= seen[0].tokens < HORIZON
    assert seen[0].checkpoint is not None
    assert len(kinds(tmp_path, "exhausted")) == 1

    # The same again from the journal, as after a crash before the stage's end: nothing runs, nothing differs.
    cut_after(tmp_path, "exhausted", following=1)
    replayed: list[Result] = []
    dispatched = len(kinds(tmp_path, "dispatched"))
    play(tmp_path, one_round(slow, grid(3, HORIZON), replayed), Allowance(wall_seconds=3600))
    assert replayed == seen
    assert len(kinds(tmp_path, "dispatched")) == dispatched


def test_a_stage_that_its_budget_had_ended_goes_on_when_there_is_more(tmp_path: Path) -> None:
    """From the checkpoint of the trial that was cut short; it ends like one that was never stopped."""
    slow = spec(seconds_per_step=0.02)
    jump = Time(tokens=4_000)
    play(tmp_path / "cut", one_round(slow, grid(2, HORIZON)), Allowance(wall_seconds=3600), jump, clock=jump)
    more: list[Result] = []
    play(tmp_path / "cut", one_round(slow, grid(2, HORIZON), more), Allowance(wall_seconds=1e6))
    assert [result.state for result in more] == [State.COMPLETE] * 2
    last = [record.data for record in records(tmp_path / "cut") if record.kind == "dispatched"][-2:]
    assert last[0]["segments"][0]["from_tokens"] == 0
    assert more[0].cost.tokens < HORIZON, "what had been trained was not trained again"
    whole: list[Result] = []
    play(tmp_path / "whole", one_round(slow, grid(2, HORIZON), whole))
    assert [result.metrics for result in more] == [result.metrics for result in whole]
    assert History.read(tmp_path / "cut").spend.tokens == 2 * HORIZON


def test_beyond_its_disk_budget_paused_trials_lose_their_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dropped ones are made again when they are needed; when nothing can be dropped, the run ends and says so."""

    def stage(seen: list[Result]) -> StageRun:
        first = grid(3)
        yield Round(spec(), tuple(first))
        ballast = tmp_path / "study" / "ballast"
        ballast.write_bytes(b"0" * 1_000_000)
        going = replace(
            first[0], from_tokens=first[0].to_tokens, to_tokens=HORIZON, start=Start("t-0", first[0].to_tokens)
        )
        seen += yield Round(spec(), (going,))
        return {}

    monkeypatch.setattr("seektune.study.rounds.DISK_SHARE", 1e9)  # look before every dispatch
    seen: list[Result] = []
    with (
        Driver(tmp_path / "study", InProcess(), disk_bytes=1_000_000) as driver,
        pytest.raises(Stopped, match="run.disk allows 1,000,000"),
    ):
        driver.run("stage", KEY, stage(seen))
    assert not list((tmp_path / "study").glob("attempts/*/*/*/manifest.json"))
    with Driver(tmp_path / "study", InProcess(), disk_bytes=2_000_000) as driver:
        driver.run("stage", KEY, stage(seen))
    assert [result.state for result in seen] == [State.COMPLETE]


def cut_after(folder: Path, kind: str, following: int) -> None:
    """Forget what came after a record (and so many behind it)."""
    at = next(record.n for record in records(folder) if record.kind == kind) + following
    end = next(record.end for record in records(folder) if record.n == at)
    os.truncate(folder / "journal.jsonl", end)


def test_after_the_deadline_nothing_starts_and_the_stage_still_answers(tmp_path: Path) -> None:
    seen: list[Result] = []
    play(tmp_path, one_round(spec(), grid(2), seen), Allowance(deadline=time.time() - 1))
    assert [(result.state, result.tokens) for result in seen] == [(State.STOPPED, 0)] * 2
    assert kinds(tmp_path, "dispatched") == []


def test_wall_time_counts_over_restarts_and_not_while_nobody_runs(tmp_path: Path) -> None:
    now = [1_000_000.0]

    class Hours(Diary):
        def segment_ended(self, *words: object) -> None:
            now[0] += 3600
            super().segment_ended(*words)  # type: ignore[arg-type]

    def session(allowance: Allowance, stop_after: int) -> list[Result]:
        diary = Hours(stop_after)
        with Driver(tmp_path, InProcess(), [diary], clock=lambda: now[0]) as driver:
            driver._next_tick = 0.0
            with contextlib.suppress(Stopped):
                driver.run("stage", KEY, one_round(spec(), grid(6)), allowance)
        return diary.ended

    four_hours = Allowance(wall_seconds=4 * 3600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seektune.study.driver.TICK_SECONDS", 0.0)
        ended = session(four_hours, stop_after=2)
        assert len(ended) == 2
        now[0] += 100 * 3600
        ended += session(four_hours, stop_after=99)
    assert [result.state for result in ended] == [State.PAUSED] * 4
    assert History.read(tmp_path).spend.wall_seconds == pytest.approx(4 * 3600, abs=60)


# Stops


def test_a_cancel_leaves_a_journal_that_goes_on(tmp_path: Path) -> None:
    run(tmp_path / "whole", InProcess(), spec())
    slow = spec(seconds_per_step=0.02)
    began = time.monotonic()
    with pytest.raises(Stopped, match="cancelled by a person"):
        run(tmp_path / "stopped", InProcess(), slow, observers=[Diary(stop_after=2)])
    assert time.monotonic() - began < 10
    assert {death["cause"] for death in kinds(tmp_path / "stopped", "died")} <= {"stopped"}
    run(tmp_path / "stopped", InProcess(), slow)
    assert table(tmp_path / "stopped") == table(tmp_path / "whole")


def test_an_observer_that_fails_changes_nothing(tmp_path: Path) -> None:
    class Broken(Observer):
        def __getattribute__(self, name: str) -> object:
            raise ConnectionError("server gone")

    run(tmp_path / "whole", InProcess(), spec())
    run(tmp_path / "watched", InProcess(), spec(), observers=[Broken()])
    assert table(tmp_path / "watched") == table(tmp_path / "whole")


# Failures


def test_a_trainer_that_raises_once_is_forgiven(tmp_path: Path, faulty: Faulty) -> None:
    play(tmp_path / "whole", one_round(spec(), grid(3)))
    play(tmp_path / "study", one_round(faulty("raise", "t-1"), grid(3)))
    assert table(tmp_path / "study") == table(tmp_path / "whole")
    (death,) = kinds(tmp_path / "study", "died")
    assert death["cause"] == "raised"
    assert "the trainer has a bug" in death["reason"]
    (again,) = [d for d in kinds(tmp_path / "study", "dispatched") if d["attempt"] == death["attempt"] + 1]
    assert again["segments"][0]["trial"] == "t-1"


@pytest.mark.parametrize(
    ("fault", "state", "attempts"),
    [("raise", State.FAILED, 2), ("exit", State.FAILED, 2), ("memory", State.INFEASIBLE, 2)],
)
def test_a_trial_that_fails_again_is_given_up_alone(
    tmp_path: Path, faulty: Faulty, fault: str, state: State, attempts: int
) -> None:
    play(tmp_path / "study", one_round(faulty(fault, "t-1", times=9, steps=2), grid(3)))
    rows = History.read(tmp_path / "study").trials
    assert [row.state for row in rows] == [State.PAUSED, state, State.PAUSED]
    assert [row.attempts for row in rows] == [1, attempts, 1]
    assert rows[1].reason


def test_a_retry_goes_on_from_the_last_checkpoint(tmp_path: Path, faulty: Faulty) -> None:
    diary = Diary()
    play(tmp_path / "study", one_round(faulty("raise", "t-0", steps=8), grid(1)), None, diary)
    steps = HORIZON // 4 / (16 * 32)
    assert diary.ended[0].cost.tokens == (-(-steps // 1) - 6) * 16 * 32  # six of eight steps were saved


def test_a_full_disk_stops_the_run_and_blames_no_trial(tmp_path: Path, faulty: Faulty) -> None:
    play(tmp_path / "whole", one_round(spec(), grid(3)))
    with pytest.raises(Stopped, match=r"disk of .* is full: .*no space left on device.*make room"):
        play(tmp_path / "study", one_round(faulty("full disk", "t-1", times=2, steps=2), grid(3)))
    assert [row.state for row in History.read(tmp_path / "study").trials] == [State.PAUSED, "waiting", "waiting"]
    play(tmp_path / "study", one_round(faulty("full disk", "t-1", times=2, steps=2), grid(3)))  # there is room again
    assert table(tmp_path / "study") == table(tmp_path / "whole")


def test_a_trainer_that_cannot_be_made_is_an_error_at_once(tmp_path: Path, faulty: Faulty) -> None:
    with pytest.raises(TrialError, match="no such base model"):
        play(tmp_path / "study", one_round(faulty("warm", "t-0"), grid(2)))


def test_numbers_that_are_not_finite_never_rank() -> None:
    point = Point(10, 1, 1e-3, 2.0, {"loss": 2.0}, 0.1)
    bad = replace(point, metrics={"loss": float("nan")})
    result = cleaned(Result("t", State.COMPLETE, 10, {"loss": float("-inf"), "accuracy": 0.5}, (point, bad), Cost()))
    assert result.state is State.DIVERGED
    assert result.metrics == {"accuracy": 0.5}
    assert result.curve == (point,)
    assert "loss is -inf" in result.reason


def test_an_attempt_killed_between_its_checkpoint_and_its_result_loses_nothing(tmp_path: Path) -> None:
    """Found by random kills: its end was measured twice."""
    (work,) = grid(1)
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    whole = perform(Dispatch(1, (work,), str(tmp_path / "one"), ((),)), spec().load(), Report(1))
    assert isinstance(whole, Finished)
    last = whole.results[0].checkpoint
    assert last is not None
    again = perform(Dispatch(2, (work,), str(tmp_path / "two"), ((last,),)), spec().load(), Report(2))
    assert isinstance(again, Finished)
    assert again.results[0].cost.tokens == 0
    assert again.results[0].curve == whole.results[0].curve
    assert again.results[0].metrics == whole.results[0].metrics


# Checkpoints


def test_only_the_checkpoints_that_are_needed_stay(tmp_path: Path) -> None:
    result = run(tmp_path, InProcess(), spec())
    left = {path.parent.parent.name for path in tmp_path.glob("attempts/**/manifest.json")}
    kept = {trial for record in records(tmp_path) if record.kind == "stage_finished" for trial in record.data["keep"]}
    assert left <= kept
    assert result["winner"] in left
    per_trial = [path.parent.parent.name for path in tmp_path.glob("attempts/**/manifest.json")]
    assert len(per_trial) == len(set(per_trial))
    assert "keep" not in result


@pytest.mark.parametrize("harm", ["deleted", "changed"])
def test_a_lost_checkpoint_costs_time_and_nothing_else(tmp_path: Path, harm: str) -> None:
    run(tmp_path / "whole", InProcess(), spec())
    with Driver(tmp_path / "harmed", InProcess()) as driver:
        before = driver.run("coarse", COARSE, coarse(spec()))
    for manifest in list((tmp_path / "harmed").glob("attempts/**/manifest.json")):
        if harm == "deleted":
            shutil.rmtree(manifest.parent)
        else:
            manifest.write_text("{}")
    with Driver(tmp_path / "harmed", InProcess()) as driver:
        driver.run("fine", FINE, fine(spec(), before), upstream=(COARSE,))
    assert table(tmp_path / "harmed") == table(tmp_path / "whole")


def test_a_parent_of_another_stage_is_found_by_key(tmp_path: Path) -> None:
    """Two stages with the same trial names: the child starts from the one that is upstream."""
    short, long = HORIZON // 4, HORIZON
    with Driver(tmp_path, InProcess()) as driver:
        for key, rate in (("one", 1e-4), ("two", 1e-3)):
            driver.run("coarse", key, one_round(spec(), [segment("t", {"learning_rate": rate}, short)]))
        going = segment("t", {"learning_rate": 1e-4}, long, Start("t", short))
        driver.run("fine", "three", one_round(spec(), [going]), upstream=("one",))
        straight = driver.run("straight", "four", one_round(spec(), [segment("t", {"learning_rate": 1e-4}, long)]))
    fine_row = next(
        record for record in records(tmp_path) if record.kind == "stage_finished" and record.data["key"] == "three"
    )
    assert fine_row.data["result"]["results"][0]["metrics"] == straight["results"][0]["metrics"]


# The lock


def test_a_second_driver_says_who_holds_the_study(tmp_path: Path) -> None:
    assert holder(tmp_path) is None
    with Driver(tmp_path, InProcess()):
        with pytest.raises(StudyBusy, match=rf"process {os.getpid()} on .*, since 2\d\d\d-"):
            Driver(tmp_path, InProcess())
        owner = holder(tmp_path)
        assert owner is not None
        assert owner.pid == os.getpid()
    assert holder(tmp_path) is None
    Driver(tmp_path, InProcess()).close()


# Looks and borders


def test_a_look_at_the_test_split_is_counted_once_per_stage(tmp_path: Path) -> None:
    for _ in range(2):
        run(tmp_path, InProcess(), spec())
    (look,) = History.read(tmp_path).looks
    assert (look.split, look.stage) == ("rows-1", "fine")


def test_a_round_that_reads_the_test_split_must_say_so() -> None:
    from seektune.trial import Evaluate

    with pytest.raises(AssertionError, match="test split"):
        Round(spec(), (segment("t", {"learning_rate": 1e-3}, 100, evaluate=Evaluate(split="test")),))


def test_the_driver_imports_nothing_heavy() -> None:
    rooms = "seektune.study.driver, seektune.study.simulated, seektune.study.executors.pool"
    rooms += ", seektune.ledger.history, seektune.ledger.mirror"
    heavy = "('torch', 'prefect', 'optuna', 'transformers', 'pandas', 'numpy')"
    script = f"import sys; import {rooms}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_double_keeps_the_trainer_protocol() -> None:
    trainer: Trainer = spec().load()
    trainer.warm()
