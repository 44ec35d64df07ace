"""Section on augmentation, by hand: what it says of a gain, a loss, nothing, and a lost arm."""

from __future__ import annotations

from typing import Any

import pytest

from seektune.report.blocks import Figure, Section, Table, Text
from seektune.report.sections.augmentation import augmentation
from seektune.report.summary import found
from seektune.trial import Json
from tests.report.test_report_sections import confirmed, facts


def measured(**changes: Any) -> Json:
    side = {"params": {"learning_rate": 3e-3}, "values": [0.5, 0.6], "mean": 0.55}
    return {
        "trial": "fine-002",
        "effect": "helps",
        "sentence": "Augmentation helps: validation loss is better by 0.1.",
        "minimum_effect": 0.05,
        "augmented": {**side, "name": "augmented"},
        "original": {**side, "name": "original", "mean": 0.65},
        "learning_rates": {"augmented": [[1e-3, 0.7], [3e-3, 0.55]], "original": [[1e-3, 0.66], [3e-2, None]]},
        "interval": confirmed()["validation"],
        "seeds": 2,
        "agreement": {"pairs": 100, "agree": 0.91, "original_right": 0.98},
        **changes,
    }


def section(**changes: Any) -> Section:
    made = augmentation(facts([], augmentation=measured(**changes)))
    assert made is not None
    return made


@pytest.mark.parametrize(("effect", "tone"), [("helps", "good"), ("hurts", "bad"), ("not seen", "plain")])
def test_the_sentence_first_then_interval_arms_and_agreement(effect: str, tone: str) -> None:
    sentence, interval, arms, agreement = section(effect=effect).blocks
    assert isinstance(sentence, Text) and (sentence.tone, sentence.text) == (tone, measured()["sentence"])
    assert isinstance(interval, Figure) and "on validation: +0.1 (+0.05 to +0.15)" in interval.caption
    assert interval.plot is not None and interval.plot.startswith(b"\x89PNG")
    assert isinstance(arms, Table)
    assert [row[:4] for row in arms.rows] == [
        ("with augmentation", 0.55, "0.5, 0.6", "0.003"),
        ("without", 0.65, "0.5, 0.6", "0.003"),
    ]
    assert arms.rows[1][4] == "0.001: 0.66, 0.03: no value"
    assert isinstance(agreement, Text)
    assert "gives 91% of 100 pairs" in agreement.text
    assert "98% of their original rows" in agreement.text


def test_what_was_not_measured_is_left_out() -> None:
    lost = {"augmented": None, "original": None, "learning_rates": {}, "interval": None, "agreement": None, "seeds": 0}
    (sentence,) = section(effect="not measured", sentence="Nothing to compare.", **lost).blocks
    assert isinstance(sentence, Text) and sentence.text == "Nothing to compare."
    assert augmentation(facts([])) is None


def test_the_stage_says_the_same_in_one_sentence() -> None:
    assert found("augmentation", measured()) == measured()["sentence"]
