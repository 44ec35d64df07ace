"""What happens inside a worker, wherever it runs: train, write `result.json`, and only then say so.

The file makes the result survive a driver that dies before it has read it. A result that claims a number which is not
finite becomes DIVERGED here, whatever the trainer thought of it: such a number must never win and never be averaged.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from seektune.errors import CheckpointError
from seektune.ledger.durable import read_json, write_json
from seektune.study.executors.executor import Cause, Died, Finished
from seektune.trial import Dispatch, Point, Report, Result, State, Trainer, to_json

FILE = "result.json"


def perform(dispatch: Dispatch, trainer: Trainer, report: Report) -> Finished | Died:
    """Run one dispatch to its end. Never raises."""
    try:
        results = tuple(finite(result) for result in trainer.train(dispatch, report))
        finished = Finished(dispatch.attempt, results, asked=report.stop_asked())
        write_json(Path(dispatch.folder) / FILE, to_json(finished))
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


def finite(result: Result) -> Result:
    """Without numbers that are not finite; DIVERGED when one of them would have ranked the trial."""
    curve = tuple(point for point in result.curve if _is_finite(point))
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
    words = str(error)
    torch_says = type(error).__name__ == "OutOfMemoryError" or "DefaultCPUAllocator: can't allocate memory" in words
    return "memory" if isinstance(error, MemoryError) or torch_says else "raised"


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "no traceback"
