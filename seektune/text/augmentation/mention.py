"""Operator `mention`: what the tags of a row name, replaced by another name of the same type (Dai & Adel 2020).

Only mentions of as many tokens, with the same numbers and negations in them, and both learned from training rows: so the
tags stay as they are. All other operators leave mentions alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from seektune.score.entities import entities
from seektune.text.augmentation.frozen import Span, free
from seektune.text.augmentation.operator import Draft, Edits, some
from seektune.text.augmentation.options import MentionOptions
from seektune.text.duplicates import Meaning, meaning
from seektune.text.kinds import inputs
from seektune.text.language import tokens
from seektune.text.reading import Row

Sort = tuple[str, int, Meaning]


class Mention(Edits):
    """The operator, with the mentions of the training rows by type, number of tokens and meaning."""

    def __init__(self, settings: MentionOptions) -> None:
        self._known: dict[Sort, list[str]] = {}

    def learn(self, train: Sequence[Row]) -> None:
        known: dict[Sort, set[str]] = defaultdict(set)
        for row in train:
            tokens_of = inputs("tagging", row.fields)[0].split(" ")
            for kind, start, end in entities(row.fields["tags"]):
                words = tokens_of[start:end]
                known[_sort(kind, words)].add(" ".join(words))
        self._known = {sort: sorted(texts) for sort, texts in known.items()}

    def edit(self, draft: Draft, rate: float) -> list[str]:
        words = draft.texts[0].split(" ")
        held = draft.frozen.spans(draft.texts[0])
        found: list[tuple[int, int, list[str]]] = []
        for kind, start, end in entities(draft.parent.fields["tags"]):
            text = " ".join(words[start:end])
            others = [other for other in self._known.get(_sort(kind, words[start:end]), ()) if other != text]
            if others and free(_place(words, start, end), held):
                found.append((start, end, others))
        for start, end, others in some(found, rate, draft.rng):
            words[start:end] = draft.rng.choice(others).split(" ")
        return [" ".join(words)]


def _sort(kind: str, words: Sequence[str]) -> Sort:
    return kind, len(words), meaning(tokens(" ".join(words)))


def _place(words: Sequence[str], start: int, end: int) -> Span:
    at = sum(len(word) + 1 for word in words[:start])
    return at, at + sum(len(word) + 1 for word in words[start:end]) - 1


mention = Mention
