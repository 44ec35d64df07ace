"""Stage: is the winner truly better than the default? Fresh paired seeds first, then one look at the locked test split.

1. The shortlist (by the surrogate's mean, with a minimum distance: not the luckiest minima) is frozen.
2. Shortlist, default, and the default with its learning rate times each baseline factor are trained to full length
   with the same fresh seeds, and scored on validation.
3. The best of the shortlist is the challenger. Only when the lower bound of its lead on validation is above zero are
   challenger and default scored, example by example, on the test split: selecting and judging never share rows, and a
   look that cannot succeed is not taken.
4. The challenger's model is written as a folder.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seektune.ledger.results import Candidate, ConfirmResult, Interval, SearchResult, Verdict
from seektune.search.shortlist import shortlist
from seektune.study.context import Context
from seektune.study.examples import Examples, read_examples
from seektune.study.field import Field
from seektune.study.paired import paired_interval, seeds_needed
from seektune.study.stage import Round
from seektune.trial import Evaluate, Json, Params, Result, Segment, Start, State

PAIRED_FACTOR = 0.71
"""Spread of a paired difference over the spread of one score: sqrt(2 (1 - 0.75)), correlation between pairs 0.75."""
EFFECT_SHARE = 0.01
"""Smallest difference worth having where the study names none: 1% of the default's value."""

CURVE_POINTS = 3
"""Measurements per run: every row of validation is scored each time, so fewer than in the search."""


@dataclass
class Arm:
    """One configuration with a run per seed."""

    name: str
    params: Params
    results: list[Result]

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
        return float(np.mean(self.values(context)))


def scored_metric(context: Context) -> str:
    """Perplexity has no mean over rows; its logarithm has, and ranks alike."""
    metric = context.study.objective.metric
    return "loss" if metric == "perplexity" else metric


def run_name(arm: str, repeat: int) -> str:
    return f"{arm}·seed{repeat}"


def train_round(context: Context, arms: Mapping[str, Params], repeats: Sequence[int]) -> Round:
    """Full-length runs of every arm with the same seeds, scored per example on validation."""
    horizon = context.prepared.horizon_tokens
    segments = tuple(
        Segment(
            trial=run_name(name, repeat),
            params=params,
            seed=context.seed("confirm", repeat),
            from_tokens=0,
            to_tokens=horizon,
            horizon_tokens=horizon,
            evaluate=Evaluate(every_tokens=max(horizon // CURVE_POINTS, 1), per_example=True),
        )
        for name, params in arms.items()
        for repeat in repeats
    )
    return Round(context.trainer(), segments, {segment.trial: "confirm" for segment in segments})


def look_round(context: Context, arms: Sequence[Arm], *, split: str, export: bool = False) -> Round:
    """Zero-length segments: measure what stands, per example."""
    horizon = context.prepared.horizon_tokens
    segments = tuple(
        Segment(
            trial=result.trial,
            params=arm.params,
            seed=context.seed("confirm", repeat),
            from_tokens=horizon,
            to_tokens=horizon,
            horizon_tokens=horizon,
            start=Start(result.trial, horizon),
            evaluate=Evaluate(split=split, per_example=not export),
            keep=False,
            export=export,
        )
        for arm in arms
        for repeat, result in enumerate(arm.results)
    )
    return Round(context.trainer(), segments, look=context.prepared.data_fingerprint if split == "test" else None)


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


def pool(context: Context, short: Sequence[Arm], over: Arm, complete: Sequence[Arm]) -> list[list[float]]:
    """Run means [C, S] from which the seed variance is pooled: the shortlist and the configuration compared with.

    The other baselines stay out, by rule and not by looking: a learning rate far from good scatters more than the two
    configurations in question, and would widen their interval many times over.
    """
    return [[r.metrics[scored_metric(context)] for r in arm.results] for arm in (*short, over) if arm in complete]


def confirm(context: Context) -> Generator[Round, tuple[Result, ...], Json]:
    """ConfirmResult."""
    options = context.study.stages.confirm
    found = SearchResult.model_validate(context.upstream.get("fine") or context.upstream["coarse"])
    default = dict(context.default())
    field = Field(context, "confirm")
    field.take_over(leader for leader in found.history if not leader.trial.startswith("default-"))
    minimum = options.minimum_effect or EFFECT_SHARE * abs(found.default_value or found.best.value or 1.0)
    noise_sd = found.noise_sd or minimum
    seeds = seeds_needed(PAIRED_FACTOR * noise_sd, minimum) if options.seeds == "auto" else options.seeds

    observed = field.observed()
    chosen = shortlist(
        context.space,
        list(observed.values()),
        list(observed),
        count=options.top,
        seed=context.seed("confirm", "shortlist"),
    )
    arms: dict[str, Params] = {name: field.trials[name].params for name in chosen}
    for factor in options.baseline_factors:
        rate = float(default["learning_rate"]) * factor
        arms["default" if factor == 1.0 else f"default·lr×{factor:.2g}"] = {**default, "learning_rate": rate}
    arms.setdefault("default", default)

    results = yield train_round(context, arms, range(seeds))
    tried = {
        name: Arm(name, params, [r for r in results if r.trial.rsplit("·seed", 1)[0] == name])
        for name, params in arms.items()
    }
    short = sorted((tried[name] for name in chosen), key=lambda arm: arm.mean(context))
    baselines = [arm for name, arm in tried.items() if name not in chosen]
    challenger, reference = short[0], tried["default"]
    best_baseline = min(baselines, key=lambda arm: arm.mean(context))
    complete = [arm for arm in tried.values() if all(r.state is State.COMPLETE for r in arm.results)]

    def lead(over: Arm) -> Interval | None:
        if challenger not in complete or over not in complete:
            return None
        return compare(context, challenger.results, over.results, pool(context, short, over, complete))

    validation = lead(reference)
    against_best = lead(best_baseline)
    test: Interval | None = None
    scores: dict[str, float] = {}
    looks = context.looks
    if validation is not None and validation.low > 0:
        answers = yield look_round(context, [challenger, reference], split="test")
        looks += 1
        ours, theirs = answers[:seeds], answers[seeds:]
        # The test table has two rows only; the interaction between configuration and seed is a property of training,
        # so validation's pooled estimate stands in for it.
        if all(answer.examples for answer in answers):
            test = compare(context, ours, theirs, pool(context, short, reference, complete))
        for who, side in (("challenger", ours), ("default", theirs)):
            for metric in side[0].metrics:
                scores[f"{who}.{metric}"] = float(np.mean([answer.metrics[metric] for answer in side]))

    verdict, sentence = judge(challenger, reference, validation, test, minimum, context)
    model: str | None = None
    if challenger in complete:
        order = np.argsort(challenger.values(context))
        median = int(order[(len(order) - 1) // 2])
        exported = look_round(context, [challenger], split="validation", export=True)
        written = yield Round(exported.trainer, (exported.segments[median],))
        model = written[0].model

    result = ConfirmResult(
        challenger=challenger.candidate(context),
        reference=reference.candidate(context),
        shortlist=[arm.candidate(context) for arm in short],
        baselines=[arm.candidate(context) for arm in baselines],
        validation=validation,
        test=test,
        against_best_baseline=against_best,
        minimum_effect=minimum,
        verdict=verdict,
        sentence=sentence,
        looks=looks,
        seeds=seeds,
        test_scores=scores,
        model=model,
    )
    return {**result.model_dump(mode="json"), "keep": []}


def judge(
    challenger: Arm,
    reference: Arm,
    validation: Interval | None,
    test: Interval | None,
    minimum: float,
    context: Context,
) -> tuple[Verdict, str]:
    """Verdict and the sentence that people read."""
    metric = scored_metric(context)
    if validation is None:
        return "not shown", f"{challenger.name} or the default did not finish on every seed, so nothing is claimed."
    if test is None:
        if validation.smallest_visible > minimum and validation.mean > 0:
            return "underpowered", (
                f"{challenger.name} leads the default by {validation.mean:.4g} in validation {metric}, but differences below "
                f"{validation.smallest_visible:.4g} could not be seen with these seeds and rows; the test split was not touched."
            )
        return "default stays", (
            f"On validation {challenger.name} does not clearly beat the default ({validation.mean:+.4g} {metric}, "
            f"interval {validation.low:+.4g} to {validation.high:+.4g}); the test split was not touched."
        )
    interval = f"{test.level:.0%} interval {test.low:+.4g} to {test.high:+.4g}"
    if test.low > 0:
        return "better", (
            f"{challenger.name} beats the default on the locked test split by {test.mean:.4g} in {metric} ({interval})."
        )
    if test.high < 0:
        return (
            "worse",
            f"{challenger.name} is worse than the default on the locked test split by {-test.mean:.4g} ({interval}).",
        )
    word: Verdict = "underpowered" if test.smallest_visible > minimum else "not shown"
    return word, (
        f"On the locked test split {challenger.name} and the default differ by {test.mean:+.4g} in {metric} ({interval}); "
        f"the smallest visible difference was {test.smallest_visible:.4g}."
    )
