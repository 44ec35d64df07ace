"""The study as Optuna's dashboard and users' scripts know it: one finished trial in its RDB per finished trial of ours.

    optuna-dashboard sqlite:///data/runs/fraud-desk/mirror.db

A mirror, never the truth: it may be away for hours (it catches up), be deleted, and be made again with `rebuild`. It is
an observer of the driver (see study/observer.py) and never stops training. A trial that is still paused when its stage
ends counts as pruned at its last rung; if a later stage goes on with it, it appears again under that stage.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from seektune.ledger.history import History
from seektune.space.options import ParameterOptions
from seektune.trial import Json, Params, Point, Progress, Result, Scalar, Segment, State

log = logging.getLogger(__name__)

FILE = "mirror.db"
STAGES = ("coarse", "fine")
STATES = {State.COMPLETE: "COMPLETE", State.PAUSED: "PRUNED", State.STOPPED: "PRUNED"}
"""All others: FAIL."""
RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 300.0


@dataclass
class Seen:
    """A trial on its way into the mirror."""

    stage: str
    trial: str
    params: Params
    state: State = State.PAUSED
    reason: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    points: tuple[Point, ...] = ()
    started_at: float = 0.0
    ended_at: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.stage}/{self.trial}"


class Mirror:
    """An observer. `space` gives the axes their bounds and scales; what it does not know becomes a user attribute."""

    def __init__(
        self,
        folder: Path,
        study: str,
        space: Mapping[str, ParameterOptions],
        metric: str = "loss",
        direction: str = "minimize",
        url: str | None = None,
    ) -> None:
        self.url = url or f"sqlite:///{folder.absolute() / FILE}"
        self._study_name, self._space, self._metric, self._direction = study, space, metric, direction
        self._study: Any = None
        self._mirrored: set[str] = set()
        self._seen: dict[str, Seen] = {}
        self._waiting: deque[Seen] = deque()
        self._retry_at, self._pause = 0.0, RETRY_SECONDS

    # Observer

    def stage_started(self, stage: str, key: str, planned_trials: int | None) -> None:
        self._seen.clear()

    def segment_replayed(self, stage: str, segment: Segment, result: Result) -> None:
        self._take(stage, segment, result, 0.0, 0.0)

    def segment_started(self, stage: str, segment: Segment, attempt: int) -> None: ...

    def progress(self, stage: str, progress: Progress) -> None: ...

    def attempt_died(self, stage: str, segment: Segment, attempt: int, reason: str) -> None: ...

    def segment_ended(
        self, stage: str, segment: Segment, result: Result, attempt: int, started_at: float, ended_at: float
    ) -> None:
        self._take(stage, segment, result, started_at, ended_at)
        self.catch_up()

    def stage_ended(self, stage: str, result: Json, cached: bool) -> None:
        self._waiting.extend(self._seen.values())
        self._seen.clear()
        self.catch_up()

    def tick(self) -> str | None:
        self.catch_up()
        return None

    # Work

    @property
    def behind(self) -> int:
        """Trials that are not in the mirror yet."""
        return len(self._waiting)

    def catch_up(self) -> None:
        """Write what waits; when that fails, try again later."""
        if not self._waiting or time.monotonic() < self._retry_at:
            return
        try:
            study = self._open()
            while self._waiting:
                if self._waiting[0].name not in self._mirrored:
                    study.add_trial(self._frozen(self._waiting[0]))
                    self._mirrored.add(self._waiting[0].name)
                self._waiting.popleft()
            self._pause = RETRY_SECONDS
        except Exception as error:
            log.warning("the Optuna mirror %s is %d trials behind: %s", self.url, len(self._waiting), error)
            self._study = None
            self._retry_at = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, LONGEST_RETRY_SECONDS)

    def rebuild(self, history: History) -> int:
        """Write all finished trials of the journal into the mirror; how many it has then."""
        for row in history.trials:
            if row.stage in STAGES and isinstance(row.state, State):
                started, ended = row.started_at or 0.0, row.ended_at or 0.0
                words = (
                    row.stage,
                    row.trial,
                    row.params,
                    row.state,
                    row.reason,
                    row.metrics,
                    row.curve,
                    started,
                    ended,
                )
                self._waiting.append(Seen(*words))
        self._retry_at = 0.0
        self.catch_up()
        return len(self._mirrored)

    def _take(self, stage: str, segment: Segment, result: Result, started_at: float, ended_at: float) -> None:
        if stage not in STAGES or segment.evaluate.split != "validation":
            return
        seen = self._seen.setdefault(segment.trial, Seen(stage, segment.trial, segment.params, started_at=started_at))
        seen.state, seen.reason, seen.metrics, seen.ended_at = result.state, result.reason, result.metrics, ended_at
        seen.points += result.curve
        if result.state is not State.PAUSED:
            self._waiting.append(self._seen.pop(segment.trial))

    def _open(self) -> Any:
        if self._study is None:
            import optuna

            optuna.logging.set_verbosity(optuna.logging.WARNING)
            self._study = optuna.create_study(
                storage=self.url, study_name=self._study_name, direction=self._direction, load_if_exists=True
            )
            names = (trial.user_attrs.get("seektune") for trial in self._study.get_trials(deepcopy=False))
            self._mirrored = {name for name in names if name is not None}
        return self._study

    def _frozen(self, seen: Seen) -> Any:
        from optuna.trial import FrozenTrial, TrialState

        distributions = {
            name: _distribution(self._space[name], seen.params[name]) for name in self._space if name in seen.params
        }
        known = {name: found for name, found in distributions.items() if found is not None}
        value = seen.metrics.get(self._metric)
        state = TrialState[STATES.get(seen.state, "FAIL")]
        if state == TrialState.COMPLETE and value is None:
            state = TrialState.FAIL
        return FrozenTrial(
            number=-1,
            trial_id=-1,
            state=state,
            value=value if state != TrialState.FAIL else None,
            datetime_start=datetime.fromtimestamp(seen.started_at),
            datetime_complete=datetime.fromtimestamp(max(seen.started_at, seen.ended_at)),
            params={name: seen.params[name] for name in known},
            distributions=known,
            user_attrs={
                "seektune": seen.name,
                "stage": seen.stage,
                "state": seen.state.value,
                "reason": seen.reason,
                **{f"metric {name}": number for name, number in seen.metrics.items()},
                **{name: value for name, value in seen.params.items() if name not in known},
            },
            system_attrs={},
            intermediate_values={p.tokens: p.metrics[self._metric] for p in seen.points if self._metric in p.metrics},
        )


def _distribution(parameter: ParameterOptions, value: Scalar) -> Any:
    """In the parameter's own unit, for people to read; None when the value is none of its choices."""
    from optuna import distributions

    if parameter.choices is not None:
        known = value in parameter.choices
        return distributions.CategoricalDistribution(parameter.choices) if known else None
    if parameter.low is None or parameter.high is None or isinstance(value, str | bool):
        return None
    low, high = min(parameter.low, value), max(parameter.high, value)
    if parameter.integer:
        return distributions.IntDistribution(int(low), int(high), log=parameter.log)
    return distributions.FloatDistribution(float(low), float(high), log=parameter.log)
