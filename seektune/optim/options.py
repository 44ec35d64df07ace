"""Optimizers by name, and the trial parameters each of them reads."""

from __future__ import annotations

from pydantic import Field

from seektune.options import Entry, Options, Registry


class AdamWOptions(Options):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""

    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay (not on norms and biases)."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    """Decay of the first moment."""
    beta2: float = Field(default=0.999, ge=0, lt=1)
    """Decay of the second moment."""
    epsilon: float = Field(default=1e-8, gt=0)
    """Added to the root of the second moment."""


OPTIMIZERS: Registry = {
    "adamw": Entry(AdamWOptions, "seektune.optim.adamw:adamw"),
}
