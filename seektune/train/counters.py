"""Where a trial stands, as plain numbers: part of every checkpoint. With it, the two rules that follow the curve.

Only regular points leave a trace here (those on the trial's own counters of tokens or steps, and the one at the end of
the full run). A rung is measured too, but a trial that pauses there must stay the trial that does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from seektune.trial import Evaluate

_SMALLEST_DROP = 0.1
"""Of the first loss: a smaller drop counts as this much, so that noise before the loss has moved stops nothing."""


@dataclass(slots=True)
class Counters:
    """JSON by `dataclasses.asdict`."""

    step: int = 0
    tokens: int = 0  # really consumed; the nominal position is the segment's
    seconds: float = 0.0  # of the whole trial, evaluation included
    learning_rate: float = 0.0  # of the last step
    loss_sum: float = 0.0  # training loss since the last regular point, over targets
    loss_targets: int = 0
    due: bool = False  # a regular point that a stop request prevented
    first_loss: float | None = None  # of regular points
    lowest_loss: float | None = None
    risen: int = 0  # regular points in a row above the rise threshold
    best_metrics: Mapping[str, float] | None = None  # of the regular point with the lowest loss

    @property
    def train_loss(self) -> float | None:
        """Mean over the targets since the last regular point."""
        return self.loss_sum / self.loss_targets if self.loss_targets else None

    def is_due(self, evaluate: Evaluate, tokens_before: int) -> bool:
        """Has the last step crossed a multiple of `every_tokens`, or is its number one of `every_steps`?"""
        by_tokens = (
            evaluate.every_tokens and tokens_before // evaluate.every_tokens < self.tokens // evaluate.every_tokens
        )
        by_steps = evaluate.every_steps and self.step % evaluate.every_steps == 0
        return bool(by_tokens or by_steps)

    def record(self, metrics: Mapping[str, float], evaluate: Evaluate) -> bool:
        """Take in a regular point; True when it is the lowest loss so far."""
        loss = metrics["loss"]
        lowest = loss if self.lowest_loss is None else min(loss, self.lowest_loss)
        is_best = self.lowest_loss is None or loss < self.lowest_loss
        self.first_loss = loss if self.first_loss is None else self.first_loss
        self.lowest_loss = lowest
        drop = max(self.first_loss - lowest, _SMALLEST_DROP * abs(self.first_loss))
        above = evaluate.rise_fraction is not None and loss > lowest + evaluate.rise_fraction * drop
        self.risen = self.risen + 1 if above else 0
        if is_best:
            self.best_metrics = dict(metrics)
        self.loss_sum, self.loss_targets, self.due = 0.0, 0, False
        return is_best

    def rise(self, evaluate: Evaluate) -> str:
        """Why the rule of a rising loss ends the trial; "" while it does not."""
        if evaluate.rise_fraction is None or self.risen < evaluate.rise_patience or self.lowest_loss is None:
            return ""
        return (
            f"loss was above its minimum of {self.lowest_loss:.4g} by {evaluate.rise_fraction:.0%} of its drop "
            f"for {evaluate.rise_patience} evaluations in a row"
        )
