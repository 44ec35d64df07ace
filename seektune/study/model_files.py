"""Which bytes does a base model consist of? So that a study notices when somebody saves its model folder again."""

from __future__ import annotations

from pathlib import Path

from seektune.errors import DataError
from seektune.study_file import StudyFile
from seektune.text.file_hash import file_hash

_READ = ("*.json", "*.safetensors", "*.jinja", "*.model", "*.txt")
"""Config, weights, and a tokenizer in any of its forms. Pickles are never read, so they do not count."""


def model_files(study: StudyFile) -> dict[str, str]:
    """File name -> sha256 of a local model folder; empty for a config, or a hub model (pinned by its revision).

    Hashes are remembered in the study's cache folder. Raises DataError where a file cannot be read.
    """
    base = study.model.folder or study.model.hub
    folder = Path(base) if base else None
    if folder is None or not folder.is_dir():
        return {}
    memory = study.cache / "hashes"
    files = {path for pattern in _READ for path in folder.glob(pattern)}
    try:
        return {path.name: file_hash(path, memory) for path in sorted(files)}
    except OSError as error:
        raise DataError(
            f"{folder}: the model's files cannot be read ({error.strerror or error}: {error.filename})"
        ) from error
