"""Is the range test right? Its suggestion against the best learning rate of a grid of full runs, on real text.

For each data set and method: the range test as the pipeline runs it, then full runs over a grid of learning rates, three
to a decade (two seeds, means of the averaged weights' validation loss). Right means: the grid's best lies within the
reported range and within a factor of 3 of the suggestion. Two counts: the single best of the grid (strict), and any
rate that is level with it, within two standard errors, and meets both conditions at once. Exit code 1 on a miss.

    python -m benchmarks.lr_range            # about 20 minutes on two cores; needs ../shared/data
"""

from __future__ import annotations

import math
import statistics
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import record
from seektune.ledger.results import RangeResult
from seektune.study.context import Context
from seektune.study.run import Run
from seektune.study.stage import Round
from seektune.study.stage_kinds import STAGES, StageKind
from seektune.study_file import load_study
from seektune.trial import Evaluate, Json, Result, Segment, State
from tests.real.studies import study, write

SETS = ("dolly", "crosswoz", "banking77")
METHODS = ("lora", "full")
SEEDS = 2
GRID = tuple(float(10**exponent) for exponent in np.arange(-13, -1) / 3)


def grid_stage(context: Context) -> Generator[Round, tuple[Result, ...], Json]:
    """Full runs over the grid: learning rate -> validation losses."""
    horizon = context.prepared.horizon_tokens
    segments = tuple(
        Segment(
            trial=f"grid-{rate:.2g}-{repeat}",
            params={**context.default(), "learning_rate": float(rate)},
            seed=context.seed("grid", repeat),
            from_tokens=0,
            to_tokens=horizon,
            horizon_tokens=horizon,
            evaluate=Evaluate(rows=200),
            keep=False,
        )
        for rate in GRID
        for repeat in range(SEEDS)
    )
    results = yield Round(context.trainer(), segments)
    losses: dict[str, list[float]] = {}
    for segment, result in zip(segments, results, strict=True):
        value = math.inf if result.state is State.DIVERGED else result.metrics["loss"]
        losses.setdefault(repr(segment.params["learning_rate"]), []).append(value)
    return {"losses": {rate: [v if math.isfinite(v) else 1e9 for v in values] for rate, values in losses.items()}}


def measure(name: str, method: str, folder: Path) -> dict[str, Any]:
    """One data set and method."""
    content = study(name, method=method, tokens=60_000, pretrain=300_000)
    content["stages"]["lr_range"] = {}
    kinds = {**STAGES, "grid": StageKind(("prepare",), lambda study: list(GRID), "benchmarks.lr_range:grid_stage")}
    with Run(load_study(write(content, folder)), kinds=kinds) as run:
        run.run("prepare")
        found = RangeResult.model_validate(run.run("lr_range"))
        losses = run.run("grid")["losses"]
    means = {float(rate): statistics.fmean(values) for rate, values in losses.items()}
    best = min(means, key=means.__getitem__)
    spread = statistics.median(statistics.stdev(values) for values in losses.values() if max(values) < 1e8)
    ties = [rate for rate, mean in means.items() if mean - means[best] <= 2 * spread / math.sqrt(SEEDS)]
    suggestion = found.suggestion or math.nan

    def factor(rate: float) -> float:
        return max(rate / suggestion, suggestion / rate)

    def right(rate: float) -> bool:
        return found.usable and factor(rate) <= 3 and (found.low or 0) <= rate <= (found.high or math.inf)

    return {
        "set": name,
        "method": method,
        "usable": found.usable,
        "low": found.low,
        "high": found.high,
        "suggestion": found.suggestion,
        "default": found.default_learning_rate,
        "best_of_grid": best,
        "ties": sorted(ties),
        "factor": factor(best),
        "strict": right(best),
        "right": any(map(right, ties)),
        "reason": found.reason,
        "losses": {f"{rate:.2g}": round(mean, 4) for rate, mean in sorted(means.items())},
    }


def main() -> int:
    chosen = sys.argv[1:] or list(SETS)
    rows = []
    for name in chosen:
        for method in METHODS:
            with tempfile.TemporaryDirectory() as folder:
                row = measure(name, method, Path(folder))
            rows.append(row)
            print(row, flush=True)
    figures = {
        "cases": float(len(rows)),
        "right": float(sum(row["right"] for row in rows)),
        "right_strict": float(sum(row["strict"] for row in rows)),
    }
    for row in rows:
        for name in ("low", "suggestion", "high", "best_of_grid", "factor"):
            if row[name] is not None:
                figures[f"{row['set']}_{row['method']}_{name}"] = float(f"{row[name]:.4g}")
    print(record("lr_range", figures, ["python", "-m", "benchmarks.lr_range"]))
    return 0 if all(row["right"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
