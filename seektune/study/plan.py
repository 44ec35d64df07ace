"""What will run, how long, what does it cost - before anything runs.

Segments and tokens follow from the study file and the prepared data (exact once `prepare` has run, estimated from file
sizes before). Time is tokens over speed: the speed measured in this study if it has run, else on a CPU a rule of thumb
by the model's size that says so; where neither is known (a hub model, a CUDA device), the time is not guessed. Halving
keeps at least what the formulas say; near-ties and spared learning rates can add a few segments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from seektune.study.arms import CURVE_POINTS
from seektune.study.caps import LEAST_STEPS, least_tokens, rungs_of, trial_caps
from seektune.study.sizes import Sizes, sizes, tokens_per_second
from seektune.study.stages.coarse import NOISE_REPEATS
from seektune.study.stages.lr_range import PROBE_FACTORS, PROBE_SHARE
from seektune.study_file import StudyFile
from seektune.trial import Json

EVALUATION_COST = 0.35
"""A token that is only measured costs about a third of one that is trained on: no backward pass."""
PERPLEXITY_SHARE = 0.2
"""Continued pre-training measures about a twentieth of each of two texts, before and after, per token of its mix."""


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """One line of the plan. Tokens are trained tokens plus measured tokens at their lower cost; None: unknown."""

    stage: str
    runs: int
    tokens: int
    seconds: float | None
    device_seconds: float | None
    """Of all workers together."""
    cost: float | None


class Work(NamedTuple):
    """Of one stage: trials or runs, tokens trained on, tokens measured at their lower cost."""

    runs: int
    trained: float
    measured: float

    @property
    def tokens(self) -> float:
        return self.trained + self.measured


def count(study: StudyFile, size: Sizes) -> dict[str, Work]:
    """Stage -> what it does."""
    horizon, per_row = size.horizon_tokens, size.tokens_per_row
    evaluation = EVALUATION_COST * size.validation_rows * per_row
    every = study.train.eval_every or max(horizon // 10, 1)

    def runs(number: float, tokens: float) -> tuple[float, float]:
        return number * tokens, number * evaluation * max(1.0, tokens / every)

    def total(number: int, *parts: tuple[float, float], each: int = 1) -> Work:
        return Work(number * each, each * sum(part[0] for part in parts), each * sum(part[1] for part in parts))

    def halving(trials: int, positions: tuple[int, ...], reduction: float) -> list[tuple[float, float]]:
        alive = [max(1, round(trials / reduction**index)) if trials else 0 for index in range(len(positions))]
        return [
            runs(number, rung - before) for number, rung, before in zip(alive, positions, (0, *positions), strict=False)
        ]

    stages = study.stages
    pretraining = size.pretraining_tokens
    held_out = PERPLEXITY_SHARE * pretraining if study.model.continued_pretraining is not None else 0.0
    counted = {"prepare": Work(int(pretraining > 0), float(pretraining), evaluation + EVALUATION_COST * held_out)}
    if stages.lr_range is not None:
        ramp = stages.lr_range
        batch = float(study.fixed_params().get("effective_batch", 16))
        steps = ramp.seeds * ramp.steps
        ramps = (steps * batch * per_row, steps * EVALUATION_COST * ramp.probe_rows * per_row)
        probes = len(PROBE_FACTORS) if ramp.probes else 0
        counted["lr_range"] = total(ramp.seeds + probes, ramps, runs(probes, PROBE_SHARE * horizon))
    coarse, fine = stages.coarse, stages.fine
    coarse_trials, fine_trials = trial_caps(study)
    each = study.objective.runs  # of a configuration: folds and repeats
    climbing = halving(coarse_trials, rungs_of(study, coarse, per_row, horizon), coarse.reduction)
    counted["coarse"] = total(coarse_trials + NOISE_REPEATS, runs(NOISE_REPEATS, horizon), *climbing, each=each)
    if fine is not None:
        positions = rungs_of(study, fine, per_row, horizon)
        carried = runs(fine.carry, horizon * (1 - coarse.max_share))
        climbing = halving(fine_trials, positions, fine.reduction)
        counted["fine"] = total(fine_trials + fine.carry, carried, *climbing, each=each)
    # Every validation row, a few times a run; in confirm then the test rows, twice a seed.
    scored = EVALUATION_COST * size.held_out_rows * per_row
    if (augmentation := study.augmentation) is not None:
        number = 2 * (len(augmentation.learning_rate_factors) + _seeds(augmentation.seeds))
        counted["augmentation"] = Work(number, number * horizon, number * CURVE_POINTS * scored)
    confirm = stages.confirm
    seeds = _seeds(confirm.seeds)
    number = (confirm.top + len(confirm.baseline_factors)) * seeds
    counted["confirm"] = Work(number, number * horizon, (number * CURVE_POINTS + 2 * seeds) * scored)
    return counted


def make_plan(
    study: StudyFile, prepared: Json | None, measured_speed: float | None, workers: int, device: str = "cpu"
) -> tuple[list[PlannedStage], Mapping[str, str]]:
    """The plan and its footnotes. `measured_speed` is one worker's (tokens per second) in this study, if it has run."""
    size = sizes(study, prepared)
    speed = measured_speed or tokens_per_second(study, size, device)
    price = study.budget.price_per_device_hour
    planned = []
    for stage, work in count(study, size).items():
        parallel = 1 if stage == "prepare" else min(workers, max(work.runs, 1))
        seconds = None if speed is None else work.tokens / speed / parallel
        all_workers = None if speed is None else work.tokens / speed
        cost = None if price is None or all_workers is None else all_workers / 3600 * price
        planned.append(PlannedStage(stage, work.runs, round(work.tokens), seconds, all_workers, cost))
    return planned, {
        **_sources(study, size, speed, measured_speed, device),
        **_rung_notes(study, size),
        **_seed_notes(study),
    }


def _sources(study: StudyFile, size: Sizes, speed: float | None, measured: float | None, device: str) -> dict[str, str]:
    """Where the numbers come from."""
    if measured:
        how = "measured in this study"
    elif study.model.simulated is not None:
        how = "of the simulated trainer"
    else:
        how = f"a rule of thumb for {size.parameters or 0:,} parameters on a CPU core"
    why = f"nothing measured on {device} yet" if device != "cpu" else "the model's size is not known yet"
    first = "prepare" if device == "cpu" else "lr-range" if study.stages.lr_range else "coarse"
    return {
        "sizes": "counted from the prepared data" if size.exact else "estimated from file sizes; exact after `prepare`",
        "speed": f"{speed:,.0f} tokens/s per worker, {how}"
        if speed is not None
        else f"unknown ({why}): run `seektune {first}` once, then plan again",
    }


AUTO_SEEDS = 3
"""What `auto` is counted with: the fewest."""


def _seeds(given: int | str) -> int:
    return given if isinstance(given, int) else AUTO_SEEDS


def _seed_notes(study: StudyFile) -> dict[str, str]:
    note = f"counted with {AUTO_SEEDS} seeds; `auto` takes up to 10 where runs scatter"
    stages = {"augmentation": study.augmentation, "confirm": study.stages.confirm}
    return {name: note for name, options in stages.items() if options is not None and options.seeds == "auto"}


def _rung_notes(study: StudyFile, size: Sizes) -> dict[str, str]:
    """Comparisons that are left out, or rough."""
    rungs, wanted = (
        rungs_of(study, study.stages.coarse, size.tokens_per_row, size.horizon_tokens),
        study.stages.coarse.rungs,
    )
    least = least_tokens(study, size.tokens_per_row, size.horizon_tokens)
    rule = f"{LEAST_STEPS} steps at the largest batch ({study.largest_batch()}) and twice the longest warmup"
    remedy = "a longer run, a larger stages.coarse.max_share, smaller batches or less warmup help"
    if rungs[-1] < least:
        return {"rungs": f"coarse ends at {rungs[-1]:,} tokens, short of the {least:,} that {rule} take; {remedy}"}
    if len(rungs) < wanted:
        return {"rungs": f"coarse compares at {len(rungs)} of {wanted}: others are shorter than {rule}; {remedy}"}
    return {}
