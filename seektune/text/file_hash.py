"""Sha256 of files, remembered: weights of 14 GB are read once and not at every command.

What is remembered of a file holds as long as its size, times and inode do; its change time (ctime) moves at every write
and cannot be set back, so that a copy which keeps dates does not pass for the old file.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from pathlib import Path

from seektune.trial import fingerprint

_SETTLED_SECONDS = 2.0
"""A file that changed less long ago may change again within one tick of the file system's clock."""


_known: dict[tuple[object, ...], str] = {}


def file_state(path: Path) -> tuple[int, ...]:
    """What differs after every write. Raises OSError."""
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


def file_hash(path: Path, memory: Path | None = None) -> str:
    """Sha256 (64 hex digits) of a file's bytes, remembered in the folder `memory`, which is made when needed; without
    one as long as this process lives. Raises OSError."""
    state = (str(path.absolute()), *file_state(path))
    noted = memory / fingerprint(*state)[:32] if memory else None
    if noted is None and state in _known:
        return _known[state]
    if noted is not None and noted.is_file():
        return noted.read_text(encoding="ascii")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if time.time() - path.stat().st_ctime > _SETTLED_SECONDS:
        if noted is None:
            _known[state] = digest
        else:
            noted.parent.mkdir(parents=True, exist_ok=True)
            partial = noted.with_suffix(f".{uuid.uuid4().hex[:8]}")
            partial.write_text(digest, encoding="ascii")
            partial.replace(noted)
    return digest
