"""Where a benchmark's figures go: benchmarks/results/NAME.json, with what one needs to judge or repeat them."""

from __future__ import annotations

import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("torch", "transformers", "peft", "optuna", "prefect", "numpy", "pyarrow")


def record(name: str, figures: Mapping[str, float], command: Sequence[str] = ()) -> Path:
    """Write the figures; `command` is what to type to get them again (default: what was typed)."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    content = {
        "figures": dict(figures),
        "command": " ".join(command or ("python", "-m", sys.modules["__main__"].__spec__.name, *sys.argv[1:])),
        "machine": machine(),
        "versions": {"python": platform.python_version(), **versions()},
        "commit": commit(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path


def machine() -> str:
    """Processor, cores, memory, accelerator where torch uses one, and system in one line."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    torch = sys.modules.get("torch")
    device = [torch.cuda.get_device_name()] if torch and torch.cuda.is_initialized() else []
    words = [names[0] if names else platform.processor(), f"{os.cpu_count()} cores", f"{memory_gib:.0f} GiB"]
    return ", ".join([*words, *device, platform.platform()])


def versions() -> dict[str, str]:
    """Of the packages that decide speed."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """Hash of the checkout, with + when files differ from it; empty outside git, or without it."""
    if shutil.which("git") is None:
        return ""
    here = Path(__file__).parent
    git = ["git", "-C", str(here)]
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if head.returncode != 0:
        return ""
    changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=False)
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")
