"""On real text, through the text room: base from nothing, then every trained kind, resumed and measured by class."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seektune.text.options import DataOptions
from seektune.text.rows import prepare_rows
from seektune.text.store import TokenStore
from seektune.text.tokens import tokenise, train_tokenizer
from seektune.train.trainer import LanguageTrainer
from seektune.trial import Evaluate, Start, State, View
from tests.train.tiny import FAMILIES, run, segment

SHARED = Path(__file__).parents[2] / "../shared/data"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not SHARED.is_dir(), reason=f"no shared text at {SHARED}"),
]
SETS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "instruction": ("sft_en_dolly/dolly.jsonl", "dolly.jsonl", {"columns": {"input": "context", "output": "response"}}),
    "chat": ("sft_zh_crosswoz/crosswoz.jsonl", "crosswoz.jsonl", {}),
    "classification": ("cls_banking77/banking77.csv", "banking77.csv", {"columns": {"label": "category"}}),
    "summary": (
        "sum_legal_contracts/legal.jsonl",
        "legal.jsonl",
        {"columns": {"document": "original_text", "summary": "reference_summary"}},
    ),
    "tagging": ("seq_zh_uner_ner/uner_zh_gsdsimp.conll", "uner.conll", {}),
    "text": ("base_en_tinyshakespeare/input.txt", "shakespeare.txt", {}),
}


def prepared(
    kind: str, folder: Path, lines: int, source: tuple[str, str, dict[str, Any]] | None = None
) -> tuple[TokenStore, Path]:
    """A store and a tokenizer from the first lines of a real file."""
    path, name, settings = source or SETS[kind]
    with (SHARED / path).open(encoding="utf-8") as file:
        (folder / name).write_text("".join(islice(file, lines)), encoding="utf-8")
    data = DataOptions.model_validate(
        {"kind": kind, "sources": [{"path": str(folder / name), **settings}], "max_length": 96}
    )
    rows = prepare_rows(data, folder / "cache", 0)
    tokenizer = train_tokenizer(rows, 600, folder / "cache")
    return tokenise(rows, str(tokenizer), None, 96, folder / "cache", "stream"), tokenizer


@pytest.mark.parametrize("kind", SETS)
def test_real_text_trains_from_nothing_and_resumes(tmp_path: Path, kind: str) -> None:
    store, tokenizer = prepared(kind, tmp_path, lines={"text": 3_000, "tagging": 6_000}.get(kind, 250))
    where = {"base": str(tokenizer), "store": str(store.folder), "config": FAMILIES["deepseek_v3"]}
    evaluate = Evaluate("base", rows=16)
    pretraining = segment("base", 12_000, 12_000, view=View("base"), evaluate=evaluate, export=True, keep=False)
    base = run(LanguageTrainer(kind="text", **where), tmp_path / "base", pretraining)
    assert base.state is State.COMPLETE
    assert base.model is not None
    assert base.metrics["loss"] < 6.0  # ln 600 = 6.4: it has learned which tokens are common

    trainer = LanguageTrainer(base=base.model, store=str(store.folder), kind=kind)
    whole = segment("trial", 8_000, 8_000, evaluate=Evaluate(rows=16, every_tokens=2_000), params={"method": "lora"})
    before = run(trainer, tmp_path / "before", replace(whole, to_tokens=0))
    once = run(trainer, tmp_path / "once", whole)
    rung = run(trainer, tmp_path / "rung", replace(whole, to_tokens=3_000))
    resumed = run(
        trainer,
        tmp_path / "resumed",
        replace(whole, from_tokens=3_000, start=Start("trial", 3_000)),
        start=rung.checkpoint,
    )
    assert resumed.facts["weights_sha256"] == once.facts["weights_sha256"]
    assert resumed.metrics == once.metrics
    assert once.metrics["loss"] < before.metrics["loss"]


def test_classes_of_real_text_are_learned(tmp_path: Path) -> None:
    """The first banking classes stand in blocks: a few of them are told apart in seconds."""
    store, tokenizer = prepared("classification", tmp_path, lines=400)
    classes = len(store.facts["labels"])
    trainer = LanguageTrainer(
        base=str(tokenizer), store=str(store.folder), kind="classification", config=FAMILIES["deepseek_v3"]
    )
    trial = segment("trial", 40_000, 40_000, params={"effective_batch": 16})
    metrics = run(trainer, tmp_path / "trial", replace(trial, evaluate=Evaluate())).metrics
    assert metrics["accuracy"] > 2 / classes
    assert metrics["macro_f1"] > 1 / classes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "lines", "tokens", "finds"),
    [
        (SETS["tagging"], 12_000, 120_000, True),
        (("seq_en_wnut17_ner/wnut17.conll", "wnut.conll", {}), 20_000, 160_000, False),  # nearly all its names are new
    ],
    ids=["zh", "en"],
)
def test_tags_of_real_text_are_learned(
    tmp_path: Path, source: tuple[str, str, dict[str, Any]], lines: int, tokens: int, finds: bool
) -> None:
    """Better than the fresh model, and than knowing how often each tag comes; in Chinese it finds entities."""
    store, tokenizer = prepared("tagging", tmp_path, lines, source)
    counts = np.zeros((2, len(store.facts["labels"])))
    for side, split in enumerate(("train", "validation")):
        for index in range(store.rows(split)):
            labels = store.row(split, index).labels
            counts[side] += np.bincount(labels[labels != -100], minlength=counts.shape[1])
    trained, measured = counts
    prior = -(measured * np.log((trained + 1) / (trained + 1).sum())).sum() / measured.sum()

    trainer = LanguageTrainer(base=str(tokenizer), store=str(store.folder), kind="tagging", config=FAMILIES["llama"])
    trial = segment("trial", tokens, tokens, params={"effective_batch": 16}, evaluate=Evaluate())
    before = run(trainer, tmp_path / "before", replace(trial, to_tokens=0)).metrics
    after = run(trainer, tmp_path / "after", trial).metrics
    assert after["loss"] < 0.97 * prior < before["loss"]
    if finds:
        assert after["entity_f1"] > before["entity_f1"] + 0.08
