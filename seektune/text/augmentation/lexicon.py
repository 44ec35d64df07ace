"""Operator `lexicon`: trade jargon and its variants, in both directions, from a CSV (term, variant, language).

English terms are found as whole words in any case (a plural s is carried over, a capital too), Chinese ones anywhere;
longer terms first. Nothing immutable is touched; in a tagged row only variants of as many tokens are taken. Raises
DataError for a file that is not such a CSV.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from functools import cached_property
from pathlib import Path

from seektune.errors import DataError
from seektune.text.augmentation.frozen import free
from seektune.text.augmentation.operator import Draft, Edits, some
from seektune.text.augmentation.options import LexiconOptions
from seektune.text.files.table_rows import read_table
from seektune.text.language import has_han

_COLUMNS = ("term", "variant", "language")
LANGUAGES = ("en", "zh")


class Lexicon(Edits):
    """The operator, with the pairs of one file."""

    def __init__(self, settings: LexiconOptions) -> None:
        path = Path(settings.path).expanduser()
        self._path = path.absolute()
        if not path.is_file():
            raise DataError(f"{self._path}: there is no such lexicon file; give one, or take the operator out")
        try:
            self.identity = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise DataError(f"{self._path}: the lexicon cannot be read ({error.strerror})") from None

    @cached_property
    def variants(self) -> dict[str, list[str]]:
        """Term, case folded -> what may stand in its place."""
        pairs: dict[str, list[str]] = defaultdict(list)
        for record in read_table(self._path, ","):
            value = record.value
            if value is None:
                raise DataError(f"{self._path}:{record.line}: {record.fault}; mend the line")
            if any(column not in value for column in _COLUMNS):
                raise DataError(
                    f"{self._path}:1: a lexicon has the columns {','.join(_COLUMNS)}, parted by commas and named in small "
                    f"letters, but the header has {','.join(value)}; mend the header"
                )
            term, variant, language = (value[column].strip() for column in _COLUMNS)
            if not term or not variant or language not in LANGUAGES:
                raise DataError(
                    f"{self._path}:{record.line}: term and variant must not be empty and language must be one of "
                    f"{', '.join(LANGUAGES)}, but got {term!r}, {variant!r}, {language!r}"
                )
            for one, other in ((term, variant), (variant, term)):
                if other not in pairs[one.casefold()]:
                    pairs[one.casefold()].append(other)
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

        # as they are written, because a folded one may not match its own spelling (ß); each is a variant of another
        terms = {term for variants in self.variants.values() for term in variants}
        return re.compile("|".join(map(one, sorted(terms, key=lambda t: (-len(t), t)))), re.IGNORECASE)

    def edit(self, draft: Draft, rate: float) -> list[str]:
        spans = [draft.frozen.spans(text) for text in draft.texts]
        found = [
            (number, match.span(), instead)
            for number, text in enumerate(draft.texts)
            for match in self._pattern.finditer(text)
            if free(match.span(), spans[number]) and (instead := self._instead(match.group(), draft.tagged))
        ]
        edited = list(draft.texts)
        for number, (start, end), instead in reversed(some(found, rate, draft.rng)):
            edited[number] = edited[number][:start] + draft.rng.choice(instead) + edited[number][end:]
        return edited

    def _instead(self, word: str, tagged: bool) -> list[str]:
        """What may stand in place of `word`; in a tagged row, what has as many tokens."""
        folded = word.casefold()
        plural = folded not in self.variants
        found = []
        # nothing where a match folds to no term: the dotless ı matches i, and folds to itself
        for new in self.variants.get(folded[:-1] if plural else folded, ()):
            if tagged and new.count(" ") != word.count(" "):
                continue
            new += "s" if plural and not has_han(new) and not new.endswith("s") else ""
            found.append(new[:1].upper() + new[1:] if word[:1].isupper() and word[1:].islower() else new)
        return found


lexicon = Lexicon
