"""Content-addressed folders: built aside and renamed, so that a killed build leaves nothing that looks whole."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable
from pathlib import Path

_STALE_SECONDS = 86_400


def stored(folder: Path, build: Callable[[Path], object]) -> Path:
    """`folder`, built by `build(partial folder)` unless it is there. Two builders at once: the first to finish wins."""
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(".partial-*"):  # of builds that were killed
        if time.time() - left.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    partial = folder.parent / f".partial-{folder.name[:16]}-{uuid.uuid4().hex[:8]}"
    partial.mkdir()
    try:
        build(partial)
        for path in (*partial.rglob("*"), partial):
            _sync(path)
        try:
            partial.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    _sync(folder.parent)
    return folder


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
