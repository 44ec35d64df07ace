"""Everything one segment needs, put together from the trainer's warm parts and the segment; and its checkpoints.

A checkpoint's identity is what must not change under a trial: base, data, kind, method and its shape, optimizer.
Values that may change (a learning rate, a batch) come from the segment. The seed must be the same for the same trial;
a child trial that starts at its parent's checkpoint has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from seektune.adapt.options import METHODS
from seektune.errors import CheckpointError
from seektune.text.selection import Selection
from seektune.train import checkpoint
from seektune.train.batches import Layout, Stream
from seektune.train.evaluate import Evaluation
from seektune.train.facts import model_facts
from seektune.train.layout import Batch
from seektune.train.loop import Loop
from seektune.train.model import logits_at
from seektune.train.options import TrialParams
from seektune.train.weights import Named, Weights
from seektune.trial import Json, Point, Segment

if TYPE_CHECKING:
    from seektune.train.trainer import LanguageTrainer


@dataclass(slots=True)
class Past:
    """What this segment has behind it when it starts: more than nothing after a killed attempt."""

    seconds: float = 0.0  # of the trial when the segment began
    tokens: int = 0
    curve: list[Point] = field(default_factory=list)


class Setup:
    def __init__(self, trainer: LanguageTrainer, segment: Segment, stop_asked: Callable[[], bool]) -> None:
        params, options, facts = TrialParams.model_validate(dict(segment.params)), trainer.options, trainer.store.facts
        values = params.model_dump()
        self.segment, self.device = segment, torch.device(trainer.device)
        self.base, self.revision, self.tokenizer = trainer.base, trainer.revision, trainer.tokenizer
        self.save_every_seconds, self.keeps_best = options.save_every, options.checkpoint == "best"
        self.model = trainer.model.trial(values, segment.seed, self.device)
        self.weights = Weights(self.model, options.average_steps)
        self.best: Named | None = None
        kind, direct = trainer.kind, bool(trainer.model.direct_head)
        bf16 = options.precision == "bf16"

        def logits(batch: Batch) -> Tensor:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
                return logits_at(self.model, batch, kind, direct).float()

        self.logits: Callable[[Batch], Tensor] = logits
        view = segment.view
        fold = None if view.fold is None or view.folds is None else (view.fold, view.folds)
        self.evaluation = Evaluation(
            trainer.store,
            segment.evaluate.split,
            segment.evaluate.rows,
            fold=fold if segment.evaluate.split == "fold" else None,
            kind=kind,
            pad_id=facts["pad_id"],
            micro_tokens=options.micro_tokens,
            device=self.device,
            stop_asked=stop_asked,
        )
        self.loop = Loop(
            self.weights,
            self.logits,
            params=values,
            seed=segment.seed,
            stream=Stream(
                trainer.store,
                segment.view.split,
                share=segment.view.share,
                fold=fold,
                selection=Selection.of(values),
                effective_batch=params.effective_batch,
                seed=segment.seed,
            ),
            layout=Layout(
                kind=kind,
                pad_id=facts["pad_id"],
                packing=options.packing,
                capacity=facts["max_length"],
                micro_batch=-(-params.effective_batch // params.accumulation)
                if params.accumulation
                else options.micro_batch,
                micro_tokens=options.micro_tokens,
                device=self.device.type,
            ),
            horizon_tokens=segment.horizon_tokens,
            device=self.device,
            stop_asked=stop_asked,
        )
        shape = METHODS[params.method].settings.model_fields
        self._identity: Json = {
            "base": trainer.base_fingerprint,
            "data": trainer.data_fingerprint,
            "kind": kind,
            "optimizer": params.optimizer,
            "average_steps": options.average_steps,
            "method": {"name": params.method, **{name: values[name] for name in shape}},
        }
        self.facts = {
            **model_facts(self.model, self.device, trainer.threads),
            "base_fingerprint": trainer.base_fingerprint,
            "data_fingerprint": trainer.data_fingerprint,
        }

    def start(self, candidates: Sequence[str]) -> Past:
        """Load the first valid candidate; none given and none needed: fresh weights."""
        wrong = []
        for candidate in candidates:
            try:
                return self._load(Path(candidate))
            except CheckpointError as error:
                wrong.append(str(error))
        if self.segment.start is not None:
            start = self.segment.start
            place = f"{start.trial} at {start.tokens:,} tokens"
            raise CheckpointError(f"no valid checkpoint of {place}: {'; '.join(wrong) or 'none was given'}")
        return Past()

    def _load(self, folder: Path) -> Past:
        segment = self.segment
        read = checkpoint.read(folder, self._identity)
        if read.identity["trial"] == segment.trial and read.identity["seed"] != segment.seed:
            raise CheckpointError(
                f"{folder}: trial {segment.trial} has seed {segment.seed}, not {read.identity['seed']}"
            )
        if "optimizer" not in read.tensors and segment.to_tokens > segment.from_tokens:
            raise CheckpointError(f"{folder}: its optimizer state was dropped; it can be measured but not trained on")
        self.loop.load(read.state["counters"], read.tensors)
        best = {name: tensor for name, tensor in read.tensors["weights"].items() if name.startswith("best/")}
        self.best = {name.removeprefix("best/"): tensor.to(self.device) for name, tensor in best.items()} or None
        if read.state["segment"] != segment.identity:
            return Past(self.loop.counters.seconds, self.loop.counters.tokens)
        past = read.state["past"]  # a killed attempt at this very segment
        return Past(past["seconds"], past["tokens"], [Point(**point) for point in past["curve"]])

    def save(self, folder: Path, past: Past) -> Path:
        counters, tensors = self.loop.state()
        tensors["weights"] |= {f"best/{name}": tensor for name, tensor in (self.best or {}).items()}
        identity = {**self._identity, "trial": self.segment.trial, "seed": self.segment.seed}
        state: Json = {"counters": counters, "segment": self.segment.identity, "past": asdict(past)}
        checkpoint.write(folder, identity, state, tensors)
        return folder
