"""A trainer for the pool that says what a child sees, and gives one trial next to no memory."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from seektune.train.trainer import LanguageTrainer
from seektune.trial import Dispatch, Report, Result

ROOM = 64 << 20
"""Bytes for the trial named `narrow`."""


class Watched:
    """`LanguageTrainer` with eyes."""

    def __init__(self, *, narrow: str = "", **settings: Any) -> None:
        self.inner, self.narrow = LanguageTrainer(**settings), narrow

    def warm(self) -> None:
        self.inner.warm()

    def train(self, dispatch: Dispatch, report: Report) -> list[Result]:
        started_before = torch.cuda.is_initialized()
        if dispatch.segments[0].trial == self.narrow:
            give_little_memory(self.inner.device)
        results = self.inner.train(dispatch, report)
        facts = {
            "started_before": started_before,
            "started": torch.cuda.is_initialized(),
            "zygote_opens": " ".join(device_files(os.getppid())),
            "opens": " ".join(device_files(os.getpid())),
            "visible": os.environ.get("CUDA_VISIBLE_DEVICES", ""),
            "devices": torch.cuda.device_count(),
        }
        return [replace(result, facts={**result.facts, **facts}) for result in results]


def give_little_memory(device: str) -> None:
    if device == "cuda":
        torch.cuda.set_per_process_memory_fraction(ROOM / torch.cuda.get_device_properties(0).total_memory)
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM, resource.RLIM_INFINITY))


def device_files(pid: int) -> Iterator[str]:
    """The accelerator's files that a process holds open."""
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            if "nvidia" in (target := str(entry.readlink())):
                yield target
