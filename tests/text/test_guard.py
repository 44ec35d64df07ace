"""The guard is a second opinion: it sees pairs that the clusters missed, and says what neither looked at."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from seektune.text.duplicates import same
from seektune.text.leaks import GUARD_SEED
from seektune.text.near_index import OLDEST, NearIndex
from seektune.text.rows import RowSet

Prepare = Callable[..., RowSet]
Write = Callable[..., Path]
Labelled = list[dict[str, str]]
SYLLABLES = ("ba", "ko", "ri", "tu", "len", "mar", "sot", "vi", "da", "nok", "pe", "ul")


def pairs(count: int) -> Iterator[tuple[str, str]]:
    """Two words and the same with another second one: hard for MinHash, because few of their grams are common."""
    rng = random.Random(3)

    def word(syllables: int) -> str:
        return "".join(rng.choice(SYLLABLES) for _ in range(syllables))

    while count:
        first = word(4)
        texts = f"{first} {word(1)}", f"{first} {word(1)}"
        if texts[0] != texts[1] and same(*texts):
            count -= 1
            yield texts


def found(texts: list[tuple[str, str]], seed: int) -> set[int]:
    index = NearIndex(len(texts), [text for text, _ in texts].__getitem__, seed=seed)
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
    rows = [{"text": text, "label": label} for i in missed for text, label in zip(texts[i], ("a", "a"), strict=True)]
    prepared = prepare("classification", jsonl([*labelled, *rows]))
    where = {row["text"]: name for name in ("train", "validation", "test") for row in prepared.rows(name)}
    sides = [{where[text] for text in texts[i] if text in where} for i in missed]
    assert all(found == {"train"} or "train" not in found for found in sides)
    assert sum(len(found) > 0 for found in sides) == len(missed)


def test_rows_that_were_not_compared_with_all_are_counted_and_told(
    prepare: Prepare, jsonl: Write, labelled: Labelled
) -> None:
    rng = random.Random(5)
    others = ["".join(rng.choice(SYLLABLES) for _ in range(6)) for _ in range(OLDEST + 40)]
    crowd = [{"text": f"ask {word}", "label": f"l{i}"} for i, word in enumerate(others)]
    crowd = [
        {**row, "text": f"why {row['text']} now"} for row in crowd
    ]  # all share what is left without the third word
    report = prepare("classification", jsonl([*labelled, *crowd])).report
    missed = report["clusters"]["may_have_missed"] + report["leaks"]["may_have_missed"]
    assert missed > 0
    assert f"{missed:,} rows are so much like" in " ".join(report["notes"])
    assert prepare("classification", jsonl(labelled)).report["notes"] == []
