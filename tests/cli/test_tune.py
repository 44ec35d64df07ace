"""The whole run on the simulated trainer: what it says while it runs, and at the end."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seektune.ledger.lock import StudyLock

pytestmark = pytest.mark.slow

STAGES = ["prepare", "lr_range", "coarse", "fine", "confirm", "promote"]


def test_json_lines_tell_the_whole_run(tuned):
    _, events = tuned
    assert [one["stage"] for one in events if one["event"] == "stage_ended"] == STAGES
    started = [one for one in events if one["event"] == "segment_started"]
    ended = [one for one in events if one["event"] == "segment_ended"]
    assert len(started) == len(ended) > 20
    assert {one["event"] for one in events} >= {"stage_started", "progress", "result"}
    last = ended[-1]["run"]
    assert last["of"] == 7
    assert last["best"]["value"] == min(
        one["metrics"]["loss"] for one in ended if one["stage"] in ("coarse", "fine") and one["state"] != "diverged"
    )
    result = events[-1]
    assert result["verdict"] == "better"  # the optimum was put away from the default
    assert result["winner"]["params"]["learning_rate"] > 1e-6
    assert result["interval"]["low"] > 0
    assert Path(result["report"]).is_file()
    assert result["money"] > 0


def test_a_second_call_trains_nothing(tuned):
    desk, events = tuned
    again = desk.events("tune", "sim.yaml", "--no-prefect")
    assert [one["cached"] for one in again if one["event"] == "stage_ended"] == [True] * len(STAGES)
    assert not [one for one in again if one["event"] == "segment_started"]
    assert again[-1]["winner"] == events[-1]["winner"]
    assert again[-1]["spend_seconds"] > 0


def test_quiet_prints_the_result_alone(tuned):
    desk, events = tuned
    done = desk("tune", "sim.yaml", "--no-prefect", "--quiet")
    assert done.returncode == 0
    assert events[-1]["sentence"] in done.stdout
    assert "stage" not in done.stdout
    for word in ("winner", "learning_rate", "interval", "default", "report/index.html"):
        assert word in done.stdout


def test_plain_lines_when_nobody_watches(desk):
    file = desk.simulated()
    done = desk("tune", file, "--no-prefect")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert any("stage 3 of 7: coarse, 11 trials planned" in line for line in lines)
    assert any("coarse-000" in line and "tokens" in line for line in lines)
    assert any("confirm done" in line for line in lines)


def test_a_terminal_gets_a_live_line(tuned):
    desk, _ = tuned
    main, other = pty.openpty()
    command = [sys.executable, "-m", "seektune.cli.main", "fine", "sim.yaml"]
    environment = {**desk.environment, "TERM": "xterm"}
    with subprocess.Popen(command, cwd=desk.folder, env=environment, stdout=other, stderr=other) as process:
        os.close(other)
        said = b""
        while True:
            try:
                part = os.read(main, 4096)
            except OSError:  # the other end is closed
                break
            said += part
    os.close(main)
    text = said.decode()
    assert process.returncode == 0, text
    assert "\x1b[" in text
    assert "fine done" in text
    assert "unchanged, kept" in text


def test_stages_one_by_one_say_what_is_missing(desk):
    file = desk.simulated()
    for done in (desk.process("lr-range", file), desk("coarse", file), desk("confirm", file)):
        assert done.returncode == 4
        assert "needs the result of prepare" in done.stderr
    assert desk("prepare", file).returncode == 0
    assert "lr-range" in desk("coarse", file).stderr
    [result] = [one for one in desk.events("lr-range", file) if one["event"] == "result"]
    assert result["result"]["curves"]
    assert result["sentence"]
    assert desk("report", file).returncode == 0
    assert (desk.folder / "data/runs/sim/report/index.html").is_file()


def test_a_busy_study_says_who_holds_it(desk):
    file = desk.simulated()
    folder = desk.folder / "data/runs/sim"
    folder.mkdir(parents=True)
    lock = StudyLock(folder)
    try:
        for done in (desk.process("tune", file), desk("tune", file, "--no-prefect"), desk("prepare", file)):
            assert done.returncode == 5
            assert f"process {os.getpid()}" in done.stderr
    finally:
        lock.release()


def test_ctrl_c_ends_cleanly_and_the_next_call_goes_on(desk):
    file = desk.simulated(seconds_per_step=0.005)
    with desk.start("tune", file, "--no-prefect", "--json", start_new_session=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == "segment_ended" and "coarse" in line:
                break
        status = desk.events("status", "sim")[-1]
        assert status["event"] == "status", status
        assert status["running"]["pid"] == process.pid
        assert status["stages"]["coarse"]["status"] == "unfinished"
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        out, error = process.communicate(timeout=60)
    assert time.monotonic() - began < 20
    assert process.returncode == 8
    assert "Traceback" not in error
    assert "goes on from here" in error
    assert json.loads(out.splitlines()[-1])["event"] == "error"
    events = desk.events("status", "sim")
    assert events[0]["running"] is None
    assert events[0]["stages"]["coarse"]["status"] == "unfinished"
    replayed = desk.events("lr-range", file)
    assert [one["cached"] for one in replayed if one["event"] == "stage_ended"] == [True]
