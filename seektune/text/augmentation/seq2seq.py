"""Round trips through two encoder-decoder models, MarianMT for example; they run in a process of their own.

The driver never imports torch for text and never starts CUDA: the child (translator.py) does, and leaves with the
operator, or when its pipe closes. Weights are safetensors or nothing; no code of a hub repository runs.

Raises DataError where a model cannot be used, before it is loaded as far as its files tell, and where the child fails.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import weakref
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from seektune.errors import DataError
from seektune.text.augmentation.options import TranslatorOptions
from seektune.text.augmentation.round_trip import Passage
from seektune.text.file_hash import file_hash

READ = ("*.json", "*.safetensors", "*.spm", "*.model", "*.txt")
"""Config, weights, and a tokenizer in any of its forms."""

_REQUEST = 64
"""Passages per request: between two of them the child notices that nobody waits any more."""


class Seq2Seq:
    """The engine of two models, there and back."""

    def __init__(self, forward: TranslatorOptions, backward: TranslatorOptions, temperature: float) -> None:
        self._models = [forward, backward]
        self._temperature = temperature
        self.identity = " ".join(_identity(model) for model in self._models)

    def round_trips(self, passages: Sequence[Passage]) -> list[tuple[str, str]]:
        """What is held is not marked: a model knows no marks. The filter of augment.py rejects what lost it."""
        seeds = [passage.seed for passage in passages]
        there = self._translate(0, [passage.text for passage in passages], seeds)
        return list(zip(there, self._translate(1, there, seeds), strict=True))

    def _translate(self, direction: int, texts: Sequence[str], seeds: Sequence[int | None]) -> list[str]:
        found = [""] * len(texts)
        order = sorted(range(len(texts)), key=lambda i: (len(texts[i]), i))  # like lengths share a batch
        for start in range(0, len(order), _REQUEST):
            part = order[start : start + _REQUEST]
            request = {"direction": direction, "texts": [texts[i] for i in part], "seeds": [seeds[i] for i in part]}
            for i, text in zip(part, self._ask(request), strict=True):
                found[i] = text
        return found

    def _ask(self, request: dict[str, object]) -> list[str]:
        child = self._child
        assert child.stdin is not None and child.stdout is not None
        try:
            child.stdin.write(json.dumps(request) + "\n")
            child.stdin.flush()
            line = child.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise DataError(
                f"operator back_translation: its translator ended with exit code {child.wait()}; "
                "where memory ran out, use smaller models or engine apertium"
            )
        answer: list[str] | dict[str, str] = json.loads(line)
        if isinstance(answer, dict):
            raise DataError(f"operator back_translation: {answer['error']}")
        return answer

    @cached_property
    def _child(self) -> subprocess.Popen[str]:
        settings = {
            "models": [(model.folder or model.hub, model.revision) for model in self._models],
            "temperature": self._temperature,
        }
        child = subprocess.Popen(
            [sys.executable, "-m", "seektune.text.augmentation.translator", json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(place or os.curdir for place in sys.path)},
        )
        weakref.finalize(self, _end, child)
        return child


def _end(child: subprocess.Popen[str]) -> None:
    child.kill()  # it keeps nothing
    child.communicate()


def _identity(model: TranslatorOptions) -> str:
    """A hub model's commit, or the hashes of a folder's files."""
    if model.hub is not None:
        return f"{model.hub}@{model.revision}"
    folder = Path(model.folder or "").expanduser()
    files = sorted({path for pattern in READ for path in folder.glob(pattern)})
    names = {path.name for path in files}
    if "config.json" not in names or not any(path.suffix == ".safetensors" for path in files):
        raise DataError(
            f"{folder.absolute()}: no translation model is there (operator back_translation); give a folder with "
            "config.json, *.safetensors and the tokenizer's files, as `save_pretrained` writes it"
        )
    if any(name.endswith(".spm") for name in names) and importlib.util.find_spec("sentencepiece") is None:
        raise DataError(
            f"{folder.absolute()}: its tokenizer needs the library sentencepiece; pip install sentencepiece"
        )
    try:
        return " ".join(f"{path.name}:{file_hash(path)}" for path in files)
    except OSError as error:
        raise DataError(f"{folder.absolute()}: the model's files cannot be read ({error})") from error
