"""`seektune rerun`: train a trial again, and say whether its numbers are reproduced.

The trial's whole chain of training segments runs again in a scratch folder, each from the checkpoint of the one before,
with the trainer that the journal names. On CPU in fp32 every measurement must be equal, bit for bit; elsewhere kernels
are free to add in another order, and a small relative difference is allowed. The locked test split is not read again:
that would be a look.
"""

from __future__ import annotations

import math
import tempfile
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from seektune.cli.output import Output
from seektune.cli.studies import find
from seektune.errors import Problem, SeektuneError, StudyFileError
from seektune.report.wording import number, plural
from seektune.trial import Dispatch, Point, Progress, Result, Segment, State, Trainer, TrainerSpec

if TYPE_CHECKING:
    from seektune.ledger.history import History, TrialRow

LOOSE = 1e-3
"""Relative difference that is allowed where arithmetic is not exact."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Old against new, measurement by measurement."""

    compared: int
    missing: int
    largest: float
    relative: float
    where: str


def rerun(arguments: Namespace, output: Output) -> int:
    """0: reproduced; 1: not."""
    found = find(arguments.study)
    history = found.history()
    row = named(history, arguments.trial)
    segments = chain(row)
    spec = history.trainers[row.trainer]
    output.line(
        f"{row.trial}: {plural(len(segments), 'segment')} to {segments[-1].to_tokens:,} tokens, trained again ..."
    )
    with tempfile.TemporaryDirectory(prefix="rerun-", dir=found.folder) as scratch:
        results = train(spec, segments, Path(scratch))
    new = [point for result in results for point in result.curve]
    compared = compare(row.curve, new)
    exact = is_exact(spec)
    same_end = results[-1].state == row.state or row.state is State.STOPPED
    limit = 0.0 if exact else LOOSE
    reproduced = same_end and compared.missing == 0 and compared.relative <= limit
    output.result(
        _words(row, results[-1], compared, reproduced, exact),
        "rerun",
        trial=row.trial,
        reproduced=reproduced,
        measurements=compared.compared,
        missing=compared.missing,
        max_difference=compared.largest,
        max_relative_difference=compared.relative,
        state=results[-1].state.value,
        state_before=str(row.state),
    )
    return 0 if reproduced else 1


def named(history: History, trial: str) -> TrialRow:
    """Raises StudyFileError when there is no such trial."""
    import difflib

    row = history.trial(trial)
    if row is not None:
        return row
    near = difflib.get_close_matches(trial, [one.trial for one in history.trials], 3, 0.5)
    hint = f"; did you mean {', '.join(near)}?" if near else "; see `seektune trials`"
    raise StudyFileError([Problem(trial, f"no such trial{hint}")])


def chain(row: TrialRow) -> list[Segment]:
    """What the trial trained, as one chain; the last segment as far as it came. Raises SeektuneError when nothing."""
    trained = [segment for segment in row.segments if segment.to_tokens > segment.from_tokens]
    if not trained:
        raise SeektuneError(f"trial {row.trial} has trained nothing that could be trained again")
    if not row.curve:
        raise SeektuneError(f"trial {row.trial} has no measurement to compare with ({row.state}: {row.reason})")
    if row.state is State.STOPPED and trained[-1].from_tokens < row.tokens < trained[-1].to_tokens:
        trained[-1] = replace(trained[-1], to_tokens=row.tokens)
    return [replace(segment, keep=True, export=False) for segment in trained]


def train(spec: TrainerSpec, segments: list[Segment], scratch: Path) -> list[Result]:
    """Run the chain in this process."""
    trainer: Trainer = spec.load()
    trainer.warm()
    results: list[Result] = []
    for attempt, segment in enumerate(segments, start=1):
        folder = scratch / f"attempt-{attempt}"
        folder.mkdir()
        before = results[-1].checkpoint if results else None
        candidates = (before,) if segment.start is not None and before else ()
        results += trainer.train(Dispatch(attempt, (segment,), str(folder), (candidates,)), _Listener())
        if results[-1].state in (State.DIVERGED, State.FAILED, State.INFEASIBLE):
            break
    return results


class _Listener:
    """Hears and asks nothing."""

    def __call__(self, progress: Progress) -> None: ...

    def stop_asked(self) -> bool:
        return False


def is_exact(spec: TrainerSpec) -> bool:
    """CPU, fp32: the same work gives the same bits."""
    train = spec.settings.get("train", {})
    return (spec.settings.get("device", "cpu"), train.get("precision", "fp32")) == ("cpu", "fp32")


def compare(old: Iterable[Point], new: Iterable[Point]) -> Comparison:
    """Every old measurement against the new one at the same place."""
    again = {(point.tokens, point.step): point for point in new}
    compared = missing = 0
    largest = relative = 0.0
    where = ""
    for point in old:
        other = again.get((point.tokens, point.step))
        if other is None:
            missing += 1
            continue
        for name, value in point.metrics.items():
            compared += 1
            difference = _difference(value, other.metrics.get(name, math.nan))
            if difference > largest:
                largest, where = difference, f"{name} at {point.tokens:,} tokens"
            relative = max(relative, difference / max(abs(value), 1e-12) if difference else 0.0)
    return Comparison(compared, missing, largest, relative, where)


def _difference(one: float, other: float) -> float:
    """0 for equal ones, those that are not numbers included."""
    if one == other or (math.isnan(one) and math.isnan(other)):
        return 0.0
    difference = abs(one - other)
    return difference if difference < math.inf else math.inf  # NaN against a number, too


def _words(row: TrialRow, last: Result, compared: Comparison, reproduced: bool, exact: bool) -> str:
    measurements = plural(compared.compared, "measurement")
    if reproduced and compared.largest == 0.0:
        return f"{row.trial} is reproduced: {measurements} equal, bit for bit"
    how = (
        f"largest difference {number(compared.largest)} ({compared.where})"
        if compared.where
        else "all that could be compared are equal"
    )
    if reproduced:
        return f"{row.trial} is reproduced within {LOOSE:g}: {measurements}, {how}"
    lost = f"; {plural(compared.missing, 'measurement')} not met again" if compared.missing else ""
    end = (
        f"; it ended {last.state.value} ({last.reason}) where it had ended {row.state}"
        if last.state != row.state
        else ""
    )
    promise = "" if exact else f" (allowed here: {LOOSE:g})"
    return f"{row.trial} is NOT reproduced: {measurements}, {how}{promise}{lost}{end}"
