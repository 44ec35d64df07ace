"""Who holds the study? An OS lock on `<study>/lock`, which the kernel gives back when the last holder is gone.

The lock sits on an open file description that workers inherit, so the study stays busy until the last worker of a
killed driver has left. The file says pid, host and since when; its modification time is the driver's last sign of life.
Raises StudyBusy. (flock: local disks and NFS of Linux 2.6.12 and later.)
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from seektune.errors import StudyBusy

FILE = "lock"
LEAVING_SECONDS = 15.0
"""How long workers of a dead driver may take to leave."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The driver that holds a study, or held it last."""

    pid: int
    host: str
    since: float

    @property
    def alive(self) -> bool:
        """On another host nobody can tell: assume so."""
        if self.host != socket.gethostname():
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"process {self.pid} on {self.host}, since {since}"


def _read_owner(path: Path) -> Owner | None:
    try:
        return Owner(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def holder(folder: Path) -> Owner | None:
    """Who is running the study now; None when nobody is."""
    path = folder / FILE
    if not path.exists():
        return None
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read_owner(path)
    return None


class StudyLock:
    """Held from construction to `release`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._acquire()
        except BaseException:
            os.close(self.descriptor)
            raise
        self.alive_until = os.fstat(self.descriptor).st_mtime
        """Last sign of life of the driver before this one."""
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, json.dumps(owner).encode(), 0)

    def _acquire(self) -> None:
        patience = time.monotonic() + LEAVING_SECONDS
        while True:
            try:
                fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                owner = _read_owner(self.path)
                if (owner is not None and owner.alive) or time.monotonic() > patience:
                    who = owner or "an unknown process"
                    raise StudyBusy(
                        f"{self.path.parent} is being run by {who}; wait for it, or stop it and start again"
                    ) from None
                time.sleep(0.02)  # its driver is dead (or has not signed yet): the last workers are leaving

    def beat(self, now: float) -> None:
        """Give a sign of life."""
        os.utime(self.descriptor, (now, now))

    def release(self) -> None:
        """Give the lock back, unless a worker still holds it too."""
        os.close(self.descriptor)
