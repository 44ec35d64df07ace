"""What happens inside a worker, wherever it runs: train, write `result.json`, and only then say so.

The file makes the result survive a driver that dies before it has read it. Results are cleaned here, whatever trainer
they come from: a number that is not finite must never win and never be averaged, and nothing is measured twice.
"""

from __future__ import annotations

import errno
import math
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from seektune.errors import CheckpointError
from seektune.ledger.durable import read_json, write_json
from seektune.ledger.fault import fault
from seektune.study.executors.executor import Cause, Died, Finished
from seektune.trial import Dispatch, Point, Report, Result, State, Trainer, to_json

FILE = "result.json"


def perform(dispatch: Dispatch, trainer: Trainer, report: Report) -> Finished | Died:
    """Run one dispatch to its end. Never raises."""
    try:
        results = tuple(cleaned(result) for result in trainer.train(dispatch, report))
        finished = Finished(dispatch.attempt, results, asked=report.stop_asked())
        fault("result.before")
        write_json(Path(dispatch.folder) / FILE, to_json(finished))
        fault("result.after")
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        words = traceback.format_exception_only(error)[-1].strip()
        return Died(dispatch.attempt, f"{words} ({_place(error)})", _cause(error))
    return finished


def left_behind(folder: Path) -> Finished | None:
    """The result that a worker wrote before nobody listened any more."""
    data = read_json(folder / FILE)
    if data is None:
        return None
    return Finished(data["attempt"], tuple(Result.from_json(result) for result in data["results"]), data["asked"])


def cleaned(result: Result) -> Result:
    """Without numbers that are not finite (DIVERGED when one of them would have ranked the trial), each step once.

    An attempt that goes on from the last checkpoint of one that was killed just before its result measures the end again.
    """
    by_step = {point.step: point for point in reversed(result.curve) if _is_finite(point)}
    curve = tuple(by_step[step] for step in sorted(by_step))
    bad = {name: value for name, value in result.metrics.items() if not math.isfinite(value)}
    if bad and result.state is not State.DIVERGED:
        reason = ", ".join(f"{name} is {value}" for name, value in bad.items())
        result = replace(result, state=State.DIVERGED, reason=reason)
    metrics = {name: value for name, value in result.metrics.items() if name not in bad}
    return replace(result, curve=curve, metrics=metrics)


def _is_finite(point: Point) -> bool:
    values: Mapping[str, float] = point.metrics
    return all(map(math.isfinite, values.values())) and math.isfinite(point.train_loss or 0.0)


def _cause(error: BaseException) -> Cause:
    if isinstance(error, CheckpointError):
        return "checkpoint"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "disk"
    words = str(error)
    torch_says = type(error).__name__ == "OutOfMemoryError" or "DefaultCPUAllocator: can't allocate memory" in words
    return "memory" if isinstance(error, MemoryError) or torch_says else "raised"


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "no traceback"
