"""The whole flow on the simulated trainer: what it returns, what a watcher finds, and what is not tried again."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import State
from prefect.states import Completed

import flows.stages
from flows.tune import tune
from seektune.errors import DataError, MissingStage, StudyBusy, StudyFileError
from seektune.report.safe import markdown
from seektune.study.run import Run
from seektune.study_file import load_study
from tasks.holding import hold

pytestmark = [pytest.mark.flow, pytest.mark.xdist_group("prefect"), pytest.mark.usefixtures("prefect_server")]

STAGES = ["prepare", "lr_range", "coarse", "fine", "confirm", "promote", "report"]


def found_in_prefect(client: SyncPrefectClient, run: UUID) -> tuple[dict[str, Any], dict[str, Any]]:
    """Task runs and artifacts of a flow run, by name and key. Its server writes them down in its own time."""
    only = FlowRunFilter(id=FlowRunFilterId(any_=[run]))
    ends, before = time.monotonic() + 30, -1
    while time.monotonic() < ends:
        runs = client.read_task_runs(flow_run_filter=only)
        if len(runs) == before and any(one.name == "report" for one in runs):
            break
        before = len(runs)
        time.sleep(0.5)
    return {one.name: one for one in runs}, {str(one.key): one for one in client.read_artifacts(flow_run_filter=only)}


def final_state(*arguments: Any) -> tuple[State[Any], UUID]:
    state = tune(*arguments, return_state=True)
    assert state.state_details.flow_run_id is not None
    return state, state.state_details.flow_run_id


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches and champions are made where the flow runs."""
    monkeypatch.chdir(tmp_path)


def test_the_whole_flow_and_a_second_time(simulated_study: Path) -> None:
    state, run = final_state(str(simulated_study))
    results = state.result()
    assert list(results) == STAGES
    assert state.is_completed()
    assert state.message == results["confirm"]["sentence"], "the run's last word is the verdict"
    assert len(json.dumps(results)) < 200_000
    assert 3e-4 < results["fine"]["best"]["params"]["learning_rate"] < 3e-3, "the simulated optimum is 1e-3"

    with get_client(sync_client=True) as client:
        flow_run = client.read_flow_run(run)
        runs, artifacts = found_in_prefect(client, run)
    assert flow_run.name.startswith("tune · night · ")
    assert {"prepare", "lr-range", "coarse", "fine", "confirm", "promote", "report"} <= set(runs)
    trials = [name for name in runs if name.startswith("coarse-")]
    assert len([name for name in trials if "seed" not in name]) >= 6
    assert all(" · lr " in name and " · batch " in name for name in trials)
    for key in ("night-lr-range", "night-coarse-curves", "night-fine-curves", "night-verdict", "night-report"):
        page = str(artifacts[key].data)
        assert "data:image/png;base64," in page, key
        assert len(page) < 500_000, key
    assert str(Path(results["report"]["html"])) in str(artifacts["night-report"].description)
    assert Path(results["report"]["html"]).is_file()
    assert markdown(results["confirm"]["sentence"]) in str(artifacts["night-verdict"].data)

    began = time.monotonic()
    again, second = final_state(str(simulated_study))
    assert time.monotonic() - began < 30
    assert {stage: again.result()[stage] for stage in STAGES[:5]} == {stage: results[stage] for stage in STAGES[:5]}
    with get_client(sync_client=True) as client:
        runs, artifacts = found_in_prefect(client, second)
    assert len(runs) == 7, "no trial ran again"
    assert {"night-verdict", "night-coarse-curves"} <= set(artifacts), "pages are there all the same"


def test_augmentation_is_a_task_with_a_page_where_it_is_searched(simulated_study: Path) -> None:
    text = simulated_study.read_text().replace("space:\n", "space:\n  augment_copies: {low: 0, high: 2}\n")
    simulated_study.write_text(text)
    state, run = final_state(str(simulated_study), ["prepare", "lr_range", "coarse", "fine", "augmentation", "report"])
    found = state.result()["augmentation"]
    with get_client(sync_client=True) as client:
        runs, artifacts = found_in_prefect(client, run)
    assert "augmentation" in runs
    (page,) = [one for key, one in artifacts.items() if key.endswith("augmentation")]
    assert markdown(found["sentence"]) in str(page.data)
    assert "with augmentation" in str(page.data)


def test_a_stage_by_itself_reads_what_was_left_and_names_what_is_missing(simulated_study: Path) -> None:
    with pytest.raises(MissingStage, match="coarse needs the result of prepare"):
        flows.stages.coarse(str(simulated_study))
    assert list(flows.stages.prepare(str(simulated_study))) == ["prepare"]
    with pytest.raises(MissingStage, match="coarse needs the result of lr_range"):
        flows.stages.coarse(str(simulated_study))
    assert list(tune(str(simulated_study), ["lr_range", "coarse"])) == ["lr_range", "coarse"]


def test_a_broken_study_file_fails_once_with_all_its_problems(tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text("study: broken\nmodle: {simulated: {}}\nspace: {learning_rate: {low: 1, high: 0.1}}\n")
    state, _ = final_state(str(file))
    assert state.is_failed()
    with pytest.raises(StudyFileError) as raised:
        state.result()
    assert "modle" in str(raised.value)
    assert "learning_rate" in str(raised.value)


def test_a_hiccup_is_tried_again_and_a_users_mistake_is_not() -> None:
    tried: list[str] = []

    @hold("hiccup", retries=2, retry_delay_seconds=0)
    def hiccup(run: Any) -> tuple[dict[str, Any], str]:
        """Writes to a full disk, once."""
        tried.append("hiccup")
        if len(tried) == 1:
            raise OSError(28, "No space left on device")
        return {"rows": 3}, "three rows"

    @hold("mistake", retries=2, retry_delay_seconds=0)
    def mistake(run: Any) -> tuple[dict[str, Any], str]:
        """Reads a user's broken file."""
        tried.append("mistake")
        raise DataError("rows.jsonl:3: not JSON")

    @flow(persist_result=False)
    def both() -> list[State[Any]]:
        ends.append(hiccup(None, return_state=True))  # type: ignore[arg-type]
        ends.append(mistake(None, return_state=True))  # type: ignore[arg-type]
        return Completed(message="both ended")  # type: ignore[return-value]

    ends: list[State[Any]] = []
    both(return_state=True)
    assert tried == ["hiccup", "hiccup", "mistake"]
    assert ends[0].message == "three rows"
    assert ends[0].result() == {"rows": 3}
    assert ends[1].is_failed()
    assert "rows.jsonl:3" in (ends[1].message or "")


def test_a_busy_study_is_not_tried_again(simulated_study: Path) -> None:
    began = time.monotonic()
    with Run(load_study(simulated_study)), pytest.raises(StudyBusy):
        tune(str(simulated_study))
    assert time.monotonic() - began < 8, "waited for a second try"
