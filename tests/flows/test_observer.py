"""What Prefect's API holds after a stage: each trial with its own times and outcome, live artifacts, a cancel."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from prefect import flow, task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import StateType, TaskRun
from prefect.states import Cancelling

from seektune.study.plan import count
from seektune.study.sizes import sizes
from seektune.study_file import StudyFile, load_study
from seektune.trial import Cost, Point, Progress, Result, Segment, State
from tasks import trial_runs
from tasks.observer import PrefectObserver

pytestmark = [pytest.mark.flow, pytest.mark.xdist_group("prefect"), pytest.mark.usefixtures("prefect_server")]

HOUR_AGO = time.time() - 3600


def a_segment(trial: str, start: int = 0, end: int = 300) -> Segment:
    return Segment(trial, {"learning_rate": 3.1e-3, "effective_batch": 8}, 1, start, end, 900)


def a_result(trial: str, state: State, tokens: int, loss: float | None = None, reason: str = "") -> Result:
    metrics = {} if loss is None else {"loss": loss}
    return Result(trial, state, tokens, metrics, cost=Cost(seconds=7.5), reason=reason)


def observe(study: StudyFile, play: Callable[[PrefectObserver], None], clock: Callable[[], float] = time.time) -> UUID:
    """Run `play` where a driver would be: in a stage's task of a flow run. Returns the flow run's id."""
    seen: list[UUID] = []

    @task(name="coarse", task_run_name="coarse", persist_result=False)
    def stage(observer: PrefectObserver) -> None:
        play(observer)

    @flow(name="observed", persist_result=False)
    def observed() -> None:
        with PrefectObserver(study, clock) as observer:
            seen.append(observer.flow_run_id)
            stage(observer)

    observed()
    return seen[0]


def task_runs(client: SyncPrefectClient, run: UUID, count: int, not_yet: str = "") -> dict[str, TaskRun]:
    """Events arrive a little later than they are sent; `not_yet` is a final state's name that will be left again."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        found = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run])))
        states = [one.state for one in found]
        if len(found) >= count and all(state and state.is_final() and state.name != not_yet for state in states):
            break
        time.sleep(0.2)
    return {one.name: one for one in found}


def artifacts(client: SyncPrefectClient, run: UUID) -> dict[str, Any]:
    found = client.read_artifacts(
        artifact_filter=ArtifactFilter(), flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run]))
    )
    return {str(one.key): one for one in found}


@pytest.fixture
def study(simulated_study: Any) -> StudyFile:
    return load_study(simulated_study)


def test_trials_are_task_runs_with_true_times_and_outcomes(study: StudyFile) -> None:
    moment = [HOUR_AGO]
    ends = {
        "coarse-001": (State.COMPLETE, 1.1, ""),
        "coarse-002": (State.STOPPED, 1.5, "budget: wall time of 60 s used up"),
        "coarse-003": (State.DIVERGED, None, "the loss is not finite"),
        "coarse-004": (State.INFEASIBLE, None, "out of memory twice"),
        "coarse-005": (State.FAILED, None, "the worker died twice"),
    }

    def play(observer: PrefectObserver) -> None:
        observer.stage_started("coarse", "key", 6)
        for trial, (state, loss, reason) in ends.items():
            observer.segment_started("coarse", a_segment(trial), 1)
            result = a_result(trial, state, 300, loss, reason)
            observer.segment_ended("coarse", a_segment(trial), result, 1, HOUR_AGO, HOUR_AGO + 7.5)
        # Paused, promoted ten seconds later, complete five seconds after that.
        observer.segment_started("coarse", a_segment("coarse-000"), 1)
        paused = a_result("coarse-000", State.PAUSED, 300, 2.0)
        observer.segment_ended("coarse", a_segment("coarse-000"), paused, 1, HOUR_AGO, HOUR_AGO + 7.5)
        moment[0] = HOUR_AGO + 17.5
        observer.segment_started("coarse", a_segment("coarse-000", 300, 900), 2)
        complete = a_result("coarse-000", State.COMPLETE, 900, 1.25)
        observer.segment_ended("coarse", a_segment("coarse-000", 300, 900), complete, 2, moment[0], HOUR_AGO + 22.5)
        observer.stage_ended("coarse", {}, cached=False)

    run = observe(study, play, clock=lambda: moment[0])
    with get_client(sync_client=True) as client:
        found = task_runs(client, run, 7, not_yet="Paused")
        history = client.read_task_run_states(found["coarse-000 · lr 3.1e-3 · batch 8"].id)

    label = "{} · lr 3.1e-3 · batch 8".format
    states = {trial: found[label(trial)].state for trial in ends}
    assert {trial: (state.type, state.name) for trial, state in states.items() if state} == {
        "coarse-001": (StateType.COMPLETED, "Completed"),
        "coarse-002": (StateType.COMPLETED, "Stopped"),
        "coarse-003": (StateType.FAILED, "Diverged"),
        "coarse-004": (StateType.FAILED, "Infeasible"),
        "coarse-005": (StateType.CRASHED, "Failed"),
    }
    assert "loss 1.1 at 300 tokens" in (states["coarse-001"].message or "")
    assert "budget: wall time" in (states["coarse-002"].message or "")
    assert "not finite" in (states["coarse-003"].message or "")

    again = found[label("coarse-000")]
    assert [state.name for state in sorted(history, key=lambda state: state.timestamp)] == [
        "Running",
        "Paused",
        "Promoted",
        "Completed",
    ]
    assert again.start_time is not None
    assert again.end_time is not None
    assert again.start_time.timestamp() == pytest.approx(HOUR_AGO, abs=0.01)
    assert again.end_time.timestamp() == pytest.approx(HOUR_AGO + 22.5, abs=0.01)
    assert again.total_run_time.total_seconds() == pytest.approx(12.5, abs=0.01)
    parents = again.task_inputs["__parents__"]
    assert [parent.id for parent in parents] == [found["coarse"].id], "trials stand under their stage"


@pytest.mark.parametrize(("stage", "planned"), [("coarse", 2), ("confirm", None)])
def test_progress_and_leaders_are_live_and_replaced(
    study: StudyFile, monkeypatch: pytest.MonkeyPatch, stage: str, planned: int | None
) -> None:
    monkeypatch.setattr("tasks.observer.REFRESH_SECONDS", 0.05)
    halfway: list[float] = []

    def play(observer: PrefectObserver) -> None:
        observer.stage_started(stage, "key", planned)
        for trial, loss in (("coarse-000", 2.0), ("coarse-001", 1.0)):
            observer.segment_started(stage, a_segment(trial), 1)
            observer.progress(stage, Progress(trial, Point(100, 3, 1e-3, None, {"loss": 3.0}, 1.0)))
            observer.segment_ended(stage, a_segment(trial), a_result(trial, State.PAUSED, 300, loss), 1, 0, 1)
            ends = time.monotonic() + 20
            while len(halfway) < (trial == "coarse-000") and time.monotonic() < ends:
                observer.tick()
                time.sleep(0.1)
                with get_client(sync_client=True) as client:
                    halfway.extend(
                        float(str(one.data))
                        for key, one in artifacts(client, observer.flow_run_id).items()
                        if key == f"night-{stage}-progress"
                    )
        observer.stage_ended(stage, {}, cached=False)

    run = observe(study, play)
    with get_client(sync_client=True) as client:
        found = artifacts(client, run)
    assert halfway == [round(100 * 300 / count(study, sizes(study, None))[stage].trained, 1)]
    assert halfway[0] > 0
    assert set(found) == {f"night-{stage}-progress", f"night-{stage}-leaders"}
    assert float(str(found[f"night-{stage}-progress"].data)) == 100.0
    assert "best loss 1 (coarse-001)" in str(found[f"night-{stage}-progress"].description)
    assert [row["trial"] for row in json.loads(str(found[f"night-{stage}-leaders"].data))] == [
        "coarse-001",
        "coarse-000",
    ]


def test_a_cancelled_flow_run_is_noticed_and_trials_do_not_stay_running(study: StudyFile) -> None:
    reasons: list[str | None] = []

    class Asked(Exception):
        pass

    def play(observer: PrefectObserver) -> None:
        observer.stage_started("coarse", "key", 2)
        observer.segment_started("coarse", a_segment("coarse-000"), 1)
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(observer.flow_run_id, Cancelling())
        began = time.monotonic()
        while not (reasons and reasons[-1]) and time.monotonic() < began + 20:
            reasons.append(observer.tick())
            time.sleep(0.05)
        reasons.append(f"{time.monotonic() - began:.1f}")
        raise Asked(str(observer.flow_run_id))

    with pytest.raises(Asked) as raised:
        observe(study, play)
    assert reasons[-2] == "the flow run was cancelled in Prefect"
    assert float(reasons[-1] or "nan") < 5
    with get_client(sync_client=True) as client:
        found = task_runs(client, UUID(str(raised.value)), 2)
    state = found["coarse-000 · lr 3.1e-3 · batch 8"].state
    assert state is not None
    assert (state.type, state.name) == (StateType.CANCELLED, "Interrupted")


def test_more_trials_than_are_shown_are_counted(study: StudyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_runs, "MOST_SHOWN", 3)

    def play(observer: PrefectObserver) -> None:
        observer.stage_started("coarse", "key", 5)
        for number in range(5):
            trial = f"coarse-{number:03d}"
            observer.segment_started("coarse", a_segment(trial), 1)
            observer.segment_ended("coarse", a_segment(trial), a_result(trial, State.PAUSED, 300, 1.0), 1, 0, 1)
        observer.stage_ended("coarse", {}, cached=False)

    run = observe(study, play)
    with get_client(sync_client=True) as client:
        found = task_runs(client, run, 4)
        table = artifacts(client, run)["night-coarse-leaders"]
    assert sorted(found)[1:] == [f"coarse-{number:03d} · lr 3.1e-3 · batch 8" for number in range(3)]
    assert len(json.loads(str(table.data))) == 5
    assert "5 of 5 trials" in str(table.description)
