"""What this machine offers, and what to write down about it. Imports torch only where a device has to be looked for."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

from seektune.trial import Json

MAX_CPU_WORKERS = 8
LIBRARIES = ("seektune", "torch", "transformers", "peft", "optuna", "prefect", "datasets", "nltk", "numpy", "pandas")


def named_devices() -> list[str] | None:
    """What CUDA_VISIBLE_DEVICES allows; None: it is not set."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return None if visible is None else [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]


def cuda_devices() -> int:
    """Number of CUDA devices, without starting CUDA in this process (a driver that forks must never do so)."""
    named = named_devices()
    if named is not None:
        return len(named)
    seen = list(Path("/proc/driver/nvidia/gpus").glob("*"))
    return len(seen or list(Path("/dev").glob("nvidia[0-9]*")))  # some containers show the devices only


def choose_device(wanted: str) -> str:
    """`auto` is cuda where a device can be seen."""
    if wanted != "auto":
        return wanted
    return "cuda" if cuda_devices() else "cpu"


def choose_workers(wanted: int | str, device: str) -> int:
    """`auto` is one per device, or one per CPU core that this process may use (at most 8)."""
    if isinstance(wanted, int):
        return wanted
    if device == "cuda":
        return max(1, cuda_devices())
    return max(1, min(len(os.sched_getaffinity(0)), MAX_CPU_WORKERS))


def child_environment() -> dict[str, str]:
    """For a Python process of ours: it imports what this one would."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(place or os.curdir for place in sys.path)}


def commit() -> str:
    """Commit of the code, with `+` when files differ from it; "" outside a checkout."""
    root = Path(__file__).parents[2]
    try:
        head = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "-C", str(root), "status", "--porcelain"], capture_output=True, text=True, timeout=10, check=True
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
    return head + ("+" if changed else "")


def processor() -> str:
    """The CPU's own name where Linux tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def environment(device: str, workers: int) -> Json:
    """Versions, machine and commit, for the report."""
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "versions": versions,
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "device": device,
        "workers": workers,
        "commit": commit(),
    }
