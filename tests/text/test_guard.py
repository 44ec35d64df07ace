"""The guard is a second opinion: it sees pairs that the clusters missed, and says what neither looked at."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from seektune.text.duplicates import MAX_CANDIDATES, NearIndex, same
from seektune.text.leaks import GUARD_SEED
from seektune.text.rows import RowSet

Prepare = Callable[..., RowSet]
Write = Callable[..., Path]
Labelled = list[dict[str, str]]
SYLLABLES = ("ba", "ko", "ri", "tu", "len", "mar", "sot", "vi", "da", "nok", "pe", "ul")


def pairs(count: int) -> Iterator[tuple[str, str]]:
    """Short texts and the same with one other word: hard for MinHash, because few of their grams are common."""
    rng = random.Random(3)

    def word() -> str:
        return "".join(rng.choice(SYLLABLES) for _ in range(3))

    while count:
        words = [word() for _ in range(5)]
        changed = list(words)
        changed[rng.randrange(5)] = word()
        if same(" ".join(words), " ".join(changed)):
            count -= 1
            yield " ".join(words), " ".join(changed)


def found(texts: list[tuple[str, str]], seed: int) -> set[int]:
    index = NearIndex(seed=seed)
    for i, (text, _) in enumerate(texts):
        index.add(i, text)
    return {i for i, (_, changed) in enumerate(texts) if i in index.near(changed)}


def test_what_the_clusters_miss_is_not_missed_again() -> None:
    texts = list(pairs(400))
    clusters, guard = found(texts, seed=1), found(texts, seed=GUARD_SEED)
    assert len(clusters) > 360 and len(guard) > 360
    missed = set(range(400)) - clusters
    assert missed
    assert len(missed - guard) <= len(missed) / 2


def test_pairs_that_only_the_guard_sees_are_regrouped(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    texts = list(pairs(400))
    missed = sorted(found(texts, seed=GUARD_SEED) - found(texts, seed=1))
    assert len(missed) >= 3
    rows = [{"text": text, "label": label} for i in missed for text, label in zip(texts[i], ("a", "b"), strict=True)]
    prepared = prepare("classification", jsonl([*labelled, *rows]))
    where = {row["text"]: name for name in ("train", "validation", "test") for row in prepared.rows(name)}
    for i in missed:
        one, other = (where[text] for text in texts[i])
        assert one == other or "train" not in (one, other)


def test_candidates_that_were_not_compared_are_counted_and_told(
    prepare: Prepare, jsonl: Write, labelled: Labelled
) -> None:
    def word(i: int) -> str:
        return "".join(chr(97 + int(digit)) for digit in f"{i:03d}")

    template = [
        {
            "text": f"please tell me at your convenience what the rather secret code word {word(i)} means",
            "label": f"l{i}",
        }
        for i in range(MAX_CANDIDATES + 60)
    ]
    report = prepare("classification", jsonl([*labelled, *template])).report
    skipped = report["clusters"]["candidates_not_compared"] + report["leaks"]["candidates_not_compared"]
    assert skipped > 0
    assert f"{skipped:,} candidates were not compared" in " ".join(report["notes"])
    assert prepare("classification", jsonl(labelled)).report["notes"] == []
