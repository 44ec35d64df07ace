"""Do two texts say the same? The rule for near duplicates, by words.

They are near duplicates when at most one token, or 10% of them, must be edited (Levenshtein over normalised tokens), they
share some of their character 4-grams (Jaccard 0.3; of three tokens or fewer 0.5), and their numbers, negations and
protected terms agree. (At 0.5 for all, a short question in which one long word was changed was missed.) Which pairs of
many texts are asked at all: near_index.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from seektune.text.language import is_negation, is_number, tokens

MIN_JACCARD, MIN_JACCARD_SHORT, SHORT = 0.3, 0.5, 3

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
    least = MIN_JACCARD_SHORT if max(len(a), len(b)) <= SHORT else MIN_JACCARD
    return common >= least * (len(first) + len(second) - common)


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
