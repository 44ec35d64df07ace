"""What do evaluation rows become in another language, and back? Asked of the engines that a study names, once per row.

Named are those of the operator back_translation and of `checks.translations`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from seektune.text.augmentation.options import AUGMENTERS, BackTranslationOptions
from seektune.text.kinds import inputs, prompt_text, with_inputs
from seektune.text.options import DataOptions
from seektune.text.reading import Row

_AT_ONCE = 2_000


class Translations:
    """The engines, and what they have made. Raises DataError where one is missing."""

    def __init__(self, data: DataOptions) -> None:
        asked = [options for _, options in data.augment.settings() if isinstance(options, BackTranslationOptions)]
        named = {options.model_dump_json(): options for options in (*asked, *data.checks.translations)}
        self._engines: list[Any] = [AUGMENTERS["back_translation"].load()(options) for options in named.values()]
        self._kind = data.kind
        self._made: dict[str, list[str]] = {}

    @property
    def identity(self) -> list[str]:
        """What the forms depend on beside the rows."""
        return [engine.identity for engine in self._engines]

    def forms(self, rows: Sequence[Row]) -> Iterator[tuple[Row, str]]:
        """(row, its prompt translated, or after a round trip) for every form that differs from the prompt."""
        if self._engines:
            new = [row for row in rows if row.id not in self._made]
            for start in range(0, len(new), _AT_ONCE):
                self._make(new[start : start + _AT_ONCE])
            yield from ((row, form) for row in rows for form in self._made[row.id])

    def _make(self, rows: Sequence[Row]) -> None:
        prompts = [inputs(self._kind, row.fields) for row in rows]
        self._made |= {row.id: [] for row in rows}
        for engine in self._engines:
            made = iter(engine.translations([text for texts in prompts for text in texts]))
            for row, texts in zip(rows, prompts, strict=True):
                forms = [list(form) for form in zip(*(next(made) or [text, text] for text in texts), strict=True)]
                edited = [with_inputs(self._kind, row.fields, form) for form in forms if form != texts]
                self._made[row.id] += [prompt_text(self._kind, fields) for fields in edited]
