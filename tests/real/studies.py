"""Small studies on real, openly licensed text: the same pipeline as the sample study, at sizes that two cores train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the folder of real text is not there: {SHARED}")

DATA: dict[str, dict[str, Any]] = {
    "dolly": {
        "kind": "instruction",
        "sources": [
            {
                "path": str(SHARED / "sft_en_dolly" / "dolly.jsonl"),
                "columns": {"input": "context", "output": "response"},
            }
        ],
        "max_length": 96,
    },
    "crosswoz": {
        "kind": "chat",
        "sources": [{"path": str(SHARED / "sft_zh_crosswoz" / "crosswoz.jsonl")}],
        "max_length": 128,
    },
    "banking77": {
        "kind": "classification",
        "sources": [{"path": str(SHARED / "cls_banking77" / "banking77.csv"), "columns": {"label": "category"}}],
        "max_length": 64,
    },
    "uner_zh": {
        "kind": "tagging",
        "sources": [{"path": str(SHARED / "seq_zh_uner_ner" / "uner_zh_gsdsimp.conll")}],
        "max_length": 96,
    },
    "legal_contracts": {
        "kind": "summary",
        "sources": [
            {
                "path": str(SHARED / "sum_legal_contracts" / "legal.jsonl"),
                "columns": {"document": "original_text", "summary": "reference_summary"},
            }
        ],
        "max_length": 128,
    },
    "tinyshakespeare": {
        "kind": "text",
        "sources": [{"path": str(SHARED / "base_en_tinyshakespeare" / "input.txt")}],
        "max_length": 96,
    },
}


def study(
    name: str, *, method: str = "lora", tokens: int = 18_000, pretrain: int = 40_000, seed: int = 3
) -> dict[str, Any]:
    """A study file as a mapping; tests shrink or stretch it."""
    return {
        "study": f"{name}-{method}",
        "seed": seed,
        "model": {"config": "tiny-deepseek-v3", "pretrain": {"tokens": pretrain}},
        "data": DATA[name],
        "train": {"tokens": tokens, "eval_rows": 64, "eval_every": tokens},
        "method": method,
        "objective": {"metric": "validation_loss"},
        "space": {
            "learning_rate": {"low": 1e-5, "high": 1e-1, "log": True},
            "effective_batch": {"choices": [4, 8, 16]},
        },
        "stages": {
            "lr_range": {"steps": 40, "seeds": 2, "probe_rows": 24, "probes": False},
            "coarse": {"trials": 4, "rungs": 2},
            "fine": {"trials": 1, "carry": 1},
            "confirm": {"top": 1, "seeds": 3, "baseline_factors": [1.0]},
        },
    }


def write(content: dict[str, Any], folder: Path) -> Path:
    """The study file in `folder`; its runs, cache and champions stay there, too."""
    content = {**content, "run": {"folder": str(folder / "runs"), **content.get("run", {})}}
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path
