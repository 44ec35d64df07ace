"""Can this base model be opened at all? Answered from its files alone, without torch, before anything runs.

Weights are safetensors or nothing: a pickle checkpoint can run code of whoever wrote it, so it is never read (one that
lies beside safetensors files is passed over). Hub models are pinned to a commit.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from seektune.trial import fingerprint

HUB_ID = re.compile(r"[\w-][\w.-]*(/[\w.-]+)?")
"""`organisation/name`, or `name` alone (gpt2)."""
_COMMIT = re.compile(r"^[0-9a-f]{40}$")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle")


def split_revision(base: str, revision: str | None) -> tuple[str, str | None]:
    """`hub@revision` -> (hub, revision); a folder, or a hub id with a revision of its own, as it is."""
    if revision is None and "@" in base and not Path(base).exists():
        name, _, revision = base.rpartition("@")
        return name, revision
    return base, revision


def check_base(base: str, revision: str | None = None) -> str | None:
    """What is wrong with a model folder or hub id, with the remedy; None: nothing that the files can tell."""
    base, revision = split_revision(base, revision)
    folder = Path(base)
    if not folder.exists():
        if not HUB_ID.fullmatch(base):
            return f"model folder {base!r} does not exist; give a folder with config.json and safetensors, or a hub id"
        if revision is None or not _COMMIT.match(revision):
            return f"hub model {base!r} needs `revision`: the commit to use (40 hex digits), but got {revision!r}"
        return None
    if not folder.is_dir():
        return f"model folder {base!r} is a file; give the folder that holds config.json and safetensors"
    if not (folder / "config.json").is_file():
        return f"model folder {base!r} has no config.json; save the model with `save_pretrained`"
    try:
        json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        return f"{folder / 'config.json'} is not JSON ({error})"
    if not any(folder.glob("*.safetensors")):
        pickles = sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern))
        if pickles:
            return (
                f"model folder {base!r} holds only a pickle checkpoint ({pickles[0]}), which could run code and is "
                "refused; convert it once with `save_pretrained(..., safe_serialization=True)` where you trust it"
            )
        return f"model folder {base!r} has no *.safetensors file; save the model with `save_pretrained`"
    return None


def base_fingerprint(base: str, revision: str | None = None) -> str:
    """What makes two bases the same: hub id and commit, or the bytes of config and weights of a folder."""
    base, revision = split_revision(base, revision)
    folder = Path(base)
    if not folder.is_dir():
        return fingerprint("hub", base, revision)
    hashes = {}
    for path in sorted([folder / "config.json", *folder.glob("*.safetensors")]):
        with path.open("rb") as file:
            hashes[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return fingerprint("folder", hashes)
