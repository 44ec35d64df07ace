"""Which of many texts does a text nearly repeat? Candidates by shared keys, the verdict by words (duplicates.py).

Two near texts share a key, at a cost that grows with the number of texts and not with its square:

    3 tokens or fewer    MinHash of character 4-grams, 16 bands of 3 (Jaccard 0.5, the least that the rule lets through:
                         found with probability 0.88, 0.7 with 0.999)
    3 to 19 tokens       the text with each one token left out: whatever differs in one token shares such a remainder,
                         so that none is missed (deletion neighbourhood; Mor & Fraenkel 1982, known from SymSpell)
    18 tokens or more    MinHash of token pairs, 20 bands of 4: a text in which every tenth word was replaced keeps a
                         Jaccard of 0.65 and is found with probability 0.98, and two texts of one language share hardly
                         any pairs (0.02; of their character 4-grams 0.1 to 0.3)

The lengths overlap, because near texts may differ by a token or two. Numbers, negations and protected terms, which two
near texts have in common, are part of every key: a thousand rows of one template with different amounts meet nowhere.
Keys are 64-bit integers in sorted arrays: dictionaries of bands took more memory than all else. MinHash is datasketch's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np
from datasketch import MinHash
from numpy.typing import NDArray

from seektune.text.duplicates import SHORT, grams, meaning, near
from seektune.text.language import tokens

Keys = NDArray[np.uint64]

OLDEST = 20
"""Of the texts that share a key, the oldest so many are looked at."""

_CHARACTERS_TO, _LEFT_OUT_FROM, _LEFT_OUT_TO, _PAIRS_FROM = SHORT, SHORT, 19, 18
_CHUNK, _CACHED = 4096, 2_000
_B = np.uint64(0x9E3779B97F4A7C15)
_POWERS = np.cumprod(np.full(512, _B, dtype=np.uint64), dtype=np.uint64)


@lru_cache(maxsize=200_000)
def stable_hash(word: str) -> int:
    """64 bits, the same in every process."""
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


class _Bands:
    """MinHash in bands. `seed` chooses the permutations."""

    def __init__(self, bands: int, rows: int, seed: int) -> None:
        self._sketch = MinHash(num_perm=bands * rows, seed=seed, hashfunc=int)
        self._shape = (bands, rows)
        self._numbers = np.arange(1, bands + 1, dtype=np.uint64)

    def keys(self, hashes: Iterable[int]) -> Keys:
        self._sketch.clear()
        self._sketch.update_batch(hashes)
        values = self._sketch.hashvalues.astype(np.uint64).reshape(self._shape)
        found: Keys = (values * _POWERS[: self._shape[1]]).sum(axis=1, dtype=np.uint64) * _B + self._numbers
        return found


class NearIndex:
    """Texts by number, 0 to `count` - 1. `text(number)` gives one again, so that only those last compared are held."""

    def __init__(self, count: int, text: Callable[[int], str], protected: Iterable[str] = (), seed: int = 1) -> None:
        self.protected = tuple(protected)
        self.cut = 0
        """Texts that found no near one, while more than OLDEST of them shared a key."""
        self._characters, self._pairs = _Bands(16, 3, seed), _Bands(20, 4, seed)
        self._joined = lru_cache(maxsize=_CACHED)(lambda number: " ".join(tokens(text(number))))  # a list takes 10x
        owners, keys = [], []
        for start in range(0, count, _CHUNK):
            chunk = [self.keys(tokens(text(number))) for number in range(start, min(start + _CHUNK, count))]
            keys.append(np.concatenate(chunk))
            sizes = [len(one) for one in chunk]
            owners.append(np.repeat(np.arange(start, start + len(chunk), dtype=np.int32), sizes))
        all_keys: Keys = np.concatenate(keys) if keys else np.zeros(0, dtype=np.uint64)
        order = np.argsort(all_keys, kind="stable")  # of equal keys the oldest text comes first
        self._keys = all_keys[order]
        self._owners = np.concatenate(owners)[order] if owners else np.zeros(0, dtype=np.int32)

    def keys(self, words: Sequence[str]) -> Keys:
        """What near texts share; see above."""
        found: list[Keys] = []
        if len(words) <= _CHARACTERS_TO:
            found.append(self._characters.keys(grams(words)))
        if _LEFT_OUT_FROM <= len(words) <= _LEFT_OUT_TO:
            hashes = np.array([stable_hash(word) for word in words], dtype=np.uint64)
            front = np.concatenate(([np.uint64(0)], np.cumsum(hashes * _POWERS[: len(words)], dtype=np.uint64)))
            back = np.cumsum((hashes[1:] * _POWERS[: len(words) - 1])[::-1], dtype=np.uint64)[::-1]
            left_out = front[:-1].copy()
            left_out[:-1] += back
            found.append(np.append(left_out, front[-1]))
        if len(words) >= _PAIRS_FROM:
            codes = np.array([stable_hash(word) for word in words], dtype=np.uint64)
            pairs = (codes[:-1] * _POWERS[0] + codes[1:] * _POWERS[1]) >> np.uint64(32)
            found.append(self._pairs.keys(set(pairs.tolist())))
        mark = np.uint64(stable_hash("\x1f".join(meaning(words, self.protected))))
        return (np.concatenate(found) if len(found) > 1 else found[0]) ^ mark

    def near(self, text: str) -> list[int]:
        """Numbers of the texts that `text` repeats or nearly repeats, oldest first."""
        words = tokens(text)
        keys = self.keys(words)
        first = np.searchsorted(self._keys, keys, side="left")
        last = np.searchsorted(self._keys, keys, side="right")
        candidates: set[int] = set()
        for start, end in zip(first.tolist(), last.tolist(), strict=True):
            if start < end:
                candidates.update(self._owners[start : min(end, start + OLDEST)].tolist())
        found = [number for number in sorted(candidates) if self._agree(words, self.words(number))]
        self.cut += not found and bool((last - first > OLDEST).any())
        return found

    def older(self, answers: NDArray[np.uint64]) -> Iterator[tuple[int, list[int]]]:
        """(number, the older texts that it repeats or nearly repeats) in order, for those that have any.

        `answers` are hashes: beside the oldest of a key, the oldest with the same answer is always looked at.
        """
        pairs = np.unique(np.concatenate([*self._among_oldest(), self._same_answer(answers)]))
        starts = np.flatnonzero(np.diff(pairs >> np.uint64(32), prepend=np.uint64(2**32)))
        met = np.zeros(len(answers), dtype=bool)
        for begin, end in zip(starts, np.append(starts, len(pairs))[1:], strict=True):
            number = int(pairs[begin] >> np.uint64(32))
            words = self.words(number)
            others = (pairs[begin:end] & np.uint64(0xFFFFFFFF)).tolist()
            if found := [other for other in others if self._agree(words, self.words(other))]:
                met[number] = True
                yield number, found
        self.cut += int((self._crowded(len(answers)) & ~met).sum())

    def words(self, number: int) -> list[str]:
        """Tokens of a text."""
        return self._joined(number).split(" ")

    def _agree(self, a: list[str], b: list[str]) -> bool:
        return near(a, b) and meaning(a, self.protected) == meaning(b, self.protected)

    def _runs(self, keys: Keys) -> NDArray[np.int64]:
        """For each place in sorted keys, where its run of equal keys begins."""
        starts = np.flatnonzero(np.diff(keys, prepend=keys[:1] + np.uint64(1)))
        return np.repeat(starts, np.diff(np.append(starts, len(keys))))

    def _among_oldest(self) -> Iterator[Keys]:
        """Pairs (younger << 32 | older) that share a key, for the oldest of each."""
        if not len(self._keys):
            return
        begins = self._runs(self._keys)
        place = np.arange(len(begins))
        crowded = np.flatnonzero(place > begins)
        for step in range(OLDEST):
            crowded = crowded[begins[crowded] + step < crowded]
            if not len(crowded):
                return
            yield self._paired(self._owners[crowded], self._owners[begins[crowded] + step])

    def _same_answer(self, answers: NDArray[np.uint64]) -> Keys:
        keys = self._keys * _B + answers[self._owners]
        order = np.argsort(keys, kind="stable")
        if not len(order):
            return np.zeros(0, dtype=np.uint64)
        begins = self._runs(keys[order])
        return self._paired(self._owners[order], self._owners[order[begins]])

    def _crowded(self, count: int) -> NDArray[np.bool_]:
        """Which texts share a key with more than OLDEST older ones."""
        found = np.zeros(count, dtype=bool)
        if len(self._keys):
            found[self._owners[np.arange(len(self._keys)) - self._runs(self._keys) > OLDEST]] = True
        return found

    @staticmethod
    def _paired(younger: NDArray[np.int32], older: NDArray[np.int32]) -> Keys:
        real = younger > older  # a text that holds one word twice meets itself
        found: Keys = younger[real].astype(np.uint64) << np.uint64(32) | older[real].astype(np.uint64)
        return np.unique(found)
