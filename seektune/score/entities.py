"""Entities in tagged words: which spans do the tags name, and which of them were found?

An entity is right when type, start and end are right (strict). Where one starts is conlleval's rule (Sang and De Meulder
2003), so that BIO, IOB1 and BIOES files score as they should: at a `B-` (or `S-`, `U-`), and at an `I-` that nothing of
its type stands before. A tag without such a prefix counts as inside (`PER PER O` is one entity); `O` is outside.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seektune.score.f1 import Counts

OUTSIDE = "O"
_PREFIXES = frozenset("BIESLU")
_STARTS, _ENDS = frozenset("BSU"), frozenset("ESLU")


def spans(tags: NDArray[np.int64], firsts: NDArray[np.bool_], names: Sequence[str]) -> NDArray[np.int64]:
    """[E, 3] start, end (exclusive) and type of each entity. tags [T] index `names`; firsts [T]: a sentence starts."""
    split = [_split(name) for name in names]
    types = {kind: number for number, kind in enumerate(sorted({kind for _, kind in split}))}
    type_of = np.array([-1 if name == OUTSIDE else types[kind] for name, (_, kind) in zip(names, split, strict=True)])
    starts, ends = (np.array([prefix in those for prefix, _ in split]) for those in (_STARTS, _ENDS))
    found = type_of[tags]
    new = firsts | starts[tags]
    new[1:] |= (found[1:] != found[:-1]) | ends[tags[:-1]]
    start = np.flatnonzero(new & (found >= 0))
    edges = np.append(np.flatnonzero(new), len(tags))
    end = edges[np.searchsorted(edges, start, side="right")]
    return np.stack([start, end, found[start]], axis=1)


def entities(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """(type, start, end) of each entity of one sentence."""
    names = sorted(set(tags))
    numbers = np.array([names.index(tag) for tag in tags], dtype=np.int64)
    found = spans(numbers, np.arange(len(tags)) == 0, names)
    return [(_split(tags[start])[1], start, end) for start, end, _ in found.tolist()]


def _split(name: str) -> tuple[str, str]:
    """(prefix, type) of a tag."""
    return (name[0], name[2:]) if name[1:2] == "-" and name[0] in _PREFIXES else ("I", name)


def entity_counts(
    label: NDArray[np.int64], predicted: NDArray[np.int64], words: NDArray[np.int64], names: Sequence[str]
) -> Counts:
    """Of entities of any type, by sentence; label and predicted [T], sentence after sentence of `words` [N]."""
    hits, sizes = np.zeros((len(words), 1)), np.zeros((len(words), 1))
    sentence = np.repeat(np.arange(len(words)), words)
    firsts = np.diff(sentence, prepend=-1) != 0
    true, guessed = (set(map(tuple, spans(tags, firsts, names).tolist())) for tags in (label, predicted))
    for counts, found in ((hits, true & guessed), (sizes, true), (sizes, guessed)):
        np.add.at(counts, sentence[[start for start, _, _ in found]], 1)
    return hits, sizes
