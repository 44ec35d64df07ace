"""Tagged words become tokens: each word's last token carries its tag, in English and in Chinese running text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from seektune.errors import DataError
from seektune.text.kinds import running_text
from seektune.text.rows import RowSet
from seektune.text.tokens import tokenise, train_tokenizer
from tests.text.conftest import questions

Prepare = Callable[..., RowSet]
Write = Callable[..., Path]
NAMES = ("Ada", "Grace", "Alan", "Zuse", "Wilkes-Jones")
HAN = "银行卡转账贷款账户对账单退款限额地址网点抵押"


def english() -> list[dict[str, Any]]:
    rows = []
    for i, text in enumerate(questions()):
        words = [*text.replace("?", " ?").split(), NAMES[i % 5], "Street", "."]
        rows.append({"tokens": words, "tags": ["O"] * (len(words) - 3) + ["B-LOC", "I-LOC", "O"]})
    return rows


def chinese() -> list[dict[str, Any]]:
    return [
        {
            "tokens": [HAN[i % 20], HAN[i // 20 : i // 20 + 2], "在", "New", "York", f"{i * 7}", "，", "失败"],
            "tags": ["O", "O", "O", "B-LOC", "I-LOC", "O", "O", "O"],
        }
        for i in range(300)
    ]


@pytest.mark.parametrize(
    ("words", "language", "text"),
    [
        (["It", "'s", "Ada", "."], "en", "It 's Ada ."),
        (["看似", "简单", "，", "iPhone", "15", "，", "好"], "zh", "看似简单，iPhone 15，好"),
        (["用", "Wi-Fi", "5G", "上网"], "zh", "用Wi-Fi 5G上网"),
        (["很", "好", ":)"], "zh", "很好:)"),
        (["one"], "other", "one"),
    ],
)
def test_running_text_by_hand(words: list[str], language: str, text: str) -> None:
    spaced = running_text(words, language)
    assert "".join(spaced) == text
    assert [word.strip() for word in spaced] == words


@pytest.mark.parametrize("made", [english, chinese])
def test_the_last_token_of_a_word_carries_its_tag(
    prepare: Prepare, jsonl: Write, tmp_path: Path, made: Callable[[], list[dict[str, Any]]]
) -> None:
    rows = prepare("tagging", jsonl(made()))
    folder = train_tokenizer(rows, 400, tmp_path / "cache")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert not any("B-LOC" in token or "LOC" in token for token in tokenizer.get_vocab()), "tags are not text"
    store = tokenise(rows, folder, None, 128, tmp_path / "cache", "stream")
    assert store.facts["labels"] == ["B-LOC", "I-LOC", "O"]
    for split in ("train", "validation"):
        wanted = {row["id"]: row for row in rows.rows(split)}
        for i in range(store.rows(split)):
            row, source = store.row(split, i), wanted[store.row(split, i).row_id]
            ends = np.flatnonzero(row.labels != -100) + 1
            words = [tokenizer.decode(row.input_ids[a:b]).strip() for a, b in zip([0, *ends], ends, strict=False)]
            assert words == source["tokens"]
            assert [store.facts["labels"][label] for label in row.labels[ends - 1]] == source["tags"]
            assert ends[-1] == len(row.input_ids), "nothing comes after the last word"
            assert tokenizer.decode(row.input_ids) == "".join(running_text(source["tokens"], source["language"]))
        facts = store.facts["splits"][split]
        assert facts["target_tokens"] == sum(len(row["tokens"]) for row in wanted.values())
        assert not facts["dropped"]
    assert any((np.diff(np.flatnonzero(store.row("train", i).labels != -100)) > 1).any() for i in range(20))
    lengths = store.lengths("base")
    assert store.facts["splits"]["base"]["target_tokens"] == lengths.sum() - len(lengths)
    base = "".join(tokenizer.decode(store.row("base", i).input_ids) for i in range(store.rows("base")))
    assert "LOC" not in base


def test_a_long_row_is_cut_at_the_end_of_a_word(prepare: Prepare, jsonl: Write, tmp_path: Path) -> None:
    rows = prepare("tagging", jsonl(english()))
    folder = train_tokenizer(rows, 300, tmp_path / "cache")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    store = tokenise(rows, folder, None, 16, tmp_path / "cache")
    wanted = {row["id"]: row for row in rows.rows("train")}
    for i in range(store.rows("train")):
        row = store.row("train", i)
        assert len(row.input_ids) <= 16
        assert row.labels[-1] != -100
        kept = int((row.labels != -100).sum())
        assert tokenizer.decode(row.input_ids) == " ".join(wanted[row.row_id]["tokens"][:kept])
    assert store.facts["splits"]["train"]["truncated"] == {"words": store.rows("train")}
    strict = prepare("tagging", jsonl(english()), checks={"too_long": "quarantine"})
    with pytest.raises(DataError, match="no training row is left at max_length 16: too long"):
        tokenise(strict, folder, None, 16, tmp_path / "cache")


def sentencepiece(folder: Path, alphabet: str, **settings: Any) -> Path:
    """A character tokenizer that puts a space before every text, as those of SentencePiece do."""
    vocabulary = {token: i for i, token in enumerate(["<unk>", "</s>", "▁", *sorted(set(alphabet))])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>"))
    tokenizer.normalizer = settings.get("normalizer")
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="</s>").save_pretrained(folder)
    return folder


def test_a_tokenizer_that_spaces_words_itself_does_it_once(prepare: Prepare, jsonl: Write, tmp_path: Path) -> None:
    rows = prepare("tagging", jsonl(english()))
    alphabet = "".join("".join(row["tokens"]) for row in english())
    folder = sentencepiece(tmp_path / "tokenizer", alphabet)
    store = tokenise(rows, folder, None, 256, tmp_path / "cache")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    source = {row["id"]: row for row in rows.rows("train")}
    for i in range(10):
        row = store.row("train", i)
        assert row.input_ids.tolist() == tokenizer.encode(" ".join(source[row.row_id]["tokens"]))


def test_words_without_a_token_are_counted_and_stop_the_run(prepare: Prepare, jsonl: Write, tmp_path: Path) -> None:
    """A tokenizer that strips soft hyphens makes nothing of a word that is one."""
    tagged = english()
    for row in tagged[::2]:
        row["tokens"][1] = "\u00ad"
    rows = prepare("tagging", jsonl(tagged))
    alphabet = "".join("".join(row["tokens"]) for row in tagged)
    strip = normalizers.Replace("\u00ad", "")
    folder = sentencepiece(tmp_path / "tokenizer", alphabet, normalizer=strip)
    with pytest.raises(DataError, match="a word without a token"):
        tokenise(rows, folder, None, 256, tmp_path / "cache")


def test_tags_that_only_evaluation_rows_have_are_told(prepare: Prepare, jsonl: Write) -> None:
    tagged = [{**row, "split": ("test", "validation", "train")[min(i % 10, 2)]} for i, row in enumerate(english())]
    for row in tagged[::10]:
        row["tags"][0] = "B-MISC"
    report = prepare("tagging", jsonl(tagged), split={"column": "split"}).report
    assert "30 evaluation rows have a label that no training row has: B-MISC" in report["notes"]
    assert report["splits"]["test"]["labels"]["B-MISC"] == 30


def test_one_tag_for_every_word_is_refused(prepare: Prepare, jsonl: Write) -> None:
    tagged = [{**row, "tags": ["O"] * len(row["tokens"])} for row in english()]
    with pytest.raises(DataError, match="every training word has the label 'O'.*check the tags column"):
        prepare("tagging", jsonl(tagged))


def test_tags_that_are_numbers_are_refused(prepare: Prepare, jsonl: Write) -> None:
    """Without an O, every word would be part of an entity."""
    numbers = {"O": 0, "B-LOC": 1, "I-LOC": 2}
    tagged = [{**row, "tags": [numbers[tag] for tag in row["tags"]]} for row in english()]
    with pytest.raises(DataError, match=r"^rows.jsonl:\d+: tags must be names, with O .* is a number \(0, 1, 2\)"):
        prepare("tagging", jsonl(tagged))
