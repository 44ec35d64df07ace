"""`tune` as it is called by default: through the Prefect flow, with its embedded server, in a home of its own."""

from __future__ import annotations

import subprocess
import sys
import urllib.request

import psutil
import pytest

pytestmark = [pytest.mark.flow, pytest.mark.slow]


def test_tune_through_prefect_shows_the_same_progress_and_nothing_of_prefect(desk):
    desk.environment |= {"PREFECT_HOME": str(desk.folder / "home"), "HOME": str(desk.folder)}
    desk.environment.pop("PREFECT_API_URL", None)
    file = desk.simulated()
    done = desk.process("tune", file)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "stage 3 of 7: coarse, 11 trials planned" in done.stdout
    assert "coarse-000" in done.stdout
    assert "index.html" in done.stdout
    [status] = desk.events("status", "sim")
    assert {row["status"] for row in status["stages"].values()} == {"finished"}

    desk.write("rows.jsonl", "")
    broken = desk.write("broken.yaml", BROKEN)
    done = desk.process("tune", broken, "--json")
    assert done.returncode == 3
    assert done.stderr.startswith("seektune: ")
    assert "rows.jsonl: the file is empty" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_server_leaves_with_a_driver_that_is_killed(desk):
    """No child lives on, whatever session it is in."""
    desk.environment |= {"PREFECT_HOME": str(desk.folder / "home"), "HOME": str(desk.folder)}
    desk.environment.pop("PREFECT_API_URL", None)
    driver = desk.start("tune", desk.simulated(seconds_per_step=0.05), "--json")
    assert driver.stdout is not None
    while "stage" not in driver.stdout.readline():
        assert driver.poll() is None, driver.stderr.read()
    children = psutil.Process(driver.pid).children(recursive=True)
    assert any("tasks.server" in child.cmdline() for child in children)
    driver.kill()
    driver.communicate()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert alive == []


def server(desk, **environment):
    command = [sys.executable, "-m", "tasks.server"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env={**desk.environment, **environment}, stdin=pipe, stdout=pipe, text=True)


def test_the_server_answers_until_its_input_closes(desk):
    desk.environment.pop("PREFECT_API_URL", None)
    process = server(desk, PREFECT_HOME=str(desk.folder / "home"))
    address = process.stdout.readline().strip()
    with urllib.request.urlopen(f"{address}/health", timeout=30) as answer:
        assert answer.status == 200
    process.communicate(timeout=60)
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{address}/health", timeout=5)


def test_where_a_server_is_configured_none_is_started(desk):
    process = server(desk, PREFECT_HOME=str(desk.folder / "home"), PREFECT_API_URL="http://127.0.0.1:9/api")
    said, _ = process.communicate(timeout=60)
    assert (said, process.returncode) == ("", 0)


BROKEN = """\
study: broken
model: {config: tiny-llama}
data: {kind: instruction, sources: [{path: rows.jsonl}]}
train: {tokens: 4k}
space: {learning_rate: {low: 1e-5, high: 1e-2, log: true}}
stages: {coarse: {trials: 2}}
"""
