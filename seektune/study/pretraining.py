"""Pre-training of a base as pseudo-trials: from random weights, or going on from a base that is there.

Both give an ordinary model folder in the cache, addressed by the content of all that it depends on, so that tuning starts
where a real user starts and another study with the same base and text starts at once. A base that goes on (continued
pre-training) is measured before and after on text that it does not see: does it know the domain better, and what did it
forget? Source of the recipe: Gururangan et al. 2020, arXiv:2004.10964; general text mixed in against forgetting.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Mapping
from pathlib import Path

from seektune.adapt.defaults import defaults
from seektune.errors import SeektuneError, Stopped, TrialError
from seektune.ledger.results import ContinuedPretraining
from seektune.study.context import Context
from seektune.study.model_files import model_files
from seektune.study.stage import Round
from seektune.text.store import TokenStore
from seektune.text.stored import stored
from seektune.trial import Evaluate, Params, Result, Segment, State, TrainerSpec, View, fingerprint

PROBE_ROWS = 64
HELD_OUT_ROWS = 128
"""Blocks of held-out text that a perplexity is measured on, at most."""
WARMUP_RATIO = 0.05
LEARNING_RATE_FACTOR = 10.0
"""Of the default for full fine-tuning: published continued pre-training of 7B models peaks at 1e-4 and above."""
FACTS = "continued_pretraining.json"

Rounds = Generator[Round, tuple[Result, ...], Path]


def from_nothing(context: Context, tokenizer: str, store: TokenStore) -> Rounds:
    """Folder of a base that was trained from random weights on the stream of the store's split `base`."""
    study = context.study
    options = study.model.pretrain
    key = fingerprint(
        study.model.config, options.model_dump(mode="json"), store.facts["splits"]["base"]["sha256"], study.data and study.data.kind,
        [study.train.precision, study.train.average_steps], study.seed,
    )[:16]  # fmt: skip
    folder = context.cache / "bases" / key
    if folder.exists():
        return folder
    trainer = context.trainer(
        base="", tokenizer=tokenizer, store=str(store.folder), config=study.model.config, kind="text"
    )
    params: Params = {"learning_rate": options.learning_rate, "effective_batch": options.effective_batch}
    result = yield from _trained(context, trainer, params, options.tokens, "base", "base-pretraining")
    if result.model is None:
        rate = f"lower model.pretrain.learning_rate (now {options.learning_rate:g})"
        raise ended(context, result, "pre-training the base model", rate)
    return _kept(folder, Path(result.model))


def continued(context: Context, store: TokenStore) -> Rounds:
    """Folder of the study's base after it was trained on the mix in the store's split `base`; what came of it lies beside
    the weights (`facts`)."""
    study = context.study
    model, options = study.model, study.model.continued_pretraining
    assert options is not None
    splits, mix = store.facts["splits"], store.facts["mix"]
    key = fingerprint(
        model_files(study) or [model.hub, model.revision],
        [splits[name]["sha256"] for name in ("base", "domain", "general")],
        options.model_dump(mode="json"), [study.train.precision, study.train.average_steps], study.seed,
    )[:16]  # fmt: skip
    folder = context.cache / "bases" / key
    if folder.exists():
        return folder
    base = str(model.folder or model.hub)
    before, hidden_size = yield from _perplexities(context, base, model.revision, store, "before")
    rate = options.learning_rate or LEARNING_RATE_FACTOR * float(defaults("full", hidden_size)["learning_rate"])
    tokens = max(1, round(options.epochs * splits["base"]["tokens"]))
    step_tokens = options.effective_batch * store.facts["max_length"]
    batch = max(1, round(step_tokens / float(store.lengths("base").mean())))  # blocks, many of them short
    trainer = context.trainer(
        base=base,
        revision=model.revision,
        store=str(store.folder),
        kind="text",
        train=study.train.model_dump(mode="json") | {"packing": True, "checkpoint": "last"},
    )
    params: Params = {"learning_rate": rate, "effective_batch": batch}
    result = yield from _trained(context, trainer, params, tokens, "domain", "continued-pretraining")
    if result.model is None:
        lower = f"lower model.continued_pretraining.learning_rate (now {rate:g})"
        raise ended(context, result, "continued pre-training of the base model", lower)
    after, _ = yield from _perplexities(context, result.model, None, store, "after")
    facts = ContinuedPretraining(
        key=key,
        tokens=tokens,
        mix_tokens=splits["base"]["tokens"],
        domain_share=mix["share"],
        learning_rate=rate,
        before=before,
        after=after,
        notes=mix["notes"],
    )
    return _kept(folder, Path(result.model), facts)


def facts(folder: Path) -> ContinuedPretraining:
    """What continued pre-training wrote beside the weights."""
    return ContinuedPretraining.model_validate_json((folder / FACTS).read_text(encoding="utf-8"))


def _trained(
    context: Context, trainer: TrainerSpec, params: Params, tokens: int, probe: str, trial: str
) -> Generator[Round, tuple[Result, ...], Result]:
    segment = Segment(
        trial=trial,
        params={**params, "warmup_ratio": WARMUP_RATIO, "method": "full"},
        seed=context.seed("base"),
        from_tokens=0,
        to_tokens=tokens,
        horizon_tokens=max(tokens, 1),
        view=View(split="base"),
        evaluate=Evaluate(split=probe, rows=PROBE_ROWS, every_tokens=max(tokens // 8, 1)),
        keep=False,
        export=True,
    )
    (result,) = yield Round(trainer, (segment,), {trial: "pre-training"})
    return result


def _perplexities(
    context: Context, base: str, revision: str | None, store: TokenStore, when: str
) -> Generator[Round, tuple[Result, ...], tuple[dict[str, float], int]]:
    """(perplexity on held-out text of each sort that there is, hidden size of the base)."""
    trainer = context.trainer(base=base, revision=revision, store=str(store.folder), kind="text")
    sorts = [name for name in ("domain", "general") if store.rows(name)]
    looks = {f"{name}-text-{when}": Evaluate(split=name, rows=HELD_OUT_ROWS) for name in sorts}
    what = f"measuring the base model {when} continued pre-training"
    results = yield from measured(context, trainer, looks, defaults("full", 2000), context.seed("base"), what)
    perplexities = {name: float(result.metrics["perplexity"]) for name, result in zip(sorts, results, strict=True)}
    return perplexities, int(results[0].facts["hidden_size"])


def measured(
    context: Context, trainer: TrainerSpec, looks: Mapping[str, Evaluate], params: Params, seed: int, what: str
) -> Generator[Round, tuple[Result, ...], tuple[Result, ...]]:
    """A base as it stands, by zero-length segments: trial -> what it is measured on. Raises TrialError, Stopped."""
    segments = tuple(
        Segment(trial, params, seed, from_tokens=0, to_tokens=0, horizon_tokens=1, evaluate=look, keep=False)
        for trial, look in looks.items()
    )
    results = yield Round(trainer, segments)
    for result in results:
        if result.state not in (State.PAUSED, State.COMPLETE):
            raise ended(context, result, what, "its weights are not usable, save them again")
    return results


def _kept(folder: Path, exported: Path, found: ContinuedPretraining | None = None) -> Path:
    def build(partial: Path) -> None:
        shutil.copytree(exported, partial, dirs_exist_ok=True)
        if found is not None:
            (partial / FACTS).write_text(found.model_dump_json(indent=1), encoding="utf-8")

    return stored(folder, build)


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
