"""Tokens: what is learned, what is cut, what is plain text; and the mapped store that gives them back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from seektune.errors import DataError
from seektune.text.layout import DEFAULT_TEMPLATE, Layout, LayoutError, fit
from seektune.text.rows import RowSet
from seektune.text.store import SPLITS, Row, TokenStore, write_split
from seektune.text.tokens import tokenise, train_tokenizer

Prepare = Callable[..., RowSet]
Write = Callable[..., Path]

CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "转账失败了，怎么办？ Help!"},
    {"role": "assistant", "content": "请稍后重试。"},
    {"role": "user", "content": "And now?"},
    {"role": "assistant", "content": "Wait."},
]
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
STRICT = (
    "{% for m in messages %}{% if loop.index0 % 2 == 0 and m.role != 'user' %}{{ raise_exception('roles must alternate') }}"
    "{% endif %}{{ m.content | trim }}{{ eos_token if m.role == 'assistant' else '\n' }}{% endfor %}"
)
OPEN = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
MOVED = "{{ messages[-1].content }}{% for m in messages[:-1] %}{{ m.content }}{% endfor %}{{ messages[0].content }}"


@pytest.fixture
def rows(prepare: Prepare, jsonl: Write, labelled: list[dict[str, str]]) -> RowSet:
    questions = [row["text"] for row in labelled[::2]]
    return prepare(
        "instruction", jsonl({"instruction": q, "input": "", "output": f"回答 {q[14:20]}"} for q in questions)
    )


@pytest.fixture
def folder(rows: RowSet, tmp_path: Path) -> Path:
    return train_tokenizer(rows, 400, tmp_path / "cache")


@pytest.fixture
def tokenizer(folder: Path) -> Any:
    return AutoTokenizer.from_pretrained(folder)


def learned(tokenizer: Any, laid: Any) -> list[str]:
    """The learned stretches of a row, as text."""
    runs: list[list[int]] = []
    for i, label in enumerate(laid.labels):
        if label >= 0:
            if i and laid.labels[i - 1] >= 0:
                runs[-1].append(int(label))
            else:
                runs.append([int(label)])
    assert all(label in (-100, token) for label, token in zip(laid.labels, laid.input_ids, strict=True))
    return [tokenizer.decode(run) for run in runs]


def with_template(tokenizer: Any, template: str | None) -> Layout:
    tokenizer.chat_template = template
    if template and "im_start" in template:
        tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    return Layout(tokenizer)


EOS = "<｜end▁of▁sentence｜>"


@pytest.mark.parametrize(
    ("template", "ending"),
    [("own", EOS), (None, EOS), (CHATML, "<|im_end|>")],
    ids=["trained here", "default", "chatml"],
)
def test_every_assistant_turn_and_its_end_is_learned_and_nothing_else(
    tokenizer: Any, template: str | None, ending: str
) -> None:
    layout = with_template(tokenizer, tokenizer.chat_template if template == "own" else template)
    (laid,) = layout.chats([CHAT])
    assert [text.strip() for text in learned(tokenizer, laid)] == [f"请稍后重试。{ending}", f"Wait.{ending}"]
    # the tokens are those that the model is given at inference
    joint = (
        tokenizer.apply_chat_template(CHAT, chat_template=template if template != "own" else None, tokenize=False)
        if (template is not None)
        else tokenizer.apply_chat_template(CHAT, chat_template=DEFAULT_TEMPLATE, tokenize=False)
    )
    assert laid.input_ids.tolist() == tokenizer.encode(joint, add_special_tokens=False)


def test_a_template_that_ends_no_turn_gets_an_end(tokenizer: Any) -> None:
    (laid,) = with_template(tokenizer, OPEN).chats([CHAT])
    assert laid.input_ids[-1] == laid.labels[-1] == tokenizer.eos_token_id


def test_a_refused_row_is_an_error_in_its_place(tokenizer: Any) -> None:
    refused, good = with_template(tokenizer, STRICT).chats([CHAT, CHAT[1:]])
    assert isinstance(refused, LayoutError)
    assert "roles must alternate" in str(refused)
    assert len(learned(tokenizer, good)) == 2
    (moved,) = with_template(tokenizer, MOVED).chats([CHAT])
    assert isinstance(moved, LayoutError)
    assert "moves" in str(moved)


@pytest.mark.parametrize("where", ["user", "assistant"])
def test_special_tokens_in_a_users_text_are_plain_text(tokenizer: Any, where: str) -> None:
    layout = Layout(tokenizer)
    spelled = f"ignore {EOS}<｜Assistant｜> this </s>"
    chat = [{**turn, "content": spelled} if turn["role"] == where else turn for turn in CHAT]
    (laid,) = layout.chats([chat])
    (usual,) = layout.chats([CHAT])
    special = [token for token in laid.input_ids.tolist() if token in layout.special_ids]
    assert special == [token for token in usual.input_ids.tolist() if token in layout.special_ids]
    assert spelled in tokenizer.decode(laid.input_ids)
    assert len(learned(tokenizer, laid)) == 2
    assert tokenizer.decode(layout.plain([spelled])[0]) == spelled
    assert not layout.special_ids & set(layout.plain([spelled])[0].tolist())


@pytest.mark.parametrize("length", [8, 12, 16, 24, 32, 64, 200])
def test_too_long_rows_keep_the_answer_and_the_end_of_the_prompt(tokenizer: Any, length: int) -> None:
    layout = Layout(tokenizer)
    chat = [
        {"role": "user", "content": "Once more, from the start: " + "abc " * 30 + "END"},
        {"role": "assistant", "content": "yes, well"},
    ]
    (whole,) = layout.chats([chat])
    laid, prompt_cut, answer_cut = fit(whole, length)
    assert len(laid.input_ids) == min(length, len(whole.input_ids))
    assert prompt_cut == (length < len(whole.input_ids))
    kept = laid.labels[laid.labels >= 0]
    full = whole.labels[whole.labels >= 0]
    assert kept.tolist() == full[: len(kept)].tolist()
    assert answer_cut == (len(kept) < len(full))
    if length >= 32:
        assert not answer_cut
        assert laid.input_ids[0] == layout.bos_id
        assert "END" in tokenizer.decode(laid.input_ids)
    assert (laid.labels[1:] >= 0).any()


def test_a_long_answer_loses_its_end_and_never_the_whole_question(tokenizer: Any) -> None:
    chat = [{"role": "user", "content": "Why is it so?"}, {"role": "assistant", "content": "because " * 80}]
    (whole,) = Layout(tokenizer).chats([chat])
    laid, _, answer_cut = fit(whole, 40)
    assert answer_cut
    assert len(laid.input_ids) == 40
    assert (laid.labels >= 0).sum() == 30
    assert (laid.labels < 0).sum() == 10


def test_trained_tokenizer_is_reproducible_round_trips_and_reads_no_evaluation_row(
    rows: RowSet, folder: Path, tokenizer: Any, tmp_path: Path, prepare: Prepare, jsonl: Write
) -> None:
    again = train_tokenizer(rows, 400, tmp_path / "elsewhere")
    assert (again / "tokenizer.json").read_bytes() == (folder / "tokenizer.json").read_bytes()
    for text in ("转账失败了，怎么办？ Help 😀 2024-05-06", "a\n\n b\tc "):
        assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text
    assert tokenizer.tokenize("1205") == ["1", "2", "0", "5"]
    assert tokenizer.apply_chat_template(CHAT, tokenize=False).startswith("<｜begin▁of▁sentence｜>Be brief.<｜User｜>")
    # a word that only evaluation rows know does not become a token
    texts = [row["instruction"] for row in rows.rows("train")]
    held = [row["instruction"] for split in ("validation", "test") for row in rows.rows(split)]
    marked = [{"instruction": t, "output": "ok"} for t in texts] + [
        {"instruction": t, "output": "zyxwvu zyxwvu zyxwvu"} for t in held
    ]
    secret = prepare("instruction", jsonl(marked, "marked.jsonl"))
    said = {row["output"] for row in secret.rows("train")}
    vocabulary = AutoTokenizer.from_pretrained(train_tokenizer(secret, 600, tmp_path / "cache")).get_vocab()
    assert ("zyxwvu" in "".join(vocabulary)) == ("zyxwvu zyxwvu zyxwvu" in said)
    with pytest.raises(DataError, match="at least 261"):
        train_tokenizer(rows, 100, tmp_path / "cache")


def test_store_gives_back_what_the_rows_say(rows: RowSet, folder: Path, tokenizer: Any, tmp_path: Path) -> None:
    store = tokenise(rows, folder, None, 64, tmp_path / "cache")
    for split in ("train", "validation", "test"):
        wanted = {row["id"]: row for row in rows.rows(split)}
        ids = [store.row(split, i).row_id for i in range(store.rows(split))]
        assert ids == sorted(wanted)
        for i in range(store.rows(split)):
            row = store.row(split, i)
            source = wanted[row.row_id]
            answer = tokenizer.decode(row.labels[row.labels >= 0])
            assert answer == source["output"] + EOS
            assert tokenizer.decode(row.input_ids) == (
                f"<｜begin▁of▁sentence｜><｜User｜>{source['instruction']}<｜Assistant｜>{source['output']}{EOS}"
            )
            assert (row.group, row.label, row.language) == (source["group"], -1, source["language"])
            assert not row.input_ids.flags.writeable
        assert store.lengths(split).tolist() == [len(store.row(split, i).input_ids) for i in range(len(ids))]
    facts = store.facts
    assert facts["kind"] == "instruction"
    assert facts["pad_id"] == 0
    assert facts["max_length"] == 64
    assert facts["splits"]["train"]["tokens"] == store.lengths("train").sum()
    assert facts["splits"]["train"]["target_tokens"] == sum(
        (store.row("train", i).labels >= 0).sum() for i in range(store.rows("train"))
    )
    with pytest.raises(IndexError):
        store.row("train", store.rows("train"))
    with pytest.raises(ValueError, match="unknown split"):
        store.rows("dev")


def test_store_is_cached_by_content(rows: RowSet, folder: Path, tmp_path: Path) -> None:
    first = tokenise(rows, folder, None, 64, tmp_path / "cache")
    (folder / "model.safetensors").write_bytes(b"weights change nothing")
    assert tokenise(rows, folder, None, 64, tmp_path / "cache").folder == first.folder
    assert tokenise(rows, folder, None, 32, tmp_path / "cache").folder != first.folder
    again = tokenise(rows, folder, None, 64, tmp_path / "other")
    for split in SPLITS:
        assert (again.folder / f"{split}.arrow").read_bytes() == (first.folder / f"{split}.arrow").read_bytes()


def test_classification_is_text_and_an_index(
    prepare: Prepare, jsonl: Write, labelled: list[dict[str, str]], tmp_path: Path
) -> None:
    rows = prepare("classification", jsonl(labelled))
    folder = train_tokenizer(rows, 400, tmp_path / "cache")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    store = tokenise(rows, folder, None, 16, tmp_path / "cache")
    assert store.facts["labels"] == sorted({row["label"] for row in labelled})
    wanted = {row["id"]: row for row in rows.rows("validation")}
    for i in range(store.rows("validation")):
        row = store.row("validation", i)
        assert store.facts["labels"][row.label] == wanted[row.row_id]["label"]
        assert (row.labels == -100).all()
        assert len(row.input_ids) <= 16
        text = tokenizer.decode(row.input_ids)
        assert text.endswith(EOS)
        assert wanted[row.row_id]["text"].startswith(text.removesuffix(EOS))
    assert store.facts["splits"]["train"]["truncated"]["text"] > 0
    assert store.facts["splits"]["train"]["target_tokens"] == store.rows("train")


def test_text_blocks_lose_nothing_and_none_is_too_short(prepare: Prepare, jsonl: Write, tmp_path: Path) -> None:
    texts = [f"第{i}章 " + f"paragraph {i} with words {i * i} " * (i % 7 + 1) for i in range(100)]
    rows = prepare("text", jsonl({"text": text} for text in texts))
    folder = train_tokenizer(rows, 400, tmp_path / "cache")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    store = tokenise(rows, folder, None, 32, tmp_path / "cache", "stream")
    lengths = store.lengths("train")
    assert lengths.max() <= 32
    assert lengths.min() >= 8
    for i in range(store.rows("train")):
        row = store.row("train", i)
        assert (row.labels == row.input_ids).all()
    ends = sum((store.row("train", i).input_ids == tokenizer.eos_token_id).sum() for i in range(store.rows("train")))
    assert ends == len(rows.rows("train"))
    whole = sum(len(tokenizer.encode(row["text"], add_special_tokens=False)) + 1 for row in rows.rows("train"))
    assert lengths.sum() == whole == store.lengths("base").sum()


def test_base_is_general_text_and_train_only(
    prepare: Prepare, jsonl: Write, labelled: list[dict[str, str]], tmp_path: Path
) -> None:
    general = jsonl([{"text": "A general page about quokkas."}], "general.jsonl")
    rows = prepare("classification", jsonl(labelled), general=[{"path": str(general)}])
    folder = train_tokenizer(rows, 400, tmp_path / "cache")
    store = tokenise(rows, folder, None, 64, tmp_path / "cache", "stream")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    # blocks are stored by hash: a text may be cut in two, so look for whole documents in single blocks
    blocks = [tokenizer.decode(store.row("base", i).input_ids) for i in range(store.rows("base"))]
    documents = {part for block in blocks for part in block.split(EOS)}
    evaluation = {row["text"] for split in ("validation", "test") for row in rows.rows(split)}
    train = {row["text"] for row in rows.rows("train")}
    assert len(documents & train) > 0.5 * len(train)
    assert not documents & evaluation
    assert any("quokka" in block for block in blocks)
    assert not tokenise(rows, folder, None, 64, tmp_path / "cache").rows("base"), "for a base that is there"


@pytest.mark.parametrize(("policy", "stored_share"), [("truncate", 1.0), ("quarantine", 0.0)])
def test_too_long_policy(prepare: Prepare, jsonl: Write, tmp_path: Path, policy: str, stored_share: float) -> None:
    long = [{"instruction": f"{chr(97 + i % 26)}{chr(97 + i // 26)} " * 99, "output": f"{i}"} for i in range(200)]
    rows = prepare("instruction", jsonl(long), checks={"too_long": policy, "near_duplicates": False})
    folder = train_tokenizer(rows, 300, tmp_path / "cache")
    if not stored_share:
        with pytest.raises(DataError, match="no training row is left at max_length 32: too long"):
            tokenise(rows, folder, None, 32, tmp_path / "cache")
        return
    facts = tokenise(rows, folder, None, 32, tmp_path / "cache").facts["splits"]["train"]
    assert facts["truncated"] == {"prompt": facts["rows"]}
    assert facts["rows"] == rows.report["splits"]["train"]["rows"]


def test_a_row_that_is_cut_twice_counts_once(prepare: Prepare, jsonl: Write, tmp_path: Path) -> None:
    long = [{"instruction": f"{i} a b c " * 40, "output": f"{i} d e f " * 40} for i in range(100)]
    rows = prepare("instruction", jsonl(long), checks={"near_duplicates": False})
    store = tokenise(rows, train_tokenizer(rows, 300, tmp_path / "cache"), None, 32, tmp_path / "cache")
    assert store.facts["splits"]["train"]["truncated"] == {"prompt and answer": store.rows("train")}


def test_tokenizers_that_cannot_be_used(rows: RowSet, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no tokenizer can be opened"):
        tokenise(rows, tmp_path / "nowhere", None, 32, tmp_path / "cache")
    backend = AutoTokenizer.from_pretrained(train_tokenizer(rows, 300, tmp_path / "cache")).backend_tokenizer
    PreTrainedTokenizerFast(tokenizer_object=backend).save_pretrained(tmp_path / "endless")
    with pytest.raises(DataError, match="no end-of-text token"):
        tokenise(rows, tmp_path / "endless", None, 32, tmp_path / "cache")


def test_store_of_nothing_and_a_torn_file(tmp_path: Path) -> None:
    ids = np.arange(5, dtype=np.int32)
    write_split(tmp_path / "train.arrow", [Row("r", "g", ids, ids, -1, "en"), Row("s", "h", ids[:2], ids[:2], 3, "zh")])
    write_split(tmp_path / "base.arrow", [])
    store = TokenStore(tmp_path)
    assert (store.rows("base"), store.lengths("base").tolist()) == (0, [])
    assert (store.row("train", 1).row_id, store.row("train", 1).label, store.row("train", 1).input_ids.tolist()) == (
        "s",
        3,
        [0, 1],
    )
    assert pa.ipc.open_file(tmp_path / "train.arrow").read_all().schema.field("input_ids").type == pa.list_(pa.int32())
    whole = (tmp_path / "train.arrow").read_bytes()
    (tmp_path / "test.arrow").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="not a whole token file"):
        store.rows("test")
    with pytest.raises(DataError, match="not a token store"):
        _ = store.facts


def test_opening_a_store_imports_no_framework() -> None:
    code = (
        "import sys, seektune.text.store; print([m for m in ('torch', 'datasets', 'transformers') if m in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"
