"""Stage: does augmentation help? The leading configuration, trained with and without augmented rows.

1. Two arms: the leader as it is (with every augmented row, where the leader itself took none), and the same without
   any. Both are trained for the same number of tokens.
2. The learning rate is retuned for each arm: each factor once, with the same seed; the best on validation stays. Else
   the arm for which the search had tuned it would win by that.
3. Both are trained with the same fresh seeds and scored per example on validation; the interval is that of confirm.
4. Classification: the model trained without augmentation says whether augmented rows keep the label of the rows they
   were made from.

It does not change the winner, which the search has chosen among both, and the test split is not touched: setting and
learning rates were chosen on the rows that measure them, for both arms alike. Where a budget ends the training, the
seeds that both arms have finished count.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow.parquet as parquet

from seektune.ledger.results import Agreement, AugmentationResult, Effect, Interval, SearchResult
from seektune.study.arms import Arm, compare, look_round, pool, run_name, scored_metric, train_round
from seektune.study.context import Context, gave_up
from seektune.study.paired import seeds_needed
from seektune.study.stage import Round
from seektune.study.stages.confirm import PAIRED_FACTOR, yardstick
from seektune.text.augmentation.options import ALL, MOST_COPIES
from seektune.text.selection import Selection
from seektune.text.store import TokenStore
from seektune.trial import Json, Params, Result

AUGMENTED, ORIGINAL = "augmented", "original"
FRESH, TUNING = ("augmentation",), ("augmentation", "learning rate")


def settings(context: Context, leader: Params) -> dict[str, Params]:
    """Arm -> parameters."""
    augmented = dict(leader)
    if Selection.of(augmented).takes_none:
        most = int(context.study.largest("augment_copies")) or MOST_COPIES
        augmented |= {"augment_operators": ALL, "augment_copies": most}
    return {AUGMENTED: augmented, ORIGINAL: {**augmented, "augment_copies": 0}}


def augmentation(context: Context) -> Generator[Round, tuple[Result, ...], Json]:
    """AugmentationResult."""
    options = context.study.augmentation
    assert options is not None
    found = SearchResult.model_validate(context.upstream.get("fine") or context.upstream["coarse"])
    minimum, noise_sd = yardstick(context, found)
    seeds = seeds_needed(PAIRED_FACTOR * noise_sd, minimum) if options.seeds == "auto" else options.seeds
    store = TokenStore(context.prepared.store) if context.prepared.store else None
    arms = settings(context, found.best.params)

    def answer(effect: Effect, sentence: str, **more: Any) -> Json:
        result = AugmentationResult(
            trial=found.best.trial, minimum_effect=minimum, effect=effect, sentence=sentence, **more
        )
        return {**result.model_dump(mode="json"), "keep": []}

    if store is not None and len({len(store.selected("train", Selection.of(arm))) for arm in arms.values()}) == 1:
        return answer("not measured", "Augmentation made no row that could be trained on: nothing to compare.")

    rates, best = yield from retuned(context, arms, options.learning_rate_factors)
    if len(best) < len(arms):
        sentence = "Training with or without augmentation did not end with a value, so nothing is claimed."
        return answer("not measured", sentence, learning_rates=rates)
    results = {result.trial: result for result in (yield train_round(context, best, range(seeds), FRESH))}
    reached = [n for n in range(seeds) if not any(gave_up(results[run_name(arm, n)]) for arm in best)]
    augmented, original = (
        Arm(arm, params, [results[run_name(arm, n)] for n in reached], reached) for arm, params in best.items()
    )
    interval, agreement = None, None
    if len(reached) >= 2 and augmented.complete and original.complete:
        interval = compare(context, augmented.results, original.results, pool(context, [augmented], original))
        if store is not None and store.rows("pairs"):
            agreement = agreed((yield look_round(context, [original], split="pairs", purpose=FRESH)))
    effect, sentence = judged(interval, f"validation {scored_metric(context)}", len(reached))
    return answer(
        effect,
        sentence,
        augmented=augmented.candidate(context) if reached else None,
        original=original.candidate(context) if reached else None,
        learning_rates=rates,
        interval=interval,
        seeds=len(reached),
        agreement=agreement,
    )


def retuned(
    context: Context, arms: Mapping[str, Params], factors: Sequence[float]
) -> Generator[Round, tuple[Result, ...], tuple[dict[str, list[tuple[float, float | None]]], dict[str, Params]]]:
    """Per arm: what each learning rate gave, and its parameters at the best of them, where one gave a value."""
    tried: dict[str, Params] = {
        f"{arm}·lr×{factor:.2g}": {**params, "learning_rate": float(params["learning_rate"]) * factor}
        for arm, params in arms.items()
        for factor in factors
    }
    results = yield train_round(context, tried, [0], TUNING)
    runs = [Arm(name, params, [result], [0]) for (name, params), result in zip(tried.items(), results, strict=True)]
    rates: dict[str, list[tuple[float, float | None]]] = {}
    best: dict[str, Params] = {}
    for place, arm in enumerate(arms):
        own = runs[place * len(factors) : (place + 1) * len(factors)]
        values = [run.mean(context) if run.complete else math.inf for run in own]
        shown = [context.shown(value) if math.isfinite(value) else None for value in values]
        rates[arm] = [(float(run.params["learning_rate"]), value) for run, value in zip(own, shown, strict=True)]
        if math.isfinite(min(values)):
            best[arm] = own[values.index(min(values))].params
    return rates, best


def judged(interval: Interval | None, metric: str, seeds: int) -> tuple[Effect, str]:
    """Effect and sentence: only what the interval supports."""
    if interval is None:
        return "not measured", "Training with and without augmentation did not finish its seeds, so nothing is claimed."
    words = f"{interval.level:.0%} interval {interval.low:+.3g} to {interval.high:+.3g}; {seeds} paired seeds"
    if interval.low > 0:
        return "helps", f"Augmentation helps: {metric} is better by {interval.mean:.3g} ({words})."
    if interval.high < 0:
        return "hurts", f"Augmentation hurts: {metric} is worse by {-interval.mean:.3g} ({words})."
    return "not seen", (
        f"No effect of augmentation could be seen: {interval.mean:+.3g} in {metric}, positive is better ({words}); an effect "
        f"below {interval.smallest_visible:.2g} would not show."
    )


def agreed(looks: Sequence[Result]) -> Agreement | None:
    """Rows of the split `pairs` come two by two, the original one first."""
    tables = [parquet.read_table(look.examples) for look in looks if look.examples is not None]
    if len(tables) < len(looks):
        return None
    predicted = np.stack([table["predicted"].to_numpy().reshape(-1, 2) for table in tables])
    label = tables[0]["label"].to_numpy()[::2]
    return Agreement(
        pairs=len(label),
        agree=float((predicted[..., 0] == predicted[..., 1]).mean()),
        original_right=float((predicted[..., 0] == label).mean()),
    )
