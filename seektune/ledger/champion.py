"""The champion: the model that stands, as a folder that is swapped atomically and keeps its history.

    champions/<study>/versions/<id>/     model files, champion.json (params, verdict, metrics), manifest.json (sha256)
    champions/<study>/current            symbolic link to one of the versions; replaced by rename

Raises CheckpointError when a stored version does not match its manifest.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from seektune.errors import CheckpointError
from seektune.trial import Json


@dataclass(frozen=True, slots=True)
class Champion:
    folder: Path
    about: Json


def hashes(folder: Path) -> dict[str, str]:
    """Sha256 of every file below `folder` but the manifest itself."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }


def current(root: Path) -> Champion | None:
    """The standing champion, its files checked; None when there is none yet."""
    link = root / "current"
    if not link.exists():
        return None
    folder = link.resolve()
    manifest = json.loads((folder / "manifest.json").read_text())
    if hashes(folder) != manifest["sha256"]:
        raise CheckpointError(
            f"{folder}: the champion's files do not match manifest.json; restore them, or remove `current`"
        )
    return Champion(folder, json.loads((folder / "champion.json").read_text()))


def crown(root: Path, model: Path, about: Json, version: str) -> Champion:
    """Make `model` the champion: copy, hash, fsync, then one rename. The versions before it stay."""
    target = root / "versions" / version
    if not target.exists():
        partial = target.with_name(f"{version}.partial-{os.getpid()}")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(model, partial)
        (partial / "champion.json").write_text(json.dumps(about, indent=2, ensure_ascii=False))
        (partial / "manifest.json").write_text(json.dumps({"sha256": hashes(partial)}, indent=2))
        for path in partial.rglob("*"):
            if path.is_file():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        partial.rename(target)
    link = root / f"current.{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(Path("versions") / version)
    link.replace(root / "current")
    return Champion(target, about)
