"""The weights that move, laid out flat: values, gradients and their moving average are one tensor per group.

Why flat: a small model has hundreds of parameters, and clipping, optimizer, averaging and zeroing one by one cost
more than their arithmetic. Parameters and gradients become views, so the model itself does not notice. There are two
groups: weights that decay (matrices), and those that do not (norms, biases).

The average is exponential with the span of `average_steps` (weight 2 / (n + 1) on the newest), and the plain mean
before that many steps are done. It never touches the trunk: `shown` lends it to the model by exchanging views.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

_ALIGN = 16  # elements: 64 bytes, so that every view starts on a cache line

Named = dict[str, Tensor]


class Weights:
    """The trainable parameters of `model`, re-laid; once per model, after it is on its device."""

    def __init__(self, model: Any, average_steps: int) -> None:
        self.parameters: dict[str, torch.nn.Parameter] = {
            name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad
        }
        self._places: dict[str, tuple[int, int]] = {}  # name -> (group, offset)
        matrices = [name for name, parameter in self.parameters.items() if parameter.ndim >= 2]
        others = [name for name, parameter in self.parameters.items() if parameter.ndim < 2]
        flat = [self._lay(group, names) for group, names in enumerate((matrices, others))]
        self._values, self._gradients = [pair[0] for pair in flat], [pair[1] for pair in flat]
        self._average_steps = average_steps
        self._averages = [values.clone() for values in self._values] if average_steps > 1 else self._values
        self.kinds = ("raw", "average") if average_steps > 1 else ("raw",)
        self._lent = {"raw": self._views(self._values), "average": self._views(self._averages)}

    def _lay(self, group: int, names: list[str]) -> tuple[Tensor, Tensor]:
        offset = 0
        for name in names:
            self._places[name] = (group, offset)
            offset += -(-self.parameters[name].numel() // _ALIGN) * _ALIGN
        device = next(iter(self.parameters.values())).device
        values, gradients = torch.zeros(offset, device=device), torch.zeros(offset, device=device)
        values.grad = gradients
        for name in names:
            parameter, (_, start) = self.parameters[name], self._places[name]
            place = slice(start, start + parameter.numel())
            values[place] = parameter.detach().flatten()
            parameter.data = values[place].view(parameter.shape)
            parameter.grad = gradients[place].view(parameter.shape)
        return values, gradients

    def _views(self, tensors: list[Tensor]) -> Named:
        views = {}
        for name, parameter in self.parameters.items():
            group, start = self._places[name]
            views[name] = tensors[group][start : start + parameter.numel()].view(parameter.shape)
        return views

    def groups(self) -> list[list[Tensor]]:
        """Flat values for an optimizer, gradients attached: [those that decay, those that do not]."""
        return [[values] if values.numel() else [] for values in self._values]

    def zero_gradients(self) -> None:
        for gradients in self._gradients:
            gradients.zero_()

    def clip(self, largest_norm: float) -> Tensor:
        """Scale the gradient down to `largest_norm` (0: never) and return its norm before that."""
        norms = [torch.linalg.vector_norm(gradients) for gradients in self._gradients]
        norm = torch.linalg.vector_norm(torch.stack(norms))
        if largest_norm > 0:
            scale = (largest_norm / (norm + 1e-6)).clamp(max=1.0)
            for gradients in self._gradients:
                gradients.mul_(scale)
        return norm

    def move_average(self, step: int) -> None:
        """After optimizer step number `step` (from 1)."""
        if self._average_steps > 1:
            weight = max(2.0 / (self._average_steps + 1), 1.0 / step)
            for averages, values in zip(self._averages, self._values, strict=True):
                averages.lerp_(values, weight)

    def finite(self) -> bool:
        return all(bool(torch.isfinite(values).all()) for values in self._values)

    @contextmanager
    def shown(self, weights: str | Named) -> Iterator[None]:
        """Let the model see "raw" or "average" weights, or given ones, for a while."""
        try:
            self._show(self._lent[weights] if isinstance(weights, str) else weights)
            yield
        finally:
            self._show(self._lent["raw"])

    def _show(self, tensors: Mapping[str, Tensor]) -> None:
        for name, parameter in self.parameters.items():
            parameter.data = tensors[name]

    def named(self, kind: str) -> Named:
        """Views of "raw" or "average" by parameter name."""
        return self._lent[kind]

    def load(self, kind: str, tensors: Mapping[str, Tensor]) -> None:
        """Copy saved tensors of the same names and shapes in."""
        for name, view in self._lent[kind].items():
            view.copy_(tensors[name])


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Sha256 over names, shapes and bytes."""
    sha256 = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        sha256.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        sha256.update(tensor.flatten().view(torch.uint8).numpy().data)
    return sha256.hexdigest()
