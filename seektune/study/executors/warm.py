"""A zygote as the driver sees it: started with one thread, in the same process group, holding the study's lock."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from contextlib import suppress
from typing import Any

from seektune.study.executors.wire import Lines, line, receive
from seektune.study.machine import child_environment
from seektune.trial import Dispatch, TrainerSpec, to_json

THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
ENVIRONMENT = {
    **dict.fromkeys(THREADS, "1"),
    "TOKENIZERS_PARALLELISM": "false",
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # asking torch for CUDA must not start it: what is forked after that cannot
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # pyarrow's allocator would start a thread
}


class Warm:
    """One zygote."""

    def __init__(self, trainer: TrainerSpec, lock: int | None) -> None:
        self.trainer = trainer
        self.ready = False
        """Loaded; until then requests wait in its socket."""
        self.control, theirs = socket.socketpair()
        self._lines = Lines()
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "seektune.study.executors.zygote",
                str(theirs.fileno()),
                json.dumps(to_json(trainer)),
            ],
            pass_fds=[theirs.fileno(), *([lock] if lock is not None else [])],
            stdin=subprocess.DEVNULL,
            env={**child_environment(), **ENVIRONMENT},
        )
        theirs.close()

    def fork(self, dispatch: Dispatch, environment: dict[str, str]) -> socket.socket:
        """Ask for a child; our end of its pipe. When the zygote is gone, its socket says so later."""
        ours, theirs = socket.socketpair()
        request = line({"fork": dispatch.attempt, "environment": environment})
        with suppress(OSError):
            socket.send_fds(self.control, [request], [theirs.fileno()])
            ours.sendall(line(to_json(dispatch)))
        theirs.close()
        return ours

    def signal(self, attempt: int, number: int) -> None:
        """Signal a child (the zygote knows whether its pid is still its own). A zygote that still loads is killed."""
        if not self.ready:
            self.process.kill()
            return
        with suppress(OSError):
            self.control.sendall(line({"signal": attempt, "number": number}))

    def hear(self) -> tuple[list[Any], bool]:
        """What it said, and whether it is still there."""
        part = receive(self.control)
        return self._lines.feed(part or b""), part != b""

    def retire(self) -> int:
        """Its socket closed, a zygote kills its children and leaves. The exit status as `waitpid` gives it."""
        self.control.close()
        try:
            code = self.process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            self.process.kill()  # its children follow (PR_SET_PDEATHSIG), and see their pipes close
            code = self.process.wait()
        return -code if code < 0 else code << 8
