"""`seektune doctor`: what is here, what is not, and what to do about it.

Each check is one line: ok, warn (works without, but not as well), or missing (needed; exit code 1). What may take long
or crash (torch, Prefect's server) is asked in a child process.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tomllib
import urllib.request
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from seektune.cli.output import Output

OLDEST_PYTHON = (3, 11)
LEAST_MEMORY_GB = 2.0
LEAST_DISK_GB = 5.0
PROBE_SECONDS = 120
CHECKOUT = Path(__file__).parents[2]

ASK_TORCH = """
import json, torch
devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
print(json.dumps(devices))
"""
ASK_PREFECT = """
import json
import tasks
from prefect.settings import PREFECT_API_URL
import prefect.server.api.server
print(json.dumps(PREFECT_API_URL.value()))
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One line. `remedy` is empty when all is well."""

    name: str
    state: Literal["ok", "warn", "missing"]
    found: str
    remedy: str = ""


def doctor(arguments: Namespace, output: Output) -> int:
    """0, or 1 when something needed is missing."""
    missing = 0
    marks = {"ok": "ok     ", "warn": "warn   ", "missing": "MISSING"}
    for check in checks():
        missing += check.state == "missing"
        output.event("check", **asdict(check))
        output.line(
            f"{marks[check.state]}  {check.name:<10} {check.found}"
            + (f"\n{'':20} -> {check.remedy}" if check.remedy else "")
        )
    words = f"{missing} needed thing(s) missing" if missing else "everything needed is here"
    output.result(words, "doctor", missing=missing)
    return 1 if missing else 0


def checks() -> Iterator[Check]:
    """All of them, the quick ones first."""
    look: tuple[Callable[[], Iterator[Check]], ...] = (
        python,
        libraries,
        machine,
        folders,
        wordnet,
        apertium,
        devices,
        prefect,
    )
    for one in look:
        yield from one()


def python() -> Iterator[Check]:
    found = f"{platform.python_version()} at {sys.executable}"
    fine = sys.version_info >= OLDEST_PYTHON
    yield Check("python", "ok" if fine else "missing", found, "" if fine else "install Python 3.11 or newer")


def requirements() -> list[str]:
    """What the package needs, as it was installed, or as the checkout says."""
    try:
        listed = importlib.metadata.requires("seektune") or []
    except importlib.metadata.PackageNotFoundError:
        listed = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    return [line for line in listed if "extra ==" not in line]


def libraries() -> Iterator[Check]:
    from packaging.requirements import Requirement

    fine = 0
    for requirement in map(Requirement, requirements()):
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            yield Check("libraries", "missing", f"{requirement} is not installed", "make setup")
            continue
        if requirement.specifier.contains(version, prereleases=True):
            fine += 1
        else:
            yield Check(
                "libraries", "warn", f"{requirement.name} {version}, tested with {requirement.specifier}", "make setup"
            )
    yield Check("libraries", "ok", f"{fine} as required")


def machine() -> Iterator[Check]:
    from seektune.study.machine import choose_workers, processor

    cores = len(os.sched_getaffinity(0))
    yield Check(
        "cores",
        "ok",
        f"{cores} of {os.cpu_count()} usable ({processor()}); {choose_workers('auto', 'cpu')} trials at once",
    )
    free = free_memory_gb()
    low = free is not None and free < LEAST_MEMORY_GB
    found = "unknown" if free is None else f"{free:.1f} GB free"
    yield Check("memory", "warn" if low else "ok", found, "use fewer run.workers, or a smaller model" if low else "")


def free_memory_gb() -> float | None:
    """Of the machine, or of the container where that is less."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        free = int(lines["MemAvailable"].split()[0]) / 1e6
    except (OSError, KeyError, ValueError):
        return None
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text()) - int((group / "memory.current").read_text())
        return min(free, limit / 1e9)
    except (OSError, ValueError):  # no container, or no limit ("max")
        return free


def folders() -> Iterator[Check]:
    for folder in (Path("data/runs"), Path("data/cache"), Path("data/champions")):
        there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
        fine = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
        found = f"{folder} " + ("can be written" if fine else f"cannot be written ({there})")
        yield Check(
            "folders", "ok" if fine else "missing", found, "" if fine else "call seektune from a folder of your own"
        )
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    low = free < LEAST_DISK_GB
    yield Check(
        "disk",
        "warn" if low else "ok",
        f"{free:.1f} GB free",
        "make clean removes old runs; or set run.disk" if low else "",
    )


def wordnet() -> Iterator[Check]:
    from seektune.text.augmentation.tagger import find_tagger
    from seektune.text.augmentation.wordnet import find_wordnet

    fetch = "python -m seektune.text.augmentation.wordnet fetches it; until then"
    found, tagger = find_wordnet(), find_tagger()
    remedy = "" if found else f"{fetch} a study with the operator synonym or insertion is refused"
    yield Check("wordnet", "ok" if found else "warn", str(found or "not found"), remedy)
    remedy = "" if tagger else f"{fetch} synonyms are found for fewer words"
    yield Check("tagger", "ok" if tagger else "warn", str(tagger or "not found"), remedy)


def apertium() -> Iterator[Check]:
    from seektune.text.augmentation.apertium import find_apertium, installed_pairs

    pairs = installed_pairs()
    found = "pairs: " + ", ".join(pairs) if pairs else "no pair installed" if find_apertium() else "not installed"
    remedy = "" if pairs else "apt-get install apertium apertium-eng-spa, for back translation by rules"
    yield Check("apertium", "ok" if pairs else "warn", found, remedy)


def _ask(code: str) -> tuple[object, str]:
    """What a child process answers in JSON, or the last line of its complaint."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT), os.environ.get("PYTHONPATH", "")])}
    try:
        answer = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=PROBE_SECONDS, env=environment
        )
    except subprocess.TimeoutExpired:
        return None, f"no answer within {PROBE_SECONDS} s"
    if answer.returncode:
        return None, (answer.stderr.strip().splitlines() or [f"ended with {answer.returncode}"])[-1]
    return json.loads(answer.stdout.strip().splitlines()[-1]), ""


def devices() -> Iterator[Check]:
    found, complaint = _ask(ASK_TORCH)
    if complaint:
        yield Check("torch", "missing", complaint, "make setup")
        return
    version = importlib.metadata.version("torch")
    names = ", ".join(map(str, found)) if isinstance(found, list) and found else "no GPU, trials run on CPU cores"
    yield Check("torch", "ok", f"{version}; {names}")


def prefect() -> Iterator[Check]:
    url, complaint = _ask(ASK_PREFECT)
    if complaint:
        yield Check(
            "prefect",
            "missing",
            f"its server cannot be imported: {complaint}",
            "make setup; or seektune tune --no-prefect",
        )
        return
    version = importlib.metadata.version("prefect")
    if not url:
        yield Check("prefect", "ok", f"{version}; no API named, the embedded server is used")
        return
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5):
            yield Check("prefect", "ok", f"{version}; API at {url} answers")
    except (OSError, ValueError) as error:
        remedy = "prefect server start; or unset PREFECT_API_URL for the embedded one"
        yield Check("prefect", "missing", f"{version}; API at {url} does not answer ({error})", remedy)
