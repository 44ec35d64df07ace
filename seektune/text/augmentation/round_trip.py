"""What a translation engine is: a function from passages to their translations there and back.

A passage is a sentence or a line: engines are made for these, line ends survive that way whatever an engine does to
them, and sentences that rows share are translated once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from seektune.text.augmentation.frozen import Span

# three letters before the mark: "Mr. Smith" and "e.g. This" are not cut
_GAP = re.compile(r"(^\s+|\s+$|\s*\n\s*|(?<=\w{3}[.!?])\s+|(?<=[。！？])(?![。！？”’」）])\s*)")


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of text, the parts of it that must come back as they are, and the seed of a sampled translation."""

    text: str
    held: tuple[Span, ...] = ()
    seed: int | None = None  # None: the engine's best translation


class Engine(Protocol):
    """`identity` is all that a translation depends on beside the passage. Made without loading anything large; raises
    DataError, with the remedy, where it is not installed."""

    identity: str

    def round_trips(self, passages: Sequence[Passage]) -> list[tuple[str, str]]:
        """(translation, its translation back) of each passage; each depends on its own passage alone."""


def cut(text: str) -> list[str]:
    """Passages at even places, what stands between them at odd ones; joined, they are the text."""
    return _GAP.split(text)


_ENDLESS = re.compile(r"\S{1000}")


def translatable(passage: str) -> bool:
    """Whether there is a word in it, and no endless one (engines take its length squared)."""
    return any(map(str.isalpha, passage)) and _ENDLESS.search(passage) is None


def merged(spans: Sequence[Span]) -> Iterator[Span]:
    """Spans that overlap or touch, as one each."""
    start, end = -1, -1
    for one, other in sorted(spans):
        if one > end:
            if start >= 0:
                yield start, end
            start, end = one, other
        end = max(end, other)
    if start >= 0:
        yield start, end
