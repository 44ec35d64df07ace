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


def file_hash(path: Path, memory: Path) -> str:
    """Sha256 (64 hex digits) of a file's bytes; `memory` is a folder that is made when needed. Raises OSError."""
    stat = path.stat()
    state = (str(path.absolute()), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
    noted = memory / fingerprint(*state)[:32]
    if noted.is_file():
        return noted.read_text(encoding="ascii")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if time.time() - stat.st_ctime > _SETTLED_SECONDS:
        memory.mkdir(parents=True, exist_ok=True)
        partial = noted.with_suffix(f".{uuid.uuid4().hex[:8]}")
        partial.write_text(digest, encoding="ascii")
        partial.replace(noted)
    return digest
