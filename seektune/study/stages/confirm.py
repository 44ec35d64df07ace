"""Stage: is the winner truly better than the default? Fresh paired seeds first, then one look at the locked test split.

1. The shortlist (by the surrogate's mean, with a minimum distance: not the luckiest minima) is frozen.
2. Shortlist, default, and the default with its learning rate times each baseline factor are trained to full length
   with the same fresh seeds, and scored on validation.
3. The best of the shortlist is the challenger. Only when the lower bound of its lead on validation is above zero are
   challenger and default scored, example by example, on the test split: selecting and judging never share rows, and a
   look that cannot succeed is not taken.
4. The challenger's model is written as a folder.

When a budget ends the training, the seeds that shortlist and default have finished are what counts.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence

import numpy as np

from seektune.ledger.results import ConfirmResult, Interval, SearchResult
from seektune.search.shortlist import shortlist
from seektune.study.arms import Arm, compare, look_round, pool, run_name, scored_metric, train_round
from seektune.study.context import Context, gave_up
from seektune.study.field import Field
from seektune.study.paired import seeds_needed
from seektune.study.stage import Round
from seektune.study.tried import is_default
from seektune.study.verdict import Facts, judge
from seektune.trial import Json, Params, Result, State

PAIRED_FACTOR = 0.71
"""Spread of a paired difference over the spread of one score: sqrt(2 (1 - 0.75)), correlation between pairs 0.75."""
EFFECT_SHARE = 0.01
"""Smallest difference worth having where the study names none: 1% of the default's value."""


def chosen_trials(context: Context, found: SearchResult) -> dict[str, Params]:
    """The shortlist: trial -> parameters."""
    field = Field(context, "confirm")
    field.take_over(leader for leader in found.history if not is_default(leader.trial))
    observed = field.observed()
    names = shortlist(
        context.space,
        list(observed.values()),
        list(observed),
        count=context.study.stages.confirm.top,
        seed=context.seed("confirm", "shortlist"),
    )
    return {name: field.trials[name].params for name in names}


def references(context: Context) -> dict[str, Params]:
    """The default first, then with other learning rates."""
    default = dict(context.default())
    arms: dict[str, Params] = {"default": default}
    for factor in context.study.stages.confirm.baseline_factors:
        if factor != 1.0:
            rate = float(default["learning_rate"]) * factor
            arms[f"default·lr×{factor:.2g}"] = {**default, "learning_rate": rate}
    return arms


def yardstick(context: Context, found: SearchResult) -> tuple[float, float]:
    """(smallest difference worth having, seed spread), in units of the metric that is compared."""
    value = found.default_value or found.best.value or 1.0
    minimum = context.study.stages.confirm.minimum_effect or EFFECT_SHARE * abs(value)
    noise_sd = found.noise_sd or minimum
    if context.study.objective.metric == "perplexity":  # compared by its logarithm
        return math.log1p(minimum / value), noise_sd / value
    return minimum, noise_sd


def confirm(context: Context) -> Generator[Round, tuple[Result, ...], Json]:
    """ConfirmResult."""
    options = context.study.stages.confirm
    found = SearchResult.model_validate(context.upstream.get("fine") or context.upstream["coarse"])
    minimum, noise_sd = yardstick(context, found)
    seeds = seeds_needed(PAIRED_FACTOR * noise_sd, minimum) if options.seeds == "auto" else options.seeds

    chosen = chosen_trials(context, found)
    wanted = {**chosen, **references(context)}
    results = {result.trial: result for result in (yield train_round(context, wanted, range(seeds)))}
    needed = [*chosen, "default"]
    reached = [n for n in range(seeds) if not any(gave_up(results[run_name(name, n)]) for name in needed)]
    arms = [
        Arm(name, params, [results[run_name(name, n)] for n in reached], reached)
        for name, params in wanted.items()
        if not any(gave_up(results[run_name(name, n)]) for n in reached)
    ]
    short = sorted((arm for arm in arms if arm.name in chosen), key=lambda arm: arm.mean(context))
    baselines = [arm for arm in arms if arm.name not in chosen]
    reference = next(arm for arm in baselines if arm.name == "default")
    challenger = short[0] if short else reference
    best_baseline = min(baselines, key=lambda arm: arm.mean(context))

    def lead(over: Arm) -> Interval | None:
        if challenger is reference or len(reached) < 2 or not (challenger.complete and over.complete):
            return None
        return compare(context, challenger.results, over.results, pool(context, short, over))

    cut = len(reached) < min(seeds, 2)
    facts = Facts(challenger.name, minimum, scored_metric(context), searched=bool(short), cut=cut)
    facts.validation = lead(reference)
    scores: dict[str, float] = {}
    looks = context.looks
    if facts.validation is not None and facts.validation.low > 0:
        answers = yield look_round(context, [challenger, reference], split="test")
        looks += 1
        facts.looked = True
        ours, theirs = answers[: len(reached)], answers[len(reached) :]
        # The test table has two rows only; the interaction between configuration and seed is a property of training,
        # so validation's pooled estimate stands in for it.
        if all(answer.examples for answer in answers):
            facts.test = compare(context, ours, theirs, pool(context, short, reference))
            scores = {**means("challenger", ours), **means("default", theirs)}
    verdict, sentence = judge(facts)

    model: str | None = None
    finished = [place for place, result in enumerate(challenger.results) if result.state is State.COMPLETE]
    if finished:
        finished.sort(key=lambda place: challenger.values(context)[place])
        median = finished[(len(finished) - 1) // 2]
        written = look_round(context, [challenger], split="validation", export=True)
        model = (yield Round(written.trainer, (written.segments[median],)))[0].model

    result = ConfirmResult(
        challenger=challenger.candidate(context),
        reference=reference.candidate(context),
        shortlist=[arm.candidate(context) for arm in short],
        baselines=[arm.candidate(context) for arm in baselines],
        validation=facts.validation,
        test=facts.test,
        against_best_baseline=lead(best_baseline),
        minimum_effect=minimum,
        verdict=verdict,
        sentence=sentence,
        looks=looks,
        seeds=len(reached),
        test_scores=scores,
        model=model,
    )
    return {**result.model_dump(mode="json"), "keep": []}


def means(who: str, answers: Sequence[Result]) -> dict[str, float]:
    return {f"{who}.{name}": float(np.mean([a.metrics[name] for a in answers])) for name in answers[0].metrics}
