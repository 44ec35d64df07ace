"""Optimizer steps per second, beside transformers.Trainer: same model, rows, order, optimizer and learning rates.

Both train the same steps in turn, `--rounds` times, in one process on one thread; every step is timed on its own, and a
ratio is the median over steps of (Trainer's time / ours) for the very same rows. Trainer runs as its users run it (its
own defaults for fused AdamW, padding to the longest row, the model's default experts), without logging, evaluation or
saving; ours keeps its moving average of the weights. The two loss curves must agree within 1e-4, else it is not the
same work and the benchmark fails.

    python benchmarks/steps.py            # about 6 minutes on one core
    python benchmarks/steps.py --quick    # about 1 minute, writes nothing
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parent.parent))
warnings.filterwarnings("ignore")

import itertools

import numpy as np
import torch
import transformers
from peft import LoraConfig, get_peft_model

from benchmarks.record import record
from seektune.schedule.learning_rate import LearningRate
from seektune.text.store import Row, TokenStore, write_split
from seektune.train.options import TrialParams
from seektune.train.setup import Setup
from seektune.train.trainer import LanguageTrainer
from seektune.trial import Evaluate, Segment

VOCABULARY, BATCH, LARGEST_DIFFERENCE = 2048, 16, 1e-4
MODELS = ("tiny-deepseek-v3", "tiny-llama")


def make_store(folder: Path, rows: int) -> TokenStore:
    """Instruction rows: 30 to 150 tokens, the last third answers."""
    generator = np.random.default_rng(0)
    made = []
    for number in range(rows):
        length = int(np.clip(generator.lognormal(4.2, 0.35), 30, 150))
        ids = (generator.zipf(1.3, length) % (VOCABULARY - 3) + 3).astype(np.int32)
        labels = np.where(np.arange(length) >= length * 2 // 3, ids, -100).astype(np.int32)
        made.append(Row(f"{number:06d}", f"{number:06d}", ids, labels, -1, "en"))
    for split in ("train", "validation", "test", "base"):
        write_split(folder / f"{split}.arrow", made if split == "train" else made[:16])
    facts = {"vocabulary": VOCABULARY, "pad_id": 0, "eos_id": 2, "bos_id": 1, "max_length": 160, "labels": []}
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    return TokenStore(folder)


class _Quiet:
    def __call__(self, progress: object) -> None:
        pass

    def stop_asked(self) -> bool:
        return False


def ours(trainer: LanguageTrainer, segment: Segment, steps: int) -> tuple[list[float], list[float], Setup]:
    """Seconds and loss of each step."""
    setup = Setup(trainer, segment, _Quiet().stop_asked)
    seconds, losses = [], []
    for _ in range(steps):
        begun = time.perf_counter()
        setup.loop.step()
        seconds.append(time.perf_counter() - begun)
        losses.append(setup.loop.counters.train_loss or 0.0)
        setup.loop.counters.loss_sum, setup.loop.counters.loss_targets = 0.0, 0
    return seconds, losses, setup


class PeerTrainer(transformers.Trainer):
    """transformers.Trainer with given learning rates and rows in the given order; times its own steps."""

    def __init__(self, *args: Any, rates: list[float], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rates = rates
        self.losses: list[torch.Tensor] = []

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        peak = self.args.learning_rate
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer or self.optimizer, lambda step: self.rates[min(step, len(self.rates) - 1)] / peak
        )
        return self.lr_scheduler

    def _get_train_sampler(self, *args: Any, **kwargs: Any) -> Any:
        return torch.utils.data.SequentialSampler(self.train_dataset)

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        loss = super().training_step(*args, **kwargs)
        self.losses.append(loss.detach())
        return loss


class Clock(transformers.TrainerCallback):
    """Time of a step: from the end of the one before (rows, padding and bookkeeping are part of it)."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        self.marks.append(time.perf_counter())

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        self.marks.append(time.perf_counter())


def peer(
    base: str, rows: list[Row], rates: list[float], params: TrialParams, start: Any
) -> tuple[list[float], list[float]]:
    """The same steps by transformers.Trainer, from the same weights (`start`: our model's adapters)."""
    model = transformers.AutoModelForCausalLM.from_pretrained(base)
    if params.method == "lora":
        model = _same_adapters(model, params, start)
    dataset = [{"input_ids": row.input_ids.tolist(), "labels": row.labels.tolist()} for row in rows]

    def collate(items: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        width = max(len(item["input_ids"]) for item in items)

        def padded(key, fill):
            return torch.tensor([item[key] + [fill] * (width - len(item[key])) for item in items])

        mask = torch.tensor([[1] * len(item["input_ids"]) + [0] * (width - len(item["input_ids"])) for item in items])
        return {"input_ids": padded("input_ids", 0), "labels": padded("labels", -100), "attention_mask": mask}

    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = PeerTrainer(
            model,
            transformers.TrainingArguments(
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
            ),
            train_dataset=dataset,
            data_collator=collate,
            callbacks=[clock],
            rates=rates,
        )
        trainer.remove_callback(transformers.trainer_callback.PrinterCallback)
        trainer.train()
    return list(np.diff(clock.marks)), [float(loss) for loss in trainer.losses]


def _same_adapters(model: Any, params: TrialParams, start: Any) -> Any:
    """peft's LoRA as its users place it on these layers, with the same initial numbers."""
    from seektune.adapt.lora import _names_kept

    names = start.peft_config["default"].target_modules
    config = LoraConfig(task_type="CAUSAL_LM", r=params.lora_rank, lora_alpha=params.lora_alpha, target_modules=names)
    with _names_kept():
        wrapped = get_peft_model(model, config)
    wrapped.load_state_dict(start.state_dict())
    return wrapped


def compare(root: Path, name: str, method: str, steps: int, rounds: int) -> tuple[float, float, dict[str, float]]:
    """(ratio, largest loss difference, medians in steps per second)."""
    store_folder = root / "store"
    if not store_folder.exists():
        store_folder.mkdir()
        make_store(store_folder, rows=BATCH * 64)
    quiet = _Quiet()
    maker = LanguageTrainer(base="", store=str(store_folder), kind="instruction", config=name)
    from seektune.trial import Dispatch

    fresh = Segment("base", {"learning_rate": 1e-3}, 0, 0, 0, 1, keep=False, export=True, evaluate=Evaluate(rows=8))
    base = str(maker.train(Dispatch(0, (fresh,), str(root / name)), quiet)[0].model)
    trainer = LanguageTrainer(base=base, store=str(store_folder), kind="instruction")
    trainer.warm()
    params = TrialParams(learning_rate=1e-3 if method == "full" else 3e-3, method=method, effective_batch=BATCH)
    horizon = sum(len(row.input_ids) for step in range(steps) for row in _rows(trainer, params, step))
    segment = Segment("ours", params.model_dump(), 0, 0, horizon, horizon, evaluate=Evaluate(rows=8))
    rows = [row for step in range(steps) for row in _rows(trainer, params, step)]
    lengths = np.cumsum([0] + [len(row.input_ids) for row in rows])[::BATCH]
    rule = LearningRate(
        params.schedule, params.model_dump(), peak=params.learning_rate, warmup_ratio=params.warmup_ratio,
        horizon_tokens=horizon,
    )  # fmt: skip
    rates = [rule.at(int(a), int(b)) for a, b in itertools.pairwise(lengths)]
    start = Setup(trainer, segment, quiet.stop_asked).model
    times: dict[str, list[list[float]]] = {"ours": [], "theirs": []}
    difference = 0.0
    for turn in range(rounds + 1):  # the first one warms both up
        our_seconds, our_losses, _ = ours(trainer, segment, steps)
        their_seconds, their_losses = peer(base, rows, rates, params, start)
        difference = max(difference, max(abs(a - b) for a, b in zip(our_losses, their_losses, strict=True)))
        if turn:
            times["ours"].append(our_seconds)
            times["theirs"].append(their_seconds)
    best = {side: np.median(np.array(values), axis=0) for side, values in times.items()}
    ratio = float(np.median(best["theirs"] / best["ours"]))
    return ratio, difference, {side: 1.0 / statistics.median(values) for side, values in best.items()}


def _rows(trainer: LanguageTrainer, params: TrialParams, step: int) -> list[Row]:
    from seektune.train.batches import Stream

    stream = Stream(trainer.store, "train", share=1.0, effective_batch=params.effective_batch, seed=0)
    return stream.rows(step)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    steps, rounds = (12, 2) if arguments.quick else (40, 5)
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    ratios: dict[str, dict[str, float]] = {"full": {}, "lora": {}}
    largest = 0.0
    print(f"{'model':18} {'method':6} {'ours':>9} {'Trainer':>9} {'ratio':>6} {'loss diff':>10}   (steps per second)")
    with tempfile.TemporaryDirectory() as folder:
        for name in MODELS:
            for method, found in ratios.items():
                found[name], difference, rate = compare(Path(folder), name, method, steps, rounds)
                largest = max(largest, difference)
                print(
                    f"{name:18} {method:6} {rate['ours']:9.2f} {rate['theirs']:9.2f} {found[name]:6.2f} {difference:10.1e}",
                    flush=True,
                )
    figures = {f"steps_ratio_{method}": min(found.values()) for method, found in ratios.items()}
    figures |= {
        f"steps_ratio_{method}_{name}": value for method, found in ratios.items() for name, value in found.items()
    }
    figures["loss_curve_max_diff"] = largest
    if largest > LARGEST_DIFFERENCE:
        print(
            f"loss curves differ by {largest:.1e}, more than {LARGEST_DIFFERENCE:.0e}: not the same work",
            file=sys.stderr,
        )
        return 1
    if not arguments.quick:
        print(record("steps", figures, ("python", "benchmarks/steps.py")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
