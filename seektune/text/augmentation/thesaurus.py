"""Which words mean almost surely the same? Substitutes by WordNet, for one word at a time.

A substitute must share the word's first sense, have it as its own first sense, and be common. The inflection goes with
it. Common: counted twice in this sense in WordNet's corpora. Where an edition has no counts, it has three senses, and
two of them as this part of speech or one of the first two places in its synset.

Chinese: words of two characters or more with one part of speech (jieba and WordNet agreeing), a substitute that shares
at least half of the senses of either, and jieba's own word frequency as the floor.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from seektune.text.augmentation.inflect import form_of, inflected
from seektune.text.augmentation.wordnet import has_chinese, open_wordnet
from seektune.text.augmentation.words import NAME_FLAGS, STOP_WORDS
from seektune.text.language import han_flag, has_han

MAX_SENSES = 8
"""A word with more senses is too likely to be meant in another than the first."""

MIN_COUNT = 2
"""Of a substitute in its sense, in WordNet's corpora."""

MIN_SENSES = 3
"""Of a substitute, in an edition without counts."""

MIN_HAN_FREQUENCY = 50
"""Of jieba's dictionary (counts in its corpus)."""

PARTS = ("n", "v", "a", "r")
_JIEBA_PARTS = {"n": "n", "v": "v", "a": "a", "d": "r"}


class Thesaurus:
    """The WordNet of one folder, opened at the first question (about two seconds), with all answers so far."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.english = lru_cache(maxsize=100_000)(self._english)
        self.han = lru_cache(maxsize=100_000)(self._han if has_chinese(folder) else _nothing)
        self.parts = lru_cache(maxsize=100_000)(self._parts)

    @cached_property
    def _wordnet(self) -> Any:
        return open_wordnet(self._folder)

    @cached_property
    def _has_counts(self) -> bool:
        """WordNet 3.0 has, of NLTK and of Debian; English WordNet has not."""
        return bool(self._wordnet.synsets("be", "v")[0].lemmas()[0].count() > 0)

    @cached_property
    def _irregular(self) -> dict[str, dict[str, list[str]]]:
        """Part of speech -> lemma -> irregular forms, from WordNet's exception lists."""
        found: dict[str, dict[str, list[str]]] = {part: defaultdict(list) for part in PARTS}
        for part in ("n", "v"):
            for form, lemmas in self._wordnet._exception_map[part].items():
                for lemma in lemmas:
                    if lemma != form:
                        found[part][lemma].append(form)
        return found

    def _parts(self, word: str) -> frozenset[str]:
        """Parts of speech that WordNet knows for a form."""
        return frozenset(part for part in PARTS if self._wordnet.morphy(word, part))

    def _english(self, word: str, part: str) -> tuple[str, ...]:
        lemma = self._wordnet.morphy(word, part)
        form = form_of(word, lemma, part) if lemma else None
        senses = self._wordnet.synsets(lemma, part) if form else []
        if form is None or not 0 < len(senses) <= MAX_SENSES or (part == "n" and _in_disguise(word, "ing")):
            return ()
        found = []
        for place, candidate in enumerate(senses[0].lemmas()):
            name = candidate.name()
            if part == "n" and _in_disguise(name, "ing", "s"):
                continue
            if name == lemma or not (name.isascii() and name.isalpha() and name.islower()) or name in STOP_WORDS:
                continue
            own = self._wordnet.synsets(name, part)
            if not own or own[0] != senses[0] or not self._common(candidate, place, len(own)):
                continue
            if new := inflected(name, form, part, self._irregular[part]):
                found.append(new)
        return tuple(found)

    def _common(self, candidate: Any, place: int, senses: int) -> bool:
        """`place` in its synset; `senses` as this part of speech."""
        if self._has_counts:
            return bool(candidate.count() >= MIN_COUNT)
        return len(self._wordnet.synsets(candidate.name())) >= MIN_SENSES and (place < 2 or senses >= 2)

    def _han(self, word: str) -> tuple[str, ...]:
        part = _han_part(word)
        if len(word) < 2 or part is None:
            return ()
        senses = list(self._wordnet.synsets(word, lang="cmn"))
        if not senses or any(sense.pos().replace("s", "a") != part for sense in senses):
            return ()
        votes: dict[str, int] = defaultdict(int)
        for sense in senses:
            for name in set(sense.lemma_names("cmn")):
                votes[name] += 1
        import jieba

        return tuple(
            name
            for name, count in sorted(votes.items())
            if name != word
            and len(name) >= 2
            and all(map(has_han, name))
            and 2 * count >= max(len(senses), len(self._wordnet.synsets(name, lang="cmn")))
            and (jieba.dt.FREQ.get(name) or 0) >= MIN_HAN_FREQUENCY
            and _han_part(name) == part
        )


@lru_cache(maxsize=2)
def thesaurus(folder: Path) -> Thesaurus:
    """One for all operators of a process."""
    return Thesaurus(folder)


def _in_disguise(noun: str, *endings: str) -> bool:
    """Nouns in -ing are mostly verbs (the following, a listing), those in -s plurals (proceeds, athletics)."""
    return noun.endswith(endings) and not noun.endswith(("ss", "us", "is"))


def _nothing(word: str) -> tuple[str, ...]:
    return ()


def _han_part(word: str) -> str | None:
    """WordNet's part of speech for a Chinese word by jieba's tag; None for names, function words and phrases."""
    flag = han_flag(word)
    return None if flag in NAME_FLAGS else _JIEBA_PARTS.get(flag[:1])
