"""Parameters that choose among augmented rows are checked against what the study makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from seektune.study_file import load_study, template
from tests.study_file.conftest import NOW, STUDY, Complain, replaced

RANK = "  lora_rank: {choices: [4, 8, 16, 32], when: 'method == \"lora\"'}\n"
AUGMENT = "augment: {operators: [synonym, {lexicon: {path: data/samples/lexicon.csv}}], copies: 1}"
AT_RATES = AUGMENT.replace("copies: 1", "copies: 2, rates: [0.1, 0.3]")


def searched(parameter: str, augment: str = AT_RATES) -> str:
    return replaced(RANK, f"{RANK}  {parameter}\n").replace(AUGMENT, augment)


@pytest.mark.parametrize(
    "parameter",
    [
        "augment_operators: {choices: [none, all, synonym, lexicon, synonym+lexicon]}",
        "augment_copies: {low: 0, high: 2}",
        "augment_copies: {choices: [0, 2], when: 'augment_operators != \"none\"'}",
        "augment_rate: {choices: [0.1, 0.3]}",
    ],
)
def test_sound(folder: Path, parameter: str) -> None:
    (folder / "study.yaml").write_text(searched(parameter))
    study = load_study("study.yaml", NOW)
    assert study.augmentation is not None
    (folder / "study.yaml").write_text(STUDY)
    assert load_study("study.yaml", NOW).augmentation is None


def test_copies_are_whole_numbers(folder: Path) -> None:
    import numpy as np

    (folder / "study.yaml").write_text(searched("augment_copies: {low: 0, high: 2}"))
    space, rng = load_study("study.yaml", NOW).make_space(), np.random.default_rng(0)
    assert {space.sample(rng)["augment_copies"] for _ in range(40)} == {0, 1, 2}


@pytest.mark.parametrize(
    ("parameter", "place", "words"),
    [
        (
            "augment_operators: {choices: [none, synonim]}",
            "18:39",
            "space.augment_operators.choices[1]: unknown operator 'synonim'; did you mean 'synonym'? (here: all, none, "
            "synonym, lexicon)",
        ),
        (
            "augment_operators: {choices: [synonym+all, none]}",
            "18:33",
            "unknown operator 'all' (here: synonym, lexicon)",
        ),
        (
            "augment_operators: {choices: [lexicon+lexicon]}",
            "18:33",
            "'lexicon+lexicon' names an operator twice; keep one",
        ),
        (
            "augment_copies: {low: 0, high: 3}",
            "18:34",
            "space.augment_copies.high: 3 copies, but data.augment.copies makes 2; raise it there, or ask for fewer",
        ),
        ("augment_copies: {choices: [0, -1]}", "18:33", "space.augment_copies.choices[1] must be >= 0, but got -1"),
        (
            "augment_rate: {choices: [0.1, 0.2]}",
            "18:33",
            "space.augment_rate.choices[1]: rows are made at the rates 0.1, 0.3, but got 0.2; list the rates",
        ),
        (
            "augment_rate: {low: 0.1, high: 0.3}",
            "18:17",
            "rows are made at data.augment.rates only; give choices of them",
        ),
    ],
)
def test_refused_with_place_and_remedy(complain: Complain, parameter: str, place: str, words: str) -> None:
    (line,) = complain(searched(parameter))
    assert line.startswith(f"study.yaml:{place}")
    assert words in line


def test_refused_where_nothing_is_augmented(complain: Complain) -> None:
    (line,) = complain(searched("augment_copies: {choices: [0, 1]}", "augment: {copies: 1}"))
    assert line.startswith("study.yaml:18:3")
    assert "space.augment_copies chooses among augmented rows, but data.augment.operators is empty" in line
    (line,) = complain(replaced("seed: 42", "augment_copies: 0").replace(AUGMENT, "augment: {copies: 1}"))
    assert line.startswith("study.yaml:2:1")
    confirm = "  confirm: {top: 3, seeds: auto}\n"
    (line,) = complain(
        replaced(confirm, f"{confirm}  augmentation: {{seeds: 4}}\n").replace(AUGMENT, "augment: {copies: 1}")
    )
    assert "stages.augmentation compares training with and without augmentation, but data.augment.operators is" in line


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("seeds: 1", "stages.augmentation.seeds must be >= 2"),
        ("learning_rate_factors: [1, 0]", "stages.augmentation.learning_rate_factors must be > 0"),
        ("learning_rate_factors: []", "stages.augmentation.learning_rate_factors"),
        ("seed: 3", "unknown key 'stages.augmentation.seed'"),
    ],
)
def test_the_stages_options(complain: Complain, options: str, words: str) -> None:
    confirm = "  confirm: {top: 3, seeds: auto}\n"
    found = complain(replaced(confirm, f"{confirm}  augmentation: {{{options}}}\n"))
    assert any(words in line for line in found), found


def test_init_explains_them() -> None:
    text = template()
    assert "# augment_operators (all) Augmented rows of which operators" in text
    assert "# augmentation: auto" in text
    assert "# learning_rate_factors: Both are tried" in text
