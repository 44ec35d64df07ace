"""Deletion, swap, insertion and typos by hand: what they may touch, and what a sentence keeps."""

from __future__ import annotations

import random

import pytest

from seektune.text.augmentation.frozen import Frozen
from seektune.text.augmentation.noise import Deletion, Swap, Typos
from seektune.text.augmentation.operator import Draft, Operator
from seektune.text.augmentation.options import DeletionOptions, InsertionOptions, SwapOptions, TyposOptions
from seektune.text.augmentation.synonym import Insertion
from seektune.text.augmentation.wordnet import find_wordnet
from seektune.text.reading import Row

ROW = Row("r", {"text": "a", "label": "a"}, "en", "s", "s", 1)
FREE = Frozen.of("", frozenset(), ())


def results(operator: Operator, text: str, rate: float = 0.01, frozen: Frozen = FREE) -> set[str]:
    """What two hundred seeds make of a text."""
    drafts = [Draft(ROW, (text,), frozen, random.Random(seed)) for seed in range(200)]
    return {texts[0] for texts in operator(drafts, rate)}


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("where is my new card", {"where my new card", "where is new card", "where is my card", "where is my new"}),
        ("It did not work, sorry, for John Smith", {"It did not work, sorry, for John Smith"}),
        (
            "Send 30 euros from Lyon to an old friend",
            {"Send 30 euros from Lyon to an old", "Send 30 euros from Lyon to old friend"},
        ),
        ("my card", {"my card"}),
        ("a top-up card works today", {"a top-up card today", "a top-up card works", "a top-up works today"}),
        ("请告诉我酒店的地址", {"请告诉我的地址", "请告诉我酒店地址", "请告诉我酒店的", "请我酒店的地址"}),
        ("我不喜欢北京的天气", {"我不喜欢北京天气", "我不喜欢北京的"}),
    ],
)
def test_deletion(text: str, made: set[str]) -> None:
    assert results(Deletion(DeletionOptions()), text) == made


def test_deletion_takes_no_two_neighbours_and_never_all() -> None:
    words = "where is my new card now"
    for left in results(Deletion(DeletionOptions()), words, rate=1.0):
        assert len(left.split()) == 3 and "  " not in left


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("is my new card", {"my is new card", "is new my card", "is my card new"}),
        ("the card, lost yesterday", {"the card, yesterday lost"}),
        ("the card works", {"the works card"}),
        ("an old card", {"an old card"}),
        ("cards from Lyon", {"cards from Lyon"}),
        ("it was not lost", {"it was not lost"}),
        ("推荐酒店，附近餐馆", {"酒店推荐，附近餐馆", "推荐酒店，餐馆附近"}),
    ],
)
def test_swap(text: str, made: set[str]) -> None:
    assert results(Swap(SwapOptions()), text) - {text} == made - {text}


def test_typos_keep_the_first_letter_and_are_no_other_word() -> None:
    made = results(Typos(TyposOptions()), "card")
    assert {"crad", "cad", "caard", "cars"} & made and all(new[0] == "c" for new in made)
    assert all(new not in ("form", "from") for new in results(Typos(TyposOptions()), "form") - {"form"})
    held = Frozen.of("", frozenset({"crad", "cad"}), ())  # a typo must not become a label
    assert not {"crad", "cad"} & results(Typos(TyposOptions()), "card", frozen=held)
    assert results(Typos(TyposOptions()), "the ATM of Lyon at 30b, {name}") == {"the ATM of Lyon at 30b, {name}"}
    assert results(Typos(TyposOptions()), "豆浆的价格") == {"浆豆的价格", "豆浆的格价"}
    assert results(Typos(TyposOptions()), "上海") == {"上海"}  # a name, and 海上 is a word


def test_insertion_stands_between_two_words_that_may_be_edited() -> None:
    if find_wordnet() is None:
        pytest.skip("no WordNet on this machine")
    operator = Insertion(InsertionOptions())
    assert results(operator, "they seem new") == {"they appear seem new", "they seem appear new"}
    assert results(operator, "they seem, a day") == {"they appear seem, a day"}
    assert results(operator, "not seem 3 cards") == {"not seem 3 cards"}
    made = results(operator, "推荐餐馆附近")
    assert len(made) > 1 and all(" " not in text and len(text) > 6 for text in made)
