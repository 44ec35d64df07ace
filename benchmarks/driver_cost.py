"""What the driver itself costs: time per simulated trial, and its memory as people run it.

Time: everything of a trial but training, in rounds of twenty over two rungs, a third of them going on; without and with
the Optuna mirror (SQLite). Flat means that the last thousand of ten thousand cost what the first thousand did.

Memory: `seektune tune` of a simulated study in a process of its own, with Prefect's embedded server and the mirror: the
most the driver's process ever held (VmHWM; shared libraries count), and the server's, which is a process beside it.
Training data are mapped, and cost no memory of their own: anonymous memory while all rows of a large store are read.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from seektune.ledger.mirror import Mirror
from seektune.space.options import ParameterOptions
from seektune.study.driver import Driver
from seektune.study.executors.in_process import InProcess
from seektune.study.observer import Observer
from seektune.study.stage import Round, StageRun
from seektune.trial import Evaluate, Segment, Start, TrainerSpec, derive_seed

ROOT = Path(__file__).parents[1]
SIMULATED = TrainerSpec("seektune.study.simulated:SimulatedTrainer", {})
WAVE = 20
TOKENS = 4_096
"""Of a simulated trial: eight steps."""
SPACE = {
    "learning_rate": ParameterOptions(low=1e-6, high=1.0, log=True),
    "weight_decay": ParameterOptions(low=0.0, high=0.1),
}
STUDY = """\
study: memory
model: {{simulated: {{noise: 0.005}}}}
train: {{tokens: 32k, eval_every: 4k}}
space:
  learning_rate: {{low: 1e-6, high: 1e-2, log: true}}
  weight_decay: {{low: 0.0, high: 0.1}}
stages:
  coarse: {{trials: {trials}, rungs: 2}}
  fine: {{trials: {few}}}
"""


def simulated(trials: int, marks: list[float]) -> StageRun:
    """Rounds of WAVE; the best third of each goes on to the end. `marks`: when each wave began."""
    for first in range(0, trials, WAVE):
        marks.append(time.perf_counter())
        wave = [
            Segment(
                trial=f"t-{index:05d}",
                params={"learning_rate": 10 ** (-5 + 3 * (index * 0.618 % 1)), "weight_decay": index * 0.382 % 1 * 0.1},
                seed=derive_seed(index),
                from_tokens=0,
                to_tokens=TOKENS // 2,
                horizon_tokens=TOKENS,
                evaluate=Evaluate(every_tokens=TOKENS // 4),
            )
            for index in range(first, min(first + WAVE, trials))
        ]
        results = yield Round(SIMULATED, tuple(wave), {segment.trial: "quasi-random" for segment in wave})
        order = sorted(range(len(wave)), key=lambda i: results[i].metrics["loss"])[: max(1, len(wave) // 3)]
        going = [
            replace(wave[i], from_tokens=TOKENS // 2, to_tokens=TOKENS, start=Start(wave[i].trial, TOKENS // 2))
            for i in order
        ]
        yield Round(SIMULATED, tuple(going), done=tuple(s.trial for i, s in enumerate(wave) if i not in order))
    marks.append(time.perf_counter())
    return {"keep": []}


@dataclass(frozen=True)
class Pace:
    """Milliseconds per trial."""

    all: float
    first: float
    last: float


def pace(trials: int, mirror: bool, ends: int = 1_000) -> Pace:
    """Wall time, everything included; `first` and `last` are over so many trials at either end."""
    marks: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        observers: list[Observer] = [Mirror(Path(folder), "overhead", SPACE)] if mirror else []
        begun = time.perf_counter()
        with Driver(folder, InProcess(), observers) as driver:
            driver.run("coarse", "0" * 64, simulated(trials, marks))
        whole = time.perf_counter() - begun
    return paced(whole, marks, trials, min(ends, trials) // WAVE)


def paced(whole: float, marks: list[float], trials: int, waves: int) -> Pace:
    """`marks` are seconds: the beginning of each wave, and the end of the last."""
    spans = (whole / trials, (marks[waves] - marks[0]) / waves / WAVE, (marks[-1] - marks[-1 - waves]) / waves / WAVE)
    return Pace(*(1000 * span for span in spans))


def times(small: int, large: int, mirror: bool) -> dict[str, float]:
    """Figures of one kind of driver."""
    suffix = "_mirror" if mirror else ""
    long = pace(large, mirror, ends=small)
    return {
        f"driver_ms_per_trial_1k{suffix}": pace(small, mirror).all,
        f"driver_ms_per_trial_10k{suffix}": long.all,
        f"driver_ms_per_trial_10k{suffix}_first_1k": long.first,
        f"driver_ms_per_trial_10k{suffix}_last_1k": long.last,
    }


def memory(trials: int) -> dict[str, float]:
    """MB of a real driver and of Prefect's server beside it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "study.yaml").write_text(STUDY.format(trials=trials, few=max(1, trials // 10)), encoding="utf-8")
        environment = {**os.environ, "PREFECT_HOME": str(folder / "prefect"), "PYTHONPATH": str(ROOT)}
        environment.pop("PREFECT_API_URL", None)
        words = [sys.executable, "-m", "seektune.cli.main", "tune", "study.yaml", "--json"]
        with (folder / "log").open("w") as log:
            driver = subprocess.Popen(words, cwd=folder, env=environment, stdout=log, stderr=log)
            most, server = 0.0, 0.0
            while driver.poll() is None:
                most = max(most, peak_mb(driver.pid))
                server = max([server, *(peak_mb(pid) for pid in children(driver.pid))])
                time.sleep(0.05)
        assert driver.returncode == 0, (folder / "log").read_text(encoding="utf-8")
    return {"driver_rss_mb": most, "prefect_server_rss_mb": server}


def peak_mb(pid: int) -> float:
    """VmHWM of a process; 0 when it is gone."""
    with suppress(OSError):
        return field_mb(Path(f"/proc/{pid}/status").read_text(), "VmHWM")
    return 0.0


def field_mb(status: str, name: str) -> float:
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(f"{name}:")), 0.0)


def children(parent: int) -> Iterator[int]:
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                yield int(entry.name)


READ = """
import sys
from pathlib import Path
from benchmarks.driver_cost import field_mb
from seektune.text.store import TokenStore
store = TokenStore(sys.argv[1])
store.row("train", 0)
own = lambda: field_mb(Path("/proc/self/status").read_text(), "RssAnon")
before = own()
tokens = sum(int(store.row("train", i).input_ids.sum() >= 0) for i in range(store.rows("train")))
print(own() - before)
"""


def mapped(rows: int) -> dict[str, float]:
    """Size of a store, and what reading all of it adds to a process' own memory."""
    from benchmarks.rows import make_store

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "store"
        make_store(folder, rows, median=400, longest=1_000)
        done = subprocess.run([sys.executable, "-c", READ, str(folder)], cwd=ROOT, capture_output=True, check=True)
        size = (folder / "train.arrow").stat().st_size / 2**20
    return {"store_mb": size, "store_read_own_memory_mb": max(0.0, float(done.stdout))}
