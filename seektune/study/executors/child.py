"""A forked child of the zygote: one attempt, from the fork to the exit.

It reads its dispatch from its pipe, trains, and writes {"progress"}, {"finished"} or {"died"} back. A thread listens
meanwhile: any word means stop, and a closed pipe means that the driver is gone and that nobody may find us writing.
What the trainer prints goes to `worker.log` in the attempt's folder.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from seektune.study.executors.attempt import perform
from seektune.study.executors.executor import Finished
from seektune.study.executors.wire import line
from seektune.trial import Dispatch, Progress, Trainer, to_json

PR_SET_PDEATHSIG = 1
LOG = "worker.log"


class ChildReport:
    """The trainer's way to the driver, and the driver's to the trainer."""

    def __init__(self, pipe: socket.socket) -> None:
        self._pipe = pipe
        self._asked = threading.Event()
        signal.signal(signal.SIGTERM, lambda number, frame: self._asked.set())
        threading.Thread(target=self._listen, daemon=True).start()

    def __call__(self, progress: Progress) -> None:
        self._pipe.sendall(line({"progress": to_json(progress)}))

    def stop_asked(self) -> bool:
        return self._asked.is_set()

    def _listen(self) -> None:
        while self._pipe.recv(4096):
            self._asked.set()
        os._exit(0)


def child(pipe: socket.socket, environment: Mapping[str, str], trainer: Trainer, parent: int) -> NoReturn:
    """Never returns, and never runs what the zygote would run at its own exit."""
    code = 1
    try:
        die_with(parent)
        os.environ.update(environment)
        dispatch = _dispatch(pipe)
        _redirect(Path(dispatch.folder) / LOG)
        outcome = perform(dispatch, trainer, ChildReport(pipe))
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


def _dispatch(pipe: socket.socket) -> Dispatch:
    """The first line, and not a byte more: what follows is for the listener."""
    with pipe.makefile("rb", buffering=0) as file:
        text = file.readline()
    if not text.endswith(b"\n"):
        os._exit(0)  # the driver is gone
    return Dispatch.from_json(json.loads(text))


def _redirect(log: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
