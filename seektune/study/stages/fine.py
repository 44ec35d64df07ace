"""Stage: what is best? Model-based search near coarse's best, at full length, starting from what coarse saw.

The best paused coarse trials go on to full length first (a rung is a prefix: nothing is trained twice). Then the model
proposes, a few at a time, from every trial so far at its own fidelity; a share of the draws comes from the full space.
A new trial goes to full length when it stands among the best at the first rung, coarse trials counted.
"""

from __future__ import annotations

from collections.abc import Generator

from seektune.ledger.results import SearchResult
from seektune.search.named import named
from seektune.search.observation import key
from seektune.space.narrow import Box
from seektune.stop.rungs import survivors
from seektune.study.caps import rungs_of, trial_caps
from seektune.study.context import Context
from seektune.study.field import Field, best_of, name_of
from seektune.study.stage import Round
from seektune.study.tried import is_default
from seektune.trial import Json, Result, State


def fine(context: Context) -> Generator[Round, tuple[Result, ...], Json]:
    """SearchResult over coarse and fine together."""
    options = context.study.stages.fine
    assert options is not None
    before = SearchResult.model_validate(context.upstream["coarse"])
    horizon = context.prepared.horizon_tokens
    rungs = rungs_of(context.study, options, context.prepared.tokens_per_row, horizon)
    _, trials = trial_caps(context.study)
    space = context.space
    search, search_name = named(options.search), name_of(options.search)
    box = Box.from_json(before.box)
    field = Field(context, "fine")
    field.take_over(before.history)
    tie = before.noise_sd or 0.0

    paused = [
        tried.trial
        for tried in field.ranking()
        if tried.state in (State.PAUSED, State.STOPPED) and tried.value is not None and not is_default(tried.trial)
    ]
    if paused[: options.carry]:
        field.record((yield field.round(paused[: options.carry], horizon, done=paused[options.carry :])))

    batch = options.batch or context.workers
    taken = {key(context.searched(tried.params)) for tried in field.trials.values()}
    slot = 0
    while slot < trials and not field.ended:
        fresh: list[str] = []
        while slot < trials and len(fresh) < batch:
            wide = int((slot + 1) * options.wide_share) > int(slot * options.wide_share)
            params = search.propose(
                space,
                list(field.observed().values()),
                seed=context.seed("fine", slot),
                slot=slot,
                box=None if wide else box,
                taken=frozenset(taken),
            )
            if params is None:
                break
            taken.add(key(params))
            name = f"fine-{slot:03d}"
            origin = f"{search_name}, {'full range' if wide else 'narrowed'}"
            field.enter(name, context.complete(params), context.seed("fine", slot, 0), origin)
            fresh.append(name)
            slot += 1
        if not fresh:
            break
        climbing = fresh
        for rung, following in zip(rungs, [*rungs[1:], None], strict=True):
            field.record((yield field.round(climbing, rung)))
            if following is None or field.ended:
                break
            peers = sorted(field.at(rung).values())
            bar = peers[survivors(len(peers), options.reduction) - 1] + tie if peers else float("inf")
            climbing = [n for n in climbing if field.trials[n].alive and field.at(rung).get(n, float("inf")) <= bar]
            if not climbing:
                break

    history = field.leaders()
    result = SearchResult(
        best=best_of(history),
        history=history,
        default_value=before.default_value,
        default_rungs=before.default_rungs,
        noise_sd=before.noise_sd,
        trials=slot,
        states=field.states(),
        box=field.box(options.top_share).to_json(),
        rank_correlation=field.rank_correlation(rungs[0], rungs[-1]),
        ended=field.ended,
    )
    return {**result.model_dump(mode="json"), "keep": []}
