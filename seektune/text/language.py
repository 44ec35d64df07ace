"""Words, languages and normal forms, for text with and without spaces between words.

Chinese words come from jieba (loaded at the first Chinese text), all others from runs of letters and digits.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_HAN_RUN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*", re.UNICODE)
_LETTERS = r"[^\W\d_\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+"
_TOKEN = re.compile(rf"\d+(?:[.,:]\d+)*|{_HAN.pattern}|{_LETTERS}(?:'{_LETTERS})*")


INNER_BLANK = "\U0010fffd"
"""Stands for a blank within a tagged token while the row is edited; no character of any text (private use)."""

_CONTRACTED = re.compile(r"\b([a-z]+)n't\b|\bcannot\b")
_LONG = {None: "can", "ca": "can", "wo": "will", "sha": "shall"}


def word_set(words: str) -> frozenset[str]:
    """A list of words written as prose."""
    return frozenset(words.split())


NEGATION = word_set(
    "no not never none nobody nothing nowhere neither nor without cannot unable fail failed fails "
    "can't won't don't doesn't didn't isn't aren't wasn't weren't hasn't haven't hadn't wouldn't couldn't shouldn't "
    "mustn't cant wont dont doesnt didnt isnt arent wasnt"
)
NUMBERS = word_set(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion half twice double"
)
NUMERALS_HAN = frozenset("〇零一二三四五六七八九十百千万亿两")
NEGATION_HAN = ("不", "没", "未", "无", "别", "勿", "莫", "非", "否")


def is_number(word: str) -> bool:
    """Whether a normalised word is a number: digits, an English number word, Han numerals only."""
    return word[:1].isdigit() or word in NUMBERS or (word != "" and NUMERALS_HAN.issuperset(word))


def is_negation(word: str) -> bool:
    """Whether a normalised word negates."""
    return word in NEGATION or (has_han(word) and any(mark in word for mark in NEGATION_HAN))


def han_characters(text: str) -> int:
    return sum(len(run) for run in _HAN_RUN.findall(text))


def language(text: str) -> str:
    """Of the letters at least a fifth Han: "zh"; else at least half Latin: "en"; else "other".

    Judged on the first 2,000 characters.
    """
    text = text[:2_000]
    if text.isascii():
        return "en" if any(map(str.isalpha, text)) else "other"
    letters = sum(map(str.isalpha, text))
    if not letters:
        return "other"
    if han_characters(text) >= 0.2 * letters:
        return "zh"
    latin = sum(c < "\u0250" for c in text if c.isalpha())
    return "en" if latin >= 0.5 * letters else "other"


def has_han(text: str) -> bool:
    return _HAN.search(text) is not None


def normal(text: str) -> str:
    """The form that duplicates are judged on: compatibility-normalised, lower case, straight apostrophes."""
    return unicodedata.normalize("NFKC", text).casefold().replace("’", "'")


def tokens(text: str) -> list[str]:
    """Normalised tokens: words, numbers, single Han characters; punctuation counts only where there is nothing else.

    "can't" and "cannot" are "can not", which is also what a translator makes of them.
    """
    plain = normal(text)
    if "n't" in plain or "cannot" in plain:
        plain = _CONTRACTED.sub(lambda found: _LONG.get(found[1], found[1]) + " not", plain)
    return _TOKEN.findall(plain) or plain.split()


@lru_cache(maxsize=256)
def word_spans(text: str) -> tuple[tuple[int, int], ...]:
    """(start, end) of every word; Han runs are cut by jieba."""
    spans: list[tuple[int, int]] = []
    for match in _WORD.finditer(text):
        start, word = match.start(), match.group()
        if not has_han(word):
            spans.append(match.span())
            continue
        for piece in cut(word):
            spans.append((start, start + len(piece)))
            start += len(piece)
    return tuple(spans)


@lru_cache(maxsize=20_000)
def cut(han: str) -> tuple[str, ...]:
    """Chinese words; their concatenation is the input."""
    return tuple(_jieba().cut(han, HMM=False))


@lru_cache(maxsize=100_000)
def han_flag(word: str) -> str:
    """jieba's part of speech of a Chinese word; "" where jieba takes it for several."""
    _jieba()
    import jieba.posseg

    tagged = jieba.posseg.lcut(word, HMM=False)
    return str(tagged[0].flag) if len(tagged) == 1 else ""


@lru_cache(maxsize=1)
def _jieba() -> Any:
    import logging

    import jieba

    jieba.setLogLevel(logging.WARNING)
    return jieba
