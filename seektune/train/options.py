"""What a study file may say about the model and about training, and which parameters a trial may have."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from seektune.adapt.options import METHODS
from seektune.optim.options import OPTIMIZERS
from seektune.options import Count, Options, Registry, Seconds
from seektune.schedule.options import SCHEDULES
from seektune.text.augmentation.options import ALL, MOST_COPIES

_REGISTRIES: dict[str, Registry] = {"schedule": SCHEDULES, "optimizer": OPTIMIZERS, "method": METHODS}


class PretrainOptions(Options):
    """Pre-training of a base made from nothing, on general text and the train split."""

    tokens: Count = Field(default=400_000, ge=0)
    """Tokens to train on; 0: random weights are the base."""
    learning_rate: float = Field(default=3e-3, gt=0)
    """Peak learning rate (AdamW, cosine, 5% warmup)."""
    effective_batch: int = Field(default=16, ge=1)
    """Rows per optimizer step."""
    vocabulary: int = Field(default=2048, ge=300)
    """Size of the byte-level BPE tokenizer that is trained with it."""


class ContinuedPretrainingOptions(Options):
    """Continued pre-training of a base on domain text mixed with general text, before the search: all weights move
    (Gururangan et al. 2020). Documents are packed, without attention or positions across them."""

    domain_share: float = Field(default=0.3, gt=0, le=1)
    """Least share of domain text (data.domain, else the train split) among the tokens of the mix, exact to a block:
    whichever text is too large is cut, nothing is repeated. Without general text (data.general) it is 1."""
    tokens: Count | None = Field(default=None, ge=1)
    """Most tokens of the mix, to a block; None: as many as the texts give at this share."""
    epochs: float = Field(default=1.0, gt=0)
    """Passes over the mix."""
    learning_rate: float | None = Field(default=None, gt=0)
    """Peak learning rate (AdamW, cosine, 5% warmup); None: ten times the default of full fine-tuning, scaled to the
    model's size (1e-4 at a hidden size of 2,000 and more)."""
    effective_batch: int = Field(default=16, ge=1)
    """Packed rows of `data.max_length` tokens per optimizer step."""


class ModelOptions(Options):
    """Which base model; exactly one of config, folder, hub."""

    config: str | dict[str, Any] | None = None
    """Preset (tiny-llama, tiny-deepseek-v2, tiny-deepseek-v3), or a transformers config with `model_type`."""
    folder: str | None = None
    """Local folder with config.json, safetensors and tokenizer."""
    hub: str | None = None
    """Hub id, for example deepseek-ai/deepseek-llm-7b-base; needs `revision`."""
    revision: str | None = None
    """Commit of the hub model (40 hex digits)."""
    pretrain: PretrainOptions = PretrainOptions()
    continued_pretraining: ContinuedPretrainingOptions | None = None
    """Train a folder or hub model on domain text first; all trials start from the adapted base, which is cached. `{}`: by
    the defaults; null: not at all."""


class TrainOptions(Options):
    """One full run. Rungs are prefixes of it; every schedule spans it."""

    tokens: Count | None = Field(default=None, ge=1)
    """Length of a full run in tokens; or give `epochs`."""
    epochs: float | None = Field(default=None, gt=0)
    """Length of a full run in passes over the train split."""
    eval_every: Count | None = Field(default=None, ge=1)
    """Tokens between evaluations on the validation rows; None: a tenth of the full run."""
    eval_rows: int | None = Field(default=None, ge=8)
    """Validation rows used to rank trials (in content-hash order); None: all."""
    checkpoint: Literal["last", "best"] = "last"
    """Which weights of a full run count."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Arithmetic of forward and backward; weights and optimizer state stay fp32 where they move."""
    micro_batch: int | None = Field(default=None, ge=1)
    """Rows per forward pass; gradients accumulate up to the effective batch. None: as many as fit `micro_tokens`."""
    micro_tokens: Count = Field(default=4096, ge=1)
    """Most tokens (padding counted) in one forward pass when `micro_batch` is not set."""
    packing: bool = False
    """Lay several documents in one row, with no attention or position across them; the loss is the same."""
    average_steps: int = Field(default=12, ge=1)
    """Length of the moving average of the weights that is measured and saved; 1: the raw weights."""
    save_every: Seconds = Field(default=30.0, gt=0)
    """Seconds between checkpoints inside a segment, for resume after a crash."""


class TrialParams(Options):
    """Every parameter a trial may have; the space searches some, the rest have these defaults."""

    learning_rate: float = Field(gt=0)
    """Peak learning rate."""
    effective_batch: int = Field(default=16, ge=1)
    """Rows per optimizer step."""
    accumulation: int = Field(default=0, ge=0)
    """Micro-batches per optimizer step; 0: as few as `micro_tokens` (or `micro_batch`) lets through. The loss is the
    same, speed and memory are not."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay (not on norms and biases)."""
    warmup_ratio: float = Field(default=0.03, ge=0, lt=1)
    """Share of the full run's tokens over which the learning rate rises from 0."""
    schedule: str = "cosine"
    """Name in schedule/options.py."""
    final_ratio: float = Field(default=0.0, ge=0, le=1)
    """Learning rate at the end of the run, as a share of the peak."""
    ramp_ratio: float = Field(default=1e6, gt=1)
    """`schedule: ramp` only: highest learning rate over the lowest."""
    optimizer: str = "adamw"
    """Name in optim/options.py."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    """Decay of the optimizer's first moment."""
    beta2: float = Field(default=0.999, ge=0, lt=1)
    """Decay of the optimizer's second moment."""
    epsilon: float = Field(default=1e-8, gt=0)
    """Added to the root of the second moment."""
    clip_norm: float = Field(default=1.0, ge=0)
    """Largest gradient norm; 0: no clipping."""
    method: str = "full"
    """Name in adapt/options.py."""
    lora_rank: int = Field(default=16, ge=1)
    """`method: lora` only: rank of the update."""
    lora_alpha: float = Field(default=32.0, gt=0)
    """`method: lora` only: the update is scaled by alpha / rank."""
    lora_dropout: float = Field(default=0.0, ge=0, lt=1)
    """`method: lora` only: dropout on the adapter's input."""

    augment_operators: str = ALL
    """Augmented rows of which operators (`data.augment.operators`) are trained on beside the original ones: all, none, a
    name, or names joined by `+`. A full run has the same length in tokens whatever is chosen."""
    augment_copies: int = Field(default=MOST_COPIES, ge=0, le=MOST_COPIES)
    """How many of an operator's rows are trained on per original row, at most `data.augment.copies`; 0: none."""
    augment_rate: float = Field(default=0.0, ge=0, le=1)
    """Rate at which they were made, one of `data.augment.rates`; 0: the first of them, or each operator's own."""

    @field_validator("schedule", "optimizer", "method")
    @classmethod
    def _known(cls, name: str, info: ValidationInfo) -> str:
        registry = _REGISTRIES[str(info.field_name)]
        if name not in registry:
            raise ValueError(f"unknown {info.field_name} {name!r}; one of {', '.join(registry)}")
        return name
