"""Operator `synonym`: words replaced by WordNet synonyms that are almost surely the same word in this place.

A substitute must be of the same part of speech, share the word's first sense, have it as its own first sense, and be
common (a frequency floor: counted in WordNet's corpora, or, where an edition has no counts, known in two senses). The
part of speech is taken where WordNet knows only one for the form, or where the word before decides it (a determiner, a
pronoun, `to`, a modal verb); any other word is left alone, so is one that stands in a WordNet compound (credit card),
a name, a stop word, and everything immutable. The inflection goes with it.

Chinese: jieba's words of two characters or more with one part of speech (jieba and WordNet agreeing), a substitute that
shares at least half of the senses of either, and jieba's own word frequency as the floor. No space is ever inserted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

from seektune.errors import DataError
from seektune.text.frozen import Span, free
from seektune.text.inflect import form_of, inflected
from seektune.text.language import has_han, word_set, word_spans
from seektune.text.operator import Draft, Edits
from seektune.text.options import SynonymOptions
from seektune.text.wordnet import describe, find_wordnet, has_chinese, identity, open_wordnet

MAX_SENSES = 8
"""A word with more senses is too likely to be meant in another than the first."""

MIN_HAN_FREQUENCY = 50
"""Of jieba's dictionary (counts in its corpus)."""

STOP_WORDS = word_set(
    "a an the this that these those my your his her its our their some any each every all both either another "
    "such and or but if then than as at by for from in into of off on onto out over to under up down upon with "
    "within about after before between during through until while because since so too very just only also even "
    "still yet again here there when where why how what which who whom whose i you he she it we they me him us "
    "them mine yours ours theirs myself yourself be am is are was were been being do does did done doing have has "
    "had having will would shall should can could may might must ought let get gets got getting go goes went "
    "going gone make makes made take takes took come comes came put give gives gave say says said see sees saw "
    "thing things way one ones much many more most few little less least other same own please thanks thank ok "
    "okay yes well back still ever now today tomorrow yesterday"
)
_DETERMINERS = word_set("the a an my your his her its our their this that these those some any each every")
_BEFORE_VERB = word_set(
    "to will would shall should can could may might must do does did i you we they please let's "
    "cannot can't don't didn't doesn't won't couldn't wouldn't"
)
_PARTS = ("n", "v", "a", "r")
_JIEBA_PARTS = {"n": "n", "v": "v", "a": "a", "d": "r"}


class Synonym(Edits):
    """The operator; WordNet is opened at the first text."""

    def __init__(self, settings: SynonymOptions) -> None:
        folder = find_wordnet()
        if folder is None:
            raise DataError(f"operator synonym: {describe(None)}")
        self.identity = identity(folder)
        self._chinese = has_chinese(folder)
        self.english = lru_cache(maxsize=100_000)(self._english)
        self.han = lru_cache(maxsize=100_000)(self._han)
        self.parts = lru_cache(maxsize=100_000)(self._parts)

    @cached_property
    def wordnet(self) -> Any:
        return open_wordnet()

    @cached_property
    def _irregular(self) -> dict[str, dict[str, list[str]]]:
        """Part of speech -> lemma -> irregular forms, from WordNet's exception lists."""
        found: dict[str, dict[str, list[str]]] = {part: defaultdict(list) for part in _PARTS}
        for part in ("n", "v"):
            for form, lemmas in self.wordnet._exception_map[part].items():
                for lemma in lemmas:
                    if lemma != form:
                        found[part][lemma].append(form)
        return found

    def edit(self, draft: Draft, rate: float) -> list[str]:
        found: list[tuple[int, Span, list[str]]] = []
        for number, text in enumerate(draft.texts):
            spans = word_spans(text)
            held = draft.frozen.spans(text)
            for i, (start, end) in enumerate(spans):
                if free((start, end), held) and (substitutes := self._substitutes(text, spans, i)):
                    found.append((number, (start, end), substitutes))
        if not found:
            return list(draft.texts)
        chosen = draft.rng.sample(found, max(1, round(rate * len(found))))
        edited = list(draft.texts)
        for number, (start, end), substitutes in sorted(chosen, key=lambda item: item[:2], reverse=True):
            edited[number] = edited[number][:start] + draft.rng.choice(substitutes) + edited[number][end:]
        return edited

    def _substitutes(self, text: str, spans: Sequence[Span], i: int) -> list[str]:
        start, end = spans[i]
        word = text[start:end]
        if has_han(word):
            return list(self.han(word)) if self._chinese else []
        opens = not text[:start].strip() or text[:start].rstrip()[-1:] in ".!?\n。！？"
        if not word.isascii() or not word.isalpha() or len(word) < 3 or (not word.islower() and not opens):
            return []  # a capital inside a sentence is a name
        if word[1:] != word[1:].lower() or word.lower() in STOP_WORDS:
            return []
        before, after = (self._neighbour(text, spans, i, step) for step in (-1, 1))
        lower = word.lower()
        if any(pair and self.parts(pair) for pair in (before and f"{before}_{lower}", after and f"{lower}_{after}")):
            return []  # half of a compound
        part = self._part(lower, before, after)
        if part is None:
            return []
        vowels = "aeiou"
        kept = []
        for new in self.english(lower, part):
            if before in ("a", "an") and (new[0] in vowels) != (lower[0] in vowels):
                continue
            kept.append(new.capitalize() if word[0].isupper() else new)
        return kept

    @staticmethod
    def _neighbour(text: str, spans: Sequence[Span], i: int, step: int) -> str:
        """The lower-case word before or after, "" across punctuation."""
        if not 0 <= i + step < len(spans):
            return ""
        first, second = sorted((spans[i], spans[i + step]))
        return text[slice(*spans[i + step])].lower() if text[first[1] : second[0]].isspace() else ""

    def _parts(self, word: str) -> frozenset[str]:
        """Parts of speech that WordNet knows for a form."""
        return frozenset(part for part in _PARTS if self.wordnet.morphy(word, part))

    def _part(self, word: str, before: str, after: str) -> str | None:
        parts = self.parts(word)
        if len(parts) == 1:
            return next(iter(parts))
        if "n" in parts and before in _DETERMINERS and (not after or after in STOP_WORDS or not self.parts(after)):
            return "n"
        if "v" in parts and before in _BEFORE_VERB:
            return "v"
        return None

    def _english(self, word: str, part: str) -> tuple[str, ...]:
        lemma = self.wordnet.morphy(word, part)
        form = form_of(word, lemma, part) if lemma else None
        senses = self.wordnet.synsets(lemma, part) if form else []
        if form is None or not 0 < len(senses) <= MAX_SENSES or (part == "n" and word.endswith("ing")):
            return ()  # nouns in -ing are mostly verbs in disguise (the following, a listing)
        found = []
        for candidate in senses[0].lemmas():
            name = candidate.name()
            if part == "n" and name.endswith("ing"):
                continue
            if name == lemma or not (name.isascii() and name.isalpha() and name.islower()) or name in STOP_WORDS:
                continue
            own = self.wordnet.synsets(name, part)
            if not own or own[0] != senses[0] or not (candidate.count() > 0 or len(self.wordnet.synsets(name)) >= 2):
                continue
            if new := inflected(name, form, part, self._irregular[part]):
                found.append(new)
        return tuple(found)

    def _han(self, word: str) -> tuple[str, ...]:
        part = _han_part(word)
        if len(word) < 2 or part is None:
            return ()
        senses = [sense for sense in self.wordnet.synsets(word, lang="cmn")]
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
            and 2 * count >= max(len(senses), len(self.wordnet.synsets(name, lang="cmn")))
            and (jieba.dt.FREQ.get(name) or 0) >= MIN_HAN_FREQUENCY
            and _han_part(name) == part
        )


@lru_cache(maxsize=100_000)
def _han_part(word: str) -> str | None:
    """WordNet's part of speech for a Chinese word by jieba's tag; None for names, function words and phrases."""
    import jieba.posseg

    tagged = jieba.posseg.lcut(word, HMM=False)
    if len(tagged) != 1 or tagged[0].flag in ("nr", "ns", "nt", "nz", "nrt", "nrfg"):
        return None
    return _JIEBA_PARTS.get(tagged[0].flag[:1])


synonym = Synonym
