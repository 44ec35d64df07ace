"""The pool: one child per trial, pinned, warm, cheap to lose; nobody is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from small_study import HORIZON, one_round, run, segment, spec, table
from test_driver import KEY, Diary, Time, grid, kinds
from test_driver_kill import launch

from seektune.errors import Stopped, TrialError
from seektune.ledger.history import History
from seektune.ledger.lock import holder
from seektune.study.driver import Driver
from seektune.study.executors.executor import Died, Event, Finished
from seektune.study.executors.in_process import InProcess
from seektune.study.executors.pool import Pool
from seektune.study.observer import Observer
from seektune.study.stage import Allowance, StageRun
from seektune.trial import Dispatch, Json, Result, Segment, State, TrainerSpec
from tests.processes import children_of, of_session

pytestmark = pytest.mark.slow

Faulty = Callable[..., TrainerSpec]


@pytest.fixture
def faulty(tmp_path: Path) -> Faulty:
    (tmp_path / "marks").mkdir()

    def make(fault: str, victim: str, **more: object) -> TrainerSpec:
        return spec("faulty:Faulty", fault=fault, victim=victim, marks=str(tmp_path / "marks"), **more)

    return make


@pytest.fixture
def left_over() -> Callable[[], list[int]]:
    """Children that the test started and that still live. Others may be there: Prefect's test server is one."""
    before = children_of(os.getpid())
    return lambda: [child for child in children_of(os.getpid()) if child not in before]


def play(
    folder: Path, stage: StageRun, allowance: Allowance | None = None, *observers: Observer, slots: int = 2
) -> Json:
    with Driver(folder, Pool(slots), observers) as driver:
        return driver.run("stage", KEY, stage, allowance)


def patiently(answer: Callable[[], object], seconds: float = 20.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if answer():
            return True
        time.sleep(0.01)
    return False


# What a pool gives


def test_the_pool_gives_the_same_table_as_one_process(tmp_path: Path) -> None:
    run(tmp_path / "serial", InProcess(), spec())
    run(tmp_path / "pool", Pool(2), spec())
    assert table(tmp_path / "pool") == table(tmp_path / "serial")


def test_every_trial_has_a_process_of_its_own_in_the_drivers_group(tmp_path: Path, faulty: Faulty) -> None:
    seen: list[Result] = []
    play(tmp_path / "study", one_round(faulty("none", "nobody"), grid(4), seen))
    assert len({result.facts["pid"] for result in seen}) == 4
    assert {result.facts["group"] for result in seen} == {os.getpgid(0)}
    assert not any(Path(f"/proc/{result.facts['pid']}").exists() for result in seen)


def test_each_slot_is_pinned_to_a_device(tmp_path: Path, faulty: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    seen: list[Result] = []
    with Driver(tmp_path / "study", Pool(2, device="cuda")) as driver:
        driver.run("stage", KEY, one_round(faulty("none", "nobody", seconds_per_step=0.02), grid(2), seen))
    assert {result.facts["device"] for result in seen} == {"5", "7"}


def test_a_zygote_that_could_hang_a_fork_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrialError, match="torch must have one thread"):
        play(tmp_path / "two", one_round(spec("faulty:WithTorch", threads=2), grid(1)))
    seen: list[Result] = []
    play(tmp_path / "one", one_round(spec("faulty:WithTorch", threads=1), grid(2), seen))
    assert [result.facts for result in seen] == [{"product": 64.0**3, "zygote_threads": 1, "cuda": False}] * 2


# Losses


@pytest.mark.parametrize("fault", ["kill", "segfault"])
def test_a_child_that_dies_costs_its_segment_and_touches_no_other(tmp_path: Path, faulty: Faulty, fault: str) -> None:
    run_whole = one_round(spec(), grid(4))
    play(tmp_path / "whole", run_whole)
    diary = Diary()
    play(tmp_path / "study", one_round(faulty(fault, "t-1", steps=8), grid(4)), None, diary)
    assert table(tmp_path / "study") == table(tmp_path / "whole")
    assert [row.attempts for row in History.read(tmp_path / "study").trials] == [1, 2, 1, 1]
    (death,) = kinds(tmp_path / "study", "died")
    assert death["cause"] == "killed"
    assert ("SIGKILL" if fault == "kill" else "SIGSEGV") in death["reason"]
    ended = {result.trial: result.cost.tokens for result in diary.ended}
    assert ended["t-1"] == ended["t-0"] - 6 * 16 * 32  # six of its eight steps were in a checkpoint


def test_a_segment_that_kills_its_worker_three_times_is_given_up(tmp_path: Path, faulty: Faulty) -> None:
    play(tmp_path / "study", one_round(faulty("kill", "t-1", times=9, steps=2), grid(3)))
    rows = History.read(tmp_path / "study").trials
    assert [row.state for row in rows] == [State.PAUSED, State.FAILED, State.PAUSED]
    assert [row.attempts for row in rows] == [1, 3, 1]


def test_a_killed_zygote_is_replaced(tmp_path: Path) -> None:
    class Strikes(Observer):
        done = False

        def segment_started(self, stage: str, segment: Segment, attempt: int) -> None:
            if attempt == 4 and not self.done:
                self.done = True
                (zygote,) = [
                    pid for pid in children_of(os.getpid()) if b"zygote" in Path(f"/proc/{pid}/cmdline").read_bytes()
                ]
                os.kill(zygote, signal.SIGKILL)

    play(tmp_path / "whole", one_round(spec(), grid(6)))
    play(tmp_path / "study", one_round(spec(seconds_per_step=0.01), grid(6)), None, Strikes())
    assert table(tmp_path / "study") == table(tmp_path / "whole")
    assert kinds(tmp_path / "study", "died")


def test_a_trainer_that_cannot_be_made_is_an_error_at_once(tmp_path: Path, faulty: Faulty) -> None:
    with pytest.raises(TrialError, match="no such base model"):
        play(tmp_path / "study", one_round(faulty("warm", "t-0"), grid(2)))


CGROUP = Path("/sys/fs/cgroup/memory")


@pytest.mark.skipif(not os.access(CGROUP, os.W_OK), reason="needs a memory cgroup (v1) that this user may write")
def test_a_child_killed_by_the_kernel_for_memory_is_infeasible(tmp_path: Path, faulty: Faulty) -> None:
    group = CGROUP / f"seektune-test-{os.getpid()}"
    group.mkdir()
    script = (
        "import sys, os; from pathlib import Path; from test_executors import *;"
        "(Path(sys.argv[2]) / 'cgroup.procs').write_text(str(os.getpid()));"
        "eats = spec('faulty:Faulty', fault='eat', victim='t-1', marks=sys.argv[3], times=9, steps=2);"
        "play(Path(sys.argv[1]), one_round(eats, grid(3)))"
    )
    try:
        (group / "memory.limit_in_bytes").write_text(str(400 << 20))
        here = Path(__file__).parent
        environment = {**os.environ, "PYTHONPATH": f"{here.parents[1]}{os.pathsep}{here}"}
        words = [sys.executable, "-c", script, str(tmp_path / "study"), str(group), str(tmp_path / "marks")]
        assert subprocess.run(words, env=environment, check=False, timeout=120).returncode == 0
    finally:
        patiently(lambda: not (group / "cgroup.procs").read_text())
        group.rmdir()
    rows = History.read(tmp_path / "study").trials
    assert [row.state for row in rows] == [State.PAUSED, State.INFEASIBLE, State.PAUSED]
    assert {death["cause"] for death in kinds(tmp_path / "study", "died")} == {"memory"}


# Ends


def test_a_worker_that_does_not_listen_is_killed_after_the_grace(
    tmp_path: Path, faulty: Faulty, left_over: Callable[[], list[int]]
) -> None:
    class Cancels(Diary):
        def tick(self) -> str | None:
            return "cancelled" if len(self.ended) >= 2 else None

    began = time.monotonic()
    with pytest.raises(Stopped, match="cancelled"):
        play(tmp_path / "study", one_round(faulty("hang", "t-0", times=9, steps=2), grid(4)), None, Cancels())
    assert time.monotonic() - began < 10
    assert left_over() == []
    causes = [death["cause"] for death in kinds(tmp_path / "study", "died")]
    assert causes
    assert set(causes) == {"stopped"}


def test_a_budget_ends_workers_that_do_not_listen(tmp_path: Path, faulty: Faulty) -> None:
    seen: list[Result] = []
    trainer = faulty("hang", "t-0", times=9, steps=13)
    jump = Time(tokens=6_000)
    with Driver(tmp_path / "study", Pool(2), [jump], clock=jump) as driver:
        stage = one_round(trainer, [segment("t-0", {"learning_rate": 1e-3}, HORIZON)], seen)
        driver.run("stage", KEY, stage, Allowance(wall_seconds=3600))
    (result,) = seen
    assert result.state is State.STOPPED
    assert result.tokens == 12 * 16 * 32  # what it had reported before it hung
    assert result.metrics["loss"] == result.curve[-1].metrics["loss"]


@pytest.mark.parametrize("target", ["driver", "group"])
def test_sigterm_stops_everything_within_ten_seconds(tmp_path: Path, target: str) -> None:
    settings = json.dumps({"seconds_per_step": 0.02})
    run(tmp_path / "whole", InProcess(), spec())
    driver = launch(str(tmp_path / "study"), "pool", settings)
    journal = tmp_path / "study" / "journal.jsonl"
    assert patiently(lambda: journal.exists() and '"kind":"result"' in journal.read_text())
    began = time.monotonic()
    if target == "driver":
        driver.send_signal(signal.SIGTERM)
    else:
        os.killpg(driver.pid, signal.SIGTERM)
    driver.communicate(timeout=60)
    took = time.monotonic() - began
    print(f"stopped in {took:.2f} s")
    assert took < 10
    assert driver.returncode == 1
    assert of_session(driver.pid) == []
    assert {death["cause"] for death in kinds(tmp_path / "study", "died")} <= {"stopped"}
    run(tmp_path / "study", Pool(2), spec(seconds_per_step=0.02))
    assert table(tmp_path / "study") == table(tmp_path / "whole")


def test_the_study_is_busy_until_the_last_worker_is_gone(tmp_path: Path) -> None:
    """The driver dies while its zygote is frozen: the zygote still holds the lock, and nobody may write yet."""
    driver = launch(str(tmp_path / "study"), "pool", json.dumps({"seconds_per_step": 0.05}))
    journal = tmp_path / "study" / "journal.jsonl"
    assert patiently(lambda: journal.exists() and '"kind":"result"' in journal.read_text())
    (zygote,) = children_of(driver.pid)
    os.kill(zygote, signal.SIGSTOP)
    driver.kill()
    driver.wait()
    time.sleep(0.2)
    assert holder(tmp_path / "study") is not None
    opened: list[float] = []
    waiting = threading.Thread(
        target=lambda: (Driver(tmp_path / "study", InProcess()).close(), opened.append(time.time()))
    )
    waiting.start()
    time.sleep(0.3)
    assert opened == []
    os.kill(zygote, signal.SIGCONT)
    waiting.join(timeout=10)
    assert opened
    assert of_session(driver.pid) == []


def test_a_driver_that_dies_while_its_base_model_loads_leaves_nobody(tmp_path: Path, faulty: Faulty) -> None:
    settings = {"fault": "slow warm", "victim": "", "marks": str(tmp_path / "marks")}
    script = (
        "import sys, json; from pathlib import Path; from test_executors import *;"
        "play(Path(sys.argv[1]), one_round(spec('faulty:Faulty', **json.loads(sys.argv[2])), grid(1)))"
    )
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": f"{here.parents[1]}{os.pathsep}{here}"}
    words = [sys.executable, "-c", script, str(tmp_path / "study"), json.dumps(settings)]
    driver = subprocess.Popen(words, env=environment, start_new_session=True)
    assert patiently(lambda: len(of_session(driver.pid)) == 2)
    time.sleep(1.0)
    driver.kill()
    driver.wait()
    assert patiently(lambda: of_session(driver.pid) == [], seconds=10)
    assert holder(tmp_path / "study") is None


def test_a_stop_while_the_base_model_loads_does_not_wait_for_it(tmp_path: Path, faulty: Faulty) -> None:
    class Later(Observer):
        ticks = 0

        def tick(self) -> str | None:
            self.ticks += 1
            return "cancelled" if self.ticks > 1 else None

    began = time.monotonic()
    with pytest.raises(Stopped):
        play(tmp_path / "study", one_round(faulty("slow warm", ""), grid(1)), None, Later())
    assert time.monotonic() - began < 8


# The protocol, without a driver


@pytest.mark.parametrize("make", [InProcess, lambda: Pool(1)], ids=["in_process", "pool"])
def test_every_dispatch_ends_in_one_event(tmp_path: Path, faulty: Faulty, make: Callable[[], Pool | InProcess]) -> None:
    executor = make()
    trainer = faulty("raise", "t-1")
    try:
        for attempt, work in enumerate(grid(3), start=1):
            folder = tmp_path / f"attempt-{attempt}"
            folder.mkdir()
            executor.start(Dispatch(attempt, (work,), str(folder), ((),)), trainer)
            events: list[Event] = []
            assert patiently(
                lambda events=events: (
                    events.extend(executor.wait(0.1)) or any(isinstance(e, Finished | Died) for e in events)
                )
            )
            ends = [event for event in events if isinstance(event, Finished | Died)]
            assert [end.attempt for end in ends] == [attempt]
            assert isinstance(ends[0], Died if attempt == 2 else Finished)
        assert executor.wait(0.05) == []
    finally:
        executor.close()


def test_closing_the_pool_leaves_no_process_and_no_descriptor(tmp_path: Path) -> None:
    """In a process of its own: other tests of this one may leave threads that open and close what they like."""
    script = (
        "import os, sys; from pathlib import Path; from test_executors import *;"
        "descriptors = lambda: len(list(Path('/proc/self/fd').iterdir()));"
        "play(Path(sys.argv[1]) / 'warm-up', one_round(spec(), grid(1)));"
        "before = descriptors();"
        "[play(Path(sys.argv[1]) / f'study-{repeat}', one_round(spec(), grid(3))) for repeat in range(3)];"
        "assert descriptors() == before, (before, descriptors());"
        "assert children_of(os.getpid()) == [], children_of(os.getpid())"
    )
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": f"{here.parents[1]}{os.pathsep}{here}"}
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=environment, check=True, timeout=120)
