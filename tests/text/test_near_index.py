"""Near duplicates are found whatever their length, and finding them does not compare everything with everything."""

from __future__ import annotations

import random

import numpy as np
import pytest

from seektune.text.duplicates import same
from seektune.text.near_index import OLDEST, NearIndex

SYLLABLES = ("ba", "ko", "ri", "tu", "len", "mar", "sot", "vi", "da", "nok", "pe", "ul", "gra", "sti")


def vocabulary(rng: random.Random, count: int) -> list[str]:
    words = {"".join(rng.choice(SYLLABLES) for _ in range(rng.randint(2, 3))) for _ in range(count)}
    return sorted(words)


def edited(words: list[str], edits: int, rng: random.Random, known: list[str]) -> list[str]:
    """`edits` words at different places replaced, taken out, or put in."""
    changed = list(words)
    for place in sorted(rng.sample(range(len(words)), edits), reverse=True):
        kind = rng.choice(("replace", "delete", "insert"))
        changed[place : place + (kind != "insert")] = [] if kind == "delete" else [rng.choice(known)]
    return changed


@pytest.mark.parametrize(
    ("lengths", "least"),
    [((2, 3), 0.85), ((4, 19), 1.0), ((18, 22), 0.95), ((20, 60), 0.95), ((100, 300), 0.98)],
    ids=lambda value: str(value),
)
def test_edits_that_the_rule_allows_are_found(lengths: tuple[int, int], least: float) -> None:
    rng = random.Random(1)
    known = vocabulary(rng, 2_000)
    texts, changed = [], []
    while len(texts) < 300:
        words = rng.choices(known, k=rng.randint(*lengths))
        other = edited(words, max(1, len(words) // 10), rng, known)
        if same(" ".join(words), " ".join(other)):
            texts.append(" ".join(words))
            changed.append(" ".join(other))
    index = NearIndex(len(texts), texts.__getitem__)
    hits = sum(i in index.near(text) for i, text in enumerate(changed))
    assert hits >= least * len(texts)
    assert index.cut == 0


def test_pairs_within_a_set_are_those_of_comparing_all() -> None:
    rng = random.Random(2)
    known = vocabulary(rng, 60)
    texts = [" ".join(rng.choices(known, k=rng.randint(4, 7))) for _ in range(250)]
    texts += [" ".join(edited(text.split(), 1, rng, known)) for text in texts[:120]]
    texts += texts[:30]
    index = NearIndex(len(texts), texts.__getitem__)
    older = dict(index.older(np.arange(len(texts), dtype=np.uint64)))
    every = {i: [j for j in range(i) if same(texts[j], texts[i])] for i in range(len(texts))}
    assert older == {i: found for i, found in every.items() if found}


def test_a_large_family_costs_little_and_stays_one_family() -> None:
    """2,000 rows of one template, of which each is near each: 2 million pairs, of which OLDEST a row are looked at."""
    rng = random.Random(3)
    texts = [f"please tell me at your convenience what the code word {word} means" for word in vocabulary(rng, 2_600)]
    index = NearIndex(len(texts), texts.__getitem__)
    answers = np.array([i % 7 for i in range(len(texts))], dtype=np.uint64)
    older = dict(index.older(answers))
    looked_at = sum(map(len, older.values()))
    assert looked_at <= (OLDEST + 8) * len(texts)
    for number in range(1, len(texts)):
        assert older[number][0] == 0, "tied to the oldest"
        assert any(answers[other] == answers[number] for other in older[number]) or number < 7, "and to its answer"


def test_numbers_negation_and_protected_terms_keep_rows_apart() -> None:
    texts = ["pay 30 euros to my landlord", "do not pay euros to my landlord", "pay euros to my landlord by visa"]
    index = NearIndex(len(texts), texts.__getitem__, ["visa"])
    assert index.near("pay 31 euros to my landlord") == []
    assert index.near("do pay euros to my landlord") == []
    assert index.near("pay euros to my landlord by amex") == []
    assert index.near("pay 30 euros to our landlord") == [0]
    assert NearIndex(0, texts.__getitem__).near("anything") == []
