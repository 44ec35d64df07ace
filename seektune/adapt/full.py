"""Full fine-tuning: every parameter moves."""

from __future__ import annotations

from typing import Any

from seektune.adapt.options import FullOptions


def full(model: Any, kind: str, options: FullOptions) -> Any:
    """The same model, everything trainable."""
    model.requires_grad_(True)
    return model
