"""The shipped sample data: the committed bytes, and what they promise."""

import csv
import json
import math
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import pytest

from benchmarks.fraud_desk import jargon, phrases
from benchmarks.fraud_desk.desk import CASES, FIELDS, VALUES, answers, entropy, risks
from benchmarks.fraud_desk.generate import ROWS, SEED, files, trained_odds
from benchmarks.fraud_desk.rows import BROKEN, Sample, samples

FOLDER = Path(__file__).parents[2] / "data" / "samples"


@pytest.fixture(scope="module")
def made() -> list[Sample]:
    return samples(SEED, ROWS)


@pytest.fixture(scope="module")
def good(made: list[Sample]) -> list[Sample]:
    return [sample for sample in made if sample.origin not in BROKEN]


def test_committed_files_are_what_the_generator_writes() -> None:
    for name, content in files().items():
        assert (FOLDER / name).read_bytes() == content.encode(), (
            f"run `python -m benchmarks.fraud_desk.generate` ({name})"
        )


def test_another_seed_gives_other_rows(made: list[Sample]) -> None:
    assert [s.row for s in samples(SEED + 1, 50)] != [s.row for s in samples(SEED, 50)]


def test_counts(made: list[Sample], good: list[Sample]) -> None:
    facts = json.loads((FOLDER / "fraud_desk.facts.json").read_text(encoding="utf-8"))
    assert facts["rows"] == len(made) >= 3_000
    assert facts["languages"] == Counter(s.row["language"] for s in good)
    assert 0.57 < facts["languages"]["en"] / len(good) < 0.63
    assert facts["origins"] == Counter(s.origin for s in made)
    assert 0.02 < (facts["origins"]["near"] + facts["origins"]["exact"]) / len(made) < 0.04
    assert set(facts["splits"]) == {"train", "validation", "test"}
    assert min(facts["splits"].values()) > 300


def test_every_kind_of_broken_row_is_there(made: list[Sample]) -> None:
    broken = {kind: [s.row for s in made if s.origin == kind] for kind in BROKEN}
    assert 0.004 < sum(map(len, broken.values())) / len(made) < 0.006
    assert not any((row["instruction"] + row["input"]).strip() for row in broken["empty_prompt"])
    assert not any("output" in row for row in broken["missing_output"])
    assert all("\x00" in row["input"] for row in broken["control_character"])
    assert not any(isinstance(row["input"], str) for row in broken["wrong_type"])


def test_answers_are_of_the_closed_vocabulary(good: list[Sample]) -> None:
    for sample in good:
        fields = dict(part.split("=") for part in sample.row["output"].split("; "))
        assert tuple(fields) == FIELDS
        assert all(fields[field] in VALUES[field] for field in FIELDS)


def test_no_customer_pair_or_message_is_on_two_sides(good: list[Sample]) -> None:
    sides: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for sample in good:
        row = sample.row
        sides["customer", row["customer"]].add(row["split"])
        sides["template and shop", row["template"], row["shop"]].add(row["split"])
        sides["message", row["input"]].add(row["split"])
    assert [key for key, found in sides.items() if len(found) > 1] == []


def test_labels_are_wrong_in_train_only_and_all_wrong_ones_are_known(good: list[Sample]) -> None:
    wrong = [s for s in good if s.row["output"] != s.clean]
    assert {s.row["split"] for s in wrong} == {"train"}
    assert all(s.noisy for s in wrong)
    assert sum(s.noisy for s in good) == len(wrong)
    train = sum(s.row["split"] == "train" for s in good)
    assert 0.025 < len(wrong) / train < 0.035
    facts = json.loads((FOLDER / "fraud_desk.facts.json").read_text(encoding="utf-8"))
    assert facts["noisy_ids"] == sorted(s.row["id"] for s in wrong)


def test_clean_answers_follow_the_rules_at_the_known_odds(good: list[Sample]) -> None:
    fresh = [s for s in good if s.origin == "fresh"]
    for sample in fresh:
        assert tuple(part.split("=")[1] for part in sample.clean.split("; ")) in answers(sample.case)
    judged = [s for s in fresh if len(risks(s.case)) == 2]
    high = sum("risk=high" in s.clean for s in judged) / len(judged)
    assert abs(high - 0.2) < 3 * math.sqrt(0.16 / len(judged))


def test_irreducible_loss_by_hand() -> None:
    """One case with each kind of judgement, both, and none."""
    two = -(0.8 * math.log(0.8) + 0.2 * math.log(0.2))
    found = {round(entropy(case), 6) for case in CASES}
    assert found == {0.0, round(two, 6), round(two + 0.8 * two, 6)}
    for case in CASES:
        assert sum(answers(case).values()) == pytest.approx(1)
        assert sum(trained_odds(case).values()) == pytest.approx(1)


def test_phrases_of_two_facts_never_coincide() -> None:
    """Otherwise the message would not tell the facts, and the irreducible loss would be larger than stated."""
    for groups in (phrases.CHANNEL, {k: v for k, v in phrases.HISTORY.items() if k != "unstated"}, phrases.CORE):
        for language in jargon.LANGUAGES:
            for one, other in combinations(groups, 2):
                assert not set(groups[one][language]) & set(groups[other][language]), (one, other)
    for language in jargon.LANGUAGES:
        counts = Counter(variant for concept in jargon.JARGON.values() for variant in concept[language])
        assert [variant for variant, count in counts.items() if count > 1] == []


def test_lexicon() -> None:
    with (FOLDER / "lexicon.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert set(rows[0]) == {"term", "variant", "language"}
    languages = Counter(row["language"] for row in rows)
    assert languages["en"] >= 60
    assert languages["zh"] >= 40
    assert set(languages) == {"en", "zh"}
    assert all(row["term"].strip() and row["variant"].strip() and row["term"] != row["variant"] for row in rows)


def test_general_text_is_large_enough_and_holds_no_answer() -> None:
    text = (FOLDER / "general_en_zh.txt").read_text(encoding="utf-8")
    assert 500_000 <= len(text.encode()) <= 1_000_000
    assert "intent=" not in text
    prose = [line for line in text.splitlines() if "=" not in line]  # notes are short, and repeat
    assert len(set(prose)) > 0.9 * len(prose)
