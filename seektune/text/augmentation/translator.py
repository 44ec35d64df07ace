"""The process that translates: two encoder-decoder models behind a pipe (seq2seq.py holds the other end).

    python -m seektune.text.augmentation.translator SETTINGS      SETTINGS: {"models": [[folder, null] or [hub id, commit], ...],
                                                                "temperature": number}

A request and its answer are one line of JSON each: {"direction", "texts", "seeds"} -> the translations, or {"error"}.

Words are chosen greedily. A sampled translation is one too: of the logits divided by the temperature, plus Gumbel noise
(Gumbel 1954: that is a draw from their softmax), so that each text has random numbers of its own, whatever shares its
batch.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor

from seektune.text.files.lines import shown

_LONGEST = 2
"""A translation has at most this many tokens per token of its text, and ten more."""


class Noise(transformers.LogitsProcessor):
    """Logits [batch, vocabulary] -> what is largest is a draw; a row without a seed stays as it is."""

    def __init__(self, seeds: list[int | None], temperature: float) -> None:
        self._temperature = temperature
        self._random = [None if seed is None else torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        noisy = scores.clone()
        for row, random in zip(noisy, self._random, strict=True):
            if random is not None:
                even = torch.rand(row.shape, generator=random).clamp_min(1e-20)
                row.copy_(row / self._temperature - (-even.log()).log().to(row.device))
        return noisy


class Translator:
    """One direction."""

    def __init__(self, base: str, revision: str | None, temperature: float) -> None:
        local = revision is None  # a hub id has one
        where = {
            "pretrained_model_name_or_path": str(Path(base).expanduser()) if local else base,
            "revision": revision,
            "local_files_only": local,
            "trust_remote_code": False,
        }
        self._temperature = temperature
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._tokenizer = transformers.AutoTokenizer.from_pretrained(**where)
        model = transformers.AutoModelForSeq2SeqLM.from_pretrained(**where, use_safetensors=True, dtype=torch.float32)
        self._model = model.eval().to(self._device)
        self._positions = getattr(model.config, "max_position_embeddings", None) or 512

    def __call__(self, texts: list[str], seeds: list[int | None]) -> list[str]:
        """A text of more tokens than the model has positions comes back as it is."""
        ids: list[list[int]] = self._tokenizer(texts)["input_ids"]
        found = list(texts)
        rows = [i for i, row in enumerate(ids) if len(row) <= self._positions]
        if not rows:
            return found
        batch = self._tokenizer.pad({"input_ids": [ids[i] for i in rows]}, return_tensors="pt").to(self._device)
        most = [min(_LONGEST * len(ids[i]) + 10, self._positions - 1) for i in rows]
        made = self._model.generate(
            **batch,
            num_beams=1,
            do_sample=False,
            max_new_tokens=max(most),
            max_length=None,
            logits_processor=transformers.LogitsProcessorList([Noise([seeds[i] for i in rows], self._temperature)]),
        )
        for i, row, length in zip(rows, made, most, strict=True):
            found[i] = self._tokenizer.decode(row[: 1 + length], skip_special_tokens=True).strip()
        return found


class Server:
    """Answers requests until its pipe closes."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings

    @cached_property
    def translators(self) -> list[Translator]:
        models = self._settings["models"]
        return [Translator(base, revision, self._settings["temperature"]) for base, revision in models]

    def answer(self, request: dict[str, Any]) -> list[str] | dict[str, str]:
        try:
            return self.translators[request["direction"]](request["texts"], request["seeds"])
        except Exception as error:  # libraries raise many kinds; the other end tells the user
            names = " and ".join(base for base, _ in self._settings["models"])
            return {
                "error": f"{names} cannot translate ({type(error).__name__}: {shown(' '.join(str(error).split()), 200)}); "
                "both must be encoder-decoder models in safetensors with their tokenizers"
            }


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # a signal to the group is for the driver
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    server = Server(json.loads(sys.argv[1]))
    for line in sys.stdin:
        print(json.dumps(server.answer(json.loads(line))), file=replies, flush=True)


if __name__ == "__main__":
    main()
