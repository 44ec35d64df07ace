"""Which augmented rows does a trial see? Original rows always; children by operator, copy and rate.

All children of a study are made once and stored; a trial chooses among them by its parameters `augment_operators`,
`augment_copies` and `augment_rate`, so that a search can ask what augmentation is worth. A trial that says nothing
takes all operators and copies, each at its first rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seektune.errors import DataError
from seektune.text.augmentation.options import ALL, JOIN, MOST_COPIES, NONE


@dataclass(frozen=True, slots=True)
class Selection:
    """Children that are taken: of which operators, copies below which number, made at which rate (0: the first)."""

    operators: str = ALL
    copies: int = MOST_COPIES
    rate: float = 0.0

    @classmethod
    def of(cls, params: Mapping[str, object]) -> Selection:
        """From a trial's parameters; those that it does not have stand at their defaults."""
        given = {name: params[f"augment_{name}"] for name in cls.__slots__ if f"augment_{name}" in params}
        return cls(**given)  # type: ignore[arg-type]  # TrialParams holds the types

    @property
    def takes_none(self) -> bool:
        return self.operators == NONE or self.copies < 1

    def names(self, known: Sequence[str]) -> frozenset[str]:
        """Of the operators that a store has, those that are taken. Raises DataError for another name."""
        chosen = frozenset({ALL: known, NONE: ()}.get(self.operators, self.operators.split(JOIN)))
        if unknown := sorted(chosen.difference(known)):
            have = f"was augmented by {', '.join(known)}" if known else "was not augmented"
            raise DataError(f"augment_operators: {unknown[0]!r} made no row of this token store, which {have}")
        return chosen if self.copies > 0 else frozenset()

    def rate_of(self, rates: Sequence[float]) -> float:
        """Of the rates at which an operator worked; one that has a single rate of its own keeps it."""
        return self.rate if self.rate in rates else rates[0]


EVERYTHING, ORIGINALS = Selection(), Selection(NONE)
