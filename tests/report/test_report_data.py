"""The data section tells what the rows' own report says: on rows that were truly prepared."""

from __future__ import annotations

import json
from pathlib import Path

from seektune.ledger.history import History, StageRow
from seektune.ledger.index import Spend
from seektune.ledger.results import PrepareResult
from seektune.report.facts import Facts
from seektune.report.sections.data import data
from seektune.text.options import DataOptions
from seektune.text.rows import prepare_rows

VERBS = ("cancel", "review", "explain", "move", "close", "open", "repeat", "print", "freeze", "renew")
TOPICS = ("card", "transfer", "loan", "account", "statement", "refund", "limit", "address", "branch", "mortgage")


def test_the_leak_check_counts_the_rows_of_the_splits(tmp_path: Path) -> None:
    texts = [f"Could someone {verb} this {topic}, {verb} every {topic}?" for verb in VERBS for topic in TOPICS]
    lines = [json.dumps({"text": text, "label": text.split()[2]}) + "\n" for text in texts]
    (tmp_path / "rows.jsonl").write_text("".join(lines))
    source = {"path": str(tmp_path / "rows.jsonl")}
    rows = prepare_rows(DataOptions(kind="classification", sources=[source]), tmp_path / "cache", 0)
    prepared = PrepareResult(
        rows=str(rows.folder), store="", base="b", data_fingerprint=rows.fingerprint, test_fingerprint="t", base_fingerprint="b",
        kind="classification", hidden_size=8, parameters=8, train_rows=1, train_tokens=1, horizon_tokens=1, default={},
    ).model_dump(mode="json")  # fmt: skip
    stage = StageRow("prepare", "k", (), "finished", prepared, None, 0.0, 1.0, Spend())
    section = data(Facts(History(stages={"prepare": stage}), {"study": "s"}))
    assert section is not None
    train, held_out = len(rows.rows("train")), len(rows.rows("validation")) + len(rows.rows("test"))
    assert train + held_out == 100
    said = getattr(section.blocks[0], "text", "")
    assert f"Leak check: {train} training rows against {held_out} evaluation rows, 0 found" in said
