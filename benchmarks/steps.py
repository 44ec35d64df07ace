"""Optimizer steps per second, beside transformers.Trainer: same model, rows, order, optimizer and learning rates.

Both train the same steps in turn, several times, in one process (on the CPU: on one thread). Every step is timed on its
own; a ratio is the median over steps of (Trainer's time / ours) for the very same rows, medians of the rounds. Trainer
runs as in peer.py; ours keeps its moving average of the weights. LoRA sits on the same layers with the same initial
numbers. The two loss curves must agree (on the CPU within 1e-4), else it is not the same work: exit code 1.

Rows are prompts with answers: by default a third of the tokens carry loss. With `--answers 1` (plain text) there is less
to save in the output layer.

    python -m benchmarks.steps                  # two tiny models; about 4 minutes on one core
    python -m benchmarks.steps --device cuda    # a DeepSeek-V3 type of 100M parameters, fp32 and bf16; a few minutes
    python -m benchmarks.steps --quick          # few steps; with this or any other option nothing is written
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import transformers

from benchmarks.peer import Curve, peer_model, theirs
from benchmarks.record import record
from benchmarks.rows import make_store
from seektune.schedule.learning_rate import LearningRate
from seektune.train import layout
from seektune.train.batches import Stream
from seektune.train.options import TrialParams
from seektune.train.presets import PRESETS
from seektune.train.setup import Setup
from seektune.train.trainer import LanguageTrainer
from seektune.trial import Dispatch, Evaluate, Json, Progress, Segment

METHODS = ("full", "lora")
LARGE: Json = PRESETS["tiny-deepseek-v3"] | {
    "hidden_size": 768,
    "intermediate_size": 2048,
    "num_hidden_layers": 7,
    "num_attention_heads": 12,
    "num_key_value_heads": 12,
    "q_lora_rank": 384,
    "kv_lora_rank": 256,
    "qk_nope_head_dim": 64,
    "qk_rope_head_dim": 32,
    "v_head_dim": 64,
    "moe_intermediate_size": 512,
    "n_routed_experts": 8,
    "initializer_range": 0.02,
}
"""About 100M parameters at a vocabulary of 32,000."""


@dataclass(frozen=True)
class Size:
    """What is trained on a kind of device. `precisions`: the largest difference of the loss curves in each."""

    models: Mapping[str, str | Json]
    precisions: Mapping[str, float]
    vocabulary: int
    median: int
    longest: int
    batch: int
    micro_tokens: int
    rates: Mapping[str, float]
    rounds: int
    steps: int


RATES = {"full": 1e-3, "lora": 3e-3}
SIZES = {
    "cpu": Size(
        models={name: name for name in ("tiny-deepseek-v3", "tiny-llama")},
        precisions={"fp32": 1e-4},
        vocabulary=2048,
        median=67,
        longest=150,
        batch=16,
        micro_tokens=4096,
        rates=RATES,
        rounds=5,
        steps=32,
    ),
    "cuda": Size(
        models={"deepseek-v3-100m": LARGE},
        precisions={"fp32": 1e-3, "bf16": 5e-2},  # batches are split differently, and CUDA's kernels depend on shapes
        vocabulary=32_000,
        median=400,
        longest=1024,
        batch=32,
        micro_tokens=65_536,
        rates={method: rate / 10 for method, rate in RATES.items()},
        rounds=4,
        steps=30,
    ),
}


class Quiet:
    """Nobody listens, nobody stops it."""

    def __call__(self, progress: Progress) -> None:
        pass

    def stop_asked(self) -> bool:
        return False


def ours(setup: Setup, steps: int) -> Curve:
    seconds, losses, counters = [], [], setup.loop.counters
    for _ in range(steps):
        begun = time.perf_counter()
        setup.loop.step()
        seconds.append(time.perf_counter() - begun)
        losses.append(counters.train_loss or 0.0)
        counters.loss_sum, counters.loss_targets = 0.0, 0
    return seconds, losses


def make_base(root: Path, name: str, config: str | Json) -> str:
    """A model folder with random weights, written by our trainer."""
    maker = LanguageTrainer(base="", store=str(root / "store"), kind="instruction", config=config)
    fresh = Segment("base", {"learning_rate": 1e-3}, 0, 0, 0, 1, keep=False, export=True, evaluate=Evaluate(rows=8))
    return str(maker.train(Dispatch(0, (fresh,), str(root / name)), Quiet())[0].model)


@dataclass(frozen=True)
class Compared:
    """Steps per second, and tokens per second of ours."""

    ours: float
    theirs: float
    ratio: float
    difference: float
    tokens: float


def compare(base: str, store: str, device: str, size: Size, method: str, precision: str) -> Compared:
    """One model, method and precision."""
    train = {"precision": precision, "micro_tokens": size.micro_tokens}
    trainer = LanguageTrainer(base=base, store=store, kind="instruction", device=device, train=train)
    trainer.warm()
    params = TrialParams(learning_rate=size.rates[method], method=method, effective_batch=size.batch)
    stream = Stream(trainer.store, "train", share=1.0, effective_batch=size.batch, seed=0)
    rows = [row for step in range(size.steps) for row in stream.rows(step)]
    ends = np.cumsum([0, *(len(row.input_ids) for row in rows)])[:: size.batch].tolist()
    rule = LearningRate(
        params.schedule,
        params.model_dump(),
        peak=params.learning_rate,
        warmup_ratio=params.warmup_ratio,
        horizon_tokens=ends[-1],
    )
    rates = [rule.at(before, after) for before, after in itertools.pairwise(ends)]
    segment = Segment("ours", params.model_dump(), 0, 0, ends[-1], ends[-1], evaluate=Evaluate(rows=8))

    seconds: dict[str, list[list[float]]] = {"ours": [], "theirs": []}
    difference = 0.0
    for turn in range(size.rounds + 1):  # the first one warms both up
        setup = Setup(trainer, segment, Quiet().stop_asked)
        model = peer_model(base, params, setup.model)
        our_seconds, our_losses = ours(setup, size.steps)
        their_seconds, their_losses = theirs(model, rows, rates, params, device, precision == "bf16")
        difference = max(difference, float(np.abs(np.subtract(our_losses, their_losses)).max()))
        if turn:
            seconds["ours"].append(our_seconds)
            seconds["theirs"].append(their_seconds)
    our_steps, their_steps = (np.median(seconds[side], axis=0) for side in ("ours", "theirs"))
    return Compared(
        float(1 / np.median(our_steps)),
        float(1 / np.median(their_steps)),
        float(np.median(their_steps / our_steps)),
        difference,
        float(ends[-1] / our_steps.sum()),
    )


def measure(device: str, size: Size, answers: float = 1 / 3) -> dict[str, float]:
    """Every case; figures by name."""
    ratios: dict[str, list[float]] = {}
    figures: dict[str, float] = {}
    differences = dict.fromkeys(size.precisions, 0.0)
    print(f"{'model':18} {'method':6} {'':4} {'ours':>8} {'Trainer':>8} {'ratio':>6} {'loss differs':>12}   (steps/s)")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        sizes = {"vocabulary": size.vocabulary, "median": size.median, "longest": size.longest}
        make_store(root / "store", size.batch * 64, answers=answers, **sizes)
        for name, config in size.models.items():
            base = make_base(root, name, config)
            for method, precision in itertools.product(METHODS, size.precisions):
                found = compare(base, str(root / "store"), device, size, method, precision)
                print(
                    f"{name:18} {method:6} {precision:4} {found.ours:8.2f} {found.theirs:8.2f} {found.ratio:6.2f}"
                    f" {found.difference:12.1e}",
                    flush=True,
                )
                suffix = f"{method}_{name}" + (f"_{precision}" if len(size.precisions) > 1 else "")
                ratios.setdefault(method, []).append(found.ratio)
                figures[f"steps_ratio_{suffix}"] = found.ratio
                figures[f"steps_per_second_{suffix}"] = found.ours
                figures[f"tokens_per_second_{suffix}"] = found.tokens
                differences[precision] = max(differences[precision], found.difference)
    figures |= {f"steps_ratio_{method}": min(found) for method, found in ratios.items()}  # the weakest case counts
    return figures | {difference_key(name): found for name, found in differences.items()}


def difference_key(precision: str) -> str:
    return "loss_curve_max_diff" + ("" if precision == "fp32" else f"_{precision}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=SIZES, default="cpu")
    parser.add_argument("--quick", action="store_true", help="few steps")
    parser.add_argument("--answers", type=float, default=1 / 3, help="share of the tokens that carry loss")
    parser.add_argument("--micro-tokens", type=int, help="most tokens in one pass of ours")
    parser.add_argument("--pass-cost", type=int, help="try another PASS_COST_TOKENS (train/layout.py)")
    arguments = parser.parse_args()
    size, changed = SIZES[arguments.device], {}
    if arguments.quick:
        changed |= {"steps": 12, "rounds": 2}
    if arguments.micro_tokens:
        changed["micro_tokens"] = arguments.micro_tokens
    if arguments.pass_cost:
        layout.PASS_COST_TOKENS[arguments.device] = arguments.pass_cost
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    warnings.filterwarnings("ignore")
    figures = measure(arguments.device, replace(size, **changed), arguments.answers)
    if sys.argv[1:] in ([], ["--device", arguments.device]):  # as it is defined: another way of calling is a try
        name = "steps" if arguments.device == "cpu" else "steps_cuda"
        print(record(name, figures))
    wrong = {
        name: figures[difference_key(name)]
        for name, limit in size.precisions.items()
        if figures[difference_key(name)] > limit
    }
    if wrong:
        print(f"loss curves differ more than {dict(size.precisions)}: {wrong}; not the same work", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
