"""What a user can get wrong is told in words: all at once, with the place, the right exit code, and nothing written."""

from __future__ import annotations

import json
import os
import resource

import pytest

MOST_CPU_SECONDS = 2.0

STUDIES = {
    "empty": ("", "empty"),
    "not a mapping": ("[1, 2]", "expected a mapping"),
    "not YAML": ("study: [", ":1:"),
    "code": ("study: !!python/object/apply:os.system ['touch hacked']", "os.system' not allowed"),
    "duplicate key": ("study: a\nstudy: b\n", "key 'study' is given twice"),
    "misspelt key": (
        "study: a\nmodle: {simulated: {}}\nspace: {x: {low: 0, high: 1}}\n",
        "bad.yaml:2:1: unknown key 'modle'; did you mean 'model'?",
    ),
    "low above high": ("study: a\nmodel: {simulated: {}}\nspace: {x: {low: 2, high: 1}}\n", "`low <= high` must hold"),
    "outside folder": ("study: ../a\nmodel: {simulated: {}}\nspace: {x: {low: 0, high: 1}}\n", "study must look like"),
}


@pytest.mark.parametrize("name", STUDIES)
def test_bad_study_file(desk, name):
    text, words = STUDIES[name]
    file = desk.write("bad.yaml", text)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = desk.process("tune", file)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 2
    assert done.stderr.startswith("seektune: ")
    assert "bad.yaml" in done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert desk.files == {"bad.yaml"}
    cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime  # not wall: others may be busy
    assert cpu_seconds < MOST_CPU_SECONDS


def test_all_problems_at_once_for_people_and_machines(desk):
    file = desk.write(
        "bad.yaml", "study: a\nmodel: {simulated: {}}\nspace: {x: {low: 2, high: 1}}\nsteps: 3\nseed: -1\n"
    )
    done = desk("plan", file, "--json")
    [event] = [json.loads(line) for line in done.stdout.splitlines()]
    assert event["event"] == "error"
    assert event["exit_code"] == done.returncode == 2
    assert len(event["problems"]) == 3
    assert {problem["place"].split(":")[0] for problem in event["problems"]} == {"bad.yaml"}
    assert done.stderr.startswith("seektune: 3 problems\n")


def test_debug_shows_the_traceback(desk):
    assert "Traceback" in desk("plan", "none.yaml", "--debug").stderr


INSTRUCTION = """\
study: real
model: {config: tiny-llama}
data: {kind: instruction, sources: [{path: rows.jsonl}]}
train: {tokens: 4k}
space: {learning_rate: {low: 1e-5, high: 1e-2, log: true}}
stages: {coarse: {trials: 2}}
"""
ROW = json.dumps({"instruction": "say one", "input": "", "output": "one"}).encode()
DATA = {
    "empty": (b"", "empty"),
    "cut": (ROW + b"\n" + ROW[:-9], "rows.jsonl:2"),
    "not UTF-8": (ROW + b"\n" + ROW.replace(b"one", b"caf\xe9"), "UTF-8"),
    "wrong columns": (ROW.replace(b"output", b"answer"), "answer"),
}


@pytest.mark.parametrize("name", DATA)
def test_bad_data(desk, name):
    content, words = DATA[name]
    (desk.folder / "rows.jsonl").write_bytes(content)
    call = desk.process if name == "cut" else desk
    done = call("prepare", desk.write("real.yaml", INSTRUCTION))
    assert done.returncode == 3
    assert "rows.jsonl" in done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_data_file_is_a_data_error_before_anything_is_written(desk):
    done = desk("tune", desk.write("real.yaml", INSTRUCTION))
    assert done.returncode == 3
    assert "rows.jsonl" in done.stderr
    assert desk.files == {"real.yaml"}


def test_init_never_overwrites(desk):
    assert desk("init").returncode == 0
    first = (desk.folder / "study.yaml").read_text()
    assert "learning_rate" in first
    (desk.folder / "study.yaml").write_text("mine")
    done = desk("init")
    assert done.returncode == 2
    assert (desk.folder / "study.yaml").read_text() == "mine"
    assert desk("init", "no/such/folder.yaml").returncode == 2


def test_init_gives_editors_the_schema_that_the_file_names(desk):
    assert desk("init").returncode == 0
    named = (desk.folder / "study.yaml").read_text().split("\n")[0].partition("# yaml-language-server: $schema=")[2]
    first = (desk.folder / named).read_text()
    assert "learning_rate" in json.loads(first)["properties"]
    (desk.folder / named).write_text("of an older version")
    (desk.folder / "study.yaml").write_text("mine")
    assert desk("init", "--schema").returncode == 0
    assert (desk.folder / named).read_text() == first
    assert (desk.folder / "study.yaml").read_text() == "mine"


@pytest.mark.parametrize("command", ["status", "trials", "report"])
def test_a_run_that_is_not_there(desk, command):
    done = desk(command, "nothing")
    assert done.returncode == 2
    assert "nothing" in done.stderr
    file = desk.simulated()
    assert desk(command, file).returncode == 1
    assert desk.files == {file}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(desk):
    file = desk.simulated()
    desk.folder.chmod(0o500)
    done = desk("prepare", file)
    desk.folder.chmod(0o700)
    assert done.returncode == 1
    assert "Permission denied" in done.stderr
    assert "Traceback" not in done.stderr
