"""Was it the kernel that killed a process for memory? Its counters say so.

Read from the cgroup of this process (v2 `memory.events`, v1 `memory.oom_control`) and from /proc/vmstat; elsewhere than
on Linux nobody can tell.
"""

from __future__ import annotations

from pathlib import Path


def _counters() -> list[Path]:
    found = [Path("/proc/vmstat")]
    try:
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, place = line.split(":", 2)
            if not controllers:
                found.append(Path(f"/sys/fs/cgroup{place}/memory.events"))
            elif "memory" in controllers.split(","):
                found.append(Path(f"/sys/fs/cgroup/memory{place}/memory.oom_control"))
    except OSError:
        pass
    return found


def oom_kills() -> int:
    """Sum of all counters that can be read; it rises when the kernel kills for memory."""
    total = 0
    for path in _counters():
        try:
            lines = path.read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
    return total
