"""What will run, how long, what does it cost - before anything runs.

Segments and tokens follow from the study file and the prepared data (exact once `prepare` has run, estimated from file
sizes before). Time is tokens over speed: the speed measured in this study if it has run, else a rule of thumb that says
so. Halving keeps at least what the formulas say; near-ties and spared learning rates can add a few segments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seektune.ledger.results import PrepareResult
from seektune.stop.rungs import rung_tokens
from seektune.study.arms import CURVE_POINTS
from seektune.study.stages.coarse import NOISE_REPEATS
from seektune.study.stages.lr_range import PROBE_FACTORS, PROBE_SHARE
from seektune.study_file import StudyFile
from seektune.trial import Json

EVALUATION_COST = 0.35
"""A token that is only measured costs about a third of one that is trained on: no backward pass."""
BYTES_PER_TOKEN = 3.5
HELD_OUT = 0.125
"""Validation rows per training row at the default split."""
CPU_TOKENS_PER_SECOND = 11_000 * 600_000
"""Tokens per second and core times parameters, measured on a small DeepSeek-V3 type."""


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """One line of the plan. Tokens are trained tokens plus measured tokens at their lower cost."""

    stage: str
    runs: int
    tokens: int
    seconds: float
    cost: float | None


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the plan counts with."""

    horizon_tokens: int
    train_tokens: int
    train_rows: int
    validation_rows: int
    held_out_rows: int
    parameters: int
    exact: bool


def sizes(study: StudyFile, prepared: Json | None) -> Sizes:
    """From the prepare stage's result, or guessed from file sizes."""
    if prepared is not None:
        facts = PrepareResult.model_validate(prepared)
        held_out = max(8, round(facts.train_rows * HELD_OUT))
        rows = min(study.train.eval_rows or held_out, held_out)
        return Sizes(
            facts.horizon_tokens,
            facts.train_tokens,
            facts.train_rows,
            rows,
            held_out,
            max(facts.parameters, 1),
            exact=True,
        )
    bytes_read = 0
    for source in study.data.sources if study.data else []:
        path = Path(source.path) if source.path else None
        if path is None:
            continue
        files = [path] if path.is_file() else [p for p in path.parent.glob(path.name) if p.is_file()]
        if path.is_dir():
            files = [p for p in path.rglob("*") if p.is_file()]
        bytes_read += sum(file.stat().st_size for file in files)
    tokens = max(1000, round(0.8 * bytes_read / BYTES_PER_TOKEN))
    horizon = study.train.tokens or round((study.train.epochs or 1.0) * tokens)
    rows = max(10, tokens // 60)
    held_out = max(8, round(rows * HELD_OUT))
    return Sizes(
        horizon, tokens, rows, min(study.train.eval_rows or held_out, held_out), held_out, 600_000, exact=False
    )


def count(study: StudyFile, size: Sizes) -> dict[str, tuple[int, float]]:
    """Stage -> (runs, tokens with evaluation at its cost)."""
    horizon = size.horizon_tokens
    per_row = size.train_tokens / max(size.train_rows, 1)
    evaluation = EVALUATION_COST * size.validation_rows * per_row
    every = study.train.eval_every or max(horizon // 10, 1)

    def run(tokens: float) -> float:
        return tokens + evaluation * max(1.0, tokens / every)

    stages = study.stages
    counted: dict[str, tuple[int, float]] = {}
    pretrain = study.model.pretrain.tokens if study.model.config is not None else 0
    counted["prepare"] = (int(pretrain > 0), float(pretrain) + evaluation)
    if stages.lr_range is not None:
        ramp = stages.lr_range
        batch = float(study.fixed_params().get("effective_batch", 16))
        step = batch * per_row + EVALUATION_COST * ramp.probe_rows * per_row
        probes = len(PROBE_FACTORS) if ramp.probes else 0
        counted["lr_range"] = (
            ramp.seeds + probes,
            ramp.seeds * ramp.steps * step + probes * run(PROBE_SHARE * horizon),
        )
    coarse = stages.coarse
    rungs = rung_tokens(horizon, coarse.rungs, coarse.reduction, coarse.max_share)
    tokens = NOISE_REPEATS * run(horizon)
    for index, rung in enumerate(rungs):
        alive = max(1, round(coarse.trials / coarse.reduction**index))
        tokens += alive * run(rung - (rungs[index - 1] if index else 0))
    counted["coarse"] = (coarse.trials + NOISE_REPEATS, tokens)
    if stages.fine is not None:
        fine = stages.fine
        rungs = rung_tokens(horizon, fine.rungs, fine.reduction, 1.0)
        tokens = fine.carry * run(horizon * (1 - coarse.max_share))
        for index, rung in enumerate(rungs):
            alive = max(1, round(fine.trials / fine.reduction**index)) if fine.trials else 0
            tokens += alive * run(rung - (rungs[index - 1] if index else 0))
        counted["fine"] = (fine.trials + fine.carry, tokens)
    confirm = stages.confirm
    seeds = 3 if confirm.seeds == "auto" else confirm.seeds
    runs = (confirm.top + len(confirm.baseline_factors)) * seeds
    # Every validation row, a few times a run; then the test rows, twice a seed.
    scored = EVALUATION_COST * size.held_out_rows * per_row
    counted["confirm"] = (runs, runs * (horizon + CURVE_POINTS * scored) + 2 * seeds * scored)
    return counted


def make_plan(
    study: StudyFile, prepared: Json | None, tokens_per_second: float | None, workers: int
) -> tuple[list[PlannedStage], Mapping[str, str]]:
    """The plan and its footnotes. `tokens_per_second` is one worker's measured speed, if there is one."""
    size = sizes(study, prepared)
    speed = tokens_per_second or CPU_TOKENS_PER_SECOND / max(size.parameters, 50_000)
    price = study.budget.price_per_device_hour
    planned = []
    for stage, (runs, tokens) in count(study, size).items():
        parallel = 1 if stage == "prepare" else min(workers, max(runs, 1))
        seconds = tokens / speed / parallel
        cost = None if price is None else seconds * parallel / 3600 * price
        planned.append(PlannedStage(stage, runs, round(tokens), seconds, cost))
    notes = {
        "sizes": "counted from the prepared data" if size.exact else "estimated from file sizes; exact after `prepare`",
        "speed": f"{speed:,.0f} tokens/s per worker, "
        + ("measured in this study" if tokens_per_second else "a rule of thumb for this model size on a CPU core"),
    }
    coarse = study.stages.coarse
    first = rung_tokens(size.horizon_tokens, coarse.rungs, coarse.reduction, coarse.max_share)[0]
    batch = study.largest_batch()
    steps = first / (batch * size.train_tokens / max(size.train_rows, 1))
    if steps < 50:
        notes["first rung"] = (
            f"{steps:.0f} optimizer steps at the largest batch ({batch}); rankings below 50 are rough: "
            "a longer run, fewer rungs or smaller batches help"
        )
    return planned, notes
