"""The warm process of one base model: loads once, then forks a child per dispatch in milliseconds.

    python -m seektune.study.executors.zygote FD TRAINER      FD: its end of the driver's control socket

It is single-threaded and must stay so: a fork copies one thread only, and a lock that another one held is then held
for ever (a fork after a two-thread matrix product hangs). So it starts no CUDA and runs no parallel region, or ends.

driver -> zygote    {"fork": attempt, "environment": {...}} with one descriptor, the child's pipe;
                    {"signal": attempt, "number": 9}
zygote -> driver    {"ready": seconds} or {"broken": why}; {"exited": attempt, "status": raw}

When the driver is gone its end closes: the zygote kills its children and leaves.
"""

from __future__ import annotations

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
from typing import NoReturn

from seektune.study.executors.child import child
from seektune.study.executors.wire import Lines, line
from seektune.trial import Trainer, TrainerSpec


class Zygote:
    """Serves one driver until it is gone."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._lines = Lines()
        self._pipes: list[int] = []  # of children that are still to be forked
        self._children: dict[int, int] = {}  # attempt -> pid
        self._trainer: Trainer

    def run(self, spec: TrainerSpec) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # a signal to the group is for the driver and the children
        begun = time.monotonic()
        try:
            with LeaveWhenClosed(self._control):
                self._trainer = spec.load()
                self._trainer.warm()
            check_fork_safe()
        except Exception as error:
            traceback.print_exc()
            self._control.sendall(line({"broken": f"{type(error).__name__}: {error}"}))
            return
        gc.collect()
        gc.freeze()  # children neither touch nor, therefore, copy what is loaded
        self._control.sendall(line({"ready": time.monotonic() - begun}))
        self._serve()

    def _serve(self) -> NoReturn:
        woken, wake = socket.socketpair()
        wake.setblocking(False)
        signal.set_wakeup_fd(wake.fileno())
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is woken:
                        woken.recv(4096)
                        self._reap()
                    elif not self._listen((woken, wake)):
                        self._leave()

    def _listen(self, own: tuple[socket.socket, ...]) -> bool:
        part, descriptors, _, _ = socket.recv_fds(self._control, 65_536, 16)
        self._pipes += descriptors
        for message in self._lines.feed(part):
            if "fork" in message:
                self._fork(message["fork"], message["environment"], own)
            elif message["signal"] in self._children:  # not reaped yet, so the pid is still its own
                os.kill(self._children[message["signal"]], message["number"])
        return bool(part)

    def _fork(self, attempt: int, environment: dict[str, str], own: tuple[socket.socket, ...]) -> None:
        pipe, zygote = socket.socket(fileno=self._pipes.pop(0)), os.getpid()
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for inherited in (self._control, *own):
                inherited.close()
            child(pipe, environment, self._trainer, zygote)
        pipe.close()
        self._children[attempt] = pid

    def _reap(self) -> None:
        for attempt, pid in list(self._children.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self._children[attempt]
                self._control.sendall(line({"exited": attempt, "status": status}))

    def _leave(self) -> NoReturn:
        for pid in self._children.values():
            os.kill(pid, signal.SIGKILL)
        for pid in self._children.values():
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
    if torch.cuda.is_initialized() or "/dev/nvidia-uvm" in open_files():
        raise RuntimeError("warm() started CUDA: a forked child cannot use it; load weights on the CPU")


def open_files() -> set[str]:
    """Of this process. The driver's own memory device is open from CUDA's first call on, which torch does not tell."""
    found = set()
    for entry in Path("/proc/self/fd").glob("*"):
        with suppress(OSError):
            found.add(str(entry.readlink()))
    return found


if __name__ == "__main__":
    with suppress(BrokenPipeError):  # the driver is gone: nobody to tell
        Zygote(socket.socket(fileno=int(sys.argv[1]))).run(TrainerSpec(**json.loads(sys.argv[2])))
