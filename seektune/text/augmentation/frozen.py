"""Which parts of an input must not change when it is augmented.

Numbers, negation, what the answer repeats, words of any label, protected terms, and everything that is no word of a
sentence (addresses, links, code, placeholders such as {name}, [NAME], <X>, %s). `lost` is the check afterwards: what the
answer repeats is still there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from seektune.text.language import INNER_BLANK, NUMERALS_HAN, has_han, is_negation, is_number, normal, word_spans

Span = tuple[int, int]

# printable ASCII runs only: a Chinese sentence has no spaces and would be frozen whole; looked at from their start
# only, else a run of 20,000 characters takes 20 seconds
_CODE = re.compile(r"(?<![!-~])(?:[!-~]*[@/\\_#<>{}\[\]|=~^`][!-~]*|[!-~]*\w\.\w[!-~]*)", re.ASCII)
_PLACEHOLDER = re.compile(r"\{[^{}\n]{1,40}\}|\[[^\[\]\n]{1,40}\]|<[^<>\n]{1,40}>|[%$]\w+")
_DIGIT = re.compile(r"(?<![!-~])[!-~]*[0-9][!-~]*")
_LABEL_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[\u3400-\u9fff]+")


def label_words(labels: Iterable[str]) -> frozenset[str]:
    """Words of label names: `card_arrival` and `CardArrival` give card and arrival."""
    return frozenset(word.casefold() for label in labels for word in _LABEL_WORD.findall(label))


@dataclass(frozen=True, slots=True)
class Frozen:
    """What one row's answer, its data set's labels and the study protect."""

    answer: str
    said: frozenset[str]  # the words of the answer
    labels: frozenset[str]
    han_labels: tuple[str, ...]
    protected: tuple[re.Pattern[str], ...]

    @staticmethod
    def of(answer: str, labels: frozenset[str], protected: Iterable[str]) -> Frozen:
        plain = normal(answer)
        said = frozenset(plain[start:end] for start, end in word_spans(plain))
        return Frozen(plain, said, labels, _han(labels), _patterns(tuple(protected)))

    def spans(self, text: str) -> list[Span]:
        """The immutable parts of `text`."""
        patterns = (_CODE, _PLACEHOLDER, _DIGIT, *self.protected)
        found = [match.span() for pattern in patterns for match in pattern.finditer(text)]
        for start, end in word_spans(text):
            word = normal(text[start:end])
            if (
                any(c.isdigit() or c in NUMERALS_HAN for c in word)
                or is_number(word)
                or is_negation(word)
                or word in self.labels
                or any(word in label or label in word for label in self.han_labels)
                or self._answered(word)
            ):
                found.append((start, end))
        return sorted(found)

    def lost(self, before: str, after: str) -> bool:
        """Whether a word that the answer repeats from `before` no longer stands in `after`."""
        there = normal(after)
        words = (normal(before[start:end]) for start, end in word_spans(before))
        return any(word not in there for word in words if self._answered(word))

    def _answered(self, word: str) -> bool:
        """Whether the answer repeats `word`: as a whole word, or as Han characters anywhere."""
        return word in self.said or (has_han(word) and word in self.answer)


@lru_cache(maxsize=16)
def _patterns(terms: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    """Protected terms as they are written or normalised, in any case: to be found in a text that is neither, because
    folding moves what comes after (ß, İ)."""

    def spelt(term: str) -> str:
        words = (re.escape(word).replace("’", "'").replace("'", "['’]") for word in term.split())
        return f"[\\s{INNER_BLANK}]+".join(words)

    return tuple(re.compile(f"{spelt(term)}|{spelt(normal(term))}", re.IGNORECASE) for term in terms if term.strip())


@lru_cache(maxsize=16)
def _han(labels: frozenset[str]) -> tuple[str, ...]:
    """The Chinese ones; asked once per row with the same labels."""
    return tuple(sorted(filter(has_han, labels)))


def free(span: Span, frozen: Iterable[Span]) -> bool:
    """Whether `span` touches no frozen part."""
    return not any(start < span[1] and span[0] < end for start, end in frozen)
