"""`seektune data`: the data report without training, in the cache that `prepare` uses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seektune.text.store import SPLITS
from tests.cli.conftest import Desk
from tests.cli.test_data_catalogue import GOOD, lines, study

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
    assert set(event["tokens"]) == set(SPLITS)
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


def test_rows_that_cannot_be_tokenised_are_in_the_balance(desk: Desk) -> None:
    long = [{**row, "text": f"{row['text']} {'and so on ' * 30}"} for row in GOOD[::10]]
    (desk.folder / "a.jsonl").write_bytes(lines(*(row for i, row in enumerate(GOOD) if i % 10), *long[:8]))
    (desk.folder / "b.jsonl").write_bytes(lines(*long[8:]))
    checks = {"too_long": "quarantine", "near_duplicates": False}
    file = study(desk, "a.jsonl", sources=[{"path": "a.jsonl"}, {"path": "b.jsonl"}], checks=checks, max_length=64)
    (event,) = desk.events("data", file)
    assert event["sentence"].startswith("100 rows in = 90 used + 0 quarantined + 10 dropped (10 too long). ")
    assert {name: (one["used"], one["dropped"]) for name, one in event["rows"]["sources"].items()} == {
        "a.jsonl": (90, {"too long": 8}),
        "b.jsonl": (0, {"too long": 2}),
    }
    assert sum(event["tokens"][split]["rows"] for split in ("train", "validation", "test")) == 90
    dropped = Path(event["folders"]["tokens"], "dropped.jsonl")
    listed = [json.loads(line) for line in dropped.read_text().splitlines()]
    assert sorted((Path(one["file"]).name, one["line"]) for one in listed) == [
        *(("a.jsonl", line) for line in range(91, 99)),
        ("b.jsonl", 1),
        ("b.jsonl", 2),
    ]
    said = desk("data", file).stdout
    assert event["sentence"] in said
    assert str(dropped) in said.replace("\n", "")
    assert "a.jsonl:9" in said
    balance = event["sentence"].partition(". Leak check")[0]
    assert f"prepare: {balance}. " in desk("prepare", file).stdout


def test_a_second_call_makes_nothing_again(desk: Desk, augmented: str) -> None:
    def made() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in (desk.folder / "data" / "cache").rglob("*")}

    first = desk("data", augmented).stdout
    before = made()
    assert desk.process("data", augmented).stdout == first
    assert made() == before


def test_a_simulated_study_has_nothing_to_show(desk: Desk) -> None:
    done = desk("data", desk.simulated())
    assert done.returncode == 2
    assert "sim.yaml: the study has no `data`" in done.stderr
    assert desk.files == {"sim.yaml"}


def test_a_bad_study_file_is_told_as_elsewhere(desk: Desk) -> None:
    done = desk("data", desk.write("bad.yaml", json.dumps({"study": "bad"})), "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["event"] == "error"
