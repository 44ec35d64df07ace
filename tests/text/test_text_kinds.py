"""Which rows are fit for use: every reason for quarantine, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from seektune.text.files.lines import shown
from seektune.text.kinds import BadRow, answer_text, inputs, parse, prompt_text, with_inputs
from seektune.text.options import DataOptions

USER, BOT = {"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}
GOOD: dict[str, dict[str, Any]] = {
    "text": {"text": "Once."},
    "instruction": {"instruction": "Add", "input": "1 and 2", "output": "3"},
    "chat": {"messages": [{"role": "system", "content": "Be kind"}, USER, BOT, {"role": "user", "content": "bye"}]},
    "classification": {"text": "Where is it?", "label": "card"},
    "tagging": {"tokens": ["Ada", "ran"], "tags": ["B-PER", "O"]},
    "summary": {"document": "A long story.", "summary": "Story."},
}


@pytest.mark.parametrize("kind", GOOD)
def test_good_row_is_itself(kind: str) -> None:
    assert parse(kind, GOOD[kind], {}, 1_000) == GOOD[kind]


@pytest.mark.parametrize("kind", ["instruction", "chat", "classification", "summary"])
def test_inputs_can_be_edited_and_nothing_else_moves(kind: str) -> None:
    fields = GOOD[kind]
    assert with_inputs(kind, fields, inputs(kind, fields)) == fields
    edited = with_inputs(kind, fields, [text + "!" for text in inputs(kind, fields)])
    assert prompt_text(kind, edited) != prompt_text(kind, fields)
    assert answer_text(kind, edited) == answer_text(kind, fields)


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        ("text", {"text": ""}, "empty"),
        ("text", {"text": " \n\t "}, "empty"),
        ("text", {"text": None}, "empty"),
        ("text", {"text": 7}, "wrong type"),
        ("text", {"text": ["a"]}, "wrong type"),
        ("text", {"text": "a\x00b"}, "control character"),
        ("text", {"text": "red \x1b[31m"}, "control character"),
        ("text", {"text": "it\x92s"}, "control character"),
        ("text", {"text": "half \ud800 pair"}, "broken UTF-8"),
        ("text", {"text": "caf\ufffd"}, "broken UTF-8"),
        ("text", {"text": "x" * 1_001}, "too long"),
        ("text", {"text": "... --- !!!"}, "not text"),
        ("instruction", {"instruction": "", "input": " "}, "empty"),
        ("instruction", {"output": ""}, "empty"),
        ("classification", {"label": ""}, "missing label"),
        ("classification", {"label": None}, "missing label"),
        ("classification", {"label": float("nan")}, "missing label"),
        ("classification", {"label": ["a"]}, "wrong type"),
        ("chat", {"messages": "hello"}, "wrong type"),
        ("chat", {"messages": []}, "empty"),
        ("chat", {"messages": [USER]}, "no answer"),
        ("chat", {"messages": [BOT]}, "no question"),
        ("chat", {"messages": [USER, {"role": "tool", "content": "3"}]}, "unknown role"),
        ("chat", {"messages": [USER, {"role": "system", "content": "late"}, BOT]}, "unknown role"),
        ("chat", {"messages": [USER, {"role": "assistant", "content": ""}]}, "empty"),
        ("tagging", {"tags": ["O"]}, "wrong length"),
        ("tagging", {"tokens": ["a", 3]}, "wrong type"),
        ("summary", {"summary": None}, "empty"),
    ],
)
def test_bad_row_has_a_reason(kind: str, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRow) as bad:
        parse(kind, GOOD[kind] | change, {}, 1_000)
    assert bad.value.reason == reason


def test_what_is_repaired_is_white_space_only() -> None:
    assert parse("text", {"text": "  a\r\nb \n"}, {}, 99) == {"text": "a\nb"}
    assert parse("text", {"text": "转账，失败"}, {}, 99) == {"text": "转账，失败"}
    for label, stored in ((3, "3"), (3.0, "3"), (True, "true"), (" x ", "x"), (10**400, str(10**400))):
        assert parse("classification", {"text": "a", "label": label}, {}, 999)["label"] == stored


def test_columns_and_other_ways_to_write_a_chat() -> None:
    row = {"context": "", "question": "Why?", "answer": "Because."}
    columns = {"instruction": "question", "input": "context", "output": "answer"}
    assert parse("instruction", row, columns, 99) == {"instruction": "Why?", "input": "", "output": "Because."}
    sharegpt = [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]
    assert parse("chat", {"messages": sharegpt}, {}, 99) == {"messages": [USER, BOT]}
    with pytest.raises(BadRow, match="message 1 has role 'bing', expected human, gpt"):
        parse("chat", {"messages": [{"from": "bing", "value": "hi"}]}, {}, 99)
    assert parse(
        "chat", {"messages": '[{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]'}, {}, 99
    )["messages"] == [USER, BOT]


def test_shown_text_cannot_move_a_terminal() -> None:
    assert shown("a\x1b[31m\u202eb\nc\x9b") == "a\\x1b[31m\\u202eb\\nc\\x9b"
    assert len(shown("x" * 500)) == 80


def test_unknown_column_of_ours_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'output'"):
        DataOptions(kind="instruction", sources=[{"path": "a.jsonl", "columns": {"ouput": "response"}}])
