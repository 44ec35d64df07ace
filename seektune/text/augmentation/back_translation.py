"""Operator `back_translation`: the inputs of a row, translated into another language and back (Sennrich et al. 2016).

Engines: apertium.py and seq2seq.py. They get the passages of many rows at once, each different one once. Rows of other
languages than the operator's come back unchanged. `translations` gives the leak guard what an evaluation row would
become. Raises DataError where the engine is missing.
"""

from __future__ import annotations

from collections.abc import Sequence

from seektune.text.augmentation.frozen import Frozen
from seektune.text.augmentation.operator import Draft
from seektune.text.augmentation.options import BackTranslationOptions
from seektune.text.augmentation.round_trip import Engine, Passage, cut, translatable
from seektune.text.language import language
from seektune.text.reading import Row

_FREE = Frozen.of("", frozenset(), ())


class BackTranslation:
    """The operator; a model is loaded at the first text."""

    def __init__(self, settings: BackTranslationOptions) -> None:
        self._languages = frozenset(settings.languages)
        self._sampled = settings.temperature > 0
        self._engine = _engine(settings)
        self.identity = self._engine.identity
        self._known: dict[Passage, tuple[str, str]] = {}  # of the last call: its next one is often the next copy

    def learn(self, train: Sequence[Row]) -> None:
        pass

    def __call__(self, drafts: Sequence[Draft], rate: float) -> list[list[str]]:
        """A translation is a whole: `rate` plays no part."""
        wanted = [draft for draft in drafts if draft.language in self._languages]
        seeds = [draft.rng.getrandbits(63) if self._sampled else None for draft in wanted]
        asked = [(text, draft.frozen, seed) for draft, seed in zip(wanted, seeds, strict=True) for text in draft.texts]
        returned = iter(self._round_trips(asked))
        return [
            [next(returned)[1] if draft.language in self._languages else text for text in draft.texts]
            for draft in drafts
        ]

    def translations(self, texts: Sequence[str]) -> list[list[str]]:
        """For each text what it becomes in the other language, and back again; nothing where it is of a language that
        this operator leaves alone. The engine's best translations, nothing held."""
        wanted = [(text, _FREE, None) for text in texts if language(text) in self._languages]
        returned = iter(self._round_trips(wanted))
        return [list(next(returned)) if language(text) in self._languages else [] for text in texts]

    def _round_trips(self, texts: Sequence[tuple[str, Frozen, int | None]]) -> list[tuple[str, str]]:
        """(there, and back) of each text, what may not change in it, and its seed."""
        rows = [
            [
                Passage(part, tuple(frozen.spans(part)), seed) if number % 2 == 0 and translatable(part) else part
                for number, part in enumerate(cut(text))
            ]
            for text, frozen, seed in texts
        ]
        passages = dict.fromkeys(part for parts in rows for part in parts if isinstance(part, Passage))
        new = [passage for passage in passages if passage not in self._known]
        known = self._known | dict(zip(new, self._engine.round_trips(new), strict=True))
        self._known = {passage: known[passage] for passage in passages}
        found = []
        for parts in rows:
            both = [known[part] if isinstance(part, Passage) else (part, part) for part in parts]
            found.append(("".join(there for there, _ in both), "".join(back for _, back in both)))
        return found


def _engine(settings: BackTranslationOptions) -> Engine:
    if settings.engine == "apertium":
        from seektune.text.augmentation.apertium import Apertium

        return Apertium(settings.pair)
    from seektune.text.augmentation.seq2seq import Seq2Seq

    assert settings.forward is not None and settings.backward is not None
    return Seq2Seq(settings.forward, settings.backward, settings.temperature)
