"""Stage: where is it worth looking? Wide random draws under successive halving on a prefix of the full run.

The default runs first, three times with different seeds, to full length: its seed spread is the noise floor by which
ties, stopping and confirm are judged, and its first seed competes like any other trial.
"""

from __future__ import annotations

import statistics
from collections.abc import Generator

from seektune.ledger.results import RangeResult, SearchResult
from seektune.search.named import named
from seektune.search.observation import key
from seektune.space.options import Prior
from seektune.stop.halving import promote
from seektune.stop.rungs import survivors
from seektune.study.caps import rungs_of, trial_caps
from seektune.study.context import Context
from seektune.study.field import Field, best_of, name_of
from seektune.study.stage import Round
from seektune.study.tried import DEFAULT, Tried, is_default
from seektune.trial import Json, Result, State

NOISE_REPEATS = 3
KEPT_CHECKPOINTS = 8
WIDE_EVERY = 5
"""Every fifth draw ignores the range test's prior: it may be wrong."""


def learning_rate_prior(context: Context) -> dict[str, Prior]:
    """What the range test said, as a soft prior; nothing when it had no answer or was left out."""
    if "lr_range" not in context.upstream:
        return {}
    found = RangeResult.model_validate(context.upstream["lr_range"])
    if not found.usable or found.suggestion is None:
        return {}
    return {"learning_rate": Prior(center=found.suggestion, sd_decades=found.prior_decades)}


def noise(defaults: list[Tried], tokens: int) -> tuple[float | None, float | None]:
    """Mean and standard deviation of the default's objective over its seeds at `tokens`."""
    values = [tried.rungs[tokens] for tried in defaults if tokens in tried.rungs]
    if len(values) < 2:
        return (values[0] if values else None), None
    return statistics.fmean(values), statistics.stdev(values)


def coarse(context: Context) -> Generator[Round, tuple[Result, ...], Json]:
    """SearchResult."""
    options = context.study.stages.coarse
    horizon = context.prepared.horizon_tokens
    rungs = rungs_of(context.study, options, context.prepared.tokens_per_row, horizon)
    trials, _ = trial_caps(context.study)
    field = Field(context, "coarse")
    space = context.space

    names = [f"{DEFAULT}{repeat}" for repeat in range(NOISE_REPEATS)]
    for repeat, name in enumerate(names):
        field.enter(name, context.default(), context.seed("noise", repeat), "default")
    search, search_name = named(options.search), name_of(options.search)
    priors = learning_rate_prior(context)
    taken = {key(context.searched(context.default()))}
    for slot in range(trials):
        wide = slot % WIDE_EVERY == WIDE_EVERY - 1
        params = search.propose(
            space,
            [],
            seed=context.seed("coarse", slot),
            slot=slot,
            priors={} if wide else priors,
            taken=frozenset(taken),
        )
        if params is None:
            break
        taken.add(key(params))
        name = f"coarse-{slot:03d}"
        origin = f"{search_name}, {'full range' if wide or not priors else 'around the range test'}"
        field.enter(name, context.complete(params), context.seed("coarse", slot, 0), origin)

    # The noise floor goes through the same rungs, and on to the end, whatever becomes of it.
    floor = names
    climbing = list(field.trials)
    dropped: list[str] = []
    for index, rung in enumerate(rungs):
        field.record((yield field.round(climbing, rung, done=dropped)))
        if field.ended or index == len(rungs) - 1:
            break
        values = {name: value for name, value in field.at(rung).items() if name not in floor[1:]}
        _, sd = noise([field.trials[name] for name in floor], rung)
        verdict = promote(
            values,
            {name: float(field.trials[name].params["learning_rate"]) for name in values},
            keep=survivors(len(values), options.reduction),
            tie=sd or 0.0,
            first_rung=index == 0,
        )
        going_on = list(dict.fromkeys([*(name for name in floor if field.trials[name].alive), *verdict.kept]))
        dropped = [name for name in climbing if name not in going_on]
        climbing = going_on
    if not field.ended and rungs[-1] < horizon:
        alive = [name for name in floor if field.trials[name].alive]
        field.record((yield field.round(alive, horizon)))

    defaults = [field.trials[name] for name in floor]
    states = field.states()
    value, sd = noise(defaults, horizon)
    by_rung = {rung: noise(defaults, rung)[0] for rung in [*rungs, horizon]}
    # Equals in length are compared: of the noise floor one seed stays, as it stood at the last rung.
    for name in floor[1:]:
        del field.trials[name]
    field.cut_back(floor[0], rungs[-1])
    competing = field.leaders()
    searched = [leader for leader in competing if not is_default(leader.trial)]
    # Only what fine may go on with keeps its checkpoint; a lost one is trained again, so this costs time at worst.
    kept = max(KEPT_CHECKPOINTS, context.study.stages.fine.carry if context.study.stages.fine else 0)
    going_on = [leader.trial for leader in searched if leader.state == State.PAUSED][:kept]
    result = SearchResult(
        best=best_of(competing),
        history=competing,
        default_value=None if value is None else context.shown(value),
        default_rungs={rung: context.shown(mean) for rung, mean in by_rung.items() if mean is not None},
        noise_sd=sd,
        trials=len(searched),
        states=states,
        box=field.box(context.study.stages.fine.top_share if context.study.stages.fine else 0.25).to_json(),
        rank_correlation=field.rank_correlation(rungs[0], rungs[-1]),
        ended=field.ended,
    )
    return {**result.model_dump(mode="json"), "keep": field.courses(going_on)}
