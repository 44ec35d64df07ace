"""What may be deleted, and when. Only the driver deletes, and only what the journal has already replaced.

A checkpoint is a folder with a `manifest.json`, written under a name that begins with a dot and then renamed. All else
in an attempt's folder (log, result, scores per example, exported model) stays.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

MANIFEST = "manifest.json"
OPTIMIZER = "optimizer.safetensors"


def checkpoints(attempt: Path) -> list[Path]:
    """Checkpoints in an attempt's folder, newest first. (A wrong order would cost time only.)"""
    found = [path for path in attempt.glob(f"*/*/{MANIFEST}") if not path.parent.name.startswith(".")]
    found.sort(key=lambda path: (path.stat().st_mtime_ns, str(path)), reverse=True)
    return [path.parent for path in found]


def delete_checkpoint(folder: Path) -> None:
    """Manifest first: what a kill leaves of it is then no checkpoint."""
    (folder / MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def drop_optimizer(folder: Path) -> None:
    """Two thirds of a checkpoint: a trial at its full length is only measured from now on."""
    (folder / OPTIMIZER).unlink(missing_ok=True)


def bytes_below(folder: Path) -> int:
    """Of all files; one that vanishes meanwhile counts nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(parent, name).lstat().st_size
    return total


def delete_partial(attempt: Path, keep: Iterable[str]) -> None:
    """Checkpoints that an attempt wrote on its way, but for those that a result names."""
    kept = {Path(path) for path in keep}
    for path in (*checkpoints(attempt), *attempt.glob("*/.*")):
        if path not in kept:
            delete_checkpoint(path)
