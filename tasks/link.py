"""How do we talk with Prefect's API without training ever waiting for it?

Everything that is to be said goes into an outbox; `tick` hands the outbox to one worker thread, unless that thread is
still busy with the round before. A round first reads the state of our own flow run, which shows that the API answers
and whether somebody cancelled the run, and only then says the rest. While the API is silent the outbox waits, and the
API is asked ever more rarely; the outbox is bounded: the oldest words are lost first, and counted. Calls have a
time-out and are not repeated by Prefect's client, so a round ends soon in any case.

Raises nothing: whatever goes wrong with the API is counted in `errors`.
"""

from __future__ import annotations

import contextvars
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.context import SettingsContext, get_settings_context
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

logger = logging.getLogger(__name__)

Call = Callable[["SyncPrefectClient"], None]

POLL_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
CALL_TIMEOUT_SECONDS = 5.0
OUTBOX_CALLS = 4000  # two changes of state for each trial shown, several stages over


class ApiLink:
    """The line from one flow run to Prefect's API. Made inside the flow run (its context goes along to the thread)."""

    def __init__(self, flow_run_id: UUID) -> None:
        self.cancelled = ""  # why our flow run is to stop; "" while it may go on
        self.errors = 0
        self.lost = 0
        self._flow_run_id = flow_run_id
        self._outbox: deque[Call] = deque()
        self._latest: dict[str, Call] = {}
        self._round: Future[None] | None = None
        self._next_round = 0.0
        self._failures_in_a_row = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefect-link")
        self._context = contextvars.copy_context()
        given = get_settings_context()
        once = given.settings.copy_with_update({PREFECT_CLIENT_MAX_RETRIES: 0})
        self._once = SettingsContext(profile=given.profile, settings=once)
        self._client = get_client(httpx_settings={"timeout": CALL_TIMEOUT_SECONDS}, sync_client=True)

    def say(self, call: Call) -> None:
        """Say this once, in order."""
        if len(self._outbox) >= OUTBOX_CALLS:
            self._outbox.popleft()
            self.lost += 1
        self._outbox.append(call)

    def show(self, place: str, call: Call) -> None:
        """Say only the latest of what was handed in for this place."""
        self._latest[place] = call

    def tick(self) -> None:
        """Never waits. Called about once a second."""
        busy = self._round is not None and not self._round.done()
        if busy or time.monotonic() < self._next_round:
            return
        self._round = self._thread.submit(self._context.run, self._talk)

    def close(self, timeout_seconds: float = 20.0) -> None:
        """Say what is left, if the API answers in time."""
        ends = time.monotonic() + timeout_seconds
        while self._unsaid() and not self._failures_in_a_row and time.monotonic() < ends:
            self._next_round = 0.0
            self.tick()
            time.sleep(0.02)
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._outbox, unsaid = deque(), self._outbox  # the thread may still be at it
        self._latest, unshown = {}, self._latest
        self.lost += len(unsaid) + len(unshown)
        if self.errors or self.lost:
            logger.info(
                "Prefect's API: %d calls failed, %d were dropped; training was not affected", self.errors, self.lost
            )

    def _unsaid(self) -> bool:
        return bool(self._outbox or self._latest or (self._round is not None and not self._round.done()))

    def _talk(self) -> None:
        with self._once:  # no repeats by Prefect's client: one failed call is one failed call
            self._say_all()

    def _say_all(self) -> None:
        try:
            state = self._client.read_flow_run(self._flow_run_id).state
            if state is not None and state.type in (StateType.CANCELLING, StateType.CANCELLED):
                self.cancelled = state.message or "the flow run was cancelled in Prefect"
        except Exception as error:
            self.errors += 1
            self._failures_in_a_row += 1
            if self._failures_in_a_row == 1:
                logger.warning("Prefect's API does not answer (%s); training goes on", type(error).__name__)
            self._next_round = time.monotonic() + min(POLL_SECONDS * 2**self._failures_in_a_row, LONGEST_WAIT_SECONDS)
            return
        if self._failures_in_a_row:
            logger.info("Prefect's API answers again")
        self._failures_in_a_row = 0
        self._next_round = time.monotonic() + POLL_SECONDS
        outbox, latest = self._outbox, self._latest
        for _ in range(len(outbox)):
            self._try(outbox.popleft())
        for place in list(latest):
            self._try(latest.pop(place))

    def _try(self, call: Call) -> None:
        try:
            call(self._client)
        except Exception as error:
            self.errors += 1
            logger.debug("a call to Prefect's API failed: %s", error)
