"""A run that is cancelled in Prefect, or told to end, is over within 10 seconds and leaves no process behind.

Against a real `prefect server start`, with the flow in a process (and process group) of its own, as a worker starts it.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import httpx
import psutil
import pytest

pytestmark = [pytest.mark.flow, pytest.mark.slow, pytest.mark.xdist_group("prefect")]

ROOT = Path(__file__).parents[2]
MOST_SECONDS = 10.0

SIMULATED = "{simulated: {seconds_per_step: 0.05}}"
SMALL = "{config: tiny-llama, pretrain: {tokens: 0, vocabulary: 300}}"


@contextmanager
def a_server(home: Path) -> Iterator[dict[str, str]]:
    """`prefect server start` on a free port; the environment of a flow run that talks to it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    env = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    env |= {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_API_PORT": port,
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    log = (home / "server.log").open("wb")
    command = [sys.executable, "-m", "prefect", "server", "start"]
    process = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        ends = time.monotonic() + 120
        while not healthy(env["PREFECT_API_URL"]):
            assert process.poll() is None, (home / "server.log").read_text()
            assert time.monotonic() < ends, (home / "server.log").read_text()
            time.sleep(0.3)
        yield env
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # told to end it would wait for its clients to hang up
        process.wait(30)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with a_server(tmp_path_factory.mktemp("prefect")) as env:
        yield env


def healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def a_study(folder: Path, model: str, trials: int = 24) -> Path:
    """A study whose coarse stage takes minutes, unless it has few trials."""
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(3, 9))) for _ in range(400)]
    (folder / "text.txt").write_text("\n\n".join(" ".join(chance.choices(words, k=40)) for _ in range(300)))
    data = f'data: {{kind: text, sources: [{{path: "{folder / "text.txt"}"}}], max_length: 32}}'
    file = folder / "night.yaml"
    file.write_text(
        f"""
study: night
model: {model}
{data if model == SMALL else ""}
train: {{tokens: 60k, eval_every: 5k}}
space:
  learning_rate: {{low: 1e-6, high: 1e-1, log: true}}
stages:
  lr_range: null
  coarse: {{trials: {trials}}}
  fine: {{trials: 2}}
  confirm: {{top: 1, seeds: 3}}
run: {{folder: "{folder / "runs"}", workers: 2}}
"""
    )
    return file


def a_long_read(folder: Path) -> Path:
    """A study whose rows alone take a minute to read and compare."""
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(3, 9))) for _ in range(400)]
    with (folder / "rows.jsonl").open("w") as file:
        for number in range(40_000):
            file.write(json.dumps({"text": " ".join(chance.choices(words, k=40)), "label": f"l{number % 2}"}) + "\n")
    study = a_study(folder, SMALL)
    data = f'data: {{kind: classification, sources: [{{path: "{folder / "rows.jsonl"}"}}]}}'
    study.write_text(re.sub(r"^data: .*$", data, study.read_text(), flags=re.MULTILINE))
    return study


def start(study: Path, env: dict[str, str], until: str = "default-0 paused") -> tuple[subprocess.Popen[bytes], UUID]:
    """The flow in a process of its own, once its log says `until` (a trial of coarse is done); the flow run's id."""
    log = study.with_suffix(".log")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.tune", str(study)],
            env=env,
            cwd=study.parent,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    ends = time.monotonic() + 200
    while until not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < ends, log.read_text()
        time.sleep(0.2)
    (found,) = {part.split()[0] for part in log.read_text().split("flow-run/")[1:]}
    return process, UUID(found)


def gone_after(process: subprocess.Popen[bytes], began: float) -> float:
    """Seconds until nothing of the flow's process group is left."""
    while time.monotonic() < began + 60:
        process.poll()
        left = [one for one in psutil.process_iter() if in_group(one, process.pid)]
        if not left:
            return time.monotonic() - began
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    raise AssertionError(f"still there: {left}")


def in_group(process: psutil.Process, group: int) -> bool:
    try:
        return os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


def state_of(run: UUID, env: dict[str, str]) -> dict[str, str]:
    answer: dict[str, dict[str, str]] = httpx.get(f"{env['PREFECT_API_URL']}/flow_runs/{run}").json()
    return answer["state"]


@pytest.mark.parametrize("model", [SIMULATED, SMALL], ids=["in_process", "pool"])
def test_cancelled_in_prefect(server: dict[str, str], tmp_path: Path, model: str) -> None:
    process, run = start(a_study(tmp_path, model), server)
    began = time.monotonic()
    httpx.post(f"{server['PREFECT_API_URL']}/flow_runs/{run}/set_state", json={"state": {"type": "CANCELLING"}})
    assert gone_after(process, began) < MOST_SECONDS
    state = state_of(run, server)
    assert state["type"] == "CANCELLED"
    assert "the same command goes on from here" in state["message"]


def test_cancelled_while_a_stage_reads_data(server: dict[str, str], tmp_path: Path) -> None:
    """No trial runs, so no driver asks; the run hears it all the same."""
    process, run = start(a_long_read(tmp_path), server, until="Beginning flow run")
    journal = tmp_path / "runs/night/journal.jsonl"
    while not journal.exists() or '"stage_started"' not in journal.read_text():
        assert process.poll() is None
        time.sleep(0.1)
    time.sleep(1.0)
    began = time.monotonic()
    httpx.post(f"{server['PREFECT_API_URL']}/flow_runs/{run}/set_state", json={"state": {"type": "CANCELLING"}})
    assert gone_after(process, began) < MOST_SECONDS
    assert '"dispatched"' not in journal.read_text()
    state = state_of(run, server)
    assert state["type"] == "CANCELLED"
    assert "cancelled in Prefect" in state["message"]
    assert "the same command goes on from here" in state["message"]


def test_told_to_end(server: dict[str, str], tmp_path: Path) -> None:
    process, run = start(a_study(tmp_path, SIMULATED), server)
    began = time.monotonic()
    process.terminate()
    assert gone_after(process, began) < MOST_SECONDS
    assert state_of(run, server)["type"] == "CANCELLED"


def test_the_server_dies_and_the_study_is_finished_all_the_same(tmp_path: Path) -> None:
    with a_server(tmp_path) as env:
        process, _ = start(a_study(tmp_path, SIMULATED.replace("0.05", "0.01"), trials=6), env)
    try:
        assert not (tmp_path / "runs/night/report/index.html").exists(), "the study ended before the server"
        report = tmp_path / "runs/night/report/index.html"
        ends = time.monotonic() + 120
        while not report.is_file():
            said = (tmp_path / "night.log").read_text()
            assert process.poll() is None, said
            assert time.monotonic() < ends, said
            time.sleep(0.2)
        assert "does not answer" in (tmp_path / "night.log").read_text()
    finally:
        # What is left is Prefect's client, which tries for another minute to say that the run has ended.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
