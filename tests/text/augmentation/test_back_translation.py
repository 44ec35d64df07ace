"""The operator: which rows it translates, what it keeps of their form, and what the leak guard is told."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from seektune.text.augmentation.back_translation import BackTranslation
from seektune.text.augmentation.frozen import Frozen
from seektune.text.augmentation.operator import Draft
from seektune.text.augmentation.options import BackTranslationOptions
from seektune.text.augmentation.round_trip import cut, merged, translatable
from seektune.text.language import language
from seektune.text.reading import Row
from seektune.text.rows import RowSet
from tests.text.augmentation.test_apertium import needs_pair
from tests.text.conftest import questions

FREE = Frozen.of("", frozenset(), ())
COMMIT = "0" * 40


def draft(*texts: str, frozen: Frozen = FREE, seed: int = 0) -> Draft:
    row = Row("id", {"text": texts[0], "label": "x"}, language(texts[0]), "s", "s", 1)
    return Draft(row, texts, frozen, random.Random(seed))


@pytest.mark.parametrize(
    ("text", "passages"),
    [
        ("One. ", ["One."]),
        ("Mr. Smith left. He e.g. This", ["Mr. Smith left.", "He e.g. This"]),
        ("  a\n\n b \r\nc\n", ["a", "b", "c"]),
        ("你好。“好。”再见！", ["你好。", "“好。”再见！"]),
        ("", []),
    ],
)
def test_passages(text: str, passages: list[str]) -> None:
    parts = cut(text)
    assert "".join(parts) == text
    assert [part for part in parts[::2] if part] == passages


def test_only_words_are_translated_and_spans_are_merged() -> None:
    assert [text for text in ("a", "12 + 3?", "", "x" * 1000, "词") if translatable(text)] == ["a", "词"]
    assert list(merged([(5, 6), (0, 2), (1, 4), (4, 5)])) == [(0, 6)]
    assert list(merged([(3, 4), (0, 1)])) == [(0, 1), (3, 4)]
    assert list(merged([])) == []


def test_a_word_without_end_is_looked_at_in_a_moment() -> None:
    begun = time.process_time()
    assert FREE.spans("x" * 20_000) == []
    assert [FREE.spans(mark + "x" * 20_000) for mark in "7@"] == [[(0, 20_001), (0, 20_001)], [(0, 20_001)]]
    assert time.process_time() - begun < 5  # each was 20 s


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"engine": "seq2seq"}, "needs forward and backward"),
        ({"engine": "seq2seq", "forward": {"folder": "a"}}, "needs forward and backward"),
        ({"engine": "seq2seq", "forward": {"folder": "a"}, "backward": {"hub": "b"}}, "needs its revision"),
        ({"engine": "seq2seq", "forward": {"folder": "a", "hub": "b"}, "backward": {"folder": "b"}}, "exactly one of"),
        ({"engine": "seq2seq", "forward": {"hub": "a", "revision": "main"}, "backward": {"folder": "b"}}, "revision"),
        ({"forward": {"folder": "a"}, "backward": {"folder": "b"}}, "write `engine: seq2seq`"),
        ({"temperature": 0.5}, "write `engine: seq2seq`"),
        ({"pair": "english"}, "pair"),
        ({"languages": []}, "languages"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        BackTranslationOptions.model_validate(settings)


def test_settings_as_a_study_file_has_them() -> None:
    assert BackTranslationOptions().pair == "eng-spa"
    models = {"forward": {"hub": "org/en-zh", "revision": COMMIT}, "backward": {"folder": "zh-en"}}
    BackTranslationOptions.model_validate({"engine": "seq2seq", "temperature": 0.7, "languages": ["en"], **models})


@needs_pair
def test_form_is_kept_and_other_languages_are_left_alone() -> None:
    operator = BackTranslation(BackTranslationOptions())
    drafts = [
        draft("  Is my card here?\n\n\tI lost my house.  ", "12:30", "Is my card here?"),
        draft("我丢了卡"),
        draft("I lost my 3 debit cards.", frozen=Frozen.of("debit", frozenset(), ())),
    ]
    edited = operator(drafts, 1.0)
    assert edited == [
        ["  It is my card here?\n\n\tI lost my house.  ", "12:30", "It is my card here?"],
        ["我丢了卡"],
        ["I lost my 3 cards of debit."],
    ]
    assert [operator([one], 1.0)[0] for one in drafts] == edited


@needs_pair
def test_translations_for_the_leak_guard() -> None:
    operator = BackTranslation(BackTranslationOptions())
    assert operator.translations(["Is my card here? I lost my house.", "我丢了卡", ""]) == [
        ["Es mi carta aquí? Perdí mi casa.", "It is my card here? I lost my house."],
        [],
        [],
    ]


@needs_pair
@pytest.mark.slow
def test_children_in_the_pipeline(prepare: Callable[..., RowSet], jsonl: Callable[..., Path]) -> None:
    labelled = [{"text": text, "label": text.split()[2]} for text in questions()]
    rows = prepare("classification", jsonl(labelled), augment={"operators": ["back_translation"], "copies": 2})
    report = rows.report["augmentation"]["operators"]["back_translation"]
    assert report["asked"] == report["made"] + sum(report["rejected"].values())
    assert report["made"] > 0.4 * report["asked"]
    assert report["rejected"]["repeats a row"] >= report["made"]  # rules know one translation: the second copy
    check_children(rows, "back_translation")


def check_children(rows: RowSet, operator: str) -> None:
    train = rows.rows("train")
    parents = {row["id"]: row for row in train if row["parent"] is None}
    children = [row for row in train if row["parent"]]
    assert children
    for child in children:
        parent = parents[child["parent"]]
        assert (child["operator"], child["label"], child["group"]) == (operator, parent["label"], parent["group"])
        assert child["text"] != parent["text"]
    assert len({child["augment_seed"] for child in children}) == len(children)


def shared_words(one: str, other: str) -> float:
    """Of the words of `other`, the share that stands in `one`."""
    left, right = (Counter(text.lower().strip(".?!").split()) for text in (one, other))
    return (left & right).total() / max(1, right.total())


def mean_shared(ones: Sequence[str], others: Sequence[str]) -> float:
    return sum(map(shared_words, ones, others)) / len(ones)
