"""One invocation on one study: which stages there are, what each needs, and the driver that they share.

    prepare -> lr_range -> coarse -> fine -> augmentation -> confirm -> promote -> report

`Run` holds the study's lock, its driver and its warm workers; `run(stage)` runs one stage on top of what the journal
holds. A stage's key is a hash of its upstream keys, its own settings, and the code's schema version: a finished stage
with the same key returns at once, an edited study gets new keys and never meets old results.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType

from seektune.errors import MissingStage, Problem, SeektuneError, StudyFileError
from seektune.ledger.history import History
from seektune.ledger.index import StagePast
from seektune.ledger.mirror import Mirror
from seektune.study.context import Context
from seektune.study.driver import Driver
from seektune.study.executors.executor import Executor
from seektune.study.machine import child_environment, choose_device, choose_workers, environment
from seektune.study.observer import Observer
from seektune.study.stage import Allowance
from seektune.study.stage_kinds import SCHEMA, STAGES, StageKind, stages_of
from seektune.study_file import StudyFile
from seektune.trial import Json, fingerprint


class Run:
    """Context manager; see the module's docstring. `kinds`: the stages there are (benchmarks add their own).

    Study folders are made in `study.run.folder`; cache and champions lie beside that folder.
    """

    def __init__(
        self,
        study: StudyFile,
        observers: Sequence[Observer] = (),
        kinds: Mapping[str, StageKind] = STAGES,
        started_by: Json | None = None,
    ) -> None:
        """`started_by`: who called, for the journal and the report, for example {"flow run": url}."""
        self.study = study
        self.kinds = kinds
        self.stages = stages_of(study, kinds)
        self.root = Path(study.run.folder).absolute()
        self.folder = self.root / study.study
        self.device = choose_device(study.run.device)
        self.workers = choose_workers(study.run.workers, self.device)
        self._observers = tuple(observers)
        self._started_by = dict(started_by or {})
        self._settings: dict[str, object] = {}
        self._deadline = parse_deadline(study.budget.deadline, time.time()) if study.budget.deadline else None
        self._executor: Executor | None = None
        self._driver: Driver | None = None

    def __enter__(self) -> Run:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._executor = self._make_executor()
        try:
            observers = (*self._observers, *self._mirror())
            where = {**environment(self.device, self.workers), **self._started_by}
            self._driver = Driver(
                self.folder, self._executor, observers, disk_bytes=self.study.run.disk, environment=where
            )
        except BaseException:
            self._executor.close()
            raise
        description = self.study.model_dump(mode="json")
        (self.folder / "study.json").write_text(json.dumps(description, indent=2, ensure_ascii=False))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._driver is not None:
            self._driver.close()

    def _mirror(self) -> list[Observer]:
        if self.study.run.mirror is None:
            return []
        url = None if self.study.run.mirror == "sqlite" else self.study.run.mirror
        objective = self.study.objective
        return [Mirror(self.folder, self.study.study, self.study.space, objective.metric, objective.direction, url)]

    def _make_executor(self) -> Executor:
        if self.study.run.executor == "in_process" or self.study.model.simulated is not None:
            from seektune.study.executors.in_process import InProcess

            return InProcess()
        from seektune.study.executors.pool import Pool

        return Pool(self.workers, device=self.device)

    def key(self, stage: str) -> str:
        """The stage's identity (64 hex digits). An upstream stage that was reopened has another result than before."""
        kind = self.kinds[stage]
        if stage not in self._settings:
            self._settings[stage] = kind.settings(self.study)
        pasts = [self._past(name) for name in self._upstream(stage)]
        return fingerprint(SCHEMA, stage, [(past.key, past.reopened) for past in pasts], self._settings[stage])

    def _upstream(self, stage: str) -> list[str]:
        return [name for name in self.kinds[stage].needs if name in self.stages]

    def _past(self, stage: str) -> StagePast:
        """What the journal holds of the stage as the study now is."""
        assert self._driver is not None, "use `with Run(study) as run:`"
        key = self.key(stage)
        return self._driver.index.stages.get(key) or StagePast(stage, key)

    def run(self, stage: str) -> Json:
        """Run one stage, or return its stored result. Raises MissingStage when an upstream stage has to run first."""
        if stage == "report":
            return self.report()
        if stage not in self.stages:
            raise MissingStage(f"study {self.study.study!r} leaves {stage} out; give it options under stages.{stage}")
        driver, kind = self._driver, self.kinds[stage]
        assert driver is not None, "use `with Run(study) as run:`"
        upstream: dict[str, Json] = {}
        for name in self._upstream(stage):
            finished = self._past(name).finished
            if finished is None:
                raise MissingStage(self._missing(stage, name))
            upstream[name] = finished
        allowance = self._allowance(stage)
        driver.reopen(stage, self.key(stage), allowance)  # before its looks are counted
        context = Context(
            study=self.study,
            folder=self.folder,
            cache=self.study.cache,
            champions=self.root.parent / "champions",
            workers=self.workers,
            device=self.device,
            upstream=upstream,
            looks=self._looks(stage, upstream),
            inputs=self._settings[stage],
        )
        return driver.run(
            stage,
            self.key(stage),
            kind.start(context),
            allowance,
            upstream=[self.key(name) for name in upstream],
            planned_trials=kind.planned(self.study),
        )

    def _looks(self, stage: str, upstream: Mapping[str, Json]) -> int:
        """How often this study has read this version of its test split, but for the look that the stage itself takes:
        it counts that one, now as after a restart."""
        assert self._driver is not None
        if "prepare" not in upstream:
            return 0
        version, own = upstream["prepare"]["test_fingerprint"], self.key(stage)
        return sum(
            past.earlier_looks.count(version) + (version in past.looks and past.key != own)
            for past in self._driver.index.stages.values()
        )

    def _missing(self, stage: str, upstream: str) -> str:
        ran = (self.folder / "journal.jsonl").exists() and upstream in History.read(self.folder).stages
        why = "ran for other settings or other data" if ran else "has not run yet"
        command = upstream.replace("_", "-")
        return (
            f"{stage} needs the result of {upstream}, which {why} in study {self.study.study!r}; "
            f"run `seektune {command}` first, or `seektune tune` for all stages"
        )

    def _allowance(self, stage: str) -> Allowance:
        """This stage's share of what is left; what earlier stages left unspent is in it."""
        budget, weights = self.study.budget, self.study.stages.weights
        if stage not in weights:
            return Allowance(deadline=self._deadline)
        place = self.stages.index(stage)
        to_come = sum(weights.get(name, 0.0) for name in self.stages[place:])
        share = weights[stage] / to_come if to_come > 0 else 0.0
        # The stages before it, as the study now is: what an edited study or an earlier night used is paid for.
        before = [self._past(name).spend for name in self.stages[:place]]

        def part(limit: float | None, used: float) -> float | None:
            return None if limit is None else max(0.0, limit - used) * share

        device_seconds = budget.device_hours * 3600 if budget.device_hours is not None else None
        if budget.money is not None and budget.price_per_device_hour:
            bought = budget.money / budget.price_per_device_hour * 3600
            device_seconds = bought if device_seconds is None else min(device_seconds, bought)
        tokens = part(budget.tokens, sum(spend.tokens for spend in before))
        now = time.time()
        return Allowance(
            wall_seconds=part(budget.wall_time, sum(spend.wall_seconds for spend in before)),
            tokens=None if tokens is None else int(tokens),
            device_seconds=part(device_seconds, sum(spend.device_seconds for spend in before)),
            ends_at=None if self._deadline is None else now + max(0.0, self._deadline - now) * share,
            deadline=self._deadline,
        )

    def report(self) -> Json:
        """Write the report over everything the journal holds; {"html", "markdown", "folder"}.

        In a process of its own: plots and tables need libraries that a driver would hold in memory all night.
        """
        words = [sys.executable, "-m", "seektune.report.page", str(self.folder)]
        done = subprocess.run(words, env=child_environment(), stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise SeektuneError(f"the report of {self.folder} could not be written: {done.stderr.strip()[-2000:]}")
        folder = self.folder / "report"
        return {"html": str(folder / "index.html"), "markdown": str(folder / "report.md"), "folder": str(folder)}


def parse_deadline(text: str, now: float) -> float:
    """Unix time of `06:00` (the next one, local time) or of an ISO date and time."""
    moment = datetime.fromtimestamp(now).astimezone()
    try:
        if len(text) <= 5:
            hour, minute = (int(part) for part in text.split(":"))
            today = moment.replace(hour=hour, minute=minute, second=0, microsecond=0)
            return (today if today > moment else today + timedelta(days=1)).timestamp()
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise StudyFileError(
            [Problem("budget.deadline", f"expected `06:00` or an ISO date and time, but got {text!r}")]
        ) from error


def run_all(
    study: StudyFile, observers: Sequence[Observer] = (), stages: Sequence[str] | None = None
) -> dict[str, Json]:
    """Every stage in order (or the named ones); stage -> result."""
    with Run(study, observers) as run:
        return {stage: run.run(stage) for stage in (stages or run.stages)}
