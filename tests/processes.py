"""Who lives? For tests that nobody is left behind."""

from __future__ import annotations

import os
import time

import psutil


def children_of(parent: int) -> list[int]:
    return [child.pid for child in psutil.Process(parent).children()]


def of_session(session: int) -> list[int]:
    """Living processes of a session (zombies are dead)."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def seconds_until_gone(session: int) -> float:
    """How long processes of a session live on after their driver was killed; at most half a minute."""
    began = time.monotonic()
    while of_session(session):
        assert time.monotonic() - began < 30, "a worker of the killed driver lives on"
        time.sleep(0.001)
    return time.monotonic() - began
