"""Trials in child processes of this machine: a warm zygote per trainer forks one child per dispatch.

A child that is killed costs its own segment and touches no other. All processes stay in the driver's process group, so
that whoever cancels the run by its group reaches them all; they hold the study's lock, and leave when the driver does.
Each slot may be pinned to a device (CUDA_VISIBLE_DEVICES). Raises TrialError when a trainer cannot be made at all.
"""

from __future__ import annotations

import select
import selectors
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from seektune.errors import TrialError
from seektune.study.executors.child import LOG
from seektune.study.executors.executor import Died, Event, Finished, Reported
from seektune.study.executors.memory import oom_kills
from seektune.study.executors.warm import Warm
from seektune.study.executors.wire import Lines, line, receive
from seektune.study.machine import cuda_devices, named_devices
from seektune.trial import Dispatch, Point, Progress, Result, TrainerSpec


@dataclass
class Child:
    """A dispatch that is out."""

    dispatch: Dispatch
    zygote: Warm
    slot: int
    pipe: socket.socket
    oom_kills: int
    lines: Lines = field(default_factory=Lines)
    last: Finished | Died | None = None
    stopping: bool = False


class Pool:
    """Executor with `slots` children at a time."""

    def __init__(self, slots: int, device: str = "cpu") -> None:
        self.slots = slots
        self._devices = visible_devices(slots) if device == "cuda" else []
        self._lock: int | None = None
        self._zygotes: dict[str, Warm] = {}
        self._children: dict[int, Child] = {}
        self._selector = selectors.DefaultSelector()
        self._kill_at: float | None = None

    def inherit(self, descriptor: int) -> None:
        self._lock = descriptor

    def start(self, dispatch: Dispatch, trainer: TrainerSpec) -> None:
        self._kill_at = None
        zygote = self._zygotes.get(trainer.identity) or self._launch(trainer)
        slot = min(set(range(self.slots)) - {child.slot for child in self._children.values()})
        pinned = {"CUDA_VISIBLE_DEVICES": self._devices[slot % len(self._devices)]} if self._devices else {}
        child = Child(dispatch, zygote, slot, zygote.fork(dispatch, pinned), oom_kills())
        self._children[dispatch.attempt] = child
        self._selector.register(child.pipe, selectors.EVENT_READ, child)

    def wait(self, timeout_seconds: float) -> list[Event]:
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._kill_at = None
            self._signal_all(signal.SIGKILL)
        events: list[Event] = []
        for key, _ in self._selector.select(timeout_seconds):
            if isinstance(key.data, Child):
                events += self._hear_child(key.data)
        for key, _ in self._selector.select(0):  # after its children: an exit comes after the last words
            if isinstance(key.data, Warm):
                events += self._hear_zygote(key.data)
        return events

    def stop(self, grace_seconds: float) -> None:
        self._kill_at = time.monotonic() + grace_seconds
        for child in self._children.values():
            child.stopping = True
            if not child.zygote.ready:
                child.zygote.process.kill()  # nothing has begun that could end well
                continue
            with suppress(OSError):
                child.pipe.sendall(line("stop"))

    def kill(self) -> None:
        for child in self._children.values():
            child.stopping = True
        self._signal_all(signal.SIGKILL)

    def close(self) -> None:
        self.kill()
        for zygote in list(self._zygotes.values()):
            self._retire(zygote)
        for child in self._children.values():
            self._unregister(child.pipe)
        self._children.clear()
        self._selector.close()

    def _signal_all(self, number: int) -> None:
        for attempt, child in self._children.items():
            child.zygote.signal(attempt, number)

    # Zygotes

    def _launch(self, trainer: TrainerSpec) -> Warm:
        busy = [child.zygote for child in self._children.values()]
        for idle in [zygote for zygote in self._zygotes.values() if zygote not in busy]:
            self._retire(idle)  # one base model in memory at a time, where possible
        zygote = self._zygotes[trainer.identity] = Warm(trainer, self._lock)
        self._selector.register(zygote.control, selectors.EVENT_READ, zygote)
        return zygote

    def _retire(self, zygote: Warm) -> int:
        del self._zygotes[zygote.trainer.identity]
        self._selector.unregister(zygote.control)
        return zygote.retire()

    def _hear_zygote(self, zygote: Warm) -> Iterator[Event]:
        messages, alive = zygote.hear()
        for message in messages:
            if "ready" in message:
                zygote.ready = True
            elif "broken" in message:
                raise TrialError(f"the trainer {zygote.trainer.target} cannot be made: {message['broken']}")
            else:
                yield from self._gone(self._children[message["exited"]], message["status"])
        if not alive:
            status = self._retire(zygote)
            for child in [child for child in self._children.values() if child.zygote is zygote]:
                yield from self._gone(child, status)

    # Children

    def _hear_child(self, child: Child) -> Iterator[Event]:
        part = receive(child.pipe)
        if part == b"":
            self._unregister(child.pipe)
        attempt = child.dispatch.attempt
        for message in child.lines.feed(part or b""):
            if "progress" in message:
                progress = message["progress"]
                yield Reported(attempt, Progress(progress["trial"], Point(**progress["point"])))
            elif "finished" in message:
                finished = message["finished"]
                child.last = Finished(attempt, tuple(map(Result.from_json, finished["results"])), finished["asked"])
            else:
                child.last = Died(**message["died"])

    def _gone(self, child: Child, status: int) -> Iterator[Event]:
        """The process is gone: its slot and its device are free. Its last words may still lie in the pipe."""
        while child.pipe.fileno() >= 0 and select.select([child.pipe], [], [], 0)[0]:
            yield from self._hear_child(child)
        self._unregister(child.pipe)
        del self._children[child.dispatch.attempt]
        yield child.last or autopsy(child, status)

    def _unregister(self, pipe: socket.socket) -> None:
        if pipe.fileno() >= 0:
            self._selector.unregister(pipe)
            pipe.close()


def autopsy(child: Child, status: int) -> Died:
    """What a silent death was. `status` as `waitpid` gives it."""
    attempt, number = child.dispatch.attempt, status & 0x7F
    reason = f"the worker left with exit code {status >> 8}"
    if number:
        reason = f"the worker was killed by {signal.Signals(number).name}"
    reason += _last_words(Path(child.dispatch.folder) / LOG)
    if child.stopping:
        return Died(attempt, f"asked to stop; {reason}", "stopped")
    if number == signal.SIGKILL and oom_kills() > child.oom_kills:
        return Died(attempt, f"the kernel killed the worker for memory; {reason}", "memory")
    return Died(attempt, reason, "killed")


def _last_words(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return f" (its last words: {lines[-1][:200]})" if lines else ""


def visible_devices(slots: int) -> list[str]:
    """Names that CUDA_VISIBLE_DEVICES takes, without starting CUDA here."""
    named = named_devices()
    return [str(index) for index in range(cuda_devices() or slots)] if named is None else named
