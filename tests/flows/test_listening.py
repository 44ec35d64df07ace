"""A cancel that comes while nothing trains is heard, once, and ends the stage as cancelled."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.states import Cancelling

from seektune.errors import Stopped
from seektune.ledger.history import History
from seektune.trial import Json
from tasks.holding import call, hold
from tasks.watched import WatchedRun, watch

pytestmark = [pytest.mark.flow, pytest.mark.xdist_group("prefect")]

PATIENCE_SECONDS = 30.0


@hold("thinking")
def thinking(run: WatchedRun) -> tuple[Json, str]:
    """A stage outside of any driver, as the report is; somebody cancels its flow run meanwhile."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run.flow_run_id, Cancelling(), force=True)
    ends = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < ends:
        try:
            sum(range(1000))
        except Exception:  # a stage that mends its own errors does not swallow a cancel
            continue
    return {}, "thought to the end"


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN], ids=["foreground", "background"])
def interrupts(request: pytest.FixtureRequest) -> Iterator[None]:
    """As a shell starts a program: one that it runs in the background ignores SIGINT."""
    before = signal.signal(signal.SIGINT, request.param)
    yield
    assert signal.getsignal(signal.SIGINT) is request.param
    signal.signal(signal.SIGINT, before)


def test_a_stage_that_asks_nobody_is_interrupted(prefect_server: None, interrupts: None, simulated_study: Path) -> None:
    seen: list[str] = []

    @flow(persist_result=False)
    def night() -> None:
        with watch(str(simulated_study)) as run:
            called = str(History.read(run.folder).sessions[-1]["environment"]["flow run"])
            assert called.endswith((str(run.flow_run_id), f"({run.flow_run_id})"))
            assert not called.startswith("None")
            state = call(thinking, run)
            seen.append(str(state.type.value))
            state.result()

    began = time.monotonic()
    with pytest.raises(Stopped, match=r"stopped \(.+\); what has finished is kept, the same command goes on from here"):
        night()
    assert time.monotonic() - began < PATIENCE_SECONDS
    assert seen == ["CANCELLED"]
