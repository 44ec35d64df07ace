"""What `doctor` finds, and that it says when something needed is missing."""

from __future__ import annotations

import json

import pytest

from seektune.cli.doctor import apertium, checks, folders, libraries, python, requirements, wordnet
from seektune.text.augmentation import nltk_data


def test_this_machine_has_what_is_needed():
    assert any(line.startswith("torch==") for line in requirements())
    assert not any("pytest" in line for line in requirements())
    assert [check.state for check in python()] == ["ok"]
    assert [check.state for check in libraries()] == ["ok"]


def test_a_folder_that_is_a_file_is_missing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert {check.state for check in folders() if check.name == "folders"} == {"ok"}
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "data").write_text("a file")
    found = [check for check in folders() if check.name == "folders"]
    assert {check.state for check in found} == {"missing"}
    assert all(check.remedy for check in found)


def test_apertium_is_no_need_and_comes_with_a_remedy(tmp_path, monkeypatch):
    program = tmp_path / "apertium"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (tmp_path / "modes").mkdir()
    monkeypatch.setenv("APERTIUM_DATADIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    (without,) = apertium()
    (tmp_path / "modes/eng-spa.mode").touch()
    (there,) = apertium()
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    (missing,) = apertium()
    assert [(one.state, one.found) for one in (without, there, missing)] == [
        ("warn", "no pair installed"),
        ("ok", "pairs: eng-spa"),
        ("warn", "not installed"),
    ]
    assert "apt-get install apertium apertium-eng-spa" in missing.remedy
    assert not there.remedy


@pytest.mark.slow
def test_a_dead_prefect_api_is_found_and_is_an_error(desk):
    desk.environment["PREFECT_API_URL"] = "http://127.0.0.1:9/api"
    done = desk.process("doctor", "--json")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    states = {one["name"]: one for one in told if one["event"] == "check"}
    assert states["torch"]["state"] == "ok"
    assert states["prefect"]["state"] == "missing"
    assert "9/api" in states["prefect"]["found"]
    assert states["prefect"]["remedy"]
    assert told[-1] == {"event": "doctor", "missing": 1}
    assert done.returncode == 1


def test_checks_come_one_by_one():
    """The quick ones are shown before the slow ones are asked."""
    assert next(iter(checks())).name == "python"


def test_wordnet_and_tagger_with_what_goes_wrong_without_them(monkeypatch):
    monkeypatch.setattr(nltk_data, "folders", list)
    monkeypatch.setattr(nltk_data, "own_folders", list)
    told = list(wordnet())
    assert [(one.name, one.state, one.found) for one in told] == [
        ("wordnet", "warn", "not found"),
        ("tagger", "warn", "not found"),
    ]
    assert "a study with the operator synonym or insertion is refused" in told[0].remedy
    assert all("python -m seektune.text.augmentation.wordnet" in one.remedy for one in told)
