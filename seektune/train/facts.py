"""What was trained, with what: facts stored beside every result, so that it can be run again. No git, no network."""

from __future__ import annotations

import platform
import resource
import sys
from functools import cache
from importlib.metadata import version
from typing import Any

import torch

from seektune.trial import Scalar


@cache
def versions() -> dict[str, str]:
    """Versions of what decides numbers."""
    names = ("torch", "transformers", "peft", "safetensors", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def model_facts(model: Any, device: torch.device, threads: int) -> dict[str, Scalar]:
    """Sizes, place and versions."""
    parameters = list(model.parameters())
    return {
        "hidden_size": int(model.config.get_text_config().hidden_size),
        "parameters": sum(parameter.numel() for parameter in parameters),
        "parameters_trainable": sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "cpu",
        "threads": threads,
        **{f"version_{name}": number for name, number in versions().items()},
    }


def peak_memory_mb(device: torch.device) -> float:
    """Most memory used so far: of the device, or of this process on the CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    scale = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, KiB on Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
