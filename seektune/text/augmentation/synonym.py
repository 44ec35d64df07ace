"""Operators `synonym` and `insertion`: words of the same meaning, in place of a word or beside it.

Synonym: a word is replaced by one that is almost surely the same in this place (thesaurus.py). Its part of speech is
that of NLTK's tagger, which must be one that WordNet knows for the form. Where the tagger's data is not to be found, it
is the only one that WordNet knows, or the one that the word before decides (a determiner, a pronoun, `to`, a modal
verb); any other word is left alone. So is one that stands in a WordNet compound (credit card), a name, a stop word, and
everything immutable. No space is ever inserted into Chinese.

Insertion (Wei & Zou 2019, EDA): a synonym of a random word at a random place. It departs from EDA in that only such
synonyms are taken, and only between two neighbouring words that may both be edited: never beside a number, a negation, a
name or what the answer says.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

from seektune.errors import DataError
from seektune.text.augmentation.operator import Draft, some
from seektune.text.augmentation.options import InsertionOptions, SynonymOptions
from seektune.text.augmentation.tagger import Tagger, find_tagger, tagger_identity
from seektune.text.augmentation.thesaurus import Thesaurus, thesaurus
from seektune.text.augmentation.word_edits import WordEdits
from seektune.text.augmentation.wordnet import describe, find_wordnet, has_chinese, identity
from seektune.text.augmentation.words import STOP_WORDS, Words
from seektune.text.language import has_han, word_set
from seektune.text.reading import Row

FEW = 0.05
"""Chinese rows that may stay as they are where there is no Chinese wordnet; with more of them the run fails."""

_DETERMINERS = word_set("the a an my your his her its our their this that these those some any each every")
_BEFORE_VERB = word_set(
    "to will would shall should can could may might must do does did i you we they please let's "
    "cannot can't don't didn't doesn't won't couldn't wouldn't"
)


class Synonym(WordEdits[tuple[int, list[str]]]):
    """The operator; WordNet and the tagger are opened at the first text."""

    def __init__(self, settings: SynonymOptions | InsertionOptions) -> None:
        folder, self._tagger_folder = find_wordnet(), find_tagger()
        if folder is None:
            raise DataError(describe(None))
        self._folder = folder
        tagger = tagger_identity(self._tagger_folder) if self._tagger_folder else "none"
        self.identity = f"{identity(folder)} tagger: {tagger}"

    @cached_property
    def _thesaurus(self) -> Thesaurus:
        return thesaurus(self._folder)

    @cached_property
    def _tagger(self) -> Tagger | None:
        return Tagger(self._tagger_folder) if self._tagger_folder else None

    def learn(self, train: Sequence[Row]) -> None:
        chinese = sum(row.language == "zh" for row in train)
        if chinese > FEW * len(train) and not has_chinese(self._folder):
            raise DataError(
                f"{chinese:,} of {len(train):,} training rows are Chinese, and {self._folder} has no Chinese wordnet "
                f"(omw-2.0); bring it by `python -m seektune.text.augmentation.wordnet` with a network, or use other operators"
            )

    def places(self, words: Words) -> list[tuple[int, list[str]]]:
        """(number of the word, its substitutes) of every word that has any."""
        return [(i, substitutes) for i in words.open if (substitutes := self._substitutes(words, i))]

    def change(self, words: Words, place: tuple[int, list[str]], draft: Draft) -> tuple[int, int, str]:
        i, substitutes = place
        return *words.spans[i], draft.rng.choice(substitutes)

    def _substitutes(self, words: Words, i: int) -> list[str]:
        word, lower = words[i], words[i].lower()
        if has_han(word):
            return list(self._thesaurus.han(word))
        if not word.isascii() or not word.isalpha() or len(word) < 3 or lower in STOP_WORDS:
            return []
        before, after = words.neighbour(i, -1), words.neighbour(i, 1)
        pairs = (before and f"{before}_{lower}", after and f"{lower}_{after}")
        if any(pair and self._thesaurus.parts(pair) for pair in pairs):
            return []  # half of a compound
        part = self._part(words, i, before, after)
        found = self._thesaurus.english(lower, part) if part else ()
        if before in ("a", "an"):
            found = tuple(new for new in found if (new[0] in "aeiou") == (lower[0] in "aeiou"))
        return [new.capitalize() if word[0].isupper() else new for new in found]

    def _part(self, words: Words, i: int, before: str, after: str) -> str | None:
        parts = self._thesaurus.parts(words[i].lower())
        if self._tagger:
            part = self._tagger.parts(words.text).get(words.spans[i][0])
            return part if part in parts else None
        if len(parts) == 1:
            return next(iter(parts))
        ends = not after or after in STOP_WORDS or not self._thesaurus.parts(after)
        if "n" in parts and "a" not in parts and before in _DETERMINERS and ends:
            return "n"
        if "v" in parts and before in _BEFORE_VERB:
            return "v"
        return None


class Insertion(Synonym):
    """The operator."""

    def edit(self, draft: Draft, rate: float) -> list[str]:
        edited = list(draft.texts)
        words = [Words(text, draft.frozen) for text in draft.texts]
        found = [(one, number, substitutes) for number, one in enumerate(words) for _, substitutes in self.places(one)]
        chosen: list[tuple[int, int, str]] = []
        for one, number, substitutes in some(found, rate, draft.rng):
            pairs = (i for i, following in pairwise(one.open) if following == i + 1 and one.joined(i))
            if places := [i for i in pairs if one[i].lower() not in ("a", "an")]:
                at = one.spans[draft.rng.choice(places)][1]
                chosen.append((number, at, draft.rng.choice(substitutes).lower()))
        for number, at, new in sorted(chosen, reverse=True):
            text = edited[number]
            edited[number] = text[:at] + (new if has_han(new) else f" {new}") + text[at:]
        return edited


synonym = Synonym
insertion = Insertion
