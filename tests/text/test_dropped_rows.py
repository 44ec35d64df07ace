"""Nothing lost at tokenising: every row of a mixed file is in a split of the token store or in a list that says why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from seektune.ledger.results import RowBalance
from seektune.report.data_counts import counts
from seektune.text.data_report import after_tokenising
from seektune.text.rows import RowSet
from seektune.text.store import TokenStore
from seektune.text.tokens import tokenise
from seektune.trial import Json
from tests.text.conftest import questions

Prepare = Callable[..., RowSet]
Write = Callable[..., Path]

LINES_TO_TRAIN = 200
NOTHING = "\u00ad"
"""A word of which the tokenizer makes no token."""
LONG = "word " * 100
REFUSED = "the chat template refuses the row: no system turn"
TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system turn') }}{% endif %}"
    "{{ m.role }}: {{ m.content }}\n{% endfor %}"
)


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def instruction(question: str) -> Json:
    return {"instruction": question, "input": "", "output": "ok"}


def chat(question: str) -> Json:
    return {"messages": [turn("user", question), turn("assistant", "ok")]}


def tagging(question: str) -> Json:
    return {"tokens": question.split(), "tags": ["B-LOC", *["O"] * len(question.split()[1:])]}


def classified(question: str) -> Json:
    return {"text": question, "label": str(len(question) % 2)}


BAD: dict[str, list[tuple[str, Callable[[str], Json]]]] = {
    "instruction": [("too long", lambda text: instruction(f"{text} {LONG}"))],
    "chat": [
        ("too long", lambda text: chat(f"{text} {LONG}")),
        (REFUSED, lambda text: {"messages": [turn("system", "Be brief."), *chat(text)["messages"]]}),
        (
            "no target token",
            lambda text: {"messages": [turn("user", text), turn("assistant", NOTHING), turn("user", text)]},
        ),
    ],
    "tagging": [
        ("too long", lambda text: tagging(f"{text} {LONG}")),
        ("a word without a token", lambda text: tagging(f"{NOTHING} {text}")),
    ],
    "classification": [("too long", lambda text: classified(f"{text} {LONG}"))],
}
FINE: dict[str, Callable[[str], Json]] = {
    "instruction": instruction, "chat": chat, "tagging": tagging,
    "classification": classified,
}  # fmt: skip


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    """Bytes; strips soft hyphens, and its template refuses system turns."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({letter: i for i, letter in enumerate(["</s>", *alphabet])}, []))
    made.normalizer = normalizers.Replace(NOTHING, "")
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=made, eos_token="</s>", chat_template=TEMPLATE).save_pretrained(
        tmp_path / "tokenizer"
    )
    return tmp_path / "tokenizer"


def mixed(kind: str) -> tuple[list[Json], dict[int, str]]:
    """Rows of two files' worth of every sort, and for each line (from 1) of a row that must be dropped the reason."""
    texts = questions()[: LINES_TO_TRAIN + 40]
    rows, expected = [], {}
    for i, text in enumerate(texts):
        side = "train" if i < LINES_TO_TRAIN else ("validation", "test")[i % 2]
        make = FINE[kind]
        if i % 23 == 5 and (side == "train" or i % 2):  # few of each reason, or the run stops
            reason, make = BAD[kind][i // 23 % len(BAD[kind]) if side == "train" else 0]
            expected[i + 1] = reason
        rows.append({**make(text), "split": side})
    rows.append(rows[0])  # an exact duplicate
    rows.append({**FINE[kind](" "), "split": "train"})  # empty
    return rows, expected


def listed(path: Path) -> list[Json]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def stored(store: TokenStore) -> Counter[str]:
    return Counter(
        store.row(split, i).row_id for split in ("train", "validation", "test") for i in range(store.rows(split))
    )


def balances(report: Json) -> None:
    for part in (report, *report["sources"].values()):
        balance = RowBalance.of(part)
        out = balance.used + sum(balance.quarantined.values()) + sum(balance.dropped.values())
        assert balance.rows_in == out


@pytest.mark.parametrize("kind", list(BAD))
def test_every_row_of_a_mixed_file_is_in_one_place(
    prepare: Prepare, jsonl: Write, tmp_path: Path, tokenizer: Path, kind: str
) -> None:
    made, expected = mixed(kind)
    cut = 150
    files = [jsonl(made[:cut], "one.jsonl"), jsonl(made[cut:], "two.jsonl")]
    checks = {"too_long": "quarantine", "near_duplicates": False}
    rows = prepare(kind, *files, split={"column": "split"}, checks=checks)
    store = tokenise(rows, tokenizer, None, 128, tmp_path / "cache")
    dropped = listed(store.folder / "dropped.jsonl")
    at = {(str(files[0]), i): reason for i, reason in expected.items() if i <= cut}
    at |= {(str(files[1]), i - cut): reason for i, reason in expected.items() if i > cut}
    assert {(line["file"], line["line"]): line["reason"] for line in dropped} == at
    assert {line["source"] for line in dropped} == {str(file) for file in files}

    ids = {row["id"] for split in ("train", "validation", "test") for row in rows.rows(split)}
    places = stored(store) + Counter(line["id"] for line in dropped)
    assert places == Counter(ids), "each row once, in a split or in the list"
    left_out = [*listed(rows.folder / "quarantine.jsonl"), *listed(rows.folder / "dropped.jsonl"), *dropped]
    assert len(made) == stored(store).total() + len(left_out)

    report = after_tokenising(rows.report, store.dropped())
    balances(report)
    assert report["used"] == stored(store).total()
    assert report["dropped"] == {"exact duplicate": 1, **Counter(expected.values())}
    assert report["rows_in"] == len(made)
    trained = {name: one["splits"]["train"] for name, one in report["sources"].items()}
    assert sum(trained.values()) == store.rows("train")
    for name, one in report["sources"].items():
        assert one["share_of_train"] == trained[name] / store.rows("train")
        assert one["used"] == sum(one["splits"].values())
    for split in ("train", "validation", "test"):
        told = store.facts["splits"][split]
        assert told["rows"] + sum(told["dropped"].values()) == rows.report["splits"][split]["rows"]
    (table,) = [
        block for block in counts(report, store.facts["splits"]) if getattr(block, "caption", "")[:6] == "Splits"
    ]
    kept = {row[0]: row[1] - (row[3] or 0) for row in table.rows}  # type: ignore[union-attr]
    assert kept == {split: store.rows(split) for split in ("train", "validation", "test")}
    assert rows.report["used"] == report["used"] + len(dropped), "the rows' own report is left alone"


def test_augmented_rows_are_counted_apart(
    prepare: Prepare, jsonl: Write, labelled: list[dict[str, str]], tmp_path: Path, tokenizer: Path
) -> None:
    """They were never read, so that they are in no balance."""
    lexicon = tmp_path / "lexicon.csv"
    lexicon.write_text("term,variant,language\nstatement,statements,en\n")
    augment: dict[str, Any] = {"operators": [{"lexicon": {"path": str(lexicon), "rate": 1.0}}]}
    rows = prepare("classification", jsonl(labelled), checks={"too_long": "quarantine"}, augment=augment)
    longest = max(len(row["text"]) for row in labelled) + 1  # and the end of text
    store = tokenise(rows, tokenizer, None, longest, tmp_path / "cache")
    told = store.facts["splits"]["train"]
    assert told["dropped_augmented"]["too long"] > 0
    assert told["dropped"] == {}
    assert list(store.dropped()) == []
    assert after_tokenising(rows.report, store.dropped()) is rows.report
    assert told["rows"] + told["dropped_augmented"]["too long"] == rows.report["splits"]["train"]["rows"]


def test_a_file_that_is_moved_is_told_by_its_new_name(
    prepare: Prepare, jsonl: Write, tmp_path: Path, tokenizer: Path
) -> None:
    """The rows are the same, the places are not."""
    made, _ = mixed("instruction")
    options = {"split": {"column": "split"}, "checks": {"too_long": "quarantine", "near_duplicates": False}}
    for name in ("before.jsonl", "after.jsonl"):
        rows = prepare("instruction", jsonl(made, name), **options)
        store = tokenise(rows, tokenizer, None, 128, tmp_path / "cache")
        assert {Path(line["file"]).name for line in store.dropped()} == {name}
        balances(after_tokenising(rows.report, store.dropped()))
