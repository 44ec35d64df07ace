"""Operators that edit words at single places: find them, choose some by the rate, change each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

from seektune.text.augmentation.operator import Draft, Edits, Item, some
from seektune.text.augmentation.words import Words


class WordEdits(Edits, Generic[Item]):
    """`places` and `change` make an operator; changes are made from the last place to the first, so none moves another."""

    def edit(self, draft: Draft, rate: float) -> list[str]:
        words = [Words(text, draft.frozen) for text in draft.texts]
        found = [(number, place) for number, one in enumerate(words) for place in self.places(one)]
        edited = list(draft.texts)
        for number, place in reversed(self.apart(some(found, rate, draft.rng))):
            start, end, new = self.change(words[number], place, draft)
            edited[number] = edited[number][:start] + new + edited[number][end:]
        return edited

    def places(self, words: Words) -> Sequence[Item]:
        """Where a text may be edited, in its order."""
        raise NotImplementedError

    def change(self, words: Words, place: Item, draft: Draft) -> tuple[int, int, str]:
        """(start, end, what stands there instead)."""
        raise NotImplementedError

    def apart(self, chosen: list[tuple[int, Item]]) -> list[tuple[int, Item]]:
        """Of the chosen (text, place), those that do not get in each other's way."""
        return chosen
