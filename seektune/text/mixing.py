"""Exact shares of several sources among the training rows, without repeating any row.

With weights w the largest mix that repeats nothing has T = min over sources of rows_s / share_s rows, share_s = w_s /
sum(w); each source gives round(T * share_s), chosen by content hash, and its other training rows are left out, counted
as "mixing". Evaluation rows are never thinned: a score must not depend on a weight.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from seektune.text.reading import Row


@dataclass(frozen=True, slots=True)
class DomainMix:
    """Domain text and general text for continued pre-training, in tokens; the same rule: nothing is repeated."""

    domain_share: float
    tokens: int | None = None  # at most

    def most_domain(self, domain: int, general: int) -> float:
        """Domain tokens of the largest mix of what there is; without general text the share is 1."""
        share = self.domain_share if general else 1.0
        limits = [float(domain)] if self.tokens is None else [float(domain), self.tokens * share]
        return min([*limits, general * share / (1 - share)] if share < 1 else limits)

    def most_general(self, domain: float) -> float:
        """General tokens that so many domain tokens allow."""
        return domain * (1 - self.domain_share) / self.domain_share


BaseText = DomainMix | Literal["stream"] | None
"""What a base is pre-trained on: a mix if it goes on, one stream of all there is if it is made from nothing, or nothing."""


def mix(train: Sequence[Row], weights: Mapping[str, float | None]) -> tuple[list[Row], list[Row]]:
    """(rows that stay, rows left out) for source name -> weight. Without any weight, or with one source, all stay."""
    counts = Counter(row.source for row in train)
    named = {source: weights.get(source) for source in counts}
    if len(named) < 2 or all(weight is None for weight in named.values()):
        return list(train), []
    share = {source: 1.0 if weight is None else weight for source, weight in named.items()}
    total = sum(share.values())
    whole = min(counts[source] * total / share[source] for source in counts)
    staying: set[str] = set()
    for source in counts:
        ids = sorted(row.id for row in train if row.source == source)
        staying.update(ids[: round(whole * share[source] / total)])
    return [row for row in train if row.id in staying], [row for row in train if row.id not in staying]
