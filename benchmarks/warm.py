"""From the moment a stage has chosen a trial to its first optimizer step: in a warm pool, beside a fresh process.

Both in turn, in one run, through a real driver: proposal, journal, fork, model, optimizer, evaluation rows. The fresh
process does the same work after it has started an interpreter, imported and loaded. Two cases: the sample study's kind
of trial (a tiny DeepSeek-V3 type, LoRA on all linear layers), and full fine-tuning of a tiny Llama; 200 rows evaluated.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from seektune.study.driver import Driver
from seektune.study.executors.in_process import Report
from seektune.study.executors.pool import Pool
from seektune.study.stage import Round, StageRun
from seektune.trial import Dispatch, Evaluate, Params, Result, Segment, TrainerSpec, to_json

CASES: Mapping[str, tuple[str, Params]] = {
    "deepseek_v3_lora": ("tiny-deepseek-v3", {"method": "lora", "lora_rank": 16}),
    "llama_full": ("tiny-llama", {"method": "full"}),
}
ROOT = Path(__file__).parents[1]


class Stamped:
    """LanguageTrainer that says when its first step began (a clock that all processes share)."""

    def __init__(self, **settings: object) -> None:
        from seektune.train.trainer import LanguageTrainer

        self.trainer = LanguageTrainer(**settings)  # type: ignore[arg-type]

    def warm(self) -> None:
        self.trainer.warm()

    def train(self, dispatch: Dispatch, report: Report) -> list[Result]:
        begun = time.monotonic()
        results = self.trainer.train(dispatch, report)
        return [replace(result, facts={"first_step": begun + result.cost.setup_seconds}) for result in results]


def prepare(root: Path, rows: int = 3_000) -> dict[str, TrainerSpec]:
    """Case -> trainer on a base folder of its own."""
    from benchmarks.rows import make_store
    from benchmarks.steps import make_base

    make_store(root / "store", rows)
    common = {"store": str(root / "store"), "kind": "instruction"}
    return {
        case: TrainerSpec("benchmarks.warm:Stamped", {"base": make_base(root, model, model), **common})
        for case, (model, _) in CASES.items()
    }


def trial(case: str, index: int) -> Segment:
    params = {"learning_rate": 1e-3, "effective_batch": 8, **CASES[case][1]}
    return Segment(f"t-{index}", params, index, 0, 400, 160_000, evaluate=Evaluate(rows=200), keep=False)


def overheads(case: str, spec: TrainerSpec, folder: Path, repeats: int, fresh: int) -> tuple[list[float], list[float]]:
    """Seconds of `repeats` warm trials, and of `fresh` processes between them."""
    warm: list[float] = []
    alone: list[float] = []

    def stage() -> StageRun:
        for index in range(repeats + 1):
            chosen = time.monotonic()
            (result,) = yield Round(spec, (trial(case, index),))
            assert "first_step" in result.facts, result
            if index:  # the first one waits for the zygote
                warm.append(float(result.facts["first_step"]) - chosen)
            if len(alone) < fresh:
                alone.append(in_fresh_process(spec, Dispatch(1, (trial(case, index),), str(folder / f"fresh-{index}"))))
        return {}

    with Driver(folder / "study", Pool(1)) as driver:
        driver.run("coarse", case, stage())
    return warm, alone


def in_fresh_process(spec: TrainerSpec, dispatch: Dispatch) -> float:
    """Seconds from starting an interpreter to the first step of the same trial."""
    words = [sys.executable, "-m", "benchmarks.warm", json.dumps(to_json(spec)), json.dumps(to_json(dispatch))]
    begun = time.monotonic()
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT)
    return float(done.stdout.split()[-1]) - begun


def measure(folder: Path, repeats: int = 15, fresh: int = 4) -> dict[str, float]:
    """Medians; the slower case speaks for both."""
    figures: dict[str, float] = {}
    for case, spec in prepare(folder).items():
        warm, alone = overheads(case, spec, folder / case, repeats, fresh)
        figures[f"warm_overhead_seconds_{case}"] = statistics.median(warm)
        figures[f"fresh_process_overhead_seconds_{case}"] = statistics.median(alone)
    for name in ("warm_overhead_seconds", "fresh_process_overhead_seconds"):
        figures[name] = max(figures[f"{name}_{case}"] for case in CASES)
    return figures


def main(spec: str, dispatch: str) -> None:
    """The fresh process."""
    trainer = TrainerSpec(**json.loads(spec)).load()
    trainer.warm()
    (result,) = trainer.train(Dispatch.from_json(json.loads(dispatch)), Report(1))
    print(result.facts["first_step"])


if __name__ == "__main__":
    main(*sys.argv[1:])
