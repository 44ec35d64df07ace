"""Operators `deletion`, `swap` and `typos`: the noise of hasty writing, where it does not change what is meant.

Deletion and swap are those of EDA (Wei & Zou 2019), but for neighbours instead of any two words. Left alone by both, or
a sentence would say something else: direction, quantity, condition, question (`KEPT`), what stands beside a number or a
negation, whatever begins with a capital, and everything immutable. A text of fewer than four words keeps them all, of
two neighbours at most one is deleted. Chinese words are jieba's, of two characters or more, and for deletion particles;
no space is ever inserted.

Typos: a key beside the right one, two letters exchanged, one dropped, one doubled; never the first letter, never into
another common word. Chinese: two neighbouring characters of a word exchanged (characters of the same sound or shape
would need a dictionary of pronunciations, which no library here brings).
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from seektune.text.augmentation.frozen import Frozen
from seektune.text.augmentation.operator import Draft
from seektune.text.augmentation.options import DeletionOptions, SwapOptions, TyposOptions
from seektune.text.augmentation.word_edits import WordEdits
from seektune.text.augmentation.words import STOP_WORDS, Words
from seektune.text.language import cut, has_han, is_negation, is_number, normal, word_set

MIN_WORDS = 4
"""Of a text that words may be deleted from."""

MIN_LETTERS = 4
"""Of an English word that may be mistyped."""

ARTICLES = word_set("a an the 这个 那个 这家 那家 这些 那些 这种 那种")
HEADS = word_set("a an what which whose many much few each every")
"""What asks for the very next word, or for its first letter."""

KEPT = word_set(
    "from to in on at by for of with into onto over under above below through against about before after until since "
    "between during up down out off only just all both each every any some few more most less least much many same "
    "other another if unless when while because but or and than as who whom whose what which where why how can could "
    "may might must shall should will would "
    "如果 因为 所以 但是 或者 以及 而且 可以 可能 需要 应该 必须 什么 怎么 怎样 如何 哪里 哪些 哪个 多少 为什么 是否 "
    "以上 以下 以前 以后 之前 之后 之间 只有 只要 全部 所有 大概 至少 最多 左右 一样 有没有"
)
PARTICLES = frozenset("的了呢吧啊呀嗯哦呗嘛")
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_BESIDE = {
    key: row[max(0, i - 1) : i] + row[i + 1 : i + 2] + below[max(0, i - 1) : i + 1]
    for row, below in zip(_KEYS, (*_KEYS[1:], ""), strict=True)
    for i, key in enumerate(row)
}
_TRIES = 5


def _movable(words: Words, i: int) -> bool:
    """Whether a sentence says much the same without a word, or with it a place further: one beside a number or a
    negation is what is counted or denied."""
    word = words[i]
    if word != word.lower() or word in KEPT:
        return False
    return not any(is_number(normal(near)) or is_negation(normal(near)) for near in words.neighbours(i))


class Deletion(WordEdits[int]):
    """The operator."""

    def __init__(self, settings: DeletionOptions) -> None:
        pass

    def places(self, words: Words) -> list[int]:
        return [i for i in words.open if self._deletable(words, i)]

    def change(self, words: Words, place: int, draft: Draft) -> tuple[int, int, str]:
        return words.spans[place - 1][1], words.spans[place][1], ""

    def apart(self, chosen: list[tuple[int, int]]) -> list[tuple[int, int]]:
        return _apart(chosen)

    @staticmethod
    def _deletable(words: Words, i: int) -> bool:
        """Only after another word of the same clause, so that no comma is left alone."""
        follows = words.joined(i - 1) and words.neighbour(i, -1) not in HEADS
        part = has_han(words[i]) and len(words[i]) == 1 and words[i] not in PARTICLES  # perhaps of a name
        return len(words.spans) >= MIN_WORDS and follows and not part and _movable(words, i)


class Swap(WordEdits[int]):
    """The operator; the rate is that of the pairs that may be exchanged."""

    def __init__(self, settings: SwapOptions) -> None:
        pass

    def places(self, words: Words) -> list[int]:
        movable = {i for i in words.open if _movable(words, i) and words[i] not in ARTICLES}
        movable -= {i for i in movable if has_han(words[i]) and len(words[i]) == 1}
        pairs = (i for i in sorted(movable) if i + 1 in movable and words.joined(i) and words[i] != words[i + 1])
        return [i for i in pairs if words.neighbour(i, -1) not in HEADS]

    def change(self, words: Words, place: int, draft: Draft) -> tuple[int, int, str]:
        (start, one), (other, end) = words.spans[place : place + 2]
        return start, end, words[place + 1] + words.text[one:other] + words[place]

    def apart(self, chosen: list[tuple[int, int]]) -> list[tuple[int, int]]:
        return _apart(chosen)


def _apart(chosen: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Without those that follow directly on another in the same text."""
    apart: list[tuple[int, int]] = []
    for number, i in chosen:
        if not apart or apart[-1] != (number, i - 1):
            apart.append((number, i))
    return apart


class Typos(WordEdits[int]):
    """The operator."""

    def __init__(self, settings: TyposOptions) -> None:
        pass

    def places(self, words: Words) -> list[int]:
        return [i for i in words.open if self._mistakable(words[i])]

    def change(self, words: Words, place: int, draft: Draft) -> tuple[int, int, str]:
        return *words.spans[place], _mistyped(words[place], draft)

    @staticmethod
    def _mistakable(word: str) -> bool:
        if has_han(word):
            return len(word) > 1 and all(map(has_han, word))
        return len(word) >= MIN_LETTERS and word.isascii() and word.isalpha() and word.islower()


def _mistyped(word: str, draft: Draft) -> str:
    for _ in range(_TRIES):
        new = _exchanged(word, draft.rng) if has_han(word) else _typo(word, draft.rng)
        if new != word and not _means_something(new, draft.frozen):
            return new
    return word


def _means_something(new: str, frozen: Frozen) -> bool:
    """Whether a typo is by chance another word: one that is immutable, a common one, one of jieba's dictionary."""
    return bool(frozen.spans(new)) or new in STOP_WORDS or (has_han(new) and cut(new) == (new,))


def _typo(word: str, rng: random.Random) -> str:
    i = rng.randrange(1, len(word))
    how = rng.choice(("beside", "exchanged", "dropped", "doubled"))
    if how == "exchanged":
        return word[0] + _exchanged(word[1:], rng)
    new = {"beside": rng.choice(_BESIDE[word[i]]), "dropped": "", "doubled": word[i] * 2}[how]
    return word[:i] + new + word[i + 1 :]


def _exchanged(word: str, rng: random.Random) -> str:
    """With two neighbouring characters exchanged."""
    i = rng.randrange(len(word) - 1)
    return word[:i] + word[i + 1] + word[i] + word[i + 2 :]


deletion = Deletion
swap = Swap
typos = Typos
