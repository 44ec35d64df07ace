"""Small rows, small members of each model family, and short ways to run segments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from seektune.text.store import Row
from seektune.train.trainer import LanguageTrainer
from seektune.trial import Dispatch, Evaluate, Progress, Result, Segment

VOCABULARY, CLASSES, MAX_LENGTH = 96, 3, 40
CLASS_NAMES, TAG_NAMES = ["class-0", "class-1", "class-2"], ["O", "B-LOC", "B-PER", "I-PER"]

SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "tie_word_embeddings": True,
    "initializer_range": 0.08,
}
LATENT = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 16}
EXPERTS = {
    "moe_intermediate_size": 16,
    "n_routed_experts": 4,
    "n_shared_experts": 1,
    "num_experts_per_tok": 2,
    "first_k_dense_replace": 1,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {"model_type": "llama", **SIZES},
    "deepseek_v2": {"model_type": "deepseek_v2", **SIZES, **LATENT, **EXPERTS},
    "deepseek_v3": {"model_type": "deepseek_v3", **SIZES, **LATENT, **EXPERTS, "n_group": 1, "topk_group": 1},
}


class Quiet:
    """A report that keeps what it hears and is asked to stop after so many looks."""

    def __init__(self, looks: int | None = None) -> None:
        self.heard: list[Progress] = []
        self.looks = looks

    def __call__(self, progress: Progress) -> None:
        self.heard.append(progress)

    def stop_asked(self) -> bool:
        if self.looks is None:
            return False
        self.looks -= 1
        return self.looks < 0


def make_rows(kind: str, count: int, seed: int) -> list[Row]:
    """Rows with a rule that can be learned: ids count up in strides of class + 2."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        length, label = int(generator.integers(6, MAX_LENGTH)), int(generator.integers(CLASSES))
        ids = (np.arange(length) * (label + 2) + generator.integers(VOCABULARY)) % (VOCABULARY - 3) + 3
        learned = np.arange(length) >= (0 if kind == "text" else length // 2)
        labels = np.where(learned & (kind != "classification"), ids, -100)
        if kind == "tagging":  # words of two tokens; whether the last one is low, and what the row is, makes the tag
            labels = np.where(np.arange(length) % 2 == 1, np.where(ids < VOCABULARY // 3, 1 + label, 0), -100)
        rows.append(
            Row(
                f"{seed}-{number:04d}",
                f"group-{number % 7}",
                ids.astype(np.int32),
                labels.astype(np.int32),
                label if kind == "classification" else -1,
                "en",
            )
        )
    return rows


def segment(trial: str, to_tokens: int, horizon_tokens: int, **changes: Any) -> Segment:
    """A segment from scratch; `params` are added to a small default."""
    params = {"learning_rate": 1e-2, "effective_batch": 8, "lora_rank": 4, **changes.pop("params", {})}
    start = {"from_tokens": 0, "seed": 7, "evaluate": Evaluate(rows=12), **changes}
    return Segment(trial=trial, params=params, to_tokens=to_tokens, horizon_tokens=horizon_tokens, **start)


def run(
    trainer: LanguageTrainer, folder: Path, *segments: Segment, report: Quiet | None = None, start: str | None = None
) -> Result:
    """Result of the last segment; `start` is a checkpoint for the first one."""
    checkpoints = ((start,),) if start else ()
    results = trainer.train(Dispatch(1, segments, str(folder), checkpoints), report or Quiet())
    return results[-1]
