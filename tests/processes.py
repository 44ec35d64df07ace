"""Who lives? For tests that nobody is left behind."""

from __future__ import annotations

import os

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
