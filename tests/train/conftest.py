"""Small stores in the store's own format, bases that the trainer wrote itself, and warm trainers on them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seektune.text.store import write_split
from seektune.train.trainer import LanguageTrainer
from tests.train.tiny import CLASS_NAMES, FAMILIES, MAX_LENGTH, TAG_NAMES, VOCABULARY, make_rows, run, segment


@pytest.fixture(scope="session")
def store_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Kind -> store folder (made once)."""
    made: dict[str, Path] = {}

    def get(kind: str) -> Path:
        if kind not in made:
            folder = tmp_path_factory.mktemp(f"store-{kind}")
            for seed, (split, count) in enumerate({"train": 90, "validation": 24, "test": 16, "base": 40}.items()):
                write_split(folder / f"{split}.arrow", make_rows("text" if split == "base" else kind, count, seed))
            labels = {"classification": CLASS_NAMES, "tagging": TAG_NAMES}.get(kind, [])
            facts = {
                "kind": kind,
                "vocabulary": VOCABULARY,
                "pad_id": 0,
                "eos_id": 2,
                "bos_id": 1,
                "max_length": MAX_LENGTH,
                "labels": labels,
            }
            (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
            made[kind] = folder
        return made[kind]

    return get


@pytest.fixture(scope="session")
def base_of(tmp_path_factory: pytest.TempPathFactory, store_of: Callable[[str], Path]) -> Callable[[str], Path]:
    """Family -> model folder, written by the trainer itself from random weights."""
    made: dict[str, Path] = {}

    def get(family: str) -> Path:
        if family not in made:
            tokenizer = tmp_path_factory.mktemp(f"tokenizer-{family}")
            (tokenizer / "tokenizer_config.json").write_text("{}", encoding="utf-8")
            trainer = LanguageTrainer(
                base=str(tokenizer), store=str(store_of("text")), kind="text", config=FAMILIES[family]
            )
            fresh = segment("base", 0, 1, params={"learning_rate": 1e-3}, keep=False, export=True)
            result = run(trainer, tmp_path_factory.mktemp(f"base-{family}"), fresh)
            assert result.model is not None
            made[family] = Path(result.model)
        return made[family]

    return get


@pytest.fixture(scope="session")
def trainer_of(store_of: Callable[[str], Path], base_of: Callable[[str], Path]) -> Callable[..., LanguageTrainer]:
    """(family, kind, **TrainOptions) -> a warm trainer (kept for the session)."""
    made: dict[str, LanguageTrainer] = {}

    def get(family: str = "llama", kind: str = "instruction", **train: Any) -> LanguageTrainer:
        key = json.dumps([family, kind, train], sort_keys=True)
        if key not in made:
            made[key] = LanguageTrainer(base=str(base_of(family)), store=str(store_of(kind)), kind=kind, train=train)
            made[key].warm()
        return made[key]

    return get
