"""Which weights move: methods by name, and the trial parameters each of them reads."""

from __future__ import annotations

from pydantic import Field

from seektune.options import Entry, Options, Registry


class FullOptions(Options):
    """All weights move."""


class LoraOptions(Options):
    """Low-rank adapters on every linear layer (Hu et al. 2022), by peft; the base stays frozen."""

    lora_rank: int = Field(default=16, ge=1)
    """Rank of the update."""
    lora_alpha: float = Field(default=32.0, gt=0)
    """The update is scaled by alpha / rank."""
    lora_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the adapter's input."""


METHODS: Registry = {
    "full": Entry(FullOptions, "seektune.adapt.full:full"),
    "lora": Entry(LoraOptions, "seektune.adapt.lora:lora"),
}
