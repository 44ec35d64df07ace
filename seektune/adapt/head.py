"""Which layer of a model answers?"""

from __future__ import annotations

from typing import Any

from seektune.score.options import CLASSES


def head_of(model: Any, kind: str) -> Any:
    """The layer from hidden states to classes or tokens."""
    if kind not in CLASSES:
        return model.get_output_embeddings()
    return model.score if hasattr(model, "score") else model.classifier  # so GPT-NeoX types name that of words
