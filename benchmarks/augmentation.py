"""Does augmentation help with 200 training rows? Spam messages, with and without, and an interval.

Two hundred training rows of cls_sms_spam and every validation row; a tiny model pre-trained on Shakespeare and those
rows, all weights tuned. Operators, copies and learning rate are searched; then the leader is trained with and without
augmented rows, each at its own learning rate, with ten paired seeds. Figures are in loss (nats per row) on validation;
positive: augmentation is better. `effect` is 1 (helps), -1 (hurts) or 0 (not seen).

    python -m benchmarks.augmentation        # minutes on two cores; needs ../shared/data
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.record import record
from seektune.ledger.results import AugmentationResult
from seektune.study.run import run_all
from seektune.study_file import load_study
from seektune.text.augmentation.options import AUGMENTERS
from seektune.text.options import DataOptions
from seektune.text.rows import prepare_rows
from tests.real.studies import SHARED, write

TRAIN_ROWS, VALIDATION_ROWS, TEST_ROWS = 200, 1000, 200
OPERATORS = [name for name in ("synonym", "deletion", "swap", "insertion", "typos") if name in AUGMENTERS]
COPIES = 3
EFFECTS = {"helps": 1.0, "hurts": -1.0, "not seen": 0.0}


def sample(folder: Path, train_rows: int = TRAIN_ROWS, validation_rows: int = VALIDATION_ROWS) -> Path:
    """So many rows of each side of the project's own split: near duplicates stay on one side."""
    source = {"path": str(SHARED / "cls_sms_spam" / "sms_spam.tsv")}
    whole = DataOptions.model_validate(
        {"kind": "classification", "sources": [source], "split": {"validation": 0.35, "test": 0.1}}
    )
    rows = prepare_rows(whole, folder / "whole", seed=0)
    path = folder / "rows.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for split, count in {"train": train_rows, "validation": validation_rows, "test": TEST_ROWS}.items():
            for row in rows.rows(split)[:count]:  # in content-hash order: at random
                file.write(json.dumps({"text": row["text"], "label": row["label"], "split": split}) + "\n")
    return path


def study(rows: Path, tokens: int = 40_000, pretrain: int = 300_000) -> dict[str, Any]:
    return {
        "study": "sms-spam-200",
        "seed": 1,
        "model": {"config": "tiny-llama", "pretrain": {"tokens": pretrain}},
        "data": {
            "kind": "classification",
            "sources": [{"path": str(rows)}],
            "split": {"column": "split"},
            "augment": {"operators": OPERATORS, "copies": COPIES},
            "general": [{"path": str(SHARED / "base_en_tinyshakespeare" / "input.txt")}],
            "max_length": 64,
        },
        "train": {"tokens": tokens, "eval_every": tokens // 2},
        "method": "full",
        "objective": {"metric": "loss"},
        "space": {
            "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
            "augment_operators": {"choices": ["none", *OPERATORS, *(["all"] if len(OPERATORS) > 1 else [])]},
            "augment_copies": {"low": 1, "high": COPIES},
        },
        "stages": {
            "lr_range": None,
            "coarse": {"trials": 10, "rungs": 1, "max_share": 0.5},
            "fine": {"trials": 4, "carry": 2, "rungs": 1},
            "augmentation": {"seeds": 10},
        },
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = write(study(sample(folder)), folder)
        results = run_all(load_study(file), stages=["prepare", "coarse", "fine", "augmentation"])
    found = AugmentationResult.model_validate(results["augmentation"])
    interval, agreement = found.interval, found.agreement
    assert interval is not None and agreement is not None and found.augmented is not None and found.original is not None
    print(found.sentence)
    print(f"with: {dict(found.augmented.params)}\nwithout: {dict(found.original.params)}")
    figures = {
        "train_rows": float(TRAIN_ROWS),
        "operators": float(len(OPERATORS)),
        "effect": EFFECTS[found.effect],
        **{key: getattr(interval, key) for key in ("mean", "low", "high", "level", "smallest_visible")},
        "seeds": float(found.seeds),
        "loss_with": found.augmented.mean,
        "loss_without": found.original.mean,
        "learning_rate_with": float(found.augmented.params["learning_rate"]),
        "learning_rate_without": float(found.original.params["learning_rate"]),
        "label_agreement": agreement.agree,
        "label_agreement_pairs": float(agreement.pairs),
    }
    print(record("augmentation", figures, ["python", "-m", "benchmarks.augmentation"]))


if __name__ == "__main__":
    main()
