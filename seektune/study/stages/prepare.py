"""Stage: data and base model, ready to train on.

The study's text comes first (study_text.py): rows, tokenizer, tokens. A base from a config is pre-trained on general text
and the train split only, and cached by content as an ordinary model folder, so that tuning starts where a real user
starts. Last, the base is measured once on the validation rows: that also tells its size, from which the default
hyperparameters follow.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator
from pathlib import Path

from seektune.adapt.defaults import defaults
from seektune.errors import DataError, SeektuneError, Stopped, TrialError
from seektune.ledger.results import PrepareResult, RowBalance
from seektune.study.context import Context
from seektune.study.stage import Round
from seektune.study.stage_kinds import STAGES
from seektune.study.study_text import study_text
from seektune.text.store import TokenStore
from seektune.text.stored import stored
from seektune.trial import Evaluate, Json, Result, Segment, State, View, fingerprint

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
    text = study_text(study, context.cache)
    if context.inputs is not None and STAGES["prepare"].settings(study) != context.inputs:
        raise DataError("the data or the model's files changed while they were read; run again when nobody writes them")
    rows, store = text.rows, text.store

    base_name = text.tokenizer
    if study.model.config is not None:
        base_name = str((yield from pretrain(context, text.tokenizer, store)))

    settings = {"base": base_name, "store": str(store.folder), "revision": study.model.revision}
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
        raise ended(context, measured, "measuring the base model", "its weights are not usable, save them again")
    facts = measured.facts
    train_tokens = int(store.lengths("train").sum())
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
        train_rows=store.rows("train"),
        train_tokens=train_tokens,
        horizon_tokens=horizon(context, train_tokens),
        default=defaults(study.method, hidden_size),
        metrics=sorted(measured.metrics),
        balance=RowBalance.of(rows.report),
        base_losses=dict(measured.metrics),
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
    (result,) = yield Round(
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
    exported = result.model
    if exported is None:
        rate = f"lower model.pretrain.learning_rate (now {options.learning_rate:g})"
        raise ended(context, result, "pre-training the base model", rate)
    return stored(folder, lambda partial: shutil.copytree(exported, partial, dirs_exist_ok=True))


def ended(context: Context, result: Result, what: str, diverged: str) -> SeektuneError:
    """The error for a base model that did not come about; `diverged` is the remedy where the loss was not finite.

    The journal holds how it ended, and a study of that name ends so again, unless what the stage depends on changes.
    """
    anew = f"give the study another name than {context.study.study!r}, under which this is written down"
    reason = f"{what} ended as {result.state.value} ({result.reason or 'without a reason'})"
    if result.state is State.STOPPED:
        return Stopped(
            f"{reason}: without a base model nothing can be tuned; with a later deadline the same command goes on"
        )
    remedies = {
        State.DIVERGED: diverged,
        State.INFEASIBLE: f"choose a smaller model; or lower train.micro_tokens, and {anew}",
    }
    return TrialError(f"{reason}; {remedies.get(result.state, f'mend that, and {anew}')}")


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
