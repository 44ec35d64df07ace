"""The law that simulated training follows: a known optimum, curves that cross, divergence, seed noise.

With p the progress through the full run, x the distance to the optimum (in `widths`) and u the current learning rate
over the best one for the batch,

    loss = floor + height * x^2 / (1 + x^2 / 16) * sqrt(p) + excess + noise * sqrt(p)
    d excess / dp = -18 * u / (1 + u) * excess

A learning rate that is too high learns fast at first and ends high: curves cross. Above `diverge_factor` times the best
learning rate the excess grows at every step. The best learning rate grows with the root of the batch.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from seektune.options import Options, Seconds
from seektune.schedule.learning_rate import LearningRate
from seektune.trial import Params, Segment, derive_seed, fingerprint

SPEED = 18.0
GIVEN: Params = {
    "schedule": "cosine",
    "warmup_ratio": 0.0,
    "final_ratio": 0.0,
    "ramp_ratio": 1e6,
    "effective_batch": 16,
}
DECADES = ("learning_rate", "lora_rank")
"""Parameters whose distance is a ratio."""


class SimulatedOptions(Options):
    """`model: {simulated: {...}}` in a study file."""

    optimum: dict[str, float] = Field(default={"learning_rate": 1e-3, "weight_decay": 0.03, "lora_rank": 16.0})
    """The best value of each parameter that matters; the learning rate's is that for an effective batch of 16."""
    widths: dict[str, float] = Field(default={"learning_rate": 0.5, "weight_decay": 0.05, "lora_rank": 0.6})
    """Distance that costs `height`: in decades for learning_rate and lora_rank, in units for the others."""
    floor: float = 1.0
    """Loss of the best configuration after infinite training."""
    start: float = 4.0
    """Loss of the base model."""
    height: float = Field(default=0.2, ge=0)
    """Loss added at full length by a distance of one width."""
    noise: float = Field(default=0.01, ge=0)
    """Seed SD of the loss at full length; three quarters of its variance are common to all configurations of a seed."""
    diverge_factor: float = Field(default=12.0, gt=1)
    """Learning rates above the best one by this factor diverge."""
    tokens_per_row: int = Field(default=32, ge=1)
    """A step takes effective_batch x this many tokens."""
    tokens_per_second: float = Field(default=10_000.0, gt=0)
    """Simulated speed, for costs and times in results."""
    seconds_per_step: Seconds = Field(default=0.0, ge=0)
    """Real time that each step takes."""
    save_every_steps: int = Field(default=20, ge=1)
    """Steps between checkpoints inside a segment."""
    rows: int = Field(default=200, ge=8)
    """Rows of the evaluation splits."""


@dataclass
class Standing:
    """Where a trial stands; JSON, and all of a checkpoint."""

    excess: float
    step: int = 0
    tokens: int = 0
    first_loss: float | None = None
    lowest_loss: float | None = None
    risen: int = 0
    segment: str = ""  # identity of the segment that wrote it ...
    curve: list[dict[str, Any]] = field(default_factory=list)  # ... and its points


class Law:
    """Pure functions of options, segment and standing."""

    def __init__(self, options: SimulatedOptions) -> None:
        self.options = options

    def fresh(self) -> Standing:
        return Standing(excess=self.options.start - self.options.floor)

    def schedule(self, segment: Segment) -> LearningRate:
        params = {**GIVEN, **segment.params}
        return LearningRate(
            str(params["schedule"]),
            params,
            peak=float(params["learning_rate"]),
            warmup_ratio=float(params["warmup_ratio"]),
            horizon_tokens=segment.horizon_tokens,
        )

    def step(self, segment: Segment, at: Standing, rate: LearningRate, *, noisy: bool = True) -> bool:
        """One optimizer step; False when the trial has diverged."""
        batch = float(segment.params.get("effective_batch", 16))
        size = round(batch * self.options.tokens_per_row)
        relative = rate.at(at.tokens, at.tokens + size) / self._best_rate(batch)
        at.excess *= math.exp(-SPEED * relative / (1 + relative) * size / segment.horizon_tokens)
        if noisy:
            jitter = random.Random(segment.seed * 1_000_003 + at.step).gauss(0.0, 1.0)
            # 5% over a full run; weights that hardly move have hardly any noise
            at.excess *= 1.0 + 0.05 * jitter * math.sqrt(size / segment.horizon_tokens) * min(1.0, relative)
        if relative > self.options.diverge_factor:
            at.excess += 0.05 + relative / self.options.diverge_factor * at.excess
        at.step += 1
        at.tokens += size
        return at.excess < 1e3

    def loss(self, segment: Segment, at: Standing) -> float:
        options = self.options
        root = math.sqrt(min(1.0, at.tokens / segment.horizon_tokens))
        squared = self._squared_distance(segment.params)
        common, alone = (gauss(segment.seed, part) for part in ("common", fingerprint(dict(segment.params))))
        noise = options.noise * (math.sqrt(0.75) * common + 0.5 * alone)
        scarce = 0.1 * (1 / segment.view.share - 1)
        return options.floor + (options.height * squared / (1 + squared / 16) + noise) * root + at.excess + scarce

    def best_loss(self, steps: int = 400) -> float:
        """The loss of the best configuration at full length, without noise."""
        horizon = steps * 16 * self.options.tokens_per_row
        segment, at = Segment("best", self.options.optimum, 0, 0, horizon, horizon), self.fresh()
        rate = self.schedule(segment)
        while at.tokens < horizon:
            self.step(segment, at, rate, noisy=False)
        return self.options.floor + at.excess

    def rising(self, segment: Segment, at: Standing, loss: float) -> bool:
        """Has the loss turned up for good (Evaluate.rise_fraction)?"""
        fraction = segment.evaluate.rise_fraction
        if fraction is None:
            return False
        at.first_loss = loss if at.first_loss is None else at.first_loss
        at.lowest_loss = loss if at.lowest_loss is None else min(at.lowest_loss, loss)
        drop = max(at.first_loss - at.lowest_loss, 0.1 * at.first_loss)
        at.risen = at.risen + 1 if loss > at.lowest_loss + fraction * drop else 0
        return at.risen >= segment.evaluate.rise_patience

    def _best_rate(self, batch: float) -> float:
        return self.options.optimum.get("learning_rate", 1e-3) * math.sqrt(batch / 16.0)

    def _squared_distance(self, params: Params) -> float:
        """In widths. A ramp has no one learning rate to be judged by."""
        total = 0.0
        for name, best in self._optimum(params).items():
            if name in params and not (name == "learning_rate" and params.get("schedule") == "ramp"):
                value = float(params[name])
                gap = math.log10(value / best) if name in DECADES else value - best
                total += (gap / self.options.widths.get(name, 1.0)) ** 2
        return total

    def _optimum(self, params: Params) -> Mapping[str, float]:
        return {**self.options.optimum, "learning_rate": self._best_rate(float(params.get("effective_batch", 16)))}


def gauss(*parts: object) -> float:
    """A standard normal number that is a function of its parts."""
    return random.Random(derive_seed(*parts)).gauss(0.0, 1.0)
