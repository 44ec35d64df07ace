"""Which rows say the same? Candidates by MinHash, the verdict by words.

Candidates share at least half of their character 4-grams (MinHash of datasketch, 48 permutations, banded 16 x 3: a pair
at Jaccard 0.5 is found with probability 0.88, one at 0.7 with 0.999). They are near duplicates when at most one token,
or 10% of them, must be edited (Levenshtein over normalised tokens) and their numbers, negations and protected terms
agree. Rows that differ in those can never be a pair, so these stand in the band's key: that is what keeps a thousand
rows of one template with different amounts from a million comparisons.

The bands are a plain dictionary: datasketch's own index costs ten times as much per row at this size.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from datasketch import MinHash

from seektune.text.language import is_negation, is_number, tokens

BANDS, BAND_ROWS = 16, 3
MIN_JACCARD = 0.5
MAX_CANDIDATES = 200
"""Candidates looked at per row; more are counted, not looked at."""

_GRAM = 4
_MIX = np.uint64(0x9E3779B97F4A7C15)

Meaning = tuple[str, ...]


def meaning(words: Sequence[str], protected: Iterable[str] = ()) -> Meaning:
    """What must agree in a pair: numbers, negations and protected terms, sorted."""
    kept = [mark for word in words if (mark := _mark(word))]
    if protected := tuple(protected):
        joined = f" {' '.join(words)} "
        kept += [term for term in protected if (spaced := " ".join(tokens(term))) and f" {spaced} " in joined]
    return tuple(sorted(kept))


@lru_cache(maxsize=100_000)
def _mark(word: str) -> str:
    """The word itself where it is a number, "not" where it negates, else nothing."""
    return word if is_number(word) else "not" if is_negation(word) else ""


def grams(words: Sequence[str]) -> set[int]:
    """32-bit hashes of the distinct character 4-grams; a shorter text is one gram."""
    codes = np.frombuffer(" ".join(words).ljust(_GRAM, "\0").encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    packed = codes[:-3] | codes[1:-2] << np.uint64(16) | codes[2:-1] << np.uint64(32) | codes[3:] << np.uint64(48)
    return set((packed * _MIX >> np.uint64(32)).tolist())


def near(a: Sequence[str], b: Sequence[str]) -> bool:
    """The rule on the tokens of two texts whose `meaning` agrees. Cheap bounds on the edit distance come first."""
    allowed = max(1, max(len(a), len(b)) // 10)
    if abs(len(a) - len(b)) > allowed:
        return False
    one, two = set(a), set(b)
    if len(one - two) > allowed or len(two - one) > allowed:
        return False
    if a == b:
        return True
    left, right = Counter(a), Counter(b)
    if max((left - right).total(), (right - left).total()) > allowed or edits(a, b, allowed) > allowed:
        return False
    first, second = grams(a), grams(b)
    common = len(first & second)
    return common >= MIN_JACCARD * (len(first) + len(second) - common)


def same(a: str, b: str, protected: Iterable[str] = ()) -> bool:
    """Whether two texts repeat or nearly repeat each other."""
    one, two, terms = tokens(a), tokens(b), tuple(protected)
    return meaning(one, terms) == meaning(two, terms) and near(one, two)


def edits(a: Sequence[str], b: Sequence[str], limit: int) -> int:
    """Levenshtein distance in tokens, or `limit + 1` where it is larger (a band of width 2 limit + 1)."""
    start, end = 0, 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    while end < min(len(a), len(b)) - start and a[-1 - end] == b[-1 - end]:
        end += 1
    a, b = a[start : len(a) - end], b[start : len(b) - end]
    far = limit + 1
    if not a or not b:
        return min(far, len(a) + len(b))
    before = {j: j for j in range(min(len(b), limit) + 1)}
    for i, word in enumerate(a, start=1):
        now: dict[int, int] = {0: i} if i <= limit else {}
        for j in range(max(1, i - limit), min(len(b), i + limit) + 1):
            cost = min(before.get(j, far), now.get(j - 1, far)) + 1
            now[j] = min(cost, before.get(j - 1, far) + (word != b[j - 1]), far)
        if min(now.values(), default=far) > limit:
            return far
        before = now
    return before.get(len(b), far)


class NearIndex:
    """Texts added so far, and which of them a new text nearly repeats.

    Texts with the same tokens are one entry, under the key that came first. `seed` chooses the permutations.
    """

    def __init__(self, protected: Iterable[str] = (), seed: int = 1) -> None:
        self.protected = tuple(protected)
        self.capped = 0
        self._texts: dict[int, str] = {}
        self._first: dict[str, int] = {}
        self._bands: dict[tuple[Meaning, int, bytes], list[int]] = defaultdict(list)
        self._sketch = MinHash(num_perm=BANDS * BAND_ROWS, seed=seed, hashfunc=int)

    def near(self, text: str) -> list[int]:
        """Keys of the entries that `text` repeats or nearly repeats, oldest first."""
        words = tokens(text)
        return self._near(words, self._keys(words))

    def add(self, key: int, text: str) -> tuple[int, list[int]]:
        """Add an entry; gives the key under which its tokens are known, and what it repeated when it came."""
        words = tokens(text)
        bands = self._keys(words)
        found = self._near(words, bands)
        joined = " ".join(words)
        first = self._first.setdefault(joined, key)
        if first == key:
            self._texts[key] = joined
            for band in bands:
                self._bands[band].append(key)
        return first, found

    def _keys(self, words: Sequence[str]) -> list[tuple[Meaning, int, bytes]]:
        self._sketch.clear()
        self._sketch.update_batch(grams(words))
        kept, values = meaning(words, self.protected), self._sketch.hashvalues.tobytes()
        width = len(values) // BANDS
        return [(kept, band, values[band * width : (band + 1) * width]) for band in range(BANDS)]

    def _near(self, words: list[str], bands: Iterable[tuple[Meaning, int, bytes]]) -> list[int]:
        candidates: set[int] = set()
        for band in bands:
            candidates.update(self._bands.get(band, ()))
        equal = self._first.get(" ".join(words))
        found = [] if equal is None else [equal]
        ordered = sorted(candidates.difference(found))
        self.capped += max(0, len(ordered) - MAX_CANDIDATES)
        found += [key for key in ordered[:MAX_CANDIDATES] if near(words, self._texts[key].split(" "))]
        return sorted(found)
