"""The whole way from real files to tokens: English and Chinese, every trained kind, augmented."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from seektune.errors import DataError
from seektune.text.augmentation.options import AUGMENTERS
from seektune.text.augmentation.wordnet import find_wordnet
from seektune.text.leaks import Guard
from seektune.text.options import DataOptions
from seektune.text.reading import Row
from seektune.text.rows import RowSet
from seektune.text.store import TokenStore
from seektune.text.tokens import tokenise, train_tokenizer

pytestmark = pytest.mark.real
Prepare = Callable[..., RowSet]


def head(path: Path, folder: Path, lines: int) -> Path:
    """The first lines of a real file."""
    with path.open(encoding="utf-8") as file:
        (folder / path.name).write_text("".join(itertools.islice(file, lines)), encoding="utf-8")
    return folder / path.name


def accounted(report: dict[str, Any]) -> bool:
    parts = [report, *report["sources"].values()]
    return all(
        part["rows_in"] == part["used"] + sum(part["quarantined"].values()) + sum(part["dropped"].values())
        for part in parts
    )


def tokens(rows: RowSet, folder: Path, length: int) -> tuple[TokenStore, Any]:
    tokenizer = train_tokenizer(rows, 1_000, folder)
    return tokenise(rows, tokenizer, None, length, folder), AutoTokenizer.from_pretrained(tokenizer)


def no_leak(rows: RowSet, data: DataOptions) -> bool:
    def back(row: dict[str, Any], split: str) -> Row:
        fields = {
            name: row[name]
            for name in ("instruction", "input", "output", "text", "label", "messages", "document", "summary")
            if name in row
        }
        return Row(row["id"], fields, "", "", "", 0, row["group"], split, parent=row["parent"])

    guard = Guard([back(row, split) for split in ("validation", "test") for row in rows.rows(split)], data)
    return not any(guard.leak(back(row, "train")) for row in rows.rows("train"))


def test_english_instructions(prepare: Prepare, shared: Path, tmp_path: Path) -> None:
    path = head(shared / "sft_en_dolly" / "dolly.jsonl", tmp_path, 1_500)
    with pytest.raises(DataError, match="needs the column 'output'.*did you mean columns: {output: response}"):
        prepare("instruction", path)
    source = {"path": str(path), "columns": {"input": "context", "output": "response"}}
    rows = prepare("instruction", source)
    assert rows.report["rows_in"] == 1_500 and accounted(rows.report)
    assert no_leak(rows, DataOptions(kind="instruction", sources=[source]))
    store, tokenizer = tokens(rows, tmp_path / "cache", 256)
    by_id = {row["id"]: row for row in rows.rows("test")}
    whole = 0
    for i in range(store.rows("test")):
        row = store.row("test", i)
        answer = tokenizer.decode(row.labels[row.labels >= 0], skip_special_tokens=True)
        assert by_id[row.row_id]["output"].startswith(answer)
        whole += answer == by_id[row.row_id]["output"]
    assert store.rows("test") == len(by_id) and whole > 0.7 * len(by_id)


def test_chinese_chat_augmented(prepare: Prepare, shared: Path, tmp_path: Path) -> None:
    path = head(shared / "sft_zh_crosswoz" / "crosswoz.jsonl", tmp_path, 150)
    lexicon = tmp_path / "lexicon.csv"
    lexicon.write_text("term,variant,language\n酒店,宾馆,zh\n餐馆,饭馆,zh\n景点,名胜,zh\n", encoding="utf-8")
    augment = {"operators": [{"lexicon": {"path": str(lexicon)}}, *(["synonym"] if find_wordnet() else [])]}
    rows = prepare("chat", path, augment=augment)
    assert accounted(rows.report) and rows.report["rows_in"] == 150
    assert set(rows.report["splits"]["train"]["languages"]) == {"zh"}
    assert all(done["made"] > 20 for done in rows.report["augmentation"]["operators"].values())
    assert no_leak(rows, DataOptions(kind="chat", sources=[{"path": str(path)}]))
    parents = {row["id"]: row for row in rows.rows("train")}
    for child in parents.values():
        if child["parent"]:
            old, new = parents[child["parent"]]["messages"], child["messages"]
            assert [t["content"] for t in old if t["role"] == "assistant"] == [
                t["content"] for t in new if t["role"] == "assistant"
            ]
            assert sum(t["content"].count(" ") for t in new) == sum(t["content"].count(" ") for t in old)
    store, tokenizer = tokens(rows, tmp_path / "cache", 1_024)
    by_id = {row["id"]: row for row in rows.rows("validation")}
    for i in range(store.rows("validation")):
        row = store.row("validation", i)
        turns = [t["content"] for t in by_id[row.row_id]["messages"] if t["role"] == "assistant"]
        end = "<｜end▁of▁sentence｜>"
        assert tokenizer.decode(row.labels[row.labels >= 0]) == "".join(turn + end for turn in turns)


def test_banking_questions(prepare: Prepare, shared: Path, tmp_path: Path) -> None:
    path = head(shared / "cls_banking77" / "banking77.csv", tmp_path, 2_000)
    source = {"path": str(path), "columns": {"label": "category"}}
    rows = prepare("classification", source)
    assert accounted(rows.report) and rows.report["rows_in"] == 1_999
    assert rows.report["dropped"]["near duplicate"] > 20
    assert no_leak(rows, DataOptions(kind="classification", sources=[source]))
    store, _ = tokens(rows, tmp_path / "cache", 64)
    assert len(store.facts["labels"]) == len({row["label"] for row in rows.rows("train")})


def test_banking_own_split_leaks_and_says_so(prepare: Prepare, shared: Path) -> None:
    source = {"path": str(shared / "cls_banking77" / "banking77.csv"), "columns": {"label": "category"}}
    with pytest.raises(DataError, match=r"in train, nearly repeats banking77.csv:\d+ row \w+, in test"):
        prepare("classification", source, split={"column": "split"})


def test_messages_with_broken_characters_are_quarantined(prepare: Prepare, shared: Path) -> None:
    rows = prepare("classification", shared / "cls_sms_spam" / "sms_spam.tsv")
    assert rows.report["rows_in"] == 4_130 and accounted(rows.report)
    assert rows.report["quarantined"]["control character"] == 30  # Windows-1252 punctuation that was taken for Latin-1
    assert set(rows.report["splits"]["test"]["labels"]) == {"ham", "spam"}


def test_plays_as_text(prepare: Prepare, shared: Path, tmp_path: Path) -> None:
    rows = prepare("text", shared / "base_en_tinyshakespeare" / "input.txt")
    assert accounted(rows.report) and rows.report["rows_in"] > 500
    store, tokenizer = tokens(rows, tmp_path / "cache", 128)
    assert store.lengths("train").max() == 128 and store.lengths("train").mean() > 100
    text = tokenizer.decode(store.row("test", 0).input_ids, skip_special_tokens=True).strip("\ufffd")
    assert text in (shared / "base_en_tinyshakespeare" / "input.txt").read_text()


@pytest.mark.parametrize(
    ("kind", "file", "columns", "rows_in"),
    [
        ("instruction", "sft_en_gsm8k/gsm8k.jsonl", {"instruction": "question", "output": "answer"}, 1_000),
        ("chat", "sft_zh_kdconv/kdconv.jsonl", {}, 732),
        ("summary", "sum_scitldr/scitldr.jsonl", {}, 1_000),
    ],
)
def test_every_row_of_the_other_sets_is_accounted_for(
    prepare: Prepare, shared: Path, tmp_path: Path, kind: str, file: str, columns: dict[str, str], rows_in: int
) -> None:
    source = {"path": str(head(shared / file, tmp_path, 1_000)), "columns": columns}
    rows = prepare(kind, source)
    report = rows.report
    assert report["rows_in"] == rows_in and accounted(report)
    assert report["used"] == sum(len(rows.rows(split)) for split in ("train", "validation", "test")) > 0.9 * rows_in
    assert set(report["splits"]["train"]["languages"]) == {"zh" if kind == "chat" else "en"}
    assert no_leak(rows, DataOptions(kind=kind, sources=[source]))


@pytest.mark.parametrize(
    ("kind", "file", "columns", "rows_in"),
    [
        ("tagging", "seq_en_wnut17_ner/wnut17.conll", {}, 4_447),
        ("tagging", "seq_zh_uner_ner/uner_zh_gsdsimp.conll", {}, 3_998),
        (
            "summary",
            "sum_legal_contracts/legal.jsonl",
            {"document": "original_text", "summary": "reference_summary"},
            371,
        ),
    ],
)
def test_kinds_that_are_read_and_checked(
    prepare: Prepare, shared: Path, kind: str, file: str, columns: dict[str, str], rows_in: int
) -> None:
    report = prepare(kind, {"path": str(shared / file), "columns": columns}).report
    assert report["rows_in"] == rows_in and accounted(report)
    assert report["used"] > 0.9 * rows_in


def test_children_never_resemble_an_evaluation_row(prepare: Prepare, shared: Path, tmp_path: Path) -> None:
    if find_wordnet() is None:
        pytest.skip("no WordNet on this machine")
    path = head(shared / "cls_banking77" / "banking77.csv", tmp_path, 1_000)
    source = {"path": str(path), "columns": {"label": "category"}}
    rows = prepare("classification", source, augment={"operators": ["synonym"], "copies": 2})
    assert rows.report["augmentation"]["operators"]["synonym"]["made"] > 100
    assert no_leak(rows, DataOptions(kind="classification", sources=[source]))


LEXICON = (
    "term,variant,language\ncard,bank card,en\nmessage,text message,en\npeople,folks,en\nparagraph,passage,en\nnetwork,net,en\n"
    "agreement,contract,en\nhelp,support,en\nwant,wish,en\n酒店,宾馆,zh\n餐馆,饭馆,zh\n景点,名胜,zh\n公司,企业,zh\n时间,时刻,zh\n"
)
OFFLINE = ("synonym", "lexicon", "deletion", "swap", "insertion", "typos", "mention")
SETS = {
    "instruction": ("sft_en_dolly/dolly.jsonl", {"input": "context", "output": "response"}),
    "chat": ("sft_zh_crosswoz/crosswoz.jsonl", {}),
    "classification": ("cls_banking77/banking77.csv", {"label": "category"}),
    "summary": ("sum_legal_contracts/legal.jsonl", {"document": "original_text", "summary": "reference_summary"}),
    "tagging": ("seq_en_wnut17_ner/wnut17.conll", {}),
    "tagging zh": ("seq_zh_uner_ner/uner_zh_gsdsimp.conll", {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", SETS)
def test_every_operator_of_a_kind(prepare: Prepare, shared: Path, tmp_path: Path, case: str) -> None:
    """Answers, tags, evaluation rows and numbers stay; every operator makes children, and all are accounted for."""
    file, columns = SETS[case]
    kind = case.split()[0]
    (tmp_path / "lexicon.csv").write_text(LEXICON, "utf-8")
    names = [name for name, entry in AUGMENTERS.items() if kind in entry.kinds and name in OFFLINE]
    if find_wordnet() is None:
        names = [name for name in names if name not in ("synonym", "insertion")]
    operators = [{name: {"path": str(tmp_path / "lexicon.csv")} if name == "lexicon" else {}} for name in names]
    source = {"path": str(head(shared / file, tmp_path, 4_000 if kind == "tagging" else 250)), "columns": columns}
    rows = prepare(kind, source, augment={"operators": operators})
    plain = prepare(kind, source)
    assert accounted(rows.report)
    done = rows.report["augmentation"]["operators"]
    assert list(done) == names
    for name, counts in done.items():
        assert (
            counts["asked"]
            == counts["made"] + sum(counts["rejected"].values())
            == plain.report["splits"]["train"]["rows"]
        )
        assert counts["made"] >= 5, (name, counts)
    assert [rows.rows(split) for split in ("validation", "test")] == [
        plain.rows(split) for split in ("validation", "test")
    ]
    parents = {row["id"]: row for row in plain.rows("train")}
    for child in rows.rows("train"):
        if child["parent"] is None:
            continue
        parent = parents[child["parent"]]
        for name in ("label", "output", "summary", "tags"):
            assert child.get(name) == parent.get(name)
        if kind == "tagging":
            assert len(child["tokens"]) == len(child["tags"])
            pairs = zip(parent["tokens"], child["tokens"], child["tags"], strict=True)
            edited = {tag != "O" for old, new, tag in pairs if old != new}
            assert edited == {child["operator"] == "mention"}
        if kind == "classification":
            assert re.findall(r"\d+", child["text"]) == re.findall(r"\d+", parent["text"])
