"""How far is a run: which stage, how many trials, who leads, how long still, what has it cost?

Bookkeeping without any display, fed by the driver's words. Time left: what the plan says each stage takes, times the
pace so far (seconds used over seconds planned for the same work), where a stage's share done is counted in tokens.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from seektune.study.tried import is_default
from seektune.study_file import StudyFile
from seektune.trial import Json, Params, Progress, Result, Segment, State

SEARCHES = ("coarse", "fine")
LOST = (State.DIVERGED, State.INFEASIBLE, State.FAILED)
ALMOST = 0.98
"""A stage that has trained all it planned is not over yet."""


@dataclass(frozen=True, slots=True)
class Work:
    """What the plan says of one stage. Where nothing is known of the speed, `seconds` tells stages apart only."""

    tokens: float
    seconds: float
    known: bool = True


@dataclass(frozen=True, slots=True)
class Best:
    """Best measurement of a search so far, whatever its length."""

    trial: str
    value: float
    tokens: int
    params: Params


def planned_work(study: StudyFile, prepared: Json | None, workers: int, device: str = "cpu") -> dict[str, Work]:
    """Per stage: tokens trained on, and seconds by the plan."""
    from seektune.study.plan import count, make_plan
    from seektune.study.sizes import sizes

    stages, _ = make_plan(study, prepared, None, workers, device)
    work = count(study, sizes(study, prepared))
    return {
        one.stage: Work(
            work[one.stage].trained, one.tokens if one.seconds is None else one.seconds, one.seconds is not None
        )
        for one in stages
    }


@dataclass
class Tally:
    """Of one invocation; `earlier_seconds` is what earlier ones have used of devices."""

    study: StudyFile
    stages: tuple[str, ...]
    workers: int
    earlier_seconds: float = 0.0
    clock: Callable[[], float] = time.monotonic
    device: str = "cpu"
    work: Mapping[str, Work] = field(default_factory=dict)
    stage: str = ""
    planned_trials: int | None = None
    best: Best | None = None
    defaults: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.began = self.clock()
        self.used_seconds = 0.0
        self.work = self.work or planned_work(self.study, None, self.workers, self.device)
        self.stage_began = self.began
        self._done: dict[str, float] = {}
        self._replayed: dict[str, float] = {}
        self._ended: set[str] = set()
        self._running: dict[str, tuple[int, int]] = {}
        self._begun: dict[str, float] = {}
        self._finished: set[str] = set()
        self._pace = (0.0, 0.0)

    # --- what the driver says

    def stage_started(self, stage: str, planned_trials: int | None) -> None:
        self.stage, self.planned_trials = stage, planned_trials
        self.stage_began = self.clock()
        self._ended.clear()
        self._running.clear()

    def segment_started(self, segment: Segment) -> None:
        self._running[segment.trial] = (segment.from_tokens, segment.from_tokens)
        self._begun[segment.trial] = self.clock()

    def progress(self, progress: Progress) -> None:
        if progress.trial in self._running:
            self._running[progress.trial] = (self._running[progress.trial][0], progress.point.tokens)

    def segment_lost(self, segment: Segment) -> None:
        self._running.pop(segment.trial, None)

    def segment_ended(self, segment: Segment, result: Result, seconds: float | None) -> None:
        """`seconds`: of a device; None when the result was in the journal already."""
        self._running.pop(segment.trial, None)
        self._ended.add(segment.trial)
        trained = max(0, result.tokens - segment.from_tokens)
        self._done[self.stage] = self._done.get(self.stage, 0.0) + trained
        if seconds is None:
            self._replayed[self.stage] = self._replayed.get(self.stage, 0.0) + trained
        else:
            self.used_seconds += seconds
        value = result.metrics.get(self.study.objective.metric)
        if self.stage not in SEARCHES or result.state in LOST or value is None or not math.isfinite(value):
            return
        if is_default(segment.trial):
            self.defaults[segment.trial] = value
        if self.best is None or self._better(value, self.best.value):
            self.best = Best(segment.trial, value, result.tokens, segment.params)

    def stage_ended(self, stage: str, result: Json, cached: bool) -> None:
        if not cached and stage != "prepare":
            used, planned = self._pace
            self._pace = used + self.clock() - self.stage_began, planned + self._planned_now(stage, 1.0)
        self._finished.add(stage)
        self._running.clear()
        self.stage = stage
        if stage == "prepare":  # now the sizes are exact
            self.work = planned_work(self.study, result, self.workers, self.device)

    # --- what people ask

    @property
    def number(self) -> int:
        """Of the stage, from 1."""
        return self.stages.index(self.stage) + 1 if self.stage in self.stages else 0

    @property
    def trials_done(self) -> int:
        """Trials of this stage that have reached the end of a segment and are not training now."""
        return len(self._ended - self._running.keys())

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def default(self) -> float | None:
        """Mean of the default's runs so far."""
        return sum(self.defaults.values()) / len(self.defaults) if self.defaults else None

    @property
    def spend_seconds(self) -> float:
        """Of devices, earlier invocations and what runs now included."""
        now = self.clock()
        running = sum(now - self._begun.get(trial, now) for trial in self._running)
        return self.earlier_seconds + self.used_seconds + running

    @property
    def money(self) -> float | None:
        price = self.study.budget.price_per_device_hour
        return None if price is None else self.spend_seconds / 3600 * price

    def share(self, stage: str) -> float:
        """How much of a stage is done, 0 to 1."""
        if stage in self._finished:
            return 1.0
        planned = self.work.get(stage, Work(0.0, 0.0)).tokens
        if planned <= 0 or stage != self.stage:
            return 0.0
        on_the_way = sum(max(0, reached - start) for start, reached in self._running.values())
        return min(ALMOST, (self._done.get(stage, 0.0) + on_the_way) / planned)

    def eta_seconds(self) -> float | None:
        """Until the last stage has ended; None while nothing is known of the speed."""
        used, planned = self._pace
        if self.stage not in self._finished and self.stage != "prepare":
            used, planned = (
                used + self.clock() - self.stage_began,
                planned + self._planned_now(self.stage, self.share(self.stage)),
            )
        to_come = [stage for stage in self.stages if stage in self.work and stage not in self._finished]
        measured = planned > 0 and used > 1.0
        if not measured and not all(self.work[stage].known for stage in to_come):
            return None
        pace = used / planned if measured else 1.0
        return pace * sum(self.work[stage].seconds * (1.0 - self.share(stage)) for stage in to_come)

    def snapshot(self) -> Json:
        """All of it, for machines."""
        left = self.eta_seconds()
        best = self.best and {"trial": self.best.trial, "value": self.best.value, "tokens": self.best.tokens}
        return {
            "stage": self.stage,
            "number": self.number,
            "of": len(self.stages),
            "trials_done": self.trials_done,
            "trials_planned": self.planned_trials,
            "best": best,
            "default": self.default,
            "eta_seconds": None if left is None else round(left, 1),
            "spend_seconds": round(self.spend_seconds, 3),
            "money": self.money,
        }

    def _better(self, one: float, other: float) -> bool:
        return one < other if self.study.objective.direction == "minimize" else one > other

    def _planned_now(self, stage: str, share: float) -> float:
        """Planned seconds of the work done in this invocation."""
        work = self.work.get(stage)
        if work is None or work.tokens <= 0:
            return 0.0
        return work.seconds * max(0.0, share - self._replayed.get(stage, 0.0) / work.tokens)
