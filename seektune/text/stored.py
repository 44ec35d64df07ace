"""Content-addressed folders: built aside and renamed, so that a killed build leaves nothing that looks whole."""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

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


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows as JSON lines, ASCII only, so that no control character reaches a terminal."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
