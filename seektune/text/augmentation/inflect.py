"""English inflection for one replaced word: which form was it, and the same form of its substitute.

Regular rules, with WordNet's exception lists for doubled consonants and irregular plurals. Forms that would be a guess
(comparatives, irregular pasts) give None, and the word is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_VOWELS = "aeiou"


def form_of(word: str, lemma: str, part: str) -> str | None:
    """ "base", "s", "ing" or "ed" for `word` as a form of `lemma`; None where it cannot be told."""
    if word == lemma:
        return "base"
    if part == "n":
        return "s"
    if part == "v":
        if word.endswith("ing"):
            return "ing"
        if word.endswith("ed"):
            return "ed"
        return "s" if word.endswith("s") else None
    return None


def inflected(lemma: str, form: str, part: str, irregular: Mapping[str, Sequence[str]]) -> str | None:
    """`lemma` in `form`; `irregular` is lemma -> its irregular forms of this part of speech."""
    if form == "base":
        return lemma
    known = irregular.get(lemma, ())
    if part == "n":
        return known[0] if len(known) == 1 else None if known else _with_s(lemma)
    if form == "s":
        return _with_s(lemma)
    doubled = [word for word in known if word.endswith(form)]
    if len(doubled) == 1:
        return doubled[0]
    if form == "ed" and known and not all(word.endswith("ing") for word in known):
        return None
    return _with_ing(lemma) if form == "ing" else _with_ed(lemma)


def _with_s(word: str) -> str:
    if re.search(r"(s|x|z|ch|sh)$", word):
        return word + "es"
    if word.endswith("y") and word[-2:-1] not in _VOWELS:
        return word[:-1] + "ies"
    return word + "s"


def _with_ing(word: str) -> str:
    if word.endswith("ie"):
        return word[:-2] + "ying"
    return (word[:-1] if word.endswith("e") and not word.endswith(("ee", "oe", "ye")) else word) + "ing"


def _with_ed(word: str) -> str:
    if word.endswith("e"):
        return word + "d"
    if word.endswith("y") and word[-2:-1] not in _VOWELS:
        return word[:-1] + "ied"
    return word + "ed"
