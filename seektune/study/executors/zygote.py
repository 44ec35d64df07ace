"""The warm process of one base model: loads once, then forks a child per dispatch in milliseconds.

    python -m seektune.study.executors.zygote FD TRAINER      FD: its end of the driver's control socket

It is single-threaded and must stay so: a fork copies one thread only, and whatever lock another one held is then held for
ever (a fork after a two-thread matrix product hangs). So it starts no CUDA, runs no parallel region, and says so or ends.

Control (JSON lines)     driver -> zygote   {"fork": attempt, "environment": {...}} with one descriptor, the child's pipe;
                                            {"signal": attempt, "number": 9}
                         zygote -> driver   {"ready": seconds} or {"broken": why}, {"exited": attempt, "status": raw}
Child's pipe             driver -> child    the dispatch, {"stop": true}
                         child -> driver    {"progress"}, {"finished"} or {"died"}
When the driver is gone its ends close: the zygote kills its children and leaves, and each child leaves by itself.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import select
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from seektune.study.executors.attempt import perform
from seektune.study.executors.executor import Finished
from seektune.trial import Dispatch, Progress, Trainer, TrainerSpec, to_json

PR_SET_PDEATHSIG = 1
LOG = "worker.log"


def line(message: Any) -> bytes:
    """One JSON line."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


class Lines:
    """JSON lines out of a stream, as they become whole."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, part: bytes) -> list[Any]:
        *lines, self._rest = (self._rest + part).split(b"\n")
        return [json.loads(line) for line in lines]


class Zygote:
    """Serves one driver until it is gone."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.lines = Lines()
        self.children: dict[int, int] = {}  # attempt -> pid
        self.descriptors: list[int] = []
        self.trainer: Trainer

    def run(self, spec: TrainerSpec) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # a group-wide signal is for the driver and the children
        begun = time.monotonic()
        try:
            with LeaveWhenClosed(self.control):
                self.trainer = spec.load()
                self.trainer.warm()
            check_fork_safe()
        except Exception as error:
            traceback.print_exc()
            self.control.sendall(line({"broken": f"{type(error).__name__}: {error}"}))
            return
        gc.collect()
        gc.freeze()  # children do not touch, and so do not copy, what is loaded
        self.control.sendall(line({"ready": time.monotonic() - begun}))
        self._serve()

    def _serve(self) -> None:
        woken, wake = socket.socketpair()
        wake.setblocking(False)
        signal.set_wakeup_fd(wake.fileno())
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        with selectors.DefaultSelector() as selector:
            selector.register(self.control, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is woken:
                        woken.recv(4096)
                        self._reap()
                    elif not self._listen([woken, wake]):
                        self._leave()

    def _listen(self, own: list[socket.socket]) -> bool:
        part, descriptors, _, _ = socket.recv_fds(self.control, 65_536, 16)
        self.descriptors += descriptors
        for message in self.lines.feed(part):
            if "fork" in message:
                self._fork(message["fork"], message["environment"], own)
            elif message["signal"] in self.children:  # not reaped yet, so the pid is still its own
                os.kill(self.children[message["signal"]], message["number"])
        return bool(part)

    def _fork(self, attempt: int, environment: dict[str, str], own: list[socket.socket]) -> None:
        pipe = socket.socket(fileno=self.descriptors.pop(0))
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for inherited in (self.control, *own):
                inherited.close()
            child(pipe, environment, self.trainer, os.getppid())
        pipe.close()
        self.children[attempt] = pid

    def _reap(self) -> None:
        for attempt, pid in list(self.children.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self.children[attempt]
                self.control.sendall(line({"exited": attempt, "status": status}))

    def _leave(self) -> NoReturn:
        for pid in self.children.values():
            os.kill(pid, signal.SIGKILL)
        for pid in self.children.values():
            os.waitpid(pid, 0)
        sys.exit(0)


class LeaveWhenClosed:
    """While the zygote loads (seconds), a thread watches for the driver's death; it has ended before the first fork."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._loaded = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._loaded.set()
        self._thread.join()

    def _watch(self) -> None:
        other_end = select.poll()
        other_end.register(self._control, 0)  # nothing but its hang-up: requests may be waiting
        while not self._loaded.wait(0.05):
            if other_end.poll(0):
                os._exit(0)


def check_fork_safe() -> None:
    """Raises RuntimeError when a fork could hang or break the accelerator."""
    if threading.active_count() > 1:
        raise RuntimeError(f"warm() left threads running: {[thread.name for thread in threading.enumerate()]}")
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if torch.get_num_threads() != 1:
        raise RuntimeError(f"torch must have one thread before a fork, but has {torch.get_num_threads()}")
    if torch.cuda.is_initialized():
        raise RuntimeError("warm() started CUDA: a forked child cannot use it; load weights on the CPU")


class ChildReport:
    """The trainer's way to the driver; also listens, in a thread, for the driver's wish or death."""

    def __init__(self, pipe: socket.socket) -> None:
        self.pipe = pipe
        self._asked = threading.Event()
        signal.signal(signal.SIGTERM, lambda number, frame: self._asked.set())
        threading.Thread(target=self._listen, daemon=True).start()

    def __call__(self, progress: Progress) -> None:
        self.pipe.sendall(line({"progress": to_json(progress)}))

    def stop_asked(self) -> bool:
        return self._asked.is_set()

    def _listen(self) -> None:
        while self.pipe.recv(4096):
            self._asked.set()  # "stop" is the only word that can follow a dispatch
        os._exit(0)  # nobody would read the result, and the next driver must not find us writing


def child(pipe: socket.socket, environment: dict[str, str], trainer: Trainer, parent: int) -> NoReturn:
    """One attempt, from the fork to the exit."""
    code = 1
    try:
        die_with(parent)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.environ.update(environment)
        dispatch = _receive(pipe)
        _redirect(Path(dispatch.folder) / LOG)
        report = ChildReport(pipe)
        outcome = perform(dispatch, trainer, report)
        pipe.sendall(line({"finished" if isinstance(outcome, Finished) else "died": to_json(outcome)}))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def die_with(parent: int) -> None:
    """Linux: the kernel kills this process when its parent dies, however it dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _receive(pipe: socket.socket) -> Dispatch:
    """The first line, and not a byte more: what follows is for the listener."""
    with pipe.makefile("rb", buffering=0) as file:
        text = file.readline()
    if not text.endswith(b"\n"):
        os._exit(0)  # the driver is gone
    return Dispatch.from_json(json.loads(text))


def _redirect(log: Path) -> None:
    """Whatever the trainer prints belongs to its attempt."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


if __name__ == "__main__":
    with suppress(BrokenPipeError):  # the driver is gone: nobody to tell
        Zygote(socket.socket(fileno=int(sys.argv[1]))).run(TrainerSpec(**json.loads(sys.argv[2])))
