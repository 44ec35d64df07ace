"""How does Prefect see a trial? As a task run of its own: readable name, true times, and how it ended.

Recorded as Prefect's own engine records tasks: one event for each change of state, with its own timestamp, taken down
by the server in bulk. Measured on 3.8.8 with a busy server: 0.5-1 ms for us, against 40 ms to 2.4 s for
`create_task_run` and `set_task_run_state`, which moreover stamp a state with the time at which the call arrived.

| trial      | type of the task run's state | its name                                        |
|------------|------------------------------|-------------------------------------------------|
| paused     | COMPLETED                    | Paused; RUNNING again, as Promoted, if it goes on |
| complete   | COMPLETED                    | Completed                                       |
| stopped    | COMPLETED                    | Stopped: what it reached counts                 |
| diverged   | FAILED                       | Diverged                                        |
| infeasible | FAILED                       | Infeasible                                      |
| failed     | CRASHED                      | Failed                                          |
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from prefect.client.schemas.objects import Constant, FlowRunResult, Parameter, State, StateType, TaskRun, TaskRunResult
from prefect.logging.loggers import task_run_logger
from prefect.utilities.engine import emit_task_run_state_change_event

from seektune.trial import Params, Result, Segment
from seektune.trial import State as TrialState
from tasks.link import ApiLink

STATES = {
    TrialState.PAUSED: (StateType.COMPLETED, "Paused"),
    TrialState.COMPLETE: (StateType.COMPLETED, "Completed"),
    TrialState.STOPPED: (StateType.COMPLETED, "Stopped"),
    TrialState.DIVERGED: (StateType.FAILED, "Diverged"),
    TrialState.INFEASIBLE: (StateType.FAILED, "Infeasible"),
    TrialState.FAILED: (StateType.CRASHED, "Failed"),
}
Parent = TaskRunResult | FlowRunResult | Parameter | Constant
MOST_SHOWN = 500
"""Trials of a stage that get a task run; Prefect's SQLite server records about 15 a second. More are only counted."""


def trial_label(trial: str, params: Params) -> str:
    """What tells trials apart at a glance.

    >>> trial_label("coarse-007", {"learning_rate": 0.0031, "effective_batch": 8, "warmup_ratio": 0.1})
    'coarse-007 · lr 3.1e-3 · batch 8'
    """
    parts = [trial]
    if "learning_rate" in params:
        peak = float(params["learning_rate"])
        lowest = f"{short(peak / float(params['ramp_ratio']))} to " if params.get("schedule") == "ramp" else ""
        parts.append(f"lr {lowest}{short(peak)}")
    if "effective_batch" in params:
        parts.append(f"batch {params['effective_batch']}")
    return " · ".join(parts)


def short(number: float) -> str:
    """`3.1e-3`"""
    mantissa, exponent = f"{number:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


class TrialRuns:
    """The task runs of one stage's trials, under the task run of the stage. Times are unix times."""

    def __init__(self, link: ApiLink, flow_run_id: UUID, stage: str, stage_task_run_id: UUID | None) -> None:
        self._link = link
        self._flow_run_id = flow_run_id
        self._stage = stage
        self._parents: list[Parent] = [TaskRunResult(id=stage_task_run_id)] if stage_task_run_id else []
        self._runs: dict[str, TaskRun] = {}
        self.only_counted: set[str] = set()

    def started(self, segment: Segment, attempt: int, at: float) -> None:
        """A worker was handed a segment."""
        run = self._runs.get(segment.trial)
        if run is None:
            if len(self._runs) >= MOST_SHOWN:
                self.only_counted.add(segment.trial)
                return
            run = self._runs[segment.trial] = TaskRun(
                id=uuid4(),
                name=trial_label(segment.trial, segment.params),
                flow_run_id=self._flow_run_id,
                task_key=f"trial-{self._stage}",
                dynamic_key=segment.trial,
                tags=["trial", self._stage],
                task_inputs={"__parents__": self._parents},
            )
        if segment.from_tokens == segment.to_tokens:
            name, what = "Scoring", f"{segment.evaluate.split} rows"
        else:
            again = run.state is not None and run.state.type is StateType.RUNNING
            name = "Retrying" if again else "Promoted" if segment.from_tokens else "Running"
            what = f"{segment.from_tokens:,} to {segment.to_tokens:,} of {segment.horizon_tokens:,} tokens"
        self._move(run, StateType.RUNNING, name, f"{what} · attempt {attempt}", at)

    def ended(self, result: Result, at: float, message: str) -> None:
        """The trial's segment came back."""
        run = self._runs.get(result.trial)
        if run is not None:
            kind, name = STATES[result.state]
            if result.state is TrialState.PAUSED and run.state is not None and run.state.name == "Scoring":
                name = "Completed"  # nothing to go on with: it was only measured
            self._move(run, kind, name, message, at)
            # The newer UI shows no state's message, but a task run's log, on its own page and on the flow run's.
            task_run_logger(run).info("%s %s: %s", result.trial, name.lower(), message)

    def close(self, at: float, reason: str) -> None:
        """Trials that never came back (the run was stopped) do not stay Running."""
        for run in list(self._runs.values()):
            if run.state is not None and run.state.type is StateType.RUNNING:
                self._move(run, StateType.CANCELLED, "Interrupted", reason, at)

    def _move(self, run: TaskRun, kind: StateType, name: str, message: str, at: float) -> None:
        before = run.state
        # A state is recorded only if it is later than the one before: two in one clock tick must not tie.
        timestamp = datetime.fromtimestamp(at, UTC)
        if before is not None and timestamp <= before.timestamp:
            timestamp = before.timestamp + timedelta(microseconds=1)
        after = State[None](type=kind, name=name, message=message, timestamp=timestamp)
        ran = (
            after.timestamp - before.timestamp
            if before is not None and before.type is StateType.RUNNING
            else timedelta()
        )
        moved = run.model_copy(
            update={
                "state": after,
                "start_time": run.start_time or after.timestamp,
                "expected_start_time": run.expected_start_time or after.timestamp,
                "end_time": None if kind is StateType.RUNNING else after.timestamp,
                "total_run_time": run.total_run_time + ran,
                "run_count": run.run_count + (kind is StateType.RUNNING),
            }
        )
        self._runs[run.dynamic_key] = moved
        self._link.say(lambda _: void(emit_task_run_state_change_event(moved, before, after)))


def void(_: object) -> None:
    """A call whose answer nobody needs."""
