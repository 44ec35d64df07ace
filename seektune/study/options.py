"""What a study file may say about stages, budget and where it runs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from seektune.options import Count, Options, Seconds


class LrRangeOptions(Options):
    """Learning-rate range test (METHOD: probe loss, log LR, several seeds)."""

    low: float = Field(default=1e-6, gt=0)
    """Learning rate at the first step."""
    high: float = Field(default=1.0, gt=0)
    """Learning rate at the last step; the ramp stops by itself once the probe loss has turned up."""
    steps: int = Field(default=120, ge=20, le=10_000)
    """Optimizer steps of one ramp."""
    seeds: int = Field(default=3, ge=1, le=20)
    """Ramps; medians count, and their spread says how far to trust them."""
    probe_rows: int = Field(default=48, ge=8)
    """Fixed rows of the train split on which the loss is measured at each step."""
    probes: bool = True
    """Three short runs at suggestion x {1/3, 1, 3} that confirm the suggestion."""


class CoarseOptions(Options):
    """Wide random search under successive halving on a prefix of the full run."""

    search: str | dict[str, object] = "random"
    """Name in search/options.py, or `{name: settings}`."""
    trials: int = Field(default=24, ge=1, le=100_000)
    rungs: int = Field(default=2, ge=1, le=8)
    """Token positions at which trials are compared."""
    reduction: float = Field(default=3.0, gt=1)
    """Each rung is so many times longer than the one before, and keeps the best 1/reduction."""
    max_share: float = Field(default=1 / 3, gt=0, le=1)
    """The last rung, as a share of the full run."""


class FineOptions(Options):
    """Model-based search near the best, at full length, starting from what coarse saw."""

    search: str | dict[str, object] = "tpe"
    trials: int = Field(default=12, ge=0, le=100_000)
    """New trials."""
    carry: int = Field(default=2, ge=0)
    """Best paused coarse trials that go on to full length first."""
    rungs: int = Field(default=2, ge=1, le=8)
    reduction: float = Field(default=3.0, gt=1)
    batch: int | None = Field(default=None, ge=1)
    """Trials proposed at once; None: as many as workers. Larger is faster and learns less per trial."""
    top_share: float = Field(default=0.25, gt=0, le=1)
    """The narrowed box holds the best share of the coarse trials."""
    wide_share: float = Field(default=0.2, ge=0, le=1)
    """Share of the draws that come from the full space."""


class AugmentationOptions(Options):
    """Does augmentation help? The leading configuration with and without augmented rows, on validation."""

    seeds: int | Literal["auto"] = "auto"
    """Fresh paired seeds with and without; auto: as in confirm, from noise and minimum effect, 3 to 10."""
    learning_rate_factors: list[float] = Field(default=[1 / 3, 1.0, 3.0], min_length=1)
    """Both are tried with the leader's learning rate times each of these (one seed); each keeps its best."""


class ConfirmOptions(Options):
    """Fresh seeds for the shortlist, then one look at the locked test split."""

    top: int = Field(default=3, ge=1, le=20)
    """Shortlist length."""
    seeds: int | Literal["auto"] = "auto"
    """Fresh paired seeds per configuration; auto: from noise and minimum effect, 3 to 10."""
    minimum_effect: float | None = Field(default=None, gt=0)
    """Smallest difference worth having, in units of the objective; None: 1% of the default's value."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Level of the one-sided decision and of the interval (1 - 2 alpha)."""
    baseline_factors: list[float] = [1 / 3, 1.0, 3.0]
    """The default is also tried with its learning rate times each of these; the best of them is a second reference."""


WEIGHTS = {"lr_range": 1.0, "coarse": 3.0, "fine": 3.0, "augmentation": 2.0, "confirm": 3.0}


class StagesOptions(Options):
    """The stages in order. `null` leaves a stage out."""

    lr_range: LrRangeOptions | None = LrRangeOptions()
    coarse: CoarseOptions = CoarseOptions()
    fine: FineOptions | None = FineOptions()
    augmentation: AugmentationOptions | Literal["auto"] | None = "auto"
    """auto: with its defaults where a parameter `augment_...` is searched, else left out."""
    confirm: ConfirmOptions = ConfirmOptions()
    weights: dict[str, float] = WEIGHTS
    """Shares of the budget; what a stage leaves unspent passes to the next. A stage that is not named keeps its own."""

    @field_validator("weights")
    @classmethod
    def _others_keep_theirs(cls, value: dict[str, float]) -> dict[str, float]:
        return {**WEIGHTS, **value}


class BudgetOptions(Options):
    """What a run may use at most. Nothing set: no limit."""

    wall_time: Seconds | None = Field(default=None, gt=0)
    """Working time of the whole run, over all restarts."""
    deadline: str | None = None
    """`06:00` (the next one after the command starts, local time) or an ISO date and time; the run ends before it with
    what it has."""
    trials: int | None = Field(default=None, ge=1)
    """Trials of coarse and fine together."""
    tokens: Count | None = Field(default=None, ge=1)
    """Tokens trained on, all stages together."""
    device_hours: float | None = Field(default=None, gt=0)
    money: float | None = Field(default=None, gt=0)
    """In units of `price_per_device_hour`."""
    price_per_device_hour: float | None = Field(default=None, ge=0)


class RunOptions(Options):
    """Where and how trials run."""

    folder: str = "data/runs"
    """Study folders are made here."""
    executor: Literal["pool", "in_process"] = "pool"
    """Child processes (one per trial), or this process (for debugging)."""
    workers: int | Literal["auto"] = "auto"
    """Trials at once; auto: one per device, or one per CPU core (at most 8)."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    mirror: str | None = "sqlite"
    """Optuna database that optuna-dashboard opens: `sqlite` (mirror.db in the study folder), a database URL, or null."""
    disk: Count = Field(default=20_000_000_000, ge=1_000_000)
    """Bytes that the study folder may take: beyond it paused trials lose their checkpoints (and train again if needed)."""


class ObjectiveOptions(Options):
    """What is best."""

    metric: str = "loss"
    """Name in score/options.py."""
    direction: Literal["minimize", "maximize"] = "minimize"
    repeats: int = Field(default=1, ge=1, le=20)
    """Seeds per configuration in coarse and fine; the mean counts."""
    folds: int | None = Field(default=None, ge=2, le=20)
    """Cross-validation in coarse and fine: each configuration is trained once per fold of the train split (cut by group),
    without that fold, and measured on it; the mean counts. Confirm still judges on validation and test."""

    @property
    def runs(self) -> int:
        """Training runs per configuration."""
        return self.repeats * (self.folds or 1)
