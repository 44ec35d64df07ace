"""Augmentation with a planted effect on a tiny real model: validation speaks in words that only the lexicon knows.

Training rows call each of two things by one word, evaluation rows by five others; the lexicon has them all.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from seektune.ledger.history import History
from seektune.ledger.results import AugmentationResult, PrepareResult, SearchResult
from seektune.report.facts import Facts
from seektune.report.sections.augmentation import augmentation as section
from seektune.study.run import run_all
from seektune.study_file import StudyFile
from seektune.text.selection import EVERYTHING, ORIGINALS
from seektune.text.store import TokenStore

pytestmark = pytest.mark.slow

WORDS = [
    first + second for first in ("ta", "ri", "mo", "ne", "lu", "ska") for second in ("bel", "dor", "kin", "rat", "som")
]
NAMES = {
    "up": ("lorry", "wagon", "truck", "carrier", "hauler", "transporter"),
    "down": ("puppy", "hound", "spaniel", "terrier", "collie", "retriever"),
}
MODEL = {
    "model_type": "llama",
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "initializer_range": 0.08,
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("augmentation")
    rng = random.Random(4)
    rows = []
    for split, count in {"train": 60, "validation": 80, "test": 40}.items():
        for number in range(count):
            label = ("up", "down")[number % 2]
            name = NAMES[label][0] if split == "train" else rng.choice(NAMES[label][1:])
            words = rng.sample(WORDS, 7)
            words.insert(rng.randrange(8), name)
            rows.append({"text": " ".join(words), "label": label, "split": split})
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pairs = [f"{first},{other},en" for first, *others in NAMES.values() for other in others]
    (folder / "lexicon.csv").write_text("\n".join(["term,variant,language", *pairs]) + "\n")
    return folder


def study(desk: Path, **changes: Any) -> StudyFile:
    lexicon = {"lexicon": {"path": str(desk / "lexicon.csv"), "rate": 1.0}}
    content: dict[str, Any] = {
        "study": "planted",
        "seed": 3,
        "model": {"config": MODEL, "pretrain": {"tokens": 0, "vocabulary": 500}},
        "data": {
            "kind": "classification",
            "sources": [{"path": str(desk / "rows.jsonl")}],
            "split": {"column": "split"},
            "augment": {"operators": [lexicon], "copies": 5},
            "max_length": 64,
        },
        "train": {"tokens": 40_000, "eval_every": 40_000},
        "space": {"learning_rate": {"choices": [3e-3]}, "augment_copies": {"choices": [0, 5]}},
        "stages": {
            "lr_range": None,
            "coarse": {"search": "grid", "trials": 4, "rungs": 1, "max_share": 1.0},
            "fine": None,
            "augmentation": {"seeds": 3, "learning_rate_factors": [0.5, 1.0]},
        },
        "run": {"folder": str(desk / "runs"), "executor": "in_process", "mirror": None},
    }
    return StudyFile.model_validate({**content, **changes})


def test_the_search_takes_it_and_the_stage_shows_that_it_helps(desk: Path) -> None:
    results = run_all(study(desk), stages=["prepare", "coarse", "augmentation"])
    prepared = PrepareResult.model_validate(results["prepare"])
    store = TokenStore(prepared.store)
    originals, everything = (store.selected("train", selection) for selection in (ORIGINALS, EVERYTHING))
    assert len(originals) == 60 < len(everything) == store.rows("train") == prepared.train_rows
    best = SearchResult.model_validate(results["coarse"]).best
    assert best.params["augment_copies"] == 5

    found = AugmentationResult.model_validate(results["augmentation"])
    assert found.effect == "helps"
    assert found.interval is not None and found.interval.low > 0.1
    assert found.agreement is not None and found.agreement.pairs == 100
    assert found.agreement.original_right > 0.95  # it has learned these rows
    assert found.agreement.agree < 0.9  # and does not know the other words

    told = section(Facts(History.read(desk / "runs" / "planted"), study(desk).model_dump(mode="json")))
    assert told is not None
    assert "Label agreement: trained without augmentation" in " ".join(getattr(one, "text", "") for one in told.blocks)


def test_rows_that_no_operator_could_edit_leave_nothing_to_compare(desk: Path) -> None:
    (desk / "other.csv").write_text("term,variant,language\nzebra,horse,en\n")
    data = study(desk).data
    assert data is not None
    other = {**data.model_dump(mode="json"), "augment": {"operators": [{"lexicon": {"path": str(desk / "other.csv")}}]}}
    again = study(desk, study="other", data=other, train={"tokens": 2_000})
    results = run_all(again, stages=["prepare", "coarse", "augmentation"])
    found = AugmentationResult.model_validate(results["augmentation"])
    assert (found.effect, found.interval) == ("not measured", None)
    assert "no row that could be trained on" in found.sentence
