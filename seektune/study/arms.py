"""Configurations that a stage trains side by side, and what their runs say of each other.

An arm is one configuration with a run per seed; all arms share the seeds, so that differences are paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seektune.ledger.results import Candidate, Interval
from seektune.study.context import Context
from seektune.study.examples import Examples, read_examples
from seektune.study.paired import paired_interval
from seektune.study.stage import Round
from seektune.trial import Evaluate, Params, Result, Segment, Start, State

CURVE_POINTS = 3
"""Measurements per run: every row of validation is scored each time, so fewer than in the search."""


@dataclass
class Arm:
    """One configuration with a run per seed; `repeats[i]` is the seed's number of `results[i]`."""

    name: str
    params: Params
    results: list[Result]
    repeats: Sequence[int]

    @property
    def complete(self) -> bool:
        return all(result.state is State.COMPLETE for result in self.results)

    def values(self, context: Context) -> list[float]:
        """Minimised objective of each seed; a diverged seed counts as infinitely bad."""
        values = []
        for result in self.results:
            value = None if result.state in (State.DIVERGED, State.FAILED) else context.minimised(result.metrics)
            values.append(float("inf") if value is None else value)
        return values

    def candidate(self, context: Context) -> Candidate:
        values = [context.shown(value) for value in self.values(context) if np.isfinite(value)]
        mean = float(np.mean(values)) if len(values) == len(self.results) and values else context.shown(1e9)
        return Candidate(name=self.name, params=self.params, values=values, mean=mean)

    def mean(self, context: Context) -> float:
        return float(np.mean(self.values(context))) if self.results else float("inf")


def scored_metric(context: Context) -> str:
    """Perplexity has no mean over rows; its logarithm has, and ranks alike."""
    metric = context.study.objective.metric
    return "loss" if metric == "perplexity" else metric


def run_name(arm: str, repeat: int) -> str:
    return f"{arm}·seed{repeat}"


def train_round(
    context: Context, arms: Mapping[str, Params], repeats: Sequence[int], purpose: Sequence[str] = ("confirm",)
) -> Round:
    """Full-length runs of every arm with the same seeds, scored per example on validation.

    `purpose`: the stage, and what else tells these seeds from others of it.
    """
    horizon = context.prepared.horizon_tokens
    segments = tuple(
        Segment(
            trial=run_name(name, repeat),
            params=params,
            seed=context.seed(*purpose, repeat),
            from_tokens=0,
            to_tokens=horizon,
            horizon_tokens=horizon,
            evaluate=Evaluate(every_tokens=max(horizon // CURVE_POINTS, 1), per_example=True),
        )
        for repeat in repeats  # seed by seed: a budget that ends early leaves whole pairs
        for name, params in arms.items()
    )
    return Round(context.trainer(), segments, {segment.trial: purpose[0] for segment in segments})


def look_round(
    context: Context, arms: Sequence[Arm], *, split: str, export: bool = False, purpose: Sequence[str] = ("confirm",)
) -> Round:
    """Zero-length segments: measure what stands, per example. `purpose`: as these arms were trained."""
    horizon = context.prepared.horizon_tokens
    segments = tuple(
        Segment(
            trial=result.trial,
            params=arm.params,
            seed=context.seed(*purpose, repeat),
            from_tokens=horizon,
            to_tokens=horizon,
            horizon_tokens=horizon,
            start=Start(result.trial, horizon),
            evaluate=Evaluate(split=split, per_example=not export),
            keep=False,
            export=export,
        )
        for arm in arms
        for repeat, result in zip(arm.repeats, arm.results, strict=True)
    )
    return Round(context.trainer(), segments, look=context.prepared.test_fingerprint if split == "test" else None)


def compare(
    context: Context, challenger: Sequence[Result], reference: Sequence[Result], table: Sequence[Sequence[float]]
) -> Interval:
    """Paired interval of challenger over reference, positive is better."""
    metric = scored_metric(context)
    ours: list[Examples] = [read_examples(Path(result.examples or ""), metric) for result in challenger]
    theirs: list[Examples] = [read_examples(Path(result.examples or ""), metric) for result in reference]
    return paired_interval(
        np.stack([examples.scores for examples in ours]),
        np.stack([examples.scores for examples in theirs]),
        ours[0].groups,
        np.array(table),
        alpha=context.study.stages.confirm.alpha,
        sign=-1.0 if context.study.objective.direction == "minimize" else 1.0,
    )


def pool(context: Context, short: Sequence[Arm], over: Arm) -> list[list[float]]:
    """Run means [C, S] from which the seed variance is pooled: the shortlist and the configuration compared with.

    The other baselines stay out, by rule and not by looking: a learning rate far from good scatters more than the two
    configurations in question, and would widen their interval many times over.
    """
    return [[r.metrics[scored_metric(context)] for r in arm.results] for arm in (*short, over) if arm.complete]
