"""`seektune data`: the data report without training, in the cache that `prepare` uses."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest

from tests.cli.conftest import Desk
from tests.cli.test_data_catalogue import GOOD, lines, study

MOST_CPU_SECONDS = 2.0
AUGMENT = {"operators": [{"lexicon": {"path": "lexicon.csv", "rate": 1.0}}]}


@pytest.fixture
def augmented(desk: Desk) -> str:
    """A study with duplicates, a conflict, a bad row and an operator."""
    desk.write("lexicon.csv", "term,variant,language\nrefund,money back,en\n")
    odd = [GOOD[3], {**GOOD[4], "text": GOOD[4]["text"] + "!", "label": "move"}, {"text": "", "label": "a"}]
    (desk.folder / "a.jsonl").write_bytes(lines(*GOOD, *odd))
    return study(desk, "a.jsonl", augment=AUGMENT, general=[{"path": "a.jsonl"}], checks={"max_bad_share": 0.1})


def test_people_read_every_part(desk: Desk, augmented: str) -> None:
    said = desk("data", augmented).stdout
    assert said.startswith(
        "103 rows in = 101 used + 1 quarantined (1 empty) + 1 dropped (1 exact duplicate). Leak check: "
    )
    for words in (
        "general text",
        "a.jsonl:103 text is empty",
        "a.jsonl:101 repeats a.jsonl:4",
        "Splits, made before anything learned from the text",
        "Row lengths in tokens",
        "Balance of labels: the most frequent has",
        "1 conflict: near duplicates with different answers",
        "Augmentation (train split only)",
        "this [refund], ",
        "this [money back], ",
        "quarantine.jsonl and dropped.jsonl",
    ):
        assert words in said
    assert desk("data", augmented, "--quiet").stdout == said.splitlines()[0] + "\n"


def test_machines_read_one_object(desk: Desk, augmented: str) -> None:
    (event,) = desk.events("data", augmented)
    assert event["event"] == "data"
    assert event["rows"]["rows_in"] == 103
    assert set(event["tokens"]) == {"train", "validation", "test", "base", "pairs", "domain", "general"}
    assert all(Path(folder).is_dir() for folder in event["folders"].values())


def test_prepare_finds_it_done_and_ends_with_the_same_balance(desk: Desk, augmented: str) -> None:
    (event,) = desk.events("data", augmented)
    made = {path: path.stat().st_mtime_ns for path in (desk.folder / "data" / "cache").rglob("*") if path.is_file()}
    assert not (desk.folder / "data" / "runs").exists()
    done = desk("prepare", augmented)
    assert done.returncode == 0, done.stderr
    balance = event["sentence"].partition(". Leak check")[0]
    assert f"prepare: {balance}. " in done.stdout
    assert {path: path.stat().st_mtime_ns for path in made} == made
    kinds = [path.name for path in (desk.folder / "data" / "cache").iterdir() for _ in path.glob("[!.]*")]
    assert sorted(kinds) == ["bases", "rows", "tokenizers", "tokens"]


def test_a_second_call_is_quick(desk: Desk, augmented: str) -> None:
    first = desk("data", augmented).stdout
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    second = desk.process("data", augmented)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert second.stdout == first
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < MOST_CPU_SECONDS


def test_a_simulated_study_has_nothing_to_show(desk: Desk) -> None:
    done = desk("data", desk.simulated())
    assert done.returncode == 2
    assert "sim.yaml: the study has no `data`" in done.stderr
    assert desk.files == {"sim.yaml"}


def test_a_bad_study_file_is_told_as_elsewhere(desk: Desk) -> None:
    done = desk("data", desk.write("bad.yaml", json.dumps({"study": "bad"})), "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["event"] == "error"
