"""The default hyperparameters that a tuned winner has to beat. Torch-free.

Where from: LoRA 3e-4 with rank 16, alpha 32 on all linear layers (median regret 0.0% on a 35-model sweep); full
fine-tuning 1e-5 at 1B parameters and more. Below a hidden size of 2,000 the learning rate is scaled by
(2000 / hidden)^0.78: wide models want smaller steps.
"""

from __future__ import annotations

from seektune.trial import Scalar

_REFERENCE_HIDDEN = 2000
_EXPONENT = 0.78
_LEARNING_RATE = {"lora": 3e-4, "full": 1e-5}


def defaults(method: str, hidden_size: int) -> dict[str, Scalar]:
    """A complete parameter vector (names of TrialParams)."""
    scale = max(1.0, _REFERENCE_HIDDEN / hidden_size) ** _EXPONENT
    params: dict[str, Scalar] = {
        "method": method,
        "learning_rate": float(f"{_LEARNING_RATE[method] * scale:.3g}"),
        "effective_batch": 16,
        "weight_decay": 0.0,
        "warmup_ratio": 0.03,
        "schedule": "cosine",
        "optimizer": "adamw",
    }
    if method == "lora":
        params |= {"lora_rank": 16, "lora_alpha": 32.0, "lora_dropout": 0.0}
    return params
