"""The mix for continued pre-training: an exact share, nothing twice, nothing that is held out, no evaluation row."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from seektune.errors import DataError
from seektune.text.layout import EOS
from seektune.text.mixing import DomainMix
from seektune.text.rows import RowSet
from seektune.text.store import TokenStore
from seektune.text.tokens import tokenise, train_tokenizer

Prepare = Callable[..., RowSet]
Write = Callable[..., Path]
LENGTH = 48


def pages(subject: str, count: int) -> list[dict[str, str]]:
    """Texts of different lengths; every third is longer than a block."""
    return [
        {"text": f"Page {i} on {subject}. " + f"{subject} number {i * 7} stands here. " * (1 + i % 9)}
        for i in range(count)
    ]


@pytest.fixture
def mixed(prepare: Prepare, jsonl: Write, labelled: list[dict[str, str]], tmp_path: Path) -> Callable[..., Any]:
    """(rows, store, decode) of banking questions with so many general and domain pages."""

    def make(share: float, tokens: int | None = None, *, general: int = 60, domain: int = 0, **options: Any) -> Any:
        blocks = {"general": pages("weather", general), "domain": pages("mortgages", domain)}
        sources = {name: [{"path": str(jsonl(texts, f"{name}.jsonl"))}] for name, texts in blocks.items() if texts}
        rows = prepare("classification", jsonl(labelled), **sources, **options)
        folder = train_tokenizer(rows, 400, tmp_path / "cache")
        store = tokenise(rows, folder, None, LENGTH, tmp_path / "cache", DomainMix(share, tokens))
        return rows, store, AutoTokenizer.from_pretrained(folder)

    return make


def by_group(store: TokenStore) -> dict[str, list[int]]:
    """Lengths of the mix's blocks."""
    rows = [store.row("base", i) for i in range(store.rows("base"))]
    return {name: [len(row.input_ids) for row in rows if row.group == name] for name in ("domain", "general")}


@pytest.mark.parametrize("tokens", [None, 1_500])
@pytest.mark.parametrize("share", [0.3, 0.55, 0.9])
def test_the_share_is_exact_to_a_block(mixed: Callable[..., Any], share: float, tokens: int | None) -> None:
    _, store, _ = mixed(share, tokens, domain=40)
    found = by_group(store)
    domain, general = sum(found["domain"]), sum(found["general"])
    mix = store.facts["mix"]
    assert (mix["domain"], mix["general"]) == (domain, general)
    assert mix["share"] == domain / (domain + general) >= share
    assert domain / (domain + general + LENGTH) < share, "another block of general text would be too much"
    if tokens is not None:
        assert tokens - 3 * LENGTH / share < domain + general <= tokens
    else:
        left_out = mix["left_out"]
        assert min(left_out["domain"], left_out["general"] * share) <= LENGTH / (1 - share), "one of the two is used up"


def test_nothing_is_repeated_and_what_is_measured_on_is_not_trained_on(mixed: Callable[..., Any]) -> None:
    rows, store, tokenizer = mixed(0.3, domain=40)
    texts = {split: [tokenizer.decode(store.row(split, i).input_ids) for i in range(store.rows(split))] for split in
             ("base", "domain", "general")}  # fmt: skip
    assert len(set(texts["base"])) == len(texts["base"])
    held_out = [text for name in ("domain", "general") for text in texts[name]]
    assert min(len(texts["domain"]), len(texts["general"])) >= 8
    assert not set(texts["base"]) & set(held_out)
    numbers = {
        name: {text.split(" on ")[0] + name for text in texts[name] if text.startswith("Page ")} for name in texts
    }
    assert len(numbers["domain"]) == len(numbers["general"]) == 8, "whole texts are held out"
    assert all("mortgages" in text for text in texts["domain"])
    assert len(rows.rows("domain")) == 40


def test_a_block_is_a_piece_of_one_document(mixed: Callable[..., Any]) -> None:
    _, store, tokenizer = mixed(0.3)
    blocks = [tokenizer.decode(store.row("base", i).input_ids) for i in range(store.rows("base"))]
    assert all(EOS not in block.removesuffix(EOS) for block in blocks)
    assert store.lengths("base").max() <= LENGTH


def test_without_domain_text_the_train_split_is_the_domain(mixed: Callable[..., Any]) -> None:
    rows, store, tokenizer = mixed(0.3, augment={"operators": ["synonym"]})

    def texts(split: str) -> set[str]:
        return {tokenizer.decode(store.row(split, i).input_ids).removesuffix(EOS) for i in range(store.rows(split))}

    own = {row["text"] for row in rows.rows("train") if row["augment_seed"] is None}
    made = {row["text"] for row in rows.rows("train")} - own
    assert made
    assert not texts("base") & made, "augmented rows are left out"
    assert texts("base") & own
    assert texts("domain") == {row["text"] for row in rows.rows("validation")}
    assert not texts("base") & {row["text"] for split in ("validation", "test") for row in rows.rows(split)}


def test_without_general_text_the_share_is_one_and_it_is_said(mixed: Callable[..., Any]) -> None:
    _, store, _ = mixed(0.3, general=0)
    mix = store.facts["mix"]
    assert (mix["share"], mix["general"], mix["left_out"]["domain"], store.rows("general")) == (1.0, 0, 0, 0)
    assert "no general text" in mix["notes"][0]


def test_general_text_of_which_nothing_is_left_is_said(
    prepare: Prepare, jsonl: Write, labelled: list[dict[str, str]], tmp_path: Path
) -> None:
    same = [{"path": str(jsonl(pages("mortgages", 20), "pages.jsonl"))}]
    rows = prepare("classification", jsonl(labelled), domain=same, general=same)
    folder = train_tokenizer(rows, 400, tmp_path / "cache")
    mix = tokenise(rows, folder, None, LENGTH, tmp_path / "cache", DomainMix(0.3)).facts["mix"]
    assert "nothing is left of data.general (exact duplicate 20)" in mix["notes"][0]


def test_domain_text_that_is_cut_for_want_of_general_text_is_said(mixed: Callable[..., Any]) -> None:
    _, store, _ = mixed(0.3, general=12, domain=80)
    mix = store.facts["mix"]
    assert mix["left_out"]["domain"] > 0.5 * mix["domain"]
    assert "of the domain text is left out" in mix["notes"][0]


def test_domain_text_is_guarded_as_general_text_is(
    prepare: Prepare, jsonl: Write, labelled: list[dict[str, str]], tmp_path: Path
) -> None:
    ids = prepare("classification", jsonl(labelled))
    asked = ids.rows("test")[0]["text"]
    domain = [
        *pages("mortgages", 9),
        pages("mortgages", 1)[0],
        {"text": f"A forum. {asked} And an answer."},
        {"text": ""},
    ]
    general = [*pages("weather", 9), pages("mortgages", 9)[8]]
    rows = prepare(
        "classification", jsonl(labelled), checks={"max_bad_share": 0.5},
        domain=[{"path": str(jsonl(domain, "domain.jsonl"))}], general=[{"path": str(jsonl(general, "general.jsonl"))}],
    )  # fmt: skip
    dropped = {"exact duplicate": 1, "holds an evaluation row": 1}
    assert rows.report["domain"] == {"rows_in": 12, "used": 9, "quarantined": {"empty": 1}, "dropped": dropped}
    assert rows.report["general"]["dropped"] == {"exact duplicate": 1}, "a general text that repeats a domain text"
    assert not any("forum" in row["text"] for row in rows.rows("domain"))


def test_text_that_cannot_be_mixed_is_refused(
    prepare: Prepare, jsonl: Write, labelled: list[dict[str, str]], tmp_path: Path
) -> None:
    def store(domain: list[dict[str, str]]) -> TokenStore:
        rows = prepare("classification", jsonl(labelled), domain=[{"path": str(jsonl(domain, "domain.jsonl"))}])
        return tokenise(
            rows, train_tokenizer(rows, 400, tmp_path / "cache"), None, LENGTH, tmp_path / "cache", DomainMix(0.3)
        )

    with pytest.raises(DataError, match="data.domain is a single text, but some text must be held out"):
        store(pages("mortgages", 1))
    asked = prepare("classification", jsonl(labelled)).rows("test")[0]["text"]
    with pytest.raises(DataError, match=r"no domain text is left to train on \(holds an evaluation row 2\)"):
        store([{"text": f"One. {asked} And an answer."}, {"text": f"Two. {asked} And another answer."}])


def test_a_mix_is_not_held_in_memory(
    prepare: Prepare, jsonl: Write, labelled: list[dict[str, str]], tmp_path: Path
) -> None:
    words = [f"word{i}" for i in range(997)]
    texts = [{"text": f"Page {i}. " + " ".join(words[(i * k) % 997] for k in range(1, 51))} for i in range(3_000)]
    rows = prepare("classification", jsonl(labelled), domain=[{"path": str(jsonl(texts, "domain.jsonl"))}])
    folder = train_tokenizer(prepare("classification", jsonl(labelled)), 400, tmp_path / "cache")
    tokenise(rows, folder, None, 4_096, tmp_path / "first", DomainMix(0.3))  # imports are not counted
    tracemalloc.start()
    try:
        store = tokenise(rows, folder, None, 4_096, tmp_path / "cache", DomainMix(0.3))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    tokens = store.facts["splits"]["base"]["tokens"]
    print(f"{peak:,} bytes at most for {tokens:,} tokens")
    assert peak < 8 * tokens, "a token and its label take 8 bytes"
