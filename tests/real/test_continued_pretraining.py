"""A base that has read a novel goes on with banking questions: general text mixed in keeps what it knew of novels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seektune.ledger.results import ContinuedPretraining, PrepareResult
from seektune.study.run import Run
from seektune.study_file import StudyFile
from tests.real.studies import DATA, SHARED, needs_shared

pytestmark = [pytest.mark.real, pytest.mark.slow, needs_shared]


def prepared(folder: Path, name: str, model: dict[str, Any], data: dict[str, Any]) -> PrepareResult:
    study = StudyFile.model_validate(
        {
            "study": name,
            "model": model,
            "data": {**data, "max_length": 128},
            "train": {"tokens": 5_000, "eval_rows": 16},
            "space": {"learning_rate": {"low": 1e-5, "high": 1e-2, "log": True}},
            "run": {"folder": str(folder / "runs"), "executor": "in_process"},
        }
    )
    with Run(study) as run:
        return PrepareResult.model_validate(run.run("prepare"))


@pytest.mark.timeout(900)
def test_general_text_in_the_mix_keeps_the_base_from_forgetting(tmp_path: Path) -> None:
    novel = (SHARED / "base_en_books" / "pride_and_prejudice.txt").read_text(encoding="utf-8")
    middle = novel.index("\n\n", len(novel) // 2)
    (tmp_path / "first.txt").write_text(novel[:middle], encoding="utf-8")
    (tmp_path / "second.txt").write_text(novel[middle:], encoding="utf-8")
    made = {"config": "tiny-llama", "pretrain": {"tokens": 150_000, "vocabulary": 1024}}
    base = prepared(tmp_path, "novel", made, {"kind": "text", "sources": [{"path": str(tmp_path / "first.txt")}]}).base

    def learned(share: float) -> ContinuedPretraining:
        model = {"folder": base, "continued_pretraining": {"domain_share": share, "tokens": 80_000}}
        general = [{"path": str(tmp_path / "second.txt")}]
        result = prepared(tmp_path, f"bank-{share}", model, {**DATA["banking77"], "general": general})
        assert result.base != base
        assert result.continued_pretraining is not None
        return result.continued_pretraining

    mixed, alone = learned(0.3), learned(1.0)
    for name, one in (("share 0.3", mixed), ("share 1.0", alone)):
        print(
            f"{name}: {dict(one.before)} -> {dict(one.after)}, {one.tokens} tokens, domain share {one.domain_share:.4f}"
        )
    assert mixed.before == alone.before, "measured on the same text"
    assert 0.3 <= mixed.domain_share < 0.3 + 128 / mixed.mix_tokens
    assert mixed.after["domain"] < 0.6 * mixed.before["domain"]
    assert mixed.forgot is None
    assert alone.forgot is not None
    assert alone.after["general"] > 1.5 * mixed.after["general"]
