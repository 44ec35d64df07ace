"""The simulated trainer with something wrong with it, as often as asked; named by a TrainerSpec, for any worker."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from seektune.errors import CheckpointError
from seektune.study.simulated import SimulatedTrainer
from seektune.trial import Dispatch, Progress, Report, Result


class _Struck:
    """Strikes when the trainer has asked `steps` times whether it should stop (it asks at every step)."""

    def __init__(self, report: Report, fault: str, steps: int) -> None:
        self.report, self.fault, self.steps = report, fault, steps

    def __call__(self, progress: Progress) -> None:
        self.report(progress)

    def stop_asked(self) -> bool:
        self.steps -= 1
        if self.steps == 0:
            strike(self.fault)
        return self.report.stop_asked()


def strike(fault: str) -> None:
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif fault == "segfault":
        ctypes.string_at(0)
    elif fault == "raise":
        raise RuntimeError("the trainer has a bug")
    elif fault == "memory":
        raise MemoryError("no more")
    elif fault == "checkpoint":
        raise CheckpointError("torn")
    elif fault == "hang":
        while True:
            time.sleep(60)
    elif fault == "eat":
        eaten = []
        while True:
            eaten.append(bytearray(os.urandom(1 << 20)) * 16)
    elif fault == "full disk":
        raise OSError(errno.ENOSPC, "no space left on device", "/full/manifest.json")
    elif fault == "exit":
        sys.exit(3)


class Faulty:
    """`victim` suffers `fault` after `steps` steps, in its first `times` attempts (counted in the folder `marks`)."""

    def __init__(self, *, fault: str, victim: str, marks: str, times: int = 1, steps: int = 8, **settings: Any) -> None:
        self.inner = SimulatedTrainer(**settings)
        self.fault, self.victim, self.marks, self.times, self.steps = fault, victim, Path(marks), times, steps

    def warm(self) -> None:
        if self.fault == "warm":
            raise RuntimeError("no such base model")
        if self.fault == "slow warm":
            time.sleep(60)

    def train(self, dispatch: Dispatch, report: Report) -> list[Result]:
        suffered = len(list(self.marks.iterdir()))
        if dispatch.segments[0].trial == self.victim and suffered < self.times:
            (self.marks / str(suffered)).touch()
            report = _Struck(report, self.fault, self.steps)
        results = self.inner.train(dispatch, report)
        facts = {"pid": os.getpid(), "group": os.getpgid(0), "device": os.environ.get("CUDA_VISIBLE_DEVICES", "")}
        return [replace(result, facts=facts) for result in results]


class WithTorch(SimulatedTrainer):
    """Loads torch before the fork, with so many threads."""

    def __init__(self, *, threads: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.threads = threads

    def warm(self) -> None:
        import pyarrow
        import torch

        assert pyarrow.default_memory_pool()
        torch.set_num_threads(self.threads)

    def train(self, dispatch: Dispatch, report: Report) -> list[Result]:
        import torch

        product = float((torch.ones(64, 64) @ torch.ones(64, 64)).sum())
        zygote = len(list(Path(f"/proc/{os.getppid()}/task").iterdir()))
        facts = {"product": product, "zygote_threads": zygote, "cuda": torch.cuda.is_initialized()}
        return [replace(result, facts=facts) for result in super().train(dispatch, report)]
