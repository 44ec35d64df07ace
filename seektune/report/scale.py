"""Where does a value stand on an axis from 0 to 1? For parallel coordinates, where each parameter has its own axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

from seektune.report.wording import number


def short(value: object) -> str:
    return number(value, 3) if isinstance(value, float) else str(value)[:24]


class Scale:
    """Puts the values of one parameter on 0 to 1, with a few ticks. Words and mixed values stand in even distances."""

    def __init__(self, values: Sequence[object], *, log: bool, flip: bool = False) -> None:
        present = [value for value in values if value is not None]
        numeric = [float(v) for v in present if isinstance(v, int | float) and not isinstance(v, bool)]
        self.words: list[str] = []
        self.flip = flip
        self.log = log and bool(numeric) and min(numeric) > 0
        self.ticks: list[tuple[float, str]]
        if len(numeric) < len(present):
            self.words = sorted({short(value) for value in present})
            self.ticks = [(self._word(word), word) for word in self.words]
            return
        self.low, self.high = (self._raw(min(numeric)), self._raw(max(numeric)))
        distinct = sorted(set(numeric))
        middle = [10 ** ((self.low + self.high) / 2) if self.log else (self.low + self.high) / 2]
        marks = distinct if len(distinct) <= 5 else [distinct[0], *middle, distinct[-1]]
        self.ticks = [(place, number(mark, 3)) for mark in marks if (place := self.at(mark)) is not None]

    def _raw(self, value: float) -> float:
        return math.log10(value) if self.log else value

    def _word(self, word: str) -> float:
        return self.words.index(word) / max(len(self.words) - 1, 1) if len(self.words) > 1 else 0.5

    def at(self, value: object) -> float | None:
        if value is None:
            return None
        if self.words:
            return self._word(short(value))
        if not isinstance(value, int | float):
            return None
        if self.log and value <= 0:
            return 0.0
        place = (self._raw(float(value)) - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        place = min(max(place, 0.0), 1.0)
        return 1 - place if self.flip else place
