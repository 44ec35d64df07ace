"""How does a watcher in Prefect's UI see a study at work? Trials as task runs, live progress, a table of leaders.

Nothing here waits for Prefect: what is to be said goes through ApiLink, which also hears when somebody cancels the
flow run; `tick` hands that on and the driver stops its workers.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from types import TracebackType
from uuid import UUID

from prefect import runtime
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.context import FlowRunContext, TaskRunContext
from prefect.logging import get_run_logger

from seektune.study.observer import Observer
from seektune.study.plan import count
from seektune.study.sizes import sizes
from seektune.study_file import StudyFile
from seektune.trial import Json, Progress, Result, Segment
from tasks.board import Board
from tasks.link import ApiLink
from tasks.listening import Listening
from tasks.trial_runs import TrialRuns

EXTRA_OBSERVERS: list[Observer] = []
"""Who else watches the runs of this process: the command line puts its own progress here while it calls a flow."""
REFRESH_SECONDS = 3.0
"""Artifacts are written again at most this often."""


class PrefectObserver(Observer):
    """Watches one invocation (all stages of a flow run). Made inside a flow run; a context manager."""

    def __init__(self, study: StudyFile, clock: Callable[[], float] = time.time) -> None:
        context = FlowRunContext.get()
        if context is None or context.flow_run is None:
            raise RuntimeError("PrefectObserver is made inside a flow run; without Prefect run the study without it")
        self.study = study
        self._clock = clock
        self.flow_run_id: UUID = context.flow_run.id
        page = str(runtime.flow_run.ui_url)  # of the embedded server, which has no pages, it begins with "None"
        self.flow_run = page if page.startswith("http") else f"{context.flow_run.name} ({context.flow_run.id})"
        self.link = ApiLink(self.flow_run_id)
        self._listening = Listening(self.link)
        self._prepared: Json | None = None
        self._board: Board | None = None
        self._trials: TrialRuns | None = None
        self._artifacts: dict[str, UUID] = {}
        self._refresh_at = 0.0

    def __enter__(self) -> PrefectObserver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.close()
        if self._trials is not None and error is not None:
            self._trials.close(self._clock(), str(error) or type(error).__name__)
        self.link.close(timeout_seconds=20.0 if error is None else 3.0)  # who cancels does not want to wait

    # --- what the driver says -----------------------------------------------------------------------------------

    def stage_started(self, stage: str, key: str, planned_trials: int | None) -> None:
        work = count(self.study, sizes(self.study, self._prepared)).get(stage)
        self._board = Board(self.study, stage, planned_trials, work.trained if work is not None else 0.0)
        self._trials = TrialRuns(self.link, self.flow_run_id, stage, stage_task_run_id())
        self._refresh_at = 0.0

    def segment_replayed(self, stage: str, segment: Segment, result: Result) -> None:
        """Trials of an earlier run of this stage stand in the table; their task runs are in that flow run."""
        if self._board is not None:
            self._board.started(segment)
            self._board.ended(result)

    def segment_started(self, stage: str, segment: Segment, attempt: int) -> None:
        if self._board is None or self._trials is None:
            return
        self._board.started(segment)
        self._trials.started(segment, attempt, self._clock())

    def attempt_died(self, stage: str, segment: Segment, attempt: int, reason: str) -> None:
        get_run_logger().warning("%s: attempt %d is gone (%s)", segment.trial, attempt, reason)

    def progress(self, stage: str, progress: Progress) -> None:
        if self._board is not None:
            self._board.progressed(progress)

    def segment_ended(
        self, stage: str, segment: Segment, result: Result, attempt: int, started_at: float, ended_at: float
    ) -> None:
        if self._board is None or self._trials is None:
            return
        self._board.ended(result)
        self._trials.ended(result, ended_at, self._board.outcome(result))

    def stage_ended(self, stage: str, result: Json, cached: bool) -> None:
        if stage == "prepare":
            self._prepared = result
        if self._board is not None and self._board.rows:
            self._board.furthest = 100.0  # a budget may end a stage before its last planned trial
            self._refresh(self._board)
        self._board = self._trials = None

    def tick(self) -> str | None:
        if self._board is not None and self._board.rows and time.monotonic() >= self._refresh_at:
            self._refresh_at = time.monotonic() + REFRESH_SECONDS
            self._refresh(self._board)
        self.link.tick()
        if self.link.cancelled:
            self._listening.heard()
        return self.link.cancelled or None

    # --- artifacts ------------------------------------------------------------------------------------------------

    def _refresh(self, board: Board) -> None:
        self.artifact("progress", f"{board.stage}-progress", board.percent(), board.sentence())
        self.artifact("table", f"{board.stage}-leaders", json.dumps(board.table()), board.sentence())

    def artifact(self, kind: str, name: str, data: object, description: str) -> None:
        """Create the artifact, or replace what it shows. The key is the same every night: the UI keeps its history."""
        key = re.sub(r"[^a-z0-9]+", "-", f"{self.study.study}-{name}".lower()).strip("-")
        task_run_id = stage_task_run_id()

        def call(client: SyncPrefectClient) -> None:
            if key in self._artifacts:
                client.update_artifact(self._artifacts[key], ArtifactUpdate(data=data, description=description))
                return
            made = client.create_artifact(
                ArtifactCreate(
                    key=key,
                    type=kind,
                    data=data,
                    description=description,
                    flow_run_id=self.flow_run_id,
                    task_run_id=task_run_id,
                )
            )
            self._artifacts[key] = made.id

        self.link.show(key, call)


def stage_task_run_id() -> UUID | None:
    """The task run that we are inside of."""
    context = TaskRunContext.get()
    return context.task_run.id if context is not None else None
