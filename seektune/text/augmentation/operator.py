"""What an augmenter is: a function from drafts of rows to edited inputs. All else about a child is made in augment.py.

An operator gets many drafts at once, because some engines (a translator) cost as much for one text as for a hundred;
most look at one draft at a time and say so by `Edits`. It never sees an evaluation row, and never an answer that it
could change.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from seektune.text.augmentation.frozen import Frozen
from seektune.text.reading import Row


@dataclass(frozen=True, slots=True)
class Draft:
    """A training row that is to be edited: its inputs in order (a tagged row: its tokens, joined by spaces), what in
    them is immutable, and the random numbers of this child alone."""

    parent: Row
    texts: tuple[str, ...]
    frozen: Frozen
    rng: random.Random

    @property
    def language(self) -> str:
        return self.parent.language

    @property
    def tagged(self) -> bool:
        """Whether every token has a tag, so that their number must stay."""
        return "tags" in self.parent.fields


class Operator(Protocol):
    """`identity` is what its results depend on beside its settings (an edition, a file's hash). Made without loading
    anything large; raises DataError, with the remedy, where its engine is missing."""

    identity: str

    def learn(self, train: Sequence[Row]) -> None:
        """Look at the training rows before the first draft."""

    def __call__(self, drafts: Sequence[Draft], rate: float) -> list[list[str]]:
        """For each draft its texts, `rate` of what can be edited in them edited; unchanged where nothing can be."""


Item = TypeVar("Item")


def some(found: Sequence[Item], rate: float, rng: random.Random) -> list[Item]:
    """`rate` of what was found, and at least one where anything was; in the order of the text."""
    chosen = rng.sample(range(len(found)), max(1, round(rate * len(found)))) if found else []
    return [found[i] for i in sorted(chosen)]


class Edits:
    """An operator that looks at one draft at a time: `edit`."""

    identity = ""

    def learn(self, train: Sequence[Row]) -> None:
        pass

    def __call__(self, drafts: Sequence[Draft], rate: float) -> list[list[str]]:
        return [self.edit(draft, rate) for draft in drafts]

    def edit(self, draft: Draft, rate: float) -> list[str]:
        raise NotImplementedError
