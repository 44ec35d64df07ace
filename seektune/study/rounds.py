"""One round: run what the journal does not hold yet, and give back all results in order.

A segment is dispatched to an attempt folder of its own. When its worker dies it runs again from the last checkpoint it
left, up to a limit by cause; then the segment ends as FAILED, or INFEASIBLE for memory. When the allowance is used up
the workers are asked to end, and segments without a full result come back STOPPED with what they reached.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple, NoReturn

from seektune.errors import Stopped
from seektune.ledger.index import Spend, StagePast
from seektune.ledger.ledger import Ledger
from seektune.study.executors.executor import Cause, Died, Executor, Finished, Reported
from seektune.study.observer import Observer
from seektune.study.segments import Segments
from seektune.study.stage import Allowance, Ended, Round
from seektune.trial import Dispatch, Json, Point, Result, Segment, State, to_json

PAUSE_SECONDS = 0.2
DISK_SHARE = 0.01
"""Of the time may go into looking how much the study folder takes."""
GRACE_SECONDS = 5.0
"""What workers get to finish a step and write a checkpoint."""
GOES_ON = "what has finished is kept, the same command goes on from here"
LIMITS: dict[Cause, int] = {"killed": 3, "memory": 2, "raised": 2, "checkpoint": 2}
"""Deaths of one segment after which it is given up. The other causes are not its fault; a full disk ends the run."""


class Task(NamedTuple):
    """A segment that has to run."""

    segment: Segment
    identity: str


@dataclass
class Running:
    """A dispatch that is out."""

    task: Task
    started_at: float
    points: list[Point] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """Reserved for it."""
        return self.task.segment.to_tokens - self.task.segment.from_tokens


class Rounds:
    """The rounds of one stage."""

    def __init__(
        self,
        ledger: Ledger,
        past: StagePast,
        executor: Executor,
        observer: Observer,
        allowance: Allowance,
        clock: Callable[[], float],
        stop_asked: Callable[[], str | None],
        disk_bytes: int | None = None,
    ) -> None:
        self.ledger = ledger
        self.past = past
        self.executor = executor
        self.observer = observer
        self.allowance = allowance
        self.clock = clock
        self.stop_asked = stop_asked
        self.disk_bytes = disk_bytes
        self._next_disk = 0.0
        self._segments = Segments(ledger, past, observer)
        self._trainers: set[str] = set()
        self._running: dict[int, Running] = {}
        self._waiting: deque[Task] = deque()
        self._results: dict[str, Result] = {}
        self._round: Round

    def run(self, round: Round) -> tuple[Result, ...]:
        """Raises Stopped, JournalError, TrialError, CheckpointError."""
        self._round, self._results = round, {}
        self._segments.drop(round.done)
        for task in map(Task, round.segments, round.identities):
            known = self._segments.known(*task)
            if known is None:
                self._waiting.append(task)
            else:
                self._results[task.identity] = known
                self.observer.segment_replayed(self.past.stage, task.segment, known)
        if self._waiting and not self._over:
            self._announce()
            self._work()
        for task in self._waiting:  # exhausted before their turn: a replay says the same without a record
            self._results[task.identity] = self._unreached(task.segment)
        self._waiting.clear()
        results = tuple(self._results[identity] for identity in round.identities)
        self._segments.supersede(zip(round.segments, results, strict=True))
        return results

    @property
    def _over(self) -> bool:
        """The budget is used up, and what is asked for would use more of it."""
        return bool(self.past.exhausted) and not self._round.only_measures

    def _announce(self) -> None:
        """Journal what is about to run for the first time."""
        events: list[tuple[str, Json]] = []
        trainer, look = self._round.trainer, self._round.look
        if trainer.identity not in self._trainers:
            self._trainers.add(trainer.identity)
            events.append(("trainer", {"identity": trainer.identity, **to_json(trainer)}))
        if look and look not in self.past.looks:
            events.append(("look", {"split": look, "trials": [segment.trial for segment in self._round.segments]}))
        named: set[str] = set()
        for segment, _ in self._waiting:
            if segment.trial not in named and not self.ledger.index.is_proposed(self.past, segment):
                named.add(segment.trial)
                origin = self._round.origins.get(segment.trial, "")
                words = {"trial": segment.trial, "params": dict(segment.params), "origin": origin, "seed": segment.seed}
                events.append(("proposed", words))
        self.ledger.record_all(events)

    # Work

    def _work(self) -> None:
        while self._waiting or self._running:
            if reason := self.stop_asked():
                self._leave(reason)
            ended = self.allowance.used_up(self._spend_now(), self.clock())
            if ended and not self._round.only_measures:
                self._exhaust(ended)
                return
            self._fill()
            if self._over:
                return
            for event in self.executor.wait(PAUSE_SECONDS):
                self._take(event)

    def _fill(self) -> None:
        while self._waiting and len(self._running) < self.executor.slots:
            segment = self._waiting[0].segment
            spent = self.past.spend.tokens + sum(running.tokens for running in self._running.values())
            if ended := self.allowance.refuses(segment.to_tokens - segment.from_tokens, spent):
                if not self._running:  # nobody will give tokens back: this segment does not fit, on any machine
                    self._exhaust(ended)
                return
            self._keep_room()
            self._start(self._waiting.popleft())

    def _keep_room(self) -> None:
        """Inside the study's own disk budget."""
        if self.disk_bytes is None or time.monotonic() < self._next_disk:
            return
        began = time.monotonic()
        needed = {
            task.segment.trial for task in (*self._waiting, *(running.task for running in self._running.values()))
        }
        taken = self._segments.make_room(self.disk_bytes, needed)
        now = time.monotonic()
        self._next_disk = now + (now - began) / DISK_SHARE
        if taken > self.disk_bytes:
            self._leave(
                f"{self.ledger.folder} takes {taken:,} bytes, but run.disk allows {self.disk_bytes:,}, and nothing in it "
                "can be made again; raise run.disk, or remove attempts of earlier nights"
            )

    def _start(self, task: Task) -> None:
        attempt, folder = self.ledger.new_attempt()
        sent, candidates = self._segments.place(*task)
        self.ledger.record(
            "dispatched",
            attempt=attempt,
            identities=[task.identity],
            segments=[to_json(sent)],
            folder=str(folder.relative_to(self.ledger.folder)),
            trainer=self._round.trainer.identity,
        )
        self._running[attempt] = Running(task, self.clock())
        self.observer.segment_started(self.past.stage, task.segment, attempt)
        self.executor.start(Dispatch(attempt, (sent,), str(folder), (candidates,)), self._round.trainer)

    # What came of it

    def _take(self, event: Reported | Finished | Died) -> None:
        running = self._running.get(event.attempt)
        if running is None:
            return  # given up before it spoke
        if isinstance(event, Reported):
            running.points.append(event.progress.point)
            self.observer.progress(self.past.stage, event.progress)
            return
        del self._running[event.attempt]
        if isinstance(event, Died):
            self._died(running, event)
            return
        result = event.results[0]
        if result.state is State.FAILED:
            self._died(running, Died(event.attempt, result.reason, "raised"))
        elif not event.asked or result.state is not State.STOPPED:
            self._ended(running, event.attempt, result)
        elif self._over:
            self._ended(running, event.attempt, replace(result, reason=self.past.exhausted or ""))
        else:
            self._died(running, Died(event.attempt, "asked to stop", "stopped"))

    def _died(self, running: Running, event: Died) -> None:
        segment, identity = running.task
        self._segments.died(segment, identity, event.attempt, event.reason, event.cause)
        limit = LIMITS.get(event.cause)
        if self._over:
            self._ended(running, event.attempt, self._reached(running))
        elif limit is not None and self.past.deaths(identity, event.cause) >= limit:
            state = State.INFEASIBLE if event.cause == "memory" else State.FAILED
            reason = f"{event.reason}; given up after {limit} attempts"
            self._ended(running, event.attempt, Result(segment.trial, state, segment.from_tokens, reason=reason))
        else:
            self._waiting.appendleft(running.task)
            if event.cause == "disk" and self.past.deaths(identity, "disk") > 1:
                self._leave(f"the disk of {self.ledger.folder} is full: {event.reason}; make room")

    def _ended(self, running: Running, attempt: int, result: Result) -> None:
        segment, identity = running.task
        result = self._results[identity] = self._segments.ended(segment, identity, attempt, result)
        self.observer.segment_ended(self.past.stage, segment, result, attempt, running.started_at, self.clock())

    # Ends

    def _exhaust(self, ended: Ended) -> None:
        self.ledger.record("exhausted", stage=self.past.stage, key=self.past.key, **ended._asdict())
        self._drain(ended.reason)

    def _leave(self, reason: str) -> NoReturn:
        self._drain(reason)
        raise Stopped(f"stopped ({reason}); {GOES_ON}")

    def _drain(self, reason: str) -> None:
        """Ask all workers to end, and hear them out."""
        self.executor.stop(GRACE_SECONDS)
        give_up = time.monotonic() + GRACE_SECONDS + 2.0
        while self._running:
            for event in self.executor.wait(PAUSE_SECONDS):
                self._take(event)
            if time.monotonic() > give_up:
                self.executor.kill()
                for attempt in list(self._running):
                    self._take(Died(attempt, f"did not answer when asked to stop ({reason})", "stopped"))

    def _unreached(self, segment: Segment) -> Result:
        return Result(segment.trial, State.STOPPED, segment.from_tokens, reason=self.past.exhausted or "")

    def _reached(self, running: Running) -> Result:
        """What a worker had said before it was killed for the budget."""
        result = self._unreached(running.task.segment)
        last = running.points[-1] if running.points else None
        if last is None or last.tokens <= running.task.segment.from_tokens:
            return result
        return replace(result, tokens=last.tokens, metrics=last.metrics, curve=tuple(running.points))

    def _spend_now(self) -> Spend:
        spend, now = self.past.spend, self.clock()
        return replace(
            spend,
            wall_seconds=spend.wall_seconds + max(0.0, now - self.ledger.index.last_at),
            device_seconds=spend.device_seconds + sum(now - running.started_at for running in self._running.values()),
        )
