"""What a trial costs beside its training: the driver's own work, and the way into a warm child or a fresh process.

(a) proposal to first optimizer step, through the pool with a warm zygote, median of `--repeats` trials of a small Llama
    (full fine-tuning, a local base folder); the same in a fresh interpreter that imports, loads and begins.
(b) driver time per trial over 1,000 and 10,000 simulated trials in this process (two rungs, a third of them promoted),
    training included, without and with the Optuna mirror; the driver's memory after the longest.

    python benchmarks/overhead.py            # about 8 minutes on two idle cores
    python benchmarks/overhead.py --quick    # about a minute: 200 and 400 trials, writes nothing
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.record import record
from seektune.ledger.mirror import Mirror
from seektune.space.options import ParameterOptions
from seektune.study.driver import Driver
from seektune.study.executors.in_process import InProcess
from seektune.study.executors.pool import Pool
from seektune.study.observer import Observer
from seektune.study.stage import Round, StageRun
from seektune.trial import Dispatch, Evaluate, Segment, Start, TrainerSpec, derive_seed, to_json

SIMULATED = TrainerSpec("seektune.study.simulated:SimulatedTrainer", {})
BATCH = 16
TOKENS = 4_096
"""Of a simulated trial: eight steps."""


def simulated(trials: int) -> StageRun:
    """Rounds of sixteen; the best third of each goes on to the end."""
    for first in range(0, trials, BATCH):
        wave = [
            Segment(
                trial=f"t-{index:05d}",
                params={"learning_rate": 10 ** (-5 + 3 * (index * 0.618 % 1)), "weight_decay": index * 0.382 % 1 * 0.1},
                seed=derive_seed(index),
                from_tokens=0,
                to_tokens=TOKENS // 2,
                horizon_tokens=TOKENS,
                evaluate=Evaluate(every_tokens=TOKENS // 4),
            )
            for index in range(first, min(first + BATCH, trials))
        ]
        results = yield Round(SIMULATED, tuple(wave), {segment.trial: "quasi-random" for segment in wave})
        order = sorted(range(len(wave)), key=lambda i: results[i].metrics["loss"])[: max(1, len(wave) // 3)]
        going = [
            replace(wave[i], from_tokens=TOKENS // 2, to_tokens=TOKENS, start=Start(wave[i].trial, TOKENS // 2))
            for i in order
        ]
        yield Round(SIMULATED, tuple(going), done=tuple(s.trial for i, s in enumerate(wave) if i not in order))
    return {"keep": []}


def driver_ms_per_trial(trials: int, mirror: bool = False) -> float:
    """Wall milliseconds per trial, everything included."""
    with tempfile.TemporaryDirectory() as folder:
        space = {"learning_rate": ParameterOptions(low=1e-6, high=1.0, log=True)}
        observers: list[Observer] = [Mirror(Path(folder), "overhead", space)] if mirror else []
        begun = time.perf_counter()
        with Driver(folder, InProcess(), observers) as driver:
            driver.run("coarse", f"{trials}", simulated(trials))
        return 1000 * (time.perf_counter() - begun) / trials


def real_trainer(folder: Path) -> TrainerSpec:
    """A Llama of 0.4M parameters in a local folder, and rows to train on."""
    import transformers

    from benchmarks.rows import make_store

    make_store(folder / "store", rows=256)
    config = transformers.LlamaConfig(
        vocab_size=2048, hidden_size=96, intermediate_size=256, num_hidden_layers=4, num_attention_heads=4
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder / "base")
    settings = {"base": str(folder / "base"), "store": str(folder / "store"), "kind": "instruction"}
    return TrainerSpec("benchmarks.overhead:Stamped", settings)


class Stamped:
    """LanguageTrainer that says when its first step began (a clock that all processes share)."""

    def __init__(self, **settings: object) -> None:
        from seektune.train.trainer import LanguageTrainer

        self.trainer = LanguageTrainer(**settings)  # type: ignore[arg-type]

    def warm(self) -> None:
        self.trainer.warm()

    def train(self, dispatch: Dispatch, report: object) -> list[object]:
        begun = time.monotonic()
        results = self.trainer.train(dispatch, report)  # type: ignore[arg-type]
        return [replace(result, facts={"first_step": begun + result.cost.setup_seconds}) for result in results]


def trial(index: int) -> Segment:
    params = {"learning_rate": 1e-3, "effective_batch": 8}
    return Segment(f"t-{index}", params, index, 0, 400, 4_000, evaluate=Evaluate(rows=8), keep=False)


def warm_overhead_seconds(spec: TrainerSpec, folder: Path, repeats: int) -> float:
    """From the moment a stage has chosen a trial to its first step."""
    taken: list[float] = []

    def stage() -> StageRun:
        for index in range(repeats + 1):
            chosen = time.monotonic()
            (result,) = yield Round(spec, (trial(index),))
            assert "first_step" in result.facts, result
            taken.append(float(result.facts["first_step"]) - chosen)
        return {}

    with Driver(folder / "study", Pool(1)) as driver:
        driver.run("coarse", "warm", stage())
    return statistics.median(taken[1:])  # the first one waits for the zygote


def fresh_process_overhead_seconds(spec: TrainerSpec, folder: Path, repeats: int) -> float:
    """From starting an interpreter to the first step of the same trial."""
    taken = []
    for index in range(repeats):
        attempt = folder / f"fresh-{index}"
        attempt.mkdir()
        dispatch = Dispatch(1, (trial(index),), str(attempt), ((),))
        words = [sys.executable, __file__, "--fresh", json.dumps(to_json(spec)), json.dumps(to_json(dispatch))]
        begun = time.monotonic()
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        taken.append(float(done.stdout.split()[-1]) - begun)
    return statistics.median(taken)


def fresh(spec: str, dispatch: str) -> None:
    from seektune.study.executors.in_process import Report

    made = TrainerSpec(**json.loads(spec)).load()
    made.warm()
    (result,) = made.train(Dispatch.from_json(json.loads(dispatch)), Report(1))
    print(result.facts["first_step"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--fresh", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fresh:
        fresh(*options.fresh)
        return
    small, large = (200, 400) if options.quick else (1_000, 10_000)
    figures = {
        "driver_ms_per_trial_1k": driver_ms_per_trial(small),
        "driver_ms_per_trial_10k": driver_ms_per_trial(large),
        "driver_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "driver_ms_per_trial_1k_mirror": driver_ms_per_trial(small, mirror=True),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec = real_trainer(folder)
        figures["warm_overhead_seconds"] = warm_overhead_seconds(spec, folder, options.repeats)
        figures["fresh_process_overhead_seconds"] = fresh_process_overhead_seconds(spec, folder, 3)
    for key, value in figures.items():
        print(f"{key:34s} {value:10.3f}")
    if not options.quick:
        print(record("overhead", figures, ("python", "benchmarks/overhead.py")))


if __name__ == "__main__":
    main()
