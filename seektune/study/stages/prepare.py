"""Stage: data and base model, ready to train on.

Rows are read, checked, split and augmented (text/rows.py), a tokenizer is trained when the base is made from nothing,
everything is tokenised once. A base from a config is pre-trained on general text and the train split only, one that is
there goes on with domain text where the study says so (study/pretraining.py). Last, the base is measured once on the
validation rows: that also tells its size, from which the default hyperparameters follow.
"""

from __future__ import annotations

from collections.abc import Generator

from seektune.adapt.defaults import defaults
from seektune.ledger.results import PrepareResult
from seektune.study import pretraining
from seektune.study.context import Context
from seektune.study.stage import Round
from seektune.text.mixing import DomainMix
from seektune.text.rows import prepare_rows
from seektune.text.selection import Selection
from seektune.text.tokens import tokenise, train_tokenizer
from seektune.trial import Evaluate, Json, Result, Segment, State


def horizon(context: Context, train_tokens: int) -> int:
    """Length of a full run in tokens."""
    train = context.study.train
    return train.tokens if train.tokens is not None else max(1, round((train.epochs or 1.0) * train_tokens))


def prepare(context: Context) -> Generator[Round, tuple[Result, ...], Json]:
    """PrepareResult."""
    study = context.study
    if study.model.simulated is not None:
        return simulated(context)
    data, model = study.data, study.model
    assert data is not None
    rows = prepare_rows(data, context.cache, study.seed)

    if model.config is not None:
        tokenizer: str = str(train_tokenizer(rows, model.pretrain.vocabulary, context.cache))
    else:
        tokenizer = str(model.folder or model.hub)
    options = model.continued_pretraining
    mix = DomainMix(options.domain_share, options.tokens) if options else None
    store = tokenise(rows, tokenizer, model.revision, data.max_length, context.cache, mix)

    base_name, found = tokenizer, None
    if model.config is not None:
        base_name = str((yield from pretraining.from_nothing(context, tokenizer, store)))
    elif options is not None:
        adapted = yield from pretraining.continued(context, store)
        base_name, found = str(adapted), pretraining.facts(adapted)

    settings = {"base": base_name, "store": str(store.folder), "revision": context.revision(base_name)}
    (measured,) = yield Round(
        context.trainer(**settings),
        (
            Segment(
                trial="base",
                params=dict(defaults(study.method, 2000)) | dict(study.fixed_params()),
                seed=context.seed("prepare"),
                from_tokens=0,
                to_tokens=0,
                horizon_tokens=1,
                evaluate=Evaluate(rows=study.train.eval_rows),
                keep=False,
            ),
        ),
    )
    if measured.state not in (State.PAUSED, State.COMPLETE):
        raise pretraining.ended(
            context, measured, "measuring the base model", "its weights are not usable, save them again"
        )
    facts = measured.facts
    seen = store.selected("train", Selection.of(study.fixed_params()))  # by a trial that chooses no augmentation
    train_tokens = int(store.lengths("train")[seen].sum())
    hidden_size = int(facts["hidden_size"])
    return PrepareResult(
        rows=str(rows.folder),
        store=str(store.folder),
        base=base_name,
        data_fingerprint=rows.fingerprint,
        test_fingerprint=rows.report["test_fingerprint"],
        base_fingerprint=str(facts["base_fingerprint"]),
        kind=data.kind,
        hidden_size=hidden_size,
        parameters=int(facts["parameters"]),
        train_rows=len(seen),
        train_tokens=train_tokens,
        horizon_tokens=horizon(context, train_tokens),
        default=defaults(study.method, hidden_size),
        metrics=sorted(measured.metrics),
        base_losses=dict(measured.metrics),
        continued_pretraining=found,
    ).model_dump(mode="json")


def simulated(context: Context) -> Json:
    """The simulated trainer needs no text."""
    rows, per_row = 1000, float((context.study.model.simulated or {}).get("tokens_per_row", 32))
    return PrepareResult(
        rows="",
        store="",
        base="simulated",
        data_fingerprint="simulated",
        test_fingerprint="simulated",
        base_fingerprint="simulated",
        kind="text",
        hidden_size=2000,
        parameters=0,
        train_rows=rows,
        train_tokens=round(rows * per_row),
        horizon_tokens=context.study.train.tokens or 100_000,
        default=defaults(context.study.method, 2000),
        metrics=["loss"],
    ).model_dump(mode="json")
