"""Fifty training rows that know a test row, planted in a user's own split of real bank questions; and innocent ones."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from benchmarks.planted_leaks import INNOCENTS, SORTS, called, nearest, planted, refused, split

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("apertium") is None, reason="apertium is not installed (Debian: apertium-eng-spa)"),
]
EACH = 10


def test_planted_leaks_are_refused_and_the_split_itself_is_not(shared: Path, tmp_path: Path) -> None:
    questions = split(shared, tmp_path / "cache")
    assert refused(tmp_path, questions, []) == 0
    leaks = planted(questions, EACH)
    assert {sort: len(rows) for sort, rows in leaks.items()} == dict.fromkeys(SORTS, EACH)
    found = {sort: refused(tmp_path, questions, rows) for sort, rows in leaks.items()}
    assert [found[sort] for sort in ("copy", "case_and_space", "child")] == [EACH] * 3
    assert sum(found.values()) >= 45
    every = [row for rows in leaks.values() for row in rows]
    assert refused(tmp_path, questions, every) == sum(found.values()), "each leaking row is counted once"


def test_rows_whose_nearest_neighbour_has_another_label_are_not_called_leaks(shared: Path) -> None:
    pairs = random.Random(13).sample(nearest(shared, same_label=False), INNOCENTS)
    assert called(pairs) <= 2


def test_few_natural_pairs_of_one_label_are_called_leaks(shared: Path) -> None:
    """They would stop a user's own split; in ours they are kept together."""
    pairs = random.Random(13).sample(nearest(shared, same_label=True), 500)
    assert called(pairs) <= 60
