"""Which augmented rows a trial sees, by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seektune.errors import DataError
from seektune.text.selection import EVERYTHING, ORIGINALS, Selection
from seektune.text.store import Row, TokenStore, write_split

ROWS = [
    # name, operator, rate, copy
    ("a", "", 0.0, 0),
    ("b", "synonym", 0.1, 0),
    ("c", "synonym", 0.1, 1),
    ("d", "synonym", 0.3, 0),
    ("e", "", 0.0, 0),
    ("f", "round", 1.0, 0),  # an operator without a rate: one of its own
    ("g", "lexicon", 0.3, 0),  # at 0.1 it made nothing
    ("h", "lexicon", 0.3, 1),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TokenStore:
    folder = tmp_path_factory.mktemp("store")
    ids = np.arange(3, dtype=np.int32)
    rows = [Row(name, f"group-{number // 2}", ids, ids, 0, "en", *made) for number, (name, *made) in enumerate(ROWS)]
    write_split(folder / "train.arrow", rows)
    write_split(folder / "base.arrow", [])
    rates = {"synonym": [0.1, 0.3], "lexicon": [0.1, 0.3], "round": [1.0], "typos": [0.1, 0.3]}
    (folder / "facts.json").write_text(json.dumps({"augmentation": rates}))
    return TokenStore(folder)


@pytest.mark.parametrize(
    ("selection", "seen"),
    [
        (EVERYTHING, "abcef"),  # all rows, at the first rate
        (ORIGINALS, "ae"),
        (Selection(copies=0), "ae"),
        (Selection(copies=1), "abef"),
        (Selection(rate=0.3), "adefgh"),
        (Selection(rate=0.3, copies=1), "adefg"),
        (Selection("synonym"), "abce"),
        (Selection("lexicon"), "ae"),
        (Selection("lexicon", rate=0.3), "aegh"),
        (Selection("synonym+round", 1), "abef"),
        (Selection("typos"), "ae"),  # asked for in the study, but every row of it was rejected
    ],
)
def test_by_hand(store: TokenStore, selection: Selection, seen: str) -> None:
    assert "".join(store.row("train", int(index)).row_id for index in store.selected("train", selection)) == seen


def test_what_no_operator_of_the_store_made_is_an_error(store: TokenStore) -> None:
    with pytest.raises(
        DataError, match="'swap' made no row of this token store, which was augmented by synonym, lexicon"
    ):
        store.selected("train", Selection("synonym+swap"))


def test_an_empty_split_and_a_rows_own_columns(store: TokenStore) -> None:
    assert store.selected("base", EVERYTHING).tolist() == []
    row = store.row("train", 7)
    assert (row.operator, row.rate, row.copy) == ("lexicon", 0.3, 1)


def test_from_a_trials_parameters() -> None:
    assert Selection.of({"learning_rate": 1e-3}) == EVERYTHING
    assert Selection.of({"augment_operators": "synonym", "augment_rate": 0.3}) == Selection("synonym", rate=0.3)
    assert Selection.of({"augment_copies": 0}).takes_none
    assert Selection.of({"augment_operators": "none", "augment_copies": 2}).takes_none
    assert not EVERYTHING.takes_none
