"""F1 of entities and of classes: strict spans by hand, conlleval's rule for odd tags, and each row's part in the whole."""

from __future__ import annotations

import numpy as np
import pytest

from seektune.score.entities import entities, entity_counts, spans
from seektune.score.f1 import class_counts, f1, f1_per_row

Found = list[tuple[int, int, str]]


def found(*sentences: str) -> Found:
    """(start, end, type) of the entities of sentences of tags, places counted through."""
    tags = [sentence.split() for sentence in sentences]
    names = sorted({tag for sentence in tags for tag in sentence} | {"O"})
    types = sorted({name.split("-", 1)[-1] for name in names})
    flat = np.array([names.index(tag) for sentence in tags for tag in sentence])
    firsts = np.array([place == 0 for sentence in tags for place in range(len(sentence))])
    return [(start, end, types[kind]) for start, end, kind in spans(flat, firsts, names).tolist()]


@pytest.mark.parametrize(
    ("sentences", "entities"),
    [
        (["B-PER I-PER O B-LOC"], [(0, 2, "PER"), (3, 4, "LOC")]),
        (["B-PER B-PER I-PER"], [(0, 1, "PER"), (1, 3, "PER")]),
        (["O I-PER I-PER O"], [(1, 3, "PER")]),  # I- without B- starts one
        (["B-PER I-LOC I-LOC"], [(0, 1, "PER"), (1, 3, "LOC")]),  # and so does I- of another type
        (["I-PER B-PER"], [(0, 1, "PER"), (1, 2, "PER")]),  # IOB1: B- only parts neighbours
        (["B-PER I-PER E-PER S-LOC I-LOC"], [(0, 3, "PER"), (3, 4, "LOC"), (4, 5, "LOC")]),
        (["B-PER L-PER U-PER O"], [(0, 2, "PER"), (2, 3, "PER")]),
        (["PER PER O LOC"], [(0, 2, "PER"), (3, 4, "LOC")]),  # no prefixes
        (["O B-PER", "I-PER O"], [(1, 2, "PER"), (2, 3, "PER")]),  # no entity reaches over two sentences
        (["O O"], []),
        (["B-creative-work I-creative-work"], [(0, 2, "creative-work")]),
    ],
)
def test_spans_by_hand(sentences: list[str], entities: Found) -> None:
    by_name = {kind: kind.split("-", 1)[-1] if kind[:2] in ("B-", "I-") else kind for _, _, kind in entities}
    assert found(*sentences) == [(start, end, by_name[kind]) for start, end, kind in entities]


NAMES = ["O", "B-PER", "I-PER", "B-LOC"]


def test_entity_counts_by_hand() -> None:
    """Three sentences: one of two entities found; a wrong end and a wrong type; nothing there and nothing said."""
    true = np.array([1, 2, 0, 3, 1, 2, 3, 0, 0])
    said = np.array([1, 2, 3, 0, 1, 0, 1, 0, 0])
    hits, sizes = entity_counts(true, said, np.array([4, 3, 2]), NAMES)
    assert hits.tolist() == [[1], [0], [0]]
    assert sizes.tolist() == [[2 + 2], [2 + 2], [0]]
    assert f1((hits, sizes)) == pytest.approx(2 * 1 / 8)


def test_nothing_to_find_and_nothing_said_is_zero() -> None:
    counts = entity_counts(np.zeros(5, dtype=int), np.zeros(5, dtype=int), np.array([2, 3]), NAMES)
    assert f1(counts) == 0
    assert f1_per_row(counts).tolist() == [0, 0]


def test_rows_spread_as_the_f1_of_resampled_rows_does() -> None:
    """The mean of the row scores is the F1, and their spread over rows is the F1's own, as a bootstrap measures it."""
    generator = np.random.default_rng(3)
    words = generator.integers(1, 30, 400)
    true = generator.choice(4, words.sum(), p=[0.7, 0.12, 0.1, 0.08])
    said = np.where(generator.random(words.sum()) < 0.75, true, generator.integers(0, 4, words.sum()))
    for counts in (entity_counts(true, said, words, NAMES), class_counts(true, said, words)):
        scores = f1_per_row(counts)
        assert scores.mean() == pytest.approx(f1(counts))
        draws = [generator.integers(0, len(words), len(words)) for _ in range(500)]
        spread = np.std([f1((counts[0][draw], counts[1][draw])) for draw in draws])
        assert scores.std() / np.sqrt(len(words)) == pytest.approx(spread, rel=0.15)


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("O B-PER I-PER O B-LOC", [("PER", 1, 3), ("LOC", 4, 5)]),
        ("B-PER B-PER I-PER", [("PER", 0, 1), ("PER", 1, 3)]),
        ("I-PER I-LOC O O", [("PER", 0, 1), ("LOC", 1, 2)]),
        ("PER PER O ORG", [("PER", 0, 2), ("ORG", 3, 4)]),
        ("S-PER S-PER B-LOC I-LOC E-LOC S-LOC", [("PER", 0, 1), ("PER", 1, 2), ("LOC", 2, 5), ("LOC", 5, 6)]),
        ("O O", []),
    ],
)
def test_entities_of_one_sentence(tags: str, found: list[tuple[str, int, int]]) -> None:
    assert entities(tags.split()) == found
