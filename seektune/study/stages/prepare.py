"""Stage: data and base model, ready to train on.

The study's text comes first (study_text.py): rows, tokenizer, tokens. A base from a config is pre-trained on general text
and the train split only, one that is there goes on with domain text where the study says so (study/pretraining.py). Last,
the base is measured once on the validation rows: that also tells its size, from which the default hyperparameters follow.
"""

from __future__ import annotations

from collections.abc import Generator

from seektune.adapt.defaults import defaults
from seektune.errors import DataError
from seektune.ledger.results import PrepareResult, RowBalance
from seektune.study import pretraining
from seektune.study.context import Context
from seektune.study.stage import Round
from seektune.study.stage_kinds import STAGES
from seektune.study.study_text import study_text
from seektune.text.selection import Selection
from seektune.trial import Evaluate, Json, Result


def horizon(context: Context, train_tokens: int) -> int:
    """Length of a full run in tokens."""
    train = context.study.train
    return train.tokens if train.tokens is not None else max(1, round((train.epochs or 1.0) * train_tokens))


def prepare(context: Context) -> Generator[Round, tuple[Result, ...], Json]:
    """PrepareResult."""
    study = context.study
    if study.model.simulated is not None:
        return simulated(context)
    text = study_text(study, context.cache)
    if context.inputs is not None and STAGES["prepare"].settings(study) != context.inputs:
        raise DataError("the data or the model's files changed while they were read; run again when nobody writes them")
    rows, store = text.rows, text.store

    base_name, found = text.tokenizer, None
    if study.model.config is not None:
        base_name = str((yield from pretraining.from_nothing(context, text.tokenizer, store)))
    elif study.model.continued_pretraining is not None:
        adapted = yield from pretraining.continued(context, store)
        base_name, found = str(adapted), pretraining.facts(adapted)

    settings = {"base": base_name, "store": str(store.folder), "revision": context.revision(base_name)}
    (measured,) = yield from pretraining.measured(
        context,
        context.trainer(**settings),
        {"base": Evaluate(rows=study.train.eval_rows)},
        dict(defaults(study.method, 2000)) | dict(study.fixed_params()),
        context.seed("prepare"),
        "measuring the base model",
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
        kind=rows.kind,
        hidden_size=hidden_size,
        parameters=int(facts["parameters"]),
        train_rows=len(seen),
        train_tokens=train_tokens,
        horizon_tokens=horizon(context, train_tokens),
        default=defaults(study.method, hidden_size),
        metrics=sorted(measured.metrics),
        balance=RowBalance.of(text.report),
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
