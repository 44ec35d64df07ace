"""transformers.Trainer on given rows in a given order at given learning rates: the other side of benchmarks/steps.py.

It runs as its users run it (its default optimizer, padding to the longest row of the batch), without logging,
evaluation or saving.
"""

from __future__ import annotations

import tempfile
import time
from typing import Any

import numpy as np
import peft
import torch
import transformers

from benchmarks.rows import PAD
from seektune.adapt.lora import names_kept
from seektune.text.store import Row
from seektune.train.options import TrialParams

Curve = tuple[list[float], list[float]]
"""Seconds and loss of each step."""


class Peer(transformers.Trainer):
    """Remembers its losses."""

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
    """A step lasts from the end of the one before: collating and bookkeeping belong to it, as they do in ours. Like
    ours, it ends when the device is done."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def on_train_begin(self, *arguments: Any, **settings: Any) -> None:
        self._mark()

    def on_step_end(self, *arguments: Any, **settings: Any) -> None:
        self._mark()

    def _mark(self) -> None:
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()
        self.marks.append(time.perf_counter())


def collate(rows: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    """Padded on the right to the longest row."""
    width = max(len(row["input_ids"]) for row in rows)
    fills = {"input_ids": PAD, "labels": -100, "attention_mask": 0}
    return {
        name: torch.tensor([row[name] + [fill] * (width - len(row[name])) for row in rows])
        for name, fill in fills.items()
    }


def theirs(model: Any, rows: list[Row], rates: list[float], params: TrialParams, device: str, bf16: bool) -> Curve:
    dataset = [
        {"input_ids": row.input_ids.tolist(), "labels": row.labels.tolist(), "attention_mask": [1] * len(row.input_ids)}
        for row in rows
    ]
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            folder,
            per_device_train_batch_size=params.effective_batch,
            max_steps=len(rates),
            learning_rate=params.learning_rate,
            weight_decay=params.weight_decay,
            max_grad_norm=params.clip_norm,
            use_cpu=device == "cpu",
            bf16=bf16,
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
        config = peft.LoraConfig(
            task_type="CAUSAL_LM", r=params.lora_rank, lora_alpha=params.lora_alpha, target_modules=layers
        )
        with names_kept():
            model = peft.get_peft_model(model, config)
        model.load_state_dict(start.state_dict())
    return model
