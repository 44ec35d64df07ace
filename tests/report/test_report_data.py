"""The data section tells what the rows' own report and the token store say: on rows that were truly prepared."""

from __future__ import annotations

import json
from pathlib import Path

from seektune.ledger.history import History, StageRow
from seektune.ledger.index import Spend
from seektune.ledger.results import PrepareResult
from seektune.report.blocks import Figure, Section, Table, Text
from seektune.report.facts import Facts
from seektune.report.sections.data import data
from seektune.text.options import DataOptions
from seektune.text.rows import RowSet, prepare_rows
from seektune.text.tokens import tokenise, train_tokenizer

VERBS = ("cancel", "review", "explain", "move", "close", "open", "repeat", "print", "freeze", "renew")
TOPICS = ("card", "transfer", "loan", "account", "statement", "refund", "limit", "address", "branch", "mortgage")


def section(folder: Path, rows: list[dict[str, str]]) -> tuple[Section, RowSet]:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = {"path": str(folder / "rows.jsonl")}
    made = prepare_rows(DataOptions(kind="classification", sources=[source]), folder / "cache", 0)
    store = tokenise(made, train_tokenizer(made, 300, folder / "cache"), None, 16, folder / "cache")
    prepared = PrepareResult(
        rows=str(made.folder), store=str(store.folder), base="b", data_fingerprint=made.fingerprint, test_fingerprint="t",
        base_fingerprint="b", kind="classification", hidden_size=8, parameters=8, train_rows=1, train_tokens=1,
        horizon_tokens=1, default={},
    ).model_dump(mode="json")  # fmt: skip
    stage = StageRow("prepare", "k", (), "finished", prepared, None, 0.0, 1.0, Spend())
    found = data(Facts(History(stages={"prepare": stage}), {"study": "s"}))
    assert found is not None
    return found, made


ROWS = [
    {"text": f"Could someone {verb} this {topic}, {verb} every {topic}?", "label": verb}
    for verb in VERBS
    for topic in TOPICS
]


def test_the_balance_and_the_leak_check_count_the_rows_of_the_splits(tmp_path: Path) -> None:
    found, rows = section(tmp_path, [*ROWS, ROWS[7], {"text": " ", "label": "a"}])
    train, held_out = len(rows.rows("train")), len(rows.rows("validation")) + len(rows.rows("test"))
    assert train + held_out == 100
    said = getattr(found.blocks[0], "text", "")
    assert said.startswith("102 rows in = 100 used + 1 quarantined (1 empty) + 1 dropped (1 exact duplicate)")
    assert f"Leak check: {train} training rows against {held_out} evaluation rows, 0 found" in said


def test_what_was_left_out_and_what_tokenising_did(tmp_path: Path) -> None:
    odd = [
        {"text": "Why does it say <｜end▁of▁sentence｜> here?", "label": "move"},
        {"text": "word " * 40, "label": "move"},
    ]
    found, rows = section(tmp_path, [*ROWS, *odd, ROWS[7], {"text": " ", "label": "a"}])
    warned = [block.text for block in found.blocks if isinstance(block, Text) and block.tone == "warn"]
    assert any(text.startswith("1 of the rows") and "special token" in text for text in warned)
    assert any("were longer than max_length and cut" in text for text in warned)
    tables = {block.caption: block for block in found.blocks if isinstance(block, Table)}
    assert tables["Rows left out"].rows == (
        ("quarantined", "empty", 1, "1.0%", "rows.jsonl:104 text is empty"),
        ("dropped", "exact duplicate", 1, "1.0%", "rows.jsonl:103 repeats rows.jsonl:8"),
    )
    lengths = {row[0]: row for row in tables["Row lengths in tokens"].rows}
    assert lengths["train"][1] == len(rows.rows("train"))
    assert max(row[-1] for row in lengths.values()) == 16
    (figure,) = [block for block in found.blocks if isinstance(block, Figure)]
    assert sum(figure.spec["data"][0]["y"]) == lengths["train"][1]
    assert (figure.plot or b"").startswith(b"\x89PNG")
