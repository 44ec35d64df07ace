"""Budgets in which not even one run has room: told from an estimate, so only where it is far from enough.

`budget.tokens` is compared exactly in rules.py. Time and money need a speed, which the plan knows by rule of thumb: less
than a tenth of one full run is refused; a base's pre-training is not counted, because one that is cached costs nothing.
Asked last, of a study that is sound in everything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from seektune.errors import Problem
from seektune.study_file import StudyFile
from seektune.study_file.reader import Document, shown

FAR_BELOW = 0.1
"""Of one full run: estimates of time are right within a factor of a few, not of ten."""
_TIMED = ("wall_time", "device_hours", "money", "deadline")


def hopeless(study: StudyFile, document: Document, now: datetime) -> Iterator[Problem]:
    """Limits that end the run before its first trial could."""
    yield from _steps(study, document)
    budget = study.budget
    if all(getattr(budget, name) is None for name in _TIMED):
        return
    from seektune.study.machine import choose_device
    from seektune.study.sizes import run_seconds

    seconds = run_seconds(study, choose_device(study.run.device))
    if seconds is None:
        return
    hours, price = seconds / 3600, budget.price_per_device_hour or 0.0
    left = _seconds_until(budget.deadline, now)
    given: dict[str, tuple[float | None, float, str]] = {
        # what there is, what one run takes, in words
        "wall_time": (budget.wall_time, seconds, f"{budget.wall_time or 0:g} s"),
        "device_hours": (budget.device_hours, hours, f"{budget.device_hours} h"),
        "money": (budget.money, hours * price, f"{budget.money} at {price:g} an hour"),
        "deadline": (left, seconds, f"{shown(budget.deadline or '')} is {left or 0:.0f} s away; that"),
    }
    for name, (has, takes, words) in given.items():
        if has is not None and has < FAR_BELOW * takes:
            text = (
                f"budget.{name}: {words} is far less than one full run, estimated at {_time(seconds)}; raise it, or make "
                "the run shorter (train)"
            )
            yield Problem(document.place(("budget", name)), text)


def _steps(study: StudyFile, document: Document) -> Iterator[Problem]:
    """`train.tokens` is compared exactly in space_rules.py; `epochs` with what the files probably hold."""
    if study.train.epochs is None or study.model.simulated is not None:
        return
    from seektune.study.sizes import sizes

    size, batch = sizes(study, None), study.largest_batch()
    if size.horizon_tokens < FAR_BELOW * batch * size.tokens_per_row:
        text = (
            f"train.epochs: {study.train.epochs:g} gives 0 optimizer steps: the files hold about {size.train_rows:,} "
            f"training rows, one batch is {batch}; train longer, or with smaller batches"
        )
        yield Problem(document.place(("train", "epochs")), text)


def _seconds_until(deadline: str | None, now: datetime) -> float | None:
    """None for a time of day: a nightly run may well be started by hand shortly before it."""
    if deadline is None or len(deadline) <= 5:
        return None
    return (datetime.fromisoformat(deadline).astimezone() - now).total_seconds()


def _time(seconds: float) -> str:
    return f"{seconds / 3600:,.1f} h" if seconds >= 3600 else f"{seconds:,.0f} s"
