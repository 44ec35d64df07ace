"""Two bounds on the searches, which the stages keep and the plan counts with.

How many trials may coarse and fine propose, and below how many tokens is no comparison worth anything?
"""

from __future__ import annotations

import math

from seektune.stop.rungs import rung_tokens
from seektune.study.options import CoarseOptions, FineOptions
from seektune.study_file import StudyFile

LEAST_STEPS = 50
"""Optimizer steps at the largest batch before trials are compared (METHOD, "Length, schedules and rungs") ..."""
WARMUPS = 2
"""... and so many times the longest warmup: before that, learning rates have hardly differed."""


def trial_caps(study: StudyFile) -> tuple[int, int]:
    """New trials of (coarse, fine) under `budget.trials`, which holds for both together.

    Coarse gets its share by `stages.weights` and what fine has no use for, but at least one; fine gets what is left.
    """
    stages, limit = study.stages, study.budget.trials
    coarse, fine = stages.coarse.trials, stages.fine.trials if stages.fine else 0
    if limit is None or coarse + fine <= limit:
        return coarse, fine
    weight, other = stages.weights.get("coarse", 0.0), stages.weights.get("fine", 0.0)
    share = weight / (weight + other) if weight + other > 0 else 0.5
    first = min(coarse, max(1, round(limit * share), limit - fine))
    return first, min(fine, limit - first)


def least_tokens(study: StudyFile, tokens_per_row: float, horizon: int) -> int:
    """Tokens below which a rung would compare noise: 50 steps at the largest batch, and twice the longest warmup."""
    steps = LEAST_STEPS * study.largest_batch() * tokens_per_row
    warmup = WARMUPS * study.largest("warmup_ratio") * horizon
    return math.ceil(round(max(steps, warmup), 6))


def rungs_of(
    study: StudyFile, stage: CoarseOptions | FineOptions, tokens_per_row: float, horizon: int
) -> tuple[int, ...]:
    """Token positions at which a search compares its trials: a rung too short for it is left out, the last stands."""
    share = stage.max_share if isinstance(stage, CoarseOptions) else 1.0
    least = min(least_tokens(study, tokens_per_row, horizon), max(1, round(horizon * share)))
    return rung_tokens(horizon, stage.rungs, stage.reduction, share, least)
