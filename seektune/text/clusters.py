"""Which rows belong together, and which are one too many?

A cluster is what near duplicates, a parent and its children, and (where the study names them) equal group columns tie
together; it lies on one side of the split. Within it, a row that says what a kept row says (prompt and answer) is
dropped, and counted by reason. A near duplicate with another answer is a conflict: reported, kept, and kept together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from seektune.score.options import CLASSES
from seektune.text.kinds import answer_text, other_label, prompt_text
from seektune.text.language import tokens
from seektune.text.near_index import NearIndex, stable_hash
from seektune.text.options import DataOptions
from seektune.text.reading import Row
from seektune.text.split import EVALUATION

EXACT, NEAR = "exact duplicate", "near duplicate"


@dataclass(slots=True)
class Clusters:
    """Rows that stay, pairs (row, reason, the row it repeats) that do not, conflicts, and who belongs with whom."""

    kept: list[Row] = field(default_factory=list)
    dropped: list[tuple[Row, str, Row]] = field(default_factory=list)
    conflicts: list[tuple[Row, Row]] = field(default_factory=list)
    crossing: list[tuple[Row, Row, str]] = field(default_factory=list)  # across a user's own split
    parents: Counter[tuple[str, str]] = field(default_factory=Counter)  # (source, id): rows that name it
    near: int = 0  # rows that stay and are near another
    cut: int = 0  # rows that may have missed a near one (NearIndex.cut)


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


def cluster(rows: Sequence[Row], data: DataOptions) -> tuple[Clusters, Forest]:
    """Decide over `rows` in their order; the forest ties all of them, the dropped ones too, by row number."""
    result, forest = Clusters(), Forest(len(rows))
    _tie_groups(rows, forest, result)
    _tie_children(rows, forest, result)
    seen: dict[str, int] = {}
    different: list[int] = []
    for i, row in enumerate(rows):
        if (j := seen.setdefault(row.id, i)) == i:
            different.append(i)
            continue
        forest.join(j, i)
        if rows[j].own_side != row.own_side:
            result.crossing.append((rows[j], row, "repeats"))
        result.dropped.append((row, EXACT, rows[j]))
    if data.checks.near_duplicates:
        # evaluation rows of a user's own split first, so that each training row near one is found to be
        different.sort(key=lambda i: rows[i].own_side not in EVALUATION)
        _near_duplicates(rows, different, data, forest, result)
    gone = {id(row) for row, _, _ in result.dropped}
    result.kept = [row for row in rows if id(row) not in gone]
    return result, forest


def _near_duplicates(
    rows: Sequence[Row], different: Sequence[int], data: DataOptions, forest: Forest, result: Clusters
) -> None:
    """Tie near prompts together; drop those whose answer is the same too, tell those whose answer is another."""

    def prompt(number: int) -> str:
        return prompt_text(data.kind, rows[different[number]].fields)

    index = NearIndex(len(different), prompt, data.protected_terms)
    said = np.fromiter((_said(rows[i], data.kind) for i in different), np.uint64, len(different))
    gone: set[int] = set()
    tied: set[int] = set()
    for number, older in index.older(said):
        row = rows[different[number]]
        tied.update((number, *older))
        for other in older:
            forest.join(different[other], different[number])
        kept = [other for other in older if other not in gone]
        others = [rows[different[other]] for other in kept]
        if row.own_side:
            across = (
                o for o in others if o.own_side != row.own_side and not other_label(data.kind, row.fields, o.fields)
            )
            result.crossing += [(other, row, "nearly repeats") for other in islice(across, 1)]
        equal = next((o for o, k in zip(others, kept, strict=True) if said[k] == said[number]), None)
        if equal is not None:
            gone.add(number)
            result.dropped.append((row, NEAR, equal))
        elif others:
            result.conflicts.append((others[0], row))
    result.near, result.cut = len(tied - gone), index.cut


def _said(row: Row, kind: str) -> int:
    """Hash of the answer's tokens, so that punctuation decides nothing; a label counts as it is written."""
    answer = answer_text(kind, row.fields)
    return stable_hash(answer if kind in CLASSES else " ".join(tokens(answer)) or answer)


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
    """Rows that name one parent belong together, and with the parent where it is a row; else it is their group. An id is
    one of the row's own source, or the only such id of all. On two sides of a user's own split they are a leak."""
    sources = {row.source for row in rows}
    own: dict[tuple[str, str], int] = {}
    owners: Counter[str] = Counter()
    for i, row in enumerate(rows):
        if row.own_id is not None and own.setdefault((row.source, row.own_id), i) == i:
            owners[row.own_id] += 1
    first: dict[tuple[str, str], int] = {}
    for i, row in enumerate(rows):
        if row.parent is None:
            continue
        named = row.parent
        places = [row.source, *(sources if owners[named] == 1 else ())]
        j = next((own[source, named] for source in places if (source, named) in own), None)
        if j == i:
            row.parent = None
            continue
        result.parents[row.source, named] += 1
        if j is None:
            row.parent, row.own_group = None, row.own_group or f"parent\x1f{row.source}\x1f{named}"
            j, how = first.setdefault((row.source, named), i), "was made from the same row as"
        else:
            row.parent, row.operator, how = rows[j].id, "given", "was made from"
        forest.join(i, j)
        if rows[j].own_side != row.own_side:
            result.crossing.append((rows[j], row, how))
