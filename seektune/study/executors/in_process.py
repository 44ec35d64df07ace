"""One slot in this process: for debugging, notebooks and benchmarks of the driver.

The trainer runs in a thread, so that the driver can look at budgets and signals meanwhile. A thread cannot be killed:
after `kill` its attempt counts as dead and its later words are ignored. A crash of the trainer is a crash of all.
"""

from __future__ import annotations

import queue
import threading
import time
import traceback

from seektune.errors import TrialError
from seektune.study.executors.attempt import perform
from seektune.study.executors.executor import Died, Event, Finished, Reported
from seektune.trial import Dispatch, Progress, Trainer, TrainerSpec


class Report:
    """Puts a worker's words into a queue."""

    def __init__(self, attempt: int, events: queue.SimpleQueue[Event | TrialError] | None = None) -> None:
        self.attempt = attempt
        self.events: queue.SimpleQueue[Event | TrialError] = events or queue.SimpleQueue()
        self.asked = False

    def __call__(self, progress: Progress) -> None:
        self.events.put(Reported(self.attempt, progress))

    def stop_asked(self) -> bool:
        return self.asked


class InProcess:
    """Executor with one slot."""

    def __init__(self) -> None:
        self.slots = 1
        self._events: queue.SimpleQueue[Event | TrialError] = queue.SimpleQueue()
        self._work: queue.SimpleQueue[tuple[Dispatch, TrainerSpec, Report] | None] = queue.SimpleQueue()
        self._running: Report | None = None
        self._kill_at: float | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True, name="trainer")
        self._thread.start()

    def inherit(self, descriptor: int) -> None:
        """Nothing to do: this process holds the lock."""

    def start(self, dispatch: Dispatch, trainer: TrainerSpec) -> None:
        assert self._running is None, "one slot"
        self._running = Report(dispatch.attempt, self._events)
        self._kill_at = None
        self._work.put((dispatch, trainer, self._running))

    def wait(self, timeout_seconds: float) -> list[Event]:
        events: list[Event] = []
        try:
            item = self._events.get(timeout=timeout_seconds)
            while True:
                if isinstance(item, TrialError):
                    raise item
                if self._running is not None and item.attempt == self._running.attempt:
                    events.append(item)
                    if isinstance(item, Finished | Died):
                        self._running = None
                item = self._events.get_nowait()
        except queue.Empty:
            pass
        if self._running is not None and self._kill_at is not None and time.monotonic() >= self._kill_at:
            events.append(Died(self._running.attempt, "did not end within the grace", "killed"))
            self._running = None
        return events

    def stop(self, grace_seconds: float) -> None:
        if self._running is not None:
            self._running.asked = True
            self._kill_at = time.monotonic() + grace_seconds

    def kill(self) -> None:
        self.stop(0.0)

    def close(self) -> None:
        self.kill()
        self._work.put(None)
        self._thread.join(timeout=1.0)

    def _serve(self) -> None:
        trainers: dict[str, Trainer] = {}
        while (item := self._work.get()) is not None:
            dispatch, spec, report = item
            try:
                if spec.identity not in trainers:
                    trainers = {spec.identity: spec.load()}
                    trainers[spec.identity].warm()
            except Exception as error:
                traceback.print_exc()
                self._events.put(TrialError(f"the trainer {spec.target} cannot be made: {error}"))
                continue
            self._events.put(perform(dispatch, trainers[spec.identity], report))
