"""Which rows belong together, and which are one too many?

A cluster is what near duplicates, a parent and its children, and (where the study names them) equal group columns tie
together; it lies on one side of the split. Within it, a row that says what a kept row says (prompt and answer) is
dropped, and counted by reason. A near duplicate with another answer is a conflict: reported, kept, and kept together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from seektune.text.duplicates import NearIndex, same
from seektune.text.kinds import answer_text, prompt_text
from seektune.text.language import tokens
from seektune.text.options import DataOptions
from seektune.text.reading import Row

EXACT, NEAR = "exact duplicate", "near duplicate"
_ANSWERS_COMPARED = 20


@dataclass(slots=True)
class Clusters:
    """Rows that stay, pairs (row, reason, the row it repeats) that do not, conflicts, and who belongs with whom."""

    kept: list[Row] = field(default_factory=list)
    dropped: list[tuple[Row, str, Row]] = field(default_factory=list)
    conflicts: list[tuple[Row, Row]] = field(default_factory=list)
    crossing: list[tuple[Row, Row, str]] = field(default_factory=list)  # across a user's own split
    capped: int = 0


class Forest:
    """Union-find over row numbers."""

    def __init__(self, size: int) -> None:
        self._up = list(range(size))

    def root(self, i: int) -> int:
        while self._up[i] != i:
            self._up[i] = self._up[self._up[i]]
            i = self._up[i]
        return i

    def join(self, i: int, j: int) -> None:
        low, high = sorted((self.root(i), self.root(j)))
        self._up[high] = low


@dataclass(slots=True)
class _Kept:
    """Kept rows whose prompts have the same tokens."""

    rows: list[Row] = field(default_factory=list)
    answers: dict[tuple[str, ...], Row] = field(default_factory=dict)

    def repeated(self, row: Row, answer: Sequence[str], kind: str) -> Row | None:
        if found := self.answers.get(tuple(answer)):
            return found
        if kind in ("classification", "tagging"):
            return None  # another label is never nearly the same
        held = answer_text(kind, row.fields)
        for other in self.rows[:_ANSWERS_COMPARED]:
            if same(held, answer_text(kind, other.fields)):
                return other
        return None


def cluster(rows: Sequence[Row], data: DataOptions) -> tuple[Clusters, Forest]:
    """Decide over `rows` in their order; the forest ties all of them, the dropped ones too, by row number."""
    result, forest = Clusters(), Forest(len(rows))
    _tie_groups(rows, forest, result)
    _tie_children(rows, forest, result)
    index = NearIndex(data.protected_terms)
    kept: dict[int, _Kept] = defaultdict(_Kept)
    seen: dict[str, int] = {}
    for i, row in enumerate(rows):
        if (j := seen.setdefault(row.id, i)) != i:
            first = rows[j]
            forest.join(j, i)
            if first.own_side != row.own_side:
                result.crossing.append((first, row, "repeats"))
            result.dropped.append((row, EXACT, first))
            continue
        own, near = index.add(i, prompt_text(data.kind, row.fields)) if data.checks.near_duplicates else (i, [])
        # the answer's own tokens, so that punctuation decides nothing; a label counts as it is written
        answer = answer_text(data.kind, row.fields)
        said = (answer,) if data.kind in ("classification", "tagging") else tuple(tokens(answer)) or (answer,)
        repeated = None
        for key in near:
            forest.join(key, i)
            if row.own_side and (across := next((o for o in kept[key].rows if o.own_side != row.own_side), None)):
                result.crossing.append((across, row, "nearly repeats"))
            repeated = repeated or kept[key].repeated(row, said, data.kind)
        if repeated is not None:
            result.dropped.append((row, NEAR, repeated))
            continue
        other = next((kept[key].rows[0] for key in near if kept[key].rows), None)
        if other is not None:
            result.conflicts.append((other, row))
        kept[own].rows.append(row)
        kept[own].answers.setdefault(said, row)
        result.kept.append(row)
    result.capped = index.capped
    return result, forest


def _tie_groups(rows: Sequence[Row], forest: Forest, result: Clusters) -> None:
    """Equal group columns belong together; in a user's own split they must not be on two sides."""
    first: dict[str, int] = {}
    for i, row in enumerate(rows):
        if not row.own_group:
            continue
        j = first.setdefault(row.own_group, i)
        forest.join(i, j)
        if rows[j].own_side != row.own_side:
            result.crossing.append((rows[j], row, "is of the same group as"))


def _tie_children(rows: Sequence[Row], forest: Forest, result: Clusters) -> None:
    """A row that names its parent belongs with it; a training child of an evaluation row is a leak."""
    own = {row.own_id: i for i, row in reversed(list(enumerate(rows))) if row.own_id is not None}
    for i, row in enumerate(rows):
        if row.parent is None:
            continue
        j = own.get(row.parent)
        if j is None or j == i:
            row.parent = None
            continue
        row.parent, row.operator = rows[j].id, "given"
        forest.join(i, j)
        if rows[j].own_side != row.own_side:
            result.crossing.append((rows[j], row, "was made from"))
