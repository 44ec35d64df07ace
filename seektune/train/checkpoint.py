"""A place to go on from: a folder of safetensors files and a manifest, complete or not there at all.

    weights.safetensors    raw/<name>, average/<name> and, where the best point counts, best/<name>
    optimizer.safetensors  state of the optimizer; the driver deletes it once a trial is only to be measured
    manifest.json          sha256 of each file, what the checkpoint belongs to, counters, and a checksum of itself

Written to a temporary folder, each file fsynced, renamed, and the parent folder fsynced: a kill or power cut leaves
the old state. safetensors itself does none of this. Raises CheckpointError for anything torn, changed or foreign.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from seektune.errors import CheckpointError
from seektune.trial import Json, fingerprint

FORMAT = 1
_OPTIMIZER = "optimizer.safetensors"
_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was read: `tensors[file stem][name]`; `optimizer` is absent from it once dropped."""

    identity: Json
    state: Json
    tensors: Mapping[str, Mapping[str, Tensor]]


def write(folder: Path, identity: Json, state: Json, tensors: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Write and make durable; a folder of that name is replaced."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    files = {}
    for stem, named in tensors.items():
        path = temporary / f"{stem}.safetensors"
        save_file({name: tensor.detach() for name, tensor in named.items()}, path)
        _sync(path)
        files[path.name] = _sha256(path)
    manifest = {"format": FORMAT, "identity": identity, "state": state, "files": files}
    path = temporary / _MANIFEST
    path.write_text(json.dumps({**manifest, "sum": fingerprint(manifest)}), encoding="utf-8")
    _sync(path)
    _sync(temporary)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)
    _sync(folder.parent)


def read(folder: Path, identity: Json) -> Checkpoint:
    """Read and verify; every key of `identity` must be what was written."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        own_sum = manifest.pop("sum")
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise CheckpointError(
            f"{folder}: no readable {_MANIFEST} ({error}); delete the folder and train again"
        ) from error
    if own_sum != fingerprint(manifest) or manifest.get("format") != FORMAT:
        raise CheckpointError(
            f"{folder}/{_MANIFEST}: changed, or of another version; delete the folder and train again"
        )
    wrong = [key for key, value in identity.items() if manifest["identity"].get(key) != value]
    if wrong:
        seen = {key: manifest["identity"].get(key) for key in wrong}
        wanted = {key: identity[key] for key in wrong}
        raise CheckpointError(f"{folder}: belongs to something else: expected {wanted}, but it says {seen}")
    tensors = {}
    for name, sha256 in manifest["files"].items():
        path = folder / name
        if name == _OPTIMIZER and not path.exists():
            continue
        try:
            if _sha256(path) != sha256:
                raise CheckpointError(f"{path}: its sha256 is not the manifest's; delete the folder and train again")
            tensors[path.stem] = load_file(path)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"{path}: cannot be read ({error}); delete the folder and train again") from error
    return Checkpoint(manifest["identity"], manifest["state"], tensors)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
