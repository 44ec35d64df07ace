"""One trial while it trains: the optimizer step, and what a checkpoint must hold.

A step is a function of (state, step number): rows, dropout and learning rate follow from the seed and the counters,
so there is no random state to save, and going on from a checkpoint is the uninterrupted run, bit for bit, on CPU in
fp32. The loss of a step is the sum over its micro-batches divided by the targets of the whole effective batch: 1 x 8
= 8 x 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from seektune.optim.options import OPTIMIZERS
from seektune.schedule.learning_rate import LearningRate
from seektune.train.batches import Layout, Stream
from seektune.train.counters import Counters
from seektune.train.layout import Batch, moved
from seektune.train.weights import Weights
from seektune.trial import Json, derive_seed

Tensors = dict[str, dict[str, Tensor]]


class StopAsked(Exception):
    """Somebody wants the trial to end early; whatever was half done is left out."""


class Loop:
    """Weights, optimizer, schedule and data order of one trial. `logits` is the model: Batch -> [T, classes], fp32."""

    def __init__(
        self,
        weights: Weights,
        logits: Callable[[Batch], Tensor],
        *,
        params: Mapping[str, Any],
        seed: int,
        stream: Stream,
        layout: Layout,
        horizon_tokens: int,
        device: torch.device,
        stop_asked: Callable[[], bool],
    ) -> None:
        self.weights, self.counters = weights, Counters()
        self._logits, self._stream, self._layout, self._stop_asked = logits, stream, layout, stop_asked
        self._device, self._clip_norm = device, float(params["clip_norm"])
        self._seed = derive_seed(seed, "dropout")
        self._learning_rate = LearningRate(
            params["schedule"],
            params,
            peak=params["learning_rate"],
            warmup_ratio=params["warmup_ratio"],
            horizon_tokens=horizon_tokens,
        )
        entry = OPTIMIZERS[params["optimizer"]]
        settings = entry.settings(**{name: params[name] for name in entry.settings.model_fields})
        self._optimizer: torch.optim.Optimizer = entry.load()(*weights.groups(), settings)

    def step(self) -> bool:
        """One optimizer step. False: a loss or gradient is not finite, the trial has diverged. May raise StopAsked."""
        counters, weights = self.counters, self.weights
        rows = self._stream.rows(counters.step)
        batches = self._layout.batches(rows)
        targets = max(1, sum(len(batch.targets) for batch in batches))
        tokens = sum(len(row.input_ids) for row in rows)
        torch.manual_seed(self._seed + counters.step)
        weights.zero_gradients()
        losses = [self._backward(batch, targets) for batch in batches]
        norm = weights.clip(self._clip_norm)
        learning_rate = self._learning_rate.at(counters.tokens, counters.tokens + tokens)
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        self._optimizer.step()
        weights.move_average(counters.step + 1)
        *summed, norm_value = torch.stack([*losses, norm]).tolist()  # the step's only wait for the device
        counters.step += 1
        counters.tokens += tokens
        counters.learning_rate = learning_rate
        counters.loss_sum += math.fsum(summed) * targets
        counters.loss_targets += targets
        return math.isfinite(norm_value) and all(map(math.isfinite, summed))

    def _backward(self, batch: Batch, targets: int) -> Tensor:
        if self._stop_asked():
            raise StopAsked
        batch = moved(batch, self._device)
        loss = cross_entropy(self._logits(batch), batch.targets, reduction="sum") / targets
        loss.backward()
        return loss.detach()

    def state(self) -> tuple[Json, Tensors]:
        """Counters, and tensors by file."""
        moments: dict[str, Tensor] = {}
        for index, state in self._optimizer.state_dict()["state"].items():
            moments |= {f"{index}/{key}": torch.as_tensor(value) for key, value in state.items()}
        weights = {
            f"{kind}/{name}": view for kind in self.weights.kinds for name, view in self.weights.named(kind).items()
        }
        return asdict(self.counters), {"weights": weights, "optimizer": moments}

    def load(self, counters: Json, tensors: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Take over a checkpoint of the same identity; without an optimizer file the trial can only be measured."""
        self.counters = Counters(**counters)
        for kind in self.weights.kinds:
            self.weights.load(kind, {name: tensors["weights"][f"{kind}/{name}"] for name in self.weights.parameters})
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.get("optimizer", {}).items():
            index, key = name.split("/", 1)
            state.setdefault(int(index), {})[key] = tensor
        if state:
            self._optimizer.load_state_dict({**self._optimizer.state_dict(), "state": state})
