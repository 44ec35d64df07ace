"""Which learning rate has this step? A schedule with linear warmup before it, as a function of tokens only.

Progress is counted in tokens over the full run (the horizon), never in steps of a segment, so that a rung is a prefix
of the full run. The schedule runs from the end of warmup to the horizon and is read where the step begins, as is
usual; warmup is read where the step ends, so that no step is spent on a learning rate of zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seektune.schedule.options import SCHEDULES


class LearningRate:
    """`at(before, after)`: the learning rate of the step that takes the trial from `before` to `after` tokens."""

    def __init__(
        self, schedule: str, params: Mapping[str, Any], *, peak: float, warmup_ratio: float, horizon_tokens: int
    ) -> None:
        entry = SCHEDULES[schedule]
        self._curve = entry.load()
        self._options = entry.settings(**{name: params[name] for name in entry.settings.model_fields})
        self._peak = peak
        self._horizon_tokens = max(1, horizon_tokens)
        self._warmup_tokens = warmup_ratio * self._horizon_tokens

    def at(self, before_tokens: int, after_tokens: int) -> float:
        if after_tokens < self._warmup_tokens:
            return self._peak * after_tokens / self._warmup_tokens
        past_warmup = max(0.0, before_tokens - self._warmup_tokens)
        progress = min(1.0, past_warmup / max(1.0, self._horizon_tokens - self._warmup_tokens))
        return float(self._peak * self._curve(progress, self._options))
