"""Does the sample task mean something? METHOD's gates, shown with the engine on the shipped study and base.

    python -m benchmarks.fraud_desk.gates            # about 10 minutes on two idle cores; killed, it goes on

Thirty random configurations of the study's space at full length, then the default and the best of them with fresh
seeds. Gates: the p10-p90 spread of validation loss is at least 20 seed SD; best minus default at least 5; the optimum
lies inside the learning rate's bounds (even the best draw of either outermost half decade is 5 SD worse); exact match
of the best between 20% and 95%; the irreducible loss is known. Seed SD is the larger of the two that were measured; a
diverged draw counts as the worst finite one. Writes benchmarks/results/fraud_desk_gates.json; exit code 1 when a gate
is missed.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np

from benchmarks.fraud_desk.generate import FOLDER
from benchmarks.record import record
from seektune.study.context import Context
from seektune.study.observer import Observer
from seektune.study.run import Run
from seektune.study.stage import Round
from seektune.study.stage_kinds import STAGES, StageKind
from seektune.study_file import load_study
from seektune.text.store import TokenStore
from seektune.trial import Evaluate, Json, Params, Result, Segment, State

DRAWS, SEEDS = 30, 5
EDGE_DECADES = 0.5


class Shown(Observer):
    """One line per finished run."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def segment_ended(
        self, stage: str, segment: Segment, result: Result, attempt: int, started_at: float, ended_at: float
    ) -> None:
        searched = {name: value for name, value in segment.params.items() if name in self.names}
        metrics = {name: round(value, 4) for name, value in result.metrics.items()}
        print(f"{segment.trial:12} {result.state:9} {metrics} {searched} {ended_at - started_at:.0f} s", flush=True)


def full_run(context: Context, trial: str, params: Params, seed: int) -> Segment:
    horizon = context.prepared.horizon_tokens
    return Segment(
        trial=trial, params=params, seed=seed, from_tokens=0, to_tokens=horizon, horizon_tokens=horizon,
        evaluate=Evaluate(), keep=False,
    )  # fmt: skip


def gates(context: Context) -> Generator[Round, tuple[Result, ...], Json]:
    """A stage: every run's parameters and metrics."""
    draws = [context.space.sample(np.random.default_rng([context.study.seed, slot])) for slot in range(DRAWS)]
    segments = [
        full_run(context, f"draw-{slot:02}", context.complete(params), context.seed("draw", slot))
        for slot, params in enumerate(draws)
    ]
    segments += [full_run(context, f"default-{n}", context.default(), context.seed("repeat", n)) for n in range(SEEDS)]
    results = yield Round(context.trainer(), tuple(segments))
    best = min(range(DRAWS), key=lambda slot: value(results[slot]))
    repeats = [full_run(context, f"best-{n}", segments[best].params, context.seed("repeat", n)) for n in range(SEEDS)]
    again = yield Round(context.trainer(), tuple(repeats))

    def told(segment: Segment, result: Result) -> Json:
        diverged = result.state is State.DIVERGED
        return {"params": dict(segment.params), "metrics": {} if diverged else dict(result.metrics)}

    told_all = [told(*pair) for pair in zip([*segments, *repeats], [*results, *again], strict=True)]
    return {"draws": told_all[:DRAWS], "default": told_all[DRAWS:-SEEDS], "best": told_all[-SEEDS:]}


def value(result: Result) -> float:
    loss = result.metrics.get("loss", math.inf)
    return loss if result.state is State.COMPLETE and math.isfinite(loss) else math.inf


def judge(found: Json, low: float, high: float, answer_tokens: float) -> tuple[dict[str, float], dict[str, bool]]:
    """(figures, gate -> met)."""

    def losses(runs: list[Any]) -> list[float]:
        return [run["metrics"].get("loss", math.inf) for run in runs]

    drawn = losses(found["draws"])
    worst = max(loss for loss in drawn if math.isfinite(loss))
    drawn = [min(loss, worst) for loss in drawn]
    default, best = statistics.fmean(losses(found["default"])), statistics.fmean(losses(found["best"]))
    seed_sd = max(statistics.stdev(losses(found["default"])), statistics.stdev(losses(found["best"])))
    exact = statistics.fmean(run["metrics"]["exact_match"] for run in found["best"])
    rates = [run["params"]["learning_rate"] for run in found["draws"]]
    factor = 10**EDGE_DECADES
    at_low = min([loss for loss, rate in zip(drawn, rates, strict=True) if rate < low * factor], default=math.nan)
    at_high = min([loss for loss, rate in zip(drawn, rates, strict=True) if rate > high / factor], default=math.nan)
    known = json.loads((FOLDER / "fraud_desk.facts.json").read_text(encoding="utf-8"))["irreducible"]["validation"]
    chosen = found["best"][0]["params"]
    figures = {
        "seed_sd": seed_sd,
        "spread_p10_p90": float(np.percentile(drawn, 90) - np.percentile(drawn, 10)),
        "default_loss": default,
        "best_loss": best,
        "low_edge_loss": at_low,
        "high_edge_loss": at_high,
        "best_exact_match": exact,
        "default_exact_match": statistics.fmean(run["metrics"]["exact_match"] for run in found["default"]),
        "draws_better_than_default": sum(loss < default for loss in drawn),
        "irreducible_loss": known["irreducible_nats_per_row"] / answer_tokens,
        "irreducible_nats_per_row": known["irreducible_nats_per_row"],
        "perfect_student_loss": known["perfect_student_of_noisy_labels_nats_per_row"] / answer_tokens,
        "best_possible_exact_match": known["best_exact_match"],
        "best_learning_rate": chosen["learning_rate"],
        "best_effective_batch": chosen["effective_batch"],
        "best_lora_rank": chosen["lora_rank"],
    }
    figures["spread_in_seed_sd"] = figures["spread_p10_p90"] / seed_sd
    figures["gain_in_seed_sd"] = (default - best) / seed_sd
    met = {
        "p10-p90 spread at least 20 seed SD": figures["spread_in_seed_sd"] >= 20,
        "best beats default by at least 5 seed SD": figures["gain_in_seed_sd"] >= 5,
        "optimum inside the space": min(at_low, at_high) - best >= 5 * seed_sd,
        "exact match of the best in 20%-95%": 0.20 <= exact <= 0.95,
        "irreducible loss known": known["irreducible_nats_per_row"] > 0,
    }
    return figures, met


def main(path: str) -> int:
    study = load_study(path)
    study = study.model_copy(update={"study": f"{study.study}-gates"})  # a folder of its own beside the study's
    stage = StageKind(("prepare",), lambda study: [DRAWS, SEEDS], "benchmarks.fraud_desk.gates:gates")
    kinds = {**STAGES, "gates": stage}
    with Run(study, [Shown(study.make_space().names)], kinds=kinds) as run:
        validation = TokenStore(run.run("prepare")["store"]).facts["splits"]["validation"]
        found = run.run("gates")
    bounds = study.space["learning_rate"]
    answer_tokens = validation["target_tokens"] / validation["rows"]
    figures, met = judge(found, float(bounds.low or 0), float(bounds.high or math.inf), answer_tokens)
    for name, figure in figures.items():
        print(f"{name:28} {figure:.5g}")
    for name, holds in met.items():
        print(f"{'met   ' if holds else 'MISSED'} {name}")
    print(record("fraud_desk_gates", figures, ["python", "-m", "benchmarks.fraud_desk.gates"]))
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "deployments/studies/fraud_desk.yaml"))
