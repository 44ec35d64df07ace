"""Optimizer steps per second, beside transformers.Trainer: same model, rows, order, optimizer and learning rates.

Both train the same steps in turn, `ROUNDS` times, in one process on one thread. Every step is timed on its own; a ratio
is the median over steps of (Trainer's time / ours) for the very same rows, medians of the rounds. Trainer runs as its
users run it (its default optimizer, padding to the longest row of the batch), without logging, evaluation or saving;
ours keeps its moving average of the weights. LoRA sits on the same layers with the same initial numbers. The two loss
curves must agree within 1e-4, else it is not the same work and the benchmark fails.

Rows are prompts with answers: by default a third of the tokens carry loss. With `--answers 1` (plain text) there is less
to save in the output layer.

    python -m benchmarks.steps            # about 5 minutes on one core
    python -m benchmarks.steps --quick    # about 1 minute, writes nothing
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import peft
import torch
import transformers

from benchmarks.record import record
from seektune.adapt.lora import names_kept
from seektune.schedule.learning_rate import LearningRate
from seektune.text.store import Row, TokenStore, write_split
from seektune.train.batches import Stream
from seektune.train.options import TrialParams
from seektune.train.setup import Setup
from seektune.train.trainer import LanguageTrainer
from seektune.trial import Dispatch, Evaluate, Progress, Segment

MODELS, METHODS = ("tiny-deepseek-v3", "tiny-llama"), ("full", "lora")
VOCABULARY, BATCH, PAD = 2048, 16, 0
ROUNDS, STEPS = 5, 40
LARGEST_DIFFERENCE = 1e-4

Curve = tuple[list[float], list[float]]
"""Seconds and loss of each step."""


class Quiet:
    """Nobody listens, nobody stops it."""

    def __call__(self, progress: Progress) -> None:
        pass

    def stop_asked(self) -> bool:
        return False


def make_store(folder: Path, rows: int, answers: float) -> TokenStore:
    """Rows of 30 to 150 tokens (median 67) whose last part, a share `answers`, is learned."""
    generator = np.random.default_rng(0)
    made = []
    for number in range(rows):
        length = int(np.clip(generator.lognormal(4.2, 0.35), 30, 150))
        ids = (generator.zipf(1.3, length) % (VOCABULARY - 3) + 3).astype(np.int32)
        labels = np.where(np.arange(length) >= length * (1 - answers), ids, -100).astype(np.int32)
        made.append(Row(f"{number:06d}", f"{number:06d}", ids, labels, -1, "en"))
    folder.mkdir()
    for split in ("train", "validation", "test", "base"):
        write_split(folder / f"{split}.arrow", made if split == "train" else made[:16])
    facts = {"vocabulary": VOCABULARY, "pad_id": PAD, "eos_id": 2, "bos_id": 1, "max_length": 160, "labels": []}
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    return TokenStore(folder)


def ours(setup: Setup, steps: int) -> Curve:
    seconds, losses, counters = [], [], setup.loop.counters
    for _ in range(steps):
        begun = time.perf_counter()
        setup.loop.step()
        seconds.append(time.perf_counter() - begun)
        losses.append(counters.train_loss or 0.0)
        counters.loss_sum, counters.loss_targets = 0.0, 0
    return seconds, losses


class Peer(transformers.Trainer):
    """transformers.Trainer with given learning rates and rows in the given order; remembers its losses."""

    def __init__(self, *arguments: Any, rates: list[float], **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._rates = rates
        self.losses: list[torch.Tensor] = []

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        rates, peak = self._rates, self.args.learning_rate
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer or self.optimizer, lambda step: rates[min(step, len(rates) - 1)] / peak
        )
        return self.lr_scheduler

    def _get_train_sampler(self, *arguments: Any, **settings: Any) -> Any:
        return torch.utils.data.SequentialSampler(self.train_dataset)

    def training_step(self, *arguments: Any, **settings: Any) -> torch.Tensor:
        loss = super().training_step(*arguments, **settings)
        self.losses.append(loss.detach())
        return loss


class Clock(transformers.TrainerCallback):
    """A step lasts from the end of the one before: collating and bookkeeping belong to it, as they do in ours."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def on_train_begin(self, *arguments: Any, **settings: Any) -> None:
        self.marks.append(time.perf_counter())

    def on_step_end(self, *arguments: Any, **settings: Any) -> None:
        self.marks.append(time.perf_counter())


def collate(rows: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    """Padded on the right to the longest row."""
    width = max(len(row["input_ids"]) for row in rows)
    fills = {"input_ids": PAD, "labels": -100, "attention_mask": 0}
    return {
        name: torch.tensor([row[name] + [fill] * (width - len(row[name])) for row in rows])
        for name, fill in fills.items()
    }


def theirs(model: Any, rows: list[Row], rates: list[float], params: TrialParams) -> Curve:
    dataset = [
        {"input_ids": row.input_ids.tolist(), "labels": row.labels.tolist(), "attention_mask": [1] * len(row.input_ids)}
        for row in rows
    ]
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            folder,
            per_device_train_batch_size=BATCH,
            max_steps=len(rates),
            learning_rate=params.learning_rate,
            weight_decay=params.weight_decay,
            max_grad_norm=params.clip_norm,
            use_cpu=True,
            report_to="none",
            logging_strategy="no",
            save_strategy="no",
            disable_tqdm=True,
        )
        trainer = Peer(model, arguments, train_dataset=dataset, data_collator=collate, callbacks=[clock], rates=rates)
        trainer.remove_callback(transformers.trainer_callback.PrinterCallback)
        trainer.train()
    return np.diff(clock.marks).tolist(), [float(loss) for loss in trainer.losses]


def peer_model(base: str, params: TrialParams, start: Any) -> Any:
    """The same weights as `start` (our model before its first step) in a model of their own."""
    model = transformers.AutoModelForCausalLM.from_pretrained(base)
    if params.method == "lora":
        layers = start.peft_config["default"].target_modules
        with names_kept():
            model = peft.get_peft_model(
                model,
                peft.LoraConfig(
                    task_type="CAUSAL_LM", r=params.lora_rank, lora_alpha=params.lora_alpha, target_modules=layers
                ),
            )
        model.load_state_dict(start.state_dict())
    return model


def compare(root: Path, name: str, method: str, steps: int, rounds: int) -> tuple[float, float, float, float]:
    """(our steps per second, theirs, ratio, largest loss difference)."""
    store = str(root / "store")
    maker = LanguageTrainer(base="", store=store, kind="instruction", config=name)
    fresh = Segment("base", {"learning_rate": 1e-3}, 0, 0, 0, 1, keep=False, export=True, evaluate=Evaluate(rows=8))
    base = str(maker.train(Dispatch(0, (fresh,), str(root / name)), Quiet())[0].model)
    trainer = LanguageTrainer(base=base, store=store, kind="instruction")
    trainer.warm()

    params = TrialParams(learning_rate=1e-3 if method == "full" else 3e-3, method=method, effective_batch=BATCH)
    stream = Stream(trainer.store, "train", share=1.0, effective_batch=BATCH, seed=0)
    rows = [row for step in range(steps) for row in stream.rows(step)]
    ends = np.cumsum([0, *(len(row.input_ids) for row in rows)])[::BATCH].tolist()
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
    for turn in range(rounds + 1):  # the first one warms both up
        setup = Setup(trainer, segment, Quiet().stop_asked)
        model = peer_model(base, params, setup.model)
        our_seconds, our_losses = ours(setup, steps)
        their_seconds, their_losses = theirs(model, rows, rates, params)
        difference = max(difference, float(np.abs(np.subtract(our_losses, their_losses)).max()))
        if turn:
            seconds["ours"].append(our_seconds)
            seconds["theirs"].append(their_seconds)
    our_steps, their_steps = (np.median(seconds[side], axis=0) for side in ("ours", "theirs"))
    ratio = float(np.median(their_steps / our_steps))
    return float(1 / np.median(our_steps)), float(1 / np.median(their_steps)), ratio, difference


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few steps, nothing written")
    parser.add_argument("--answers", type=float, default=1 / 3, help="share of the tokens that carry loss")
    arguments = parser.parse_args()
    steps, rounds = (12, 2) if arguments.quick else (STEPS, ROUNDS)
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    warnings.filterwarnings("ignore")
    ratios: dict[str, list[float]] = {method: [] for method in METHODS}
    figures, largest = {}, 0.0
    print(
        f"{'model':18} {'method':6} {'ours':>8} {'Trainer':>8} {'ratio':>6} {'loss differs':>12}   (steps per second)"
    )
    with tempfile.TemporaryDirectory() as folder:
        make_store(Path(folder) / "store", BATCH * 64, arguments.answers)
        for name, method in itertools.product(MODELS, METHODS):
            our_rate, their_rate, ratio, difference = compare(Path(folder), name, method, steps, rounds)
            print(f"{name:18} {method:6} {our_rate:8.2f} {their_rate:8.2f} {ratio:6.2f} {difference:12.1e}", flush=True)
            ratios[method].append(ratio)
            figures[f"steps_ratio_{method}_{name}"] = ratio
            largest = max(largest, difference)
    if largest > LARGEST_DIFFERENCE:
        print(
            f"loss curves differ by {largest:.1e}, more than {LARGEST_DIFFERENCE:.0e}: not the same work",
            file=sys.stderr,
        )
        return 1
    figures |= {f"steps_ratio_{method}": min(found) for method, found in ratios.items()}  # the weaker model counts
    figures["loss_curve_max_diff"] = largest
    if not arguments.quick and arguments.answers == parser.get_default("answers"):
        print(record("steps", figures, ("python", "-m", "benchmarks.steps")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
