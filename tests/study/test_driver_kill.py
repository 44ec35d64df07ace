"""A driver that is killed with -9 at any moment goes on and ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_study import table

from tests.processes import seconds_until_gone

SCRIPT = Path(__file__).parent / "small_study.py"
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{SCRIPT.parent}", "OMP_NUM_THREADS": "1"}


def launch(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *words],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def lines(folder: Path) -> int:
    journal = folder / "journal.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def undisturbed(folder: Path, kind: str, settings: str) -> str:
    done = launch(str(folder), kind, settings)
    out, _ = done.communicate(timeout=120)
    assert done.returncode == 0
    return out


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "kills"), [("in_process", 5), ("pool", 20)])
def test_killed_at_random_moments_ends_with_the_same_table(tmp_path: Path, kind: str, kills: int) -> None:
    settings = json.dumps({"seconds_per_step": 0.004})
    winner = undisturbed(tmp_path / "whole", kind, settings)
    wanted = table(tmp_path / "whole")
    seed = random.randrange(10**6)
    print(f"moments from seed {seed}")
    moments = random.Random(seed)
    done, studies, slowest = 0, 0, 0.0
    while done < kills:
        folder = tmp_path / f"killed-{studies}"
        studies += 1
        while True:
            before = lines(folder)
            driver = launch(str(folder), kind, settings)
            patience = time.monotonic() + 60
            while lines(folder) <= before and driver.poll() is None and time.monotonic() < patience:
                time.sleep(0.005)
            if done < kills:
                time.sleep(moments.uniform(0.0, 0.8))
                driver.send_signal(signal.SIGKILL)
            out, _ = driver.communicate(timeout=120)
            if driver.returncode == 0:
                break
            assert driver.returncode == -signal.SIGKILL
            done += 1
            slowest = max(slowest, seconds_until_gone(driver.pid))
        assert out == winner
        assert table(folder) == wanted
    print(f"{done} kills in {studies} studies; the slowest worker left after {slowest * 1000:.0f} ms")


@pytest.mark.slow
def test_killed_at_every_write(tmp_path: Path) -> None:
    done = launch("sweep", str(tmp_path))
    out, _ = done.communicate(timeout=280)
    found = json.loads(out)
    assert found["wrong"] == []
    assert found["kills"] >= 70
