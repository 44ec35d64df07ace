"""How large is a run, and how fast does it go? Exact once `prepare` has run, else estimated from the files. Torch-free.

Speed is a rule of thumb by the model's size on a CPU core; where there is none (a hub model before it is loaded, another
device), it is not guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seektune.ledger.results import PrepareResult
from seektune.study.simulated_law import SimulatedOptions
from seektune.study_file import StudyFile
from seektune.study_file.model_size import parameters
from seektune.text.mixing import DomainMix
from seektune.text.options import SourceOptions
from seektune.trial import Json

BYTES_PER_TOKEN = 3.5
HELD_OUT = 0.125
"""Validation rows per training row at the default split."""
CPU_TOKENS_PER_SECOND = 11_000 * 600_000
"""Tokens per second and core times parameters, measured on a small DeepSeek-V3 type."""
SIMULATED_STEP_SECONDS = 5e-4
"""What a step of the simulated trainer takes at least."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the plan counts with."""

    horizon_tokens: int
    train_tokens: int
    train_rows: int
    validation_rows: int
    held_out_rows: int
    parameters: int | None
    pretraining_tokens: int
    """Trained on before the search; 0 where the base stays as it is. A base that is cached costs nothing, though."""
    exact: bool

    @property
    def tokens_per_row(self) -> float:
        return self.train_tokens / max(self.train_rows, 1)


def sizes(study: StudyFile, prepared: Json | None) -> Sizes:
    """From the prepare stage's result, or guessed from file sizes."""
    model = study.model
    pretraining = model.pretrain.tokens if model.config is not None else 0
    if prepared is not None:
        facts = PrepareResult.model_validate(prepared)
        if facts.continued_pretraining is not None:
            pretraining = facts.continued_pretraining.tokens
        return _sizes(
            study, facts.horizon_tokens, facts.train_tokens, facts.train_rows, facts.parameters or None, pretraining,
            exact=True,
        )  # fmt: skip
    if model.simulated is not None:  # as its prepare stage will say
        return _sizes(study, study.train.tokens or 100_000, 64_000, 1000, None, 0, exact=True)
    data = study.data
    tokens = max(1000, round(0.8 * _tokens(data.sources if data else [])))
    horizon = study.train.tokens or max(1, round((study.train.epochs or 1.0) * tokens))
    if (options := model.continued_pretraining) is not None and data is not None:
        mix = DomainMix(options.domain_share, options.tokens)
        general = _tokens(data.general)
        domain = mix.most_domain(_tokens(data.domain) if data.domain else tokens, general)
        pretraining = round(options.epochs * (domain + (mix.most_general(domain) if general else 0.0)))
    return _sizes(study, horizon, tokens, max(10, tokens // 60), parameters(model), pretraining, exact=False)


def _sizes(
    study: StudyFile, horizon: int, tokens: int, rows: int, weights: int | None, pretraining: int, *, exact: bool
) -> Sizes:
    held_out = max(8, round(rows * HELD_OUT))
    ranked = min(study.train.eval_rows or held_out, held_out)
    return Sizes(horizon, tokens, rows, ranked, held_out, weights, pretraining, exact)


def _tokens(sources: Sequence[SourceOptions]) -> int:
    """Of the local files, by their size."""
    total = 0
    for source in sources:
        path = Path(source.path) if source.path else None
        if path is None:
            continue
        files = [path] if path.is_file() else [p for p in path.parent.glob(path.name) if p.is_file()]
        if path.is_dir():
            files = [p for p in path.rglob("*") if p.is_file()]
        total += sum(file.stat().st_size for file in files)
    return round(total / BYTES_PER_TOKEN)


def tokens_per_second(study: StudyFile, size: Sizes, device: str) -> float | None:
    """One worker's speed by rule of thumb; None where there is no rule: a model of unknown size, another device."""
    if study.model.simulated is not None:
        step = max(SimulatedOptions.model_validate(study.model.simulated).seconds_per_step, SIMULATED_STEP_SECONDS)
        return float(study.fixed_params().get("effective_batch", 16)) * size.tokens_per_row / step
    if device != "cpu" or size.parameters is None:
        return None
    return CPU_TOKENS_PER_SECOND / max(size.parameters, 50_000)


def run_seconds(study: StudyFile, device: str) -> float | None:
    """One full run on one worker, estimated before anything is prepared."""
    size = sizes(study, None)
    speed = tokens_per_second(study, size, device)
    return None if speed is None else size.horizon_tokens / speed
