"""Stage: data and base model, ready to train on.

Rows are read, checked, split and augmented (text/rows.py), a tokenizer is trained when the base is made from nothing,
everything is tokenised once. A base from a config is pre-trained on general text and the train split only, and cached
by content as an ordinary model folder, so that tuning starts where a real user starts. Last, the base is measured
once on the validation rows: that also tells its size, from which the default hyperparameters follow.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from pathlib import Path

from seektune.adapt.defaults import defaults
from seektune.ledger.results import PrepareResult
from seektune.study.context import Context
from seektune.study.stage import Round
from seektune.text.rows import prepare_rows
from seektune.text.store import TokenStore
from seektune.text.tokens import tokenise, train_tokenizer
from seektune.trial import Evaluate, Json, Result, Segment, View, fingerprint

BASE_PROBE_ROWS = 64


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
    store = tokenise(rows, tokenizer, model.revision, data.max_length, context.cache)

    if model.config is not None:
        base = yield from pretrain(context, tokenizer, store)
        base_name, base_fingerprint = str(base), base.name
    else:
        base_name = tokenizer
        base_fingerprint = fingerprint(base_name, model.revision)

    settings = {"base": base_name, "store": str(store.folder), "revision": model.revision}
    measured = yield Round(
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
    facts = measured[0].facts
    train_tokens = int(store.lengths("train").sum())
    hidden_size = int(facts["hidden_size"])
    return PrepareResult(
        rows=str(rows.folder),
        store=str(store.folder),
        base=base_name,
        data_fingerprint=rows.fingerprint,
        test_fingerprint=rows.report["test_fingerprint"],
        base_fingerprint=base_fingerprint,
        kind=data.kind,
        hidden_size=hidden_size,
        parameters=int(facts["parameters"]),
        train_rows=store.rows("train"),
        train_tokens=train_tokens,
        horizon_tokens=horizon(context, train_tokens),
        default=defaults(study.method, hidden_size),
        metrics=sorted(measured[0].metrics),
        base_losses=dict(measured[0].metrics),
    ).model_dump(mode="json")


def pretrain(context: Context, tokenizer: str, store: TokenStore) -> Generator[Round, tuple[Result, ...], Path]:
    """Train a base from nothing as a pseudo-trial; cached by (config, tokenizer, text, settings)."""
    study = context.study
    options = study.model.pretrain
    key = fingerprint(
        study.model.config, options.model_dump(mode="json"), store.facts["splits"]["base"]["sha256"], study.data and study.data.kind,
        study.seed,
    )[:16]  # fmt: skip
    folder = context.cache / "bases" / key
    if folder.exists():
        return folder
    trainer = context.trainer(
        base="", tokenizer=tokenizer, store=str(store.folder), config=study.model.config, kind="text"
    )
    tokens = options.tokens
    results = yield Round(
        trainer,
        (
            Segment(
                trial="base-pretraining",
                params={
                    "learning_rate": options.learning_rate,
                    "effective_batch": options.effective_batch,
                    "warmup_ratio": 0.05,
                    "method": "full",
                },
                seed=context.seed("base"),
                from_tokens=0,
                to_tokens=tokens,
                horizon_tokens=max(tokens, 1),
                view=View(split="base"),
                evaluate=Evaluate(split="base", rows=BASE_PROBE_ROWS, every_tokens=max(tokens // 8, 1)),
                keep=False,
                export=True,
            ),
        ),
        {"base-pretraining": "pre-training"},
    )
    exported = results[0].model
    assert exported is not None, results[0].reason
    partial = folder.with_name(f"{folder.name}.partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(exported, partial)
    try:
        partial.rename(folder)
    except OSError:  # another study made the same base meanwhile
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def simulated(context: Context) -> Json:
    """The simulated trainer needs no text."""
    horizon_tokens = context.study.train.tokens or 100_000
    return PrepareResult(
        rows="", store="", base="simulated", data_fingerprint="simulated", test_fingerprint="simulated", base_fingerprint="simulated", kind="text",
        hidden_size=2000, parameters=0, train_rows=1000, train_tokens=64_000, horizon_tokens=horizon_tokens,
        default=defaults(context.study.method, 2000), metrics=["loss"],
    ).model_dump(mode="json")  # fmt: skip
