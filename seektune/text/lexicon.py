"""Operator `lexicon`: trade jargon and its variants, in both directions, from a CSV (term, variant, language).

English terms are found as whole words in any case (a plural s is carried over, a capital too), Chinese ones anywhere;
longer terms first. Nothing immutable is touched. Raises DataError for a file that is not such a CSV.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections import defaultdict
from functools import cached_property
from pathlib import Path

from seektune.errors import DataError
from seektune.text.frozen import free
from seektune.text.language import has_han
from seektune.text.operator import Draft, Edits
from seektune.text.options import LexiconOptions
from seektune.text.table_rows import read_table

_COLUMNS = ("term", "variant", "language")
LANGUAGES = ("en", "zh")


class Lexicon(Edits):
    """The operator, with the pairs of one file."""

    def __init__(self, settings: LexiconOptions) -> None:
        path = Path(settings.path).expanduser()
        if not path.is_file():
            raise DataError(f"{path.absolute()}: there is no such lexicon file (operator lexicon)")
        self._path = path.absolute()
        self.identity = hashlib.sha256(path.read_bytes()).hexdigest()

    @cached_property
    def variants(self) -> dict[str, list[str]]:
        """Lower-case term -> what may stand in its place."""
        pairs: dict[str, list[str]] = defaultdict(list)
        for record in read_table(self._path, ","):
            value = record.value
            if value is None or any(column not in value for column in _COLUMNS):
                reason = record.fault or f"needs the columns {', '.join(_COLUMNS)}, but has {', '.join(value or ())}"
                raise DataError(f"{self._path}:{record.line}: {reason}")
            term, variant, language = (value[column].strip() for column in _COLUMNS)
            if not term or not variant or language not in LANGUAGES:
                raise DataError(
                    f"{self._path}:{record.line}: term and variant must not be empty and language must be one of "
                    f"{', '.join(LANGUAGES)}, but got {term!r}, {variant!r}, {language!r}"
                )
            for one, other in ((term, variant), (variant, term)):
                if other not in pairs[one.lower()]:
                    pairs[one.lower()].append(other)
        if not pairs:
            raise DataError(f"{self._path}: the lexicon is empty")
        return dict(pairs)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        def one(term: str) -> str:
            if has_han(term):
                return f"(?:{re.escape(term)})"
            plural = "" if term.endswith("s") else "s?"
            return f"(?:(?<![A-Za-z0-9]){re.escape(term)}{plural}(?![A-Za-z0-9]))"

        return re.compile("|".join(map(one, sorted(self.variants, key=lambda t: (-len(t), t)))), re.IGNORECASE)

    def edit(self, draft: Draft, rate: float) -> list[str]:
        spans = [draft.frozen.spans(text) for text in draft.texts]
        found = [
            (number, match)
            for number, text in enumerate(draft.texts)
            for match in self._pattern.finditer(text)
            if free(match.span(), spans[number])
        ]
        if not found:
            return list(draft.texts)
        chosen = draft.rng.sample(found, max(1, round(rate * len(found))))
        edited = list(draft.texts)
        for number, match in sorted(chosen, key=lambda item: (item[0], item[1].start()), reverse=True):
            start, end = match.span()
            edited[number] = edited[number][:start] + self._instead(match.group(), draft.rng) + edited[number][end:]
        return edited

    def _instead(self, word: str, rng: random.Random) -> str:
        plural = word.lower() not in self.variants
        new = rng.choice(self.variants[word.lower()[:-1] if plural else word.lower()])
        if plural and not has_han(new) and not new.endswith("s"):
            new += "s"
        return new[:1].upper() + new[1:] if word[:1].isupper() and word[1:].islower() else new


lexicon = Lexicon
