"""The driver: one per study, the only writer of its journal.

    with Driver(folder, executor) as driver:
        result = driver.run("coarse", key, coarse(context), Allowance(wall_seconds=600), upstream=(range_key,))

It proposes, dispatches, records and decides: a stage (see stage.py) yields rounds, the driver runs what the journal
does not hold yet. A finished stage with the same key returns at once. Raises StudyBusy when another driver holds the study,
Stopped after a cancel or signal (all workers have left by then), TrialError when the trainer cannot be made.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType, TracebackType

from seektune.errors import Stopped
from seektune.ledger.index import Index, StagePast
from seektune.ledger.ledger import Ledger
from seektune.study.disk import delete_checkpoint
from seektune.study.executors.executor import Executor
from seektune.study.observer import Observer, Observers
from seektune.study.rounds import GOES_ON, Rounds
from seektune.study.stage import Allowance, StageRun
from seektune.trial import Json, Result

TICK_SECONDS = 1.0


class Driver:
    """Holds the study from construction to `close`."""

    def __init__(
        self,
        folder: str | Path,
        executor: Executor,
        observers: Sequence[Observer] = (),
        clock: Callable[[], float] = time.time,
        disk_bytes: int | None = None,
        environment: Json | None = None,
    ) -> None:
        """`environment`: versions, commit, machine, written down with what runs now."""
        self._ledger = Ledger(Path(folder), clock, environment)
        self._executor = executor
        self._executor.inherit(self._ledger.lock.descriptor)
        self._observer = Observers(observers)
        self._clock = clock
        self._disk_bytes = disk_bytes
        self._stop: str | None = None
        self._next_tick = 0.0
        self._choosing = False

    def run(
        self,
        stage: str,
        key: str,
        generator: StageRun,
        allowance: Allowance | None = None,
        *,
        upstream: Sequence[str] = (),
        planned_trials: int | None = None,
    ) -> Json:
        """The stage's result. `key` is a hash of all that it depends on; `upstream`: keys of the stages whose trials
        it goes on with. A `keep` in the result (names of trials) is taken out of it: the checkpoints of all other
        trials of the stage are deleted. A stage that its budget had ended goes on when the allowance has grown."""
        allowance = allowance or Allowance()
        self.reopen(stage, key, allowance)
        past = self._ledger.index.stages.get(key)
        if past is not None and past.finished is not None:
            generator.close()
            self._ledger.record("stage_reused", stage=stage, key=key)
            self._observer.stage_ended(stage, past.finished, cached=True)
            return past.finished
        self._ledger.record("stage_started", stage=stage, key=key, upstream=list(upstream), allowance=asdict(allowance))
        self._observer.stage_started(stage, key, planned_trials)
        past = self._ledger.index.stages[key]
        rounds = Rounds(
            self._ledger,
            past,
            self._executor,
            self._observer,
            allowance,
            self._clock,
            self._stop_asked,
            self._disk_bytes,
        )
        try:
            with self._signals():
                result = self._play(generator, rounds)
        except BaseException:
            self._executor.kill()
            generator.close()
            raise
        keep = result.pop("keep", None)
        self._ledger.record("stage_finished", stage=stage, key=key, result=result, keep=keep, spend=asdict(past.spend))
        self._tidy(past, keep)
        self._observer.stage_ended(stage, result, cached=False)
        return result

    def reopen(self, stage: str, key: str, allowance: Allowance) -> None:
        """A stage that its budget had ended is unfinished again when that limit has grown."""
        past = self._ledger.index.stages.get(key)
        if past is not None and past.exhausted and allowance.exceeds(Allowance(**past.allowance), past.limit):
            self._ledger.record("stage_reopened", stage=stage, key=key)

    @property
    def index(self) -> Index:
        """What the journal holds, stage by stage."""
        return self._ledger.index

    def close(self) -> None:
        """End all workers and give the study back."""
        self._executor.close()
        self._ledger.close()

    def __enter__(self) -> Driver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _play(self, generator: StageRun, rounds: Rounds) -> Json:
        results: tuple[Result, ...] | None = None
        while True:
            if self._stop is not None:
                raise Stopped(f"stopped ({self._stop}); {GOES_ON}")
            self._choosing = True
            try:
                round = generator.send(results)  # type: ignore[arg-type]  # None starts it
            except StopIteration as end:
                return dict(end.value)
            finally:
                self._choosing = False
            results = rounds.run(round)

    def _tidy(self, past: StagePast, keep: Sequence[str] | None) -> None:
        if keep is None or past.exhausted:  # a stage that its budget ended may go on one day
            return
        for trial in past.checkpoints.keys() - set(keep):
            for path in past.checkpoints[trial].values():
                delete_checkpoint(Path(path))

    # Being asked to stop

    def _stop_asked(self) -> str | None:
        now = time.monotonic()
        if self._stop is None and now >= self._next_tick:
            self._next_tick = now + TICK_SECONDS
            self._ledger.lock.beat(self._clock())
            self._stop = self._observer.tick()
        return self._stop

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT ask for a clean stop. Only the main thread may listen; elsewhere observers do."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def ask(number: int, frame: FrameType | None) -> None:
            self._stop = signal.Signals(number).name
            if self._choosing:  # a stage thinks: it writes nothing that a restart would miss
                self._stop = self._observer.tick() or self._stop  # who sent it may have said why
                raise Stopped(f"stopped ({self._stop}); {GOES_ON}")

        before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
