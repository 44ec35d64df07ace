"""Augmentation edits inputs of training rows, keeps what carries meaning, and counts what it rejects."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seektune.errors import DataError
from seektune.text.augmentation.augment import augmenters
from seektune.text.augmentation.frozen import Frozen, label_words
from seektune.text.augmentation.inflect import form_of, inflected
from seektune.text.augmentation.lexicon import Lexicon
from seektune.text.augmentation.operator import Draft, Operator
from seektune.text.augmentation.options import FilterOptions, LexiconOptions, SynonymOptions
from seektune.text.augmentation.quality import fault
from seektune.text.augmentation.synonym import Synonym
from seektune.text.augmentation.thesaurus import thesaurus
from seektune.text.augmentation.wordnet import find_wordnet, has_chinese
from seektune.text.options import DataOptions
from seektune.text.reading import Row, row_id
from seektune.text.rows import RowSet

Prepare = Callable[..., RowSet]
Write = Callable[..., Path]
FREE = Frozen.of("", frozenset(), ())
PAIRS = "term,variant,language\nATM,cash machine,en\nAML,anti-money laundering,en\nwire,bank transfer,en\n转账,汇款,zh\n网点,营业厅,zh\n"


@pytest.fixture
def lexicon(tmp_path: Path) -> Path:
    path = tmp_path / "lexicon.csv"
    path.write_text(PAIRS, encoding="utf-8")
    return path


def edit(operator: Operator, text: str, frozen: Frozen = FREE, seed: int = 0, rate: float = 1.0) -> str:
    return operator([Draft(row(text), (text,), frozen, random.Random(seed))], rate)[0][0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("The ATM ate my card", "The cash machine ate my card"),
        ("Two atms and a Cash Machine", "Two cash machines and a ATM"),
        ("AML rules", "anti-money laundering rules"),
        ("wireless", "wireless"),
        ("Wire it", "Bank transfer it"),
        ("我想转账给她", "我想汇款给她"),
        ("汇款去哪个营业厅", "转账去哪个网点"),
        ("用ATM转账", "用cash machine汇款"),
        ("nothing here", "nothing here"),
    ],
)
def test_lexicon_goes_both_ways_in_both_languages(lexicon: Path, before: str, after: str) -> None:
    assert edit(Lexicon(LexiconOptions(path=str(lexicon))), before) == after


def test_lexicon_leaves_what_the_answer_says(lexicon: Path) -> None:
    operator = Lexicon(LexiconOptions(path=str(lexicon)))
    assert (
        edit(operator, "wire money at the ATM", Frozen.of("a wire", frozenset(), ()))
        == "wire money at the cash machine"
    )
    assert edit(operator, "去网点转账", Frozen.of("已转账。", frozenset(), ())) == "去营业厅转账"
    assert edit(operator, "an ATM wire", Frozen.of("", frozenset({"wire"}), ("atm",))) == "an ATM wire"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("word,variant,language\na,b,en\n", "lexicon.csv:1: .*columns term,variant,language.* has word,"),
        ("term;variant;language\na;b;en\n", "lexicon.csv:1: .*parted by commas"),
        ("term,variant,language\na,,en\n", "lexicon.csv:2: term and variant"),
        ("term,variant,language\na,b,fr\n", "lexicon.csv:2: .*language must be one of en, zh"),
        ("term,variant,language\n", "no rows"),
    ],
)
def test_lexicon_file_errors_name_file_and_line(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "lexicon.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=said):
        edit(Lexicon(LexiconOptions(path=str(path))), "a")
    with pytest.raises(DataError, match="no such lexicon"):
        Lexicon(LexiconOptions(path=str(tmp_path / "none.csv")))


def test_frozen_parts() -> None:
    text = "Pay 30 EUR to bob@x.org, not card_arrival or cash for the Visa trip"
    held = Frozen.of("the trip is paid", label_words(["card_arrival", "CashOut"]), ["visa"])
    words = {text[start:end].strip(",") for start, end in held.spans(text)}
    assert words >= {"30", "bob@x.org", "not", "card_arrival", "cash", "the", "Visa", "trip"}
    assert not words & {"Pay", "EUR", "or", "for"}
    chinese = {
        text[a:b] for text in ["我没有收到3000元的转账"] for a, b in Frozen.of("转账失败", frozenset(), ()).spans(text)
    }
    assert chinese >= {"没有", "3000", "转账"}
    assert "收到" not in chinese


def row(text: str) -> Row:
    fields = {"instruction": text, "input": "", "output": "Refund 30 euros to the tall man"}
    return Row(row_id("instruction", fields), fields, "en", "s", "s", 1)


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ("The tall man asks for 30 euros", "nothing to replace"),
        ("The tall man requests 30 euros", ""),
        ("The big man asks for 30 euros", "answer span lost"),
        ("The tall man asks for 40 euros", "numbers, negation or protected terms changed"),
        ("The tall man never asks for 30 euros", "numbers, negation or protected terms changed"),
        ("30 euros", "length ratio"),
        ("A tall person wants some 30 euros", "overlap"),
        ("The tall man asks for 30 euros 的钱的钱的钱的钱的钱的钱", "another language"),
    ],
)
def test_filter_says_why(after: str, reason: str) -> None:
    data = DataOptions(kind="instruction", sources=[{"path": "a"}])
    parent, child = row("The tall man asks for 30 euros"), row(after)
    child.language = "zh" if "的" in after else "en"
    frozen = Frozen.of(parent.fields["output"], frozenset(), ())
    assert fault(parent, child, data, frozen, {parent.id}) == reason


def test_the_filter_is_the_users_to_set() -> None:
    wide = {"filter": {"length_ratio": [0.1, 9], "overlap": 0}}
    data = DataOptions(kind="instruction", sources=[{"path": "a"}], augment=wide)
    parent = row("The tall man asks for 30 euros")
    for after in ("tall man 30 euros", "A tall man wants some 30 euros from whoever has as many"):
        assert fault(parent, row(after), data, FREE, set()) == ""
    with pytest.raises(ValueError, match="least <= 1 <= most"):
        FilterOptions(length_ratio=[1.1, 2.0])


@pytest.mark.parametrize(
    ("lemma", "form", "part", "irregular", "word"),
    [
        ("buy", "s", "v", {}, "buys"),
        ("carry", "s", "v", {}, "carries"),
        ("watch", "s", "n", {}, "watches"),
        ("child", "s", "n", {"child": ["children"]}, "children"),
        ("aid", "ed", "v", {}, "aided"),
        ("purchase", "ing", "v", {}, "purchasing"),
        ("stop", "ed", "v", {"stop": ["stopped", "stopping"]}, "stopped"),
        ("buy", "ed", "v", {"buy": ["bought"]}, None),
        ("lie", "ing", "v", {}, "lying"),
    ],
)
def test_inflection(lemma: str, form: str, part: str, irregular: dict[str, list[str]], word: str | None) -> None:
    assert inflected(lemma, form, part, irregular) == word


def test_form_of() -> None:
    assert [form_of(word, "help", "v") for word in ("help", "helps", "helped", "helping", "holpen")] == [
        "base",
        "s",
        "ed",
        "ing",
        None,
    ]
    assert form_of("bigger", "big", "a") is None


def messages(i: int) -> dict[str, Any]:
    names = "amber basil cedar dahlia elder fennel ginger hazel iris juniper".split()  # noqa: SIM905 - ten plants
    a, b, c = names[i % 10], names[i // 10 % 10], names[i // 100 % 10]
    return {
        "messages": [
            {"role": "system", "content": "The ATM desk."},
            {"role": "user", "content": f"The {a} {b} ATM near {c} square {a} ate the {c} wire of {b}"},
            {"role": "assistant", "content": f"Go to the ATM at {a} again."},
        ]
    }


def test_children_are_of_train_only_carry_their_origin_and_edit_inputs_only(
    prepare: Prepare, jsonl: Write, lexicon: Path
) -> None:
    path = jsonl(messages(i) for i in range(300))
    augment = {"operators": [{"lexicon": {"path": str(lexicon), "rate": 1.0}}]}
    rows, plain = prepare("chat", path, augment=augment), prepare("chat", path)
    report = rows.report["augmentation"]["operators"]["lexicon"]
    assert (
        report["asked"] == plain.report["splits"]["train"]["rows"] == report["made"] + sum(report["rejected"].values())
    )
    assert report["made"] > 150
    assert len(report["examples"]) == 5
    parents = {row["id"]: row for row in rows.rows("train") if row["parent"] is None}
    children = [row for row in rows.rows("train") if row["parent"]]
    assert len(children) == report["made"]
    for child in children:
        parent = parents[child["parent"]]
        assert (child["operator"], child["group"]) == ("lexicon", parent["group"])
        old, new = parent["messages"], child["messages"]
        assert [turn for turn in new if turn["role"] != "user"] == [turn for turn in old if turn["role"] != "user"]
        assert new[1]["content"] == old[1]["content"].replace(" wire ", " bank transfer ")  # ATM stands in the answer
    assert len({child["augment_seed"] for child in children}) == len(children)
    for split in ("validation", "test"):
        assert rows.rows(split) == plain.rows(split)
    assert rows.report["used"] == plain.report["used"] == 300


def test_seed_and_lexicon_decide_and_nothing_else(prepare: Prepare, jsonl: Write, lexicon: Path) -> None:
    path = jsonl(messages(i) for i in range(100))
    augment = {"operators": [{"lexicon": {"path": str(lexicon)}}], "share": 0.5, "copies": 2}
    first = prepare("chat", path, augment=augment, seed=1)
    assert prepare("chat", path, augment=augment, seed=1, cache="other").fingerprint == first.fingerprint
    assert prepare("chat", path, augment=augment, seed=2).folder != first.folder
    asked = first.report["augmentation"]["operators"]["lexicon"]["asked"]
    assert 0.3 < asked / 2 / first.report["splits"]["train"]["rows"] < 0.9
    lexicon.write_text(PAIRS + "square,plaza,en\n", encoding="utf-8")
    assert prepare("chat", path, augment=augment, seed=1).fingerprint != first.fingerprint


@pytest.mark.parametrize(
    ("kind", "operator", "said"),
    [
        ("text", "typos", "a row of kind text has none; take typos out"),
        ("tagging", "deletion", "would change the number of tokens.*synonym, lexicon, typos, mention"),
        ("chat", "mention", "needs tagged rows; operators for kind chat: synonym"),
    ],
)
def test_an_operator_that_is_not_for_this_kind_of_rows_is_an_error(kind: str, operator: str, said: str) -> None:
    data = DataOptions(kind=kind, sources=[{"path": "a"}], augment={"operators": [operator]})
    with pytest.raises(DataError, match=said):
        augmenters(data)


@pytest.mark.parametrize(
    ("operators", "said"),
    [
        (["synonim"], "did you mean 'synonym'"),
        (["synonym", "synonym"], "twice"),
        ([{"lexicon": {}}], "path"),
        ([{"synonym": {"rate": 2}}], "rate"),
    ],
)
def test_operators_are_checked_with_the_study_file(operators: list[Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        DataOptions(kind="text", sources=[{"path": "a"}], augment={"operators": operators})


needs_wordnet = pytest.mark.skipif(find_wordnet() is None, reason="no WordNet on this machine")


@needs_wordnet
def test_synonyms_respect_part_of_speech_inflection_names_and_compounds() -> None:
    operator = Synonym(SynonymOptions())
    edited = edit(operator, "Could you help me to buy a large house? She helped Buy and bought.")
    assert edited != "Could you help me to buy a large house? She helped Buy and bought."
    assert "purchase a" in edited
    assert " Buy and bought." in edited  # a name, an irregular past
    assert edit(operator, "the credit card") == "the credit card"  # a compound
    assert edit(operator, "12 not this") == "12 not this"
    assert edit(operator, "to buy", Frozen.of("buy it", frozenset(), ())) == "to buy"


def test_an_example_says_where_it_was_cut(prepare: Prepare, jsonl: Write, lexicon: Path) -> None:
    path = jsonl({"text": f"{messages(i)['messages'][1]['content']} " * 3, "label": "ab"[i % 2]} for i in range(300))
    augment = {"operators": [{"lexicon": {"path": str(lexicon), "rate": 0.3}}]}
    rows = prepare("classification", path, augment=augment)
    texts = {row["id"]: row["text"] for row in rows.rows("train")}
    examples = rows.report["augmentation"]["operators"]["lexicon"]["examples"]
    assert {one["before"][0] for one in examples} == {"T", "…"}
    for one in examples:
        whole, shown = texts[one["parent"]], one["before"]
        assert len(shown) <= 200
        assert shown.strip("…") in whole
        assert shown.startswith("…") != whole.startswith(shown.strip("…"))
        assert shown.endswith("…") != whole.endswith(shown.strip("…"))


@needs_wordnet
def test_a_substitute_is_common_and_no_plural_in_disguise() -> None:
    found = thesaurus(find_wordnet())  # type: ignore[arg-type]
    assert found.english("buy", "v") == ("purchase",)
    assert found.english("bought", "v") == ()  # irregular
    assert "kids" in found.english("children", "n")
    assert "fries" not in found.english("children", "n")
    assert "fixed" in found.english("repaired", "v")
    assert "bushelled" not in found.english("repaired", "v")
    assert found.english("sports", "n") == ()  # athletics


@pytest.mark.real
def test_where_wordnet_counts_a_substitute_was_counted_twice(tmp_path: Path, shared: Path) -> None:
    with zipfile.ZipFile(shared / "nltk_data/corpora/wordnet.zip") as packed:
        packed.extractall(tmp_path / "corpora")
    counts = [
        "be%2:42:03:: 1 9",
        "child%1:18:00:: 1 9",
        "fry%1:18:00:: 1 1",
        "kid%1:18:00:: 1 1",
        "youngster%1:18:00:: 1 2",
    ]
    (tmp_path / "corpora/wordnet/cntlist.rev").write_text("".join(f"{line}\n" for line in counts))
    code = (
        "import sys; from pathlib import Path; from seektune.text.augmentation.thesaurus import thesaurus\n"
        "print(thesaurus(Path(sys.argv[1])).english('children', 'n'))"
    )
    asked = [sys.executable, "-c", code, str(tmp_path)]
    told = subprocess.run(
        asked, capture_output=True, text=True, check=True, env={**os.environ, "NLTK_DATA": str(tmp_path)}
    )
    assert told.stdout == "('youngsters',)\n"


@needs_wordnet
def test_same_seed_same_synonyms_and_a_rate_counts_words() -> None:
    operator = Synonym(SynonymOptions())
    text = "They will help you to buy the automobile rapidly and to begin quickly, and to assist the physician rapidly."
    first = edit(operator, text, seed=3, rate=0.15)
    assert first == edit(operator, text, seed=3, rate=0.15)
    changed = [(a, b) for a, b in zip(text.split(), first.split(), strict=True) if a != b]
    assert len(changed) == 1


@needs_wordnet
def test_chinese_synonyms_insert_no_space() -> None:
    operator = Synonym(SynonymOptions())
    if not has_chinese(find_wordnet()):
        pytest.skip("no Chinese wordnet on this machine")
    edited = edit(operator, "请告诉我这家餐馆的地址和营业时间，谢谢你的帮助")
    assert edited != "请告诉我这家餐馆的地址和营业时间，谢谢你的帮助"
    assert " " not in edited


def test_without_its_engine_an_operator_is_an_error_with_a_remedy(
    prepare: Prepare, jsonl: Write, lexicon: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seektune.text.augmentation.synonym.find_wordnet", lambda: None)
    path = jsonl(messages(i) for i in range(100))
    for name in ("synonym", "insertion"):
        with pytest.raises(
            DataError, match=f"operator {name}: WordNet: not found.*python -m seektune.text.augmentation.wordnet"
        ):
            prepare("chat", path, augment={"operators": [{"lexicon": {"path": str(lexicon)}}, name]})
    with pytest.raises(DataError, match="operator lexicon: .*there is no such lexicon"):
        prepare("chat", path, augment={"operators": [{"lexicon": {"path": "none.csv"}}]})


@needs_wordnet
def test_chinese_rows_need_the_chinese_wordnet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seektune.text.augmentation.synonym.has_chinese", lambda folder: False)
    operator = Synonym(SynonymOptions())
    english, chinese = row("Where is the card?"), row("卡在哪里？")
    chinese.language = "zh"
    operator.learn([english] * 30 + [chinese])  # a stray one is only counted
    with pytest.raises(DataError, match="5 of 15 training rows are Chinese.*omw-2.0"):
        operator.learn([english] * 10 + [chinese] * 5)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("take the buſ", "take the coach"),
        ("THE BUS", "THE coach"),
        ("Straße und STRAẞE", "Road und road"),
        ("a gım", "a gım"),
    ],
)
def test_lexicon_with_letters_of_one_case(tmp_path: Path, before: str, after: str) -> None:
    """The long s is an s in any case, and ß folds to two; the dotless i matches i and folds to itself."""
    (tmp_path / "a.csv").write_text(
        "term,variant,language\nbus,coach,en\nstraße,road,en\ngim,gym,en\n", encoding="utf-8"
    )
    assert edit(Lexicon(LexiconOptions(path=str(tmp_path / "a.csv"))), before) == after


@pytest.mark.parametrize(
    ("term", "text", "held"),
    [
        ("Straße", "In der Straße 5a", "Straße"),
        ("Straße", "IN DER STRASSE", "STRASSE"),
        ("l’Oréal", "buy L'Oréal now", "L'Oréal"),
        ("l'Oréal", "buy l’oréal now", "l’oréal"),
        ("ＡＢＣ", "the ＡＢＣ and", "ＡＢＣ"),
        ("ＡＢＣ", "the abc and", "abc"),
        ("visa", "İİİ İstanbul visa trip", "visa"),
        ("new york", "to New  York", "New  York"),
        ("a+b", "an a+B", "a+B"),
    ],
)
def test_protected_terms_as_they_are_written(term: str, text: str, held: str) -> None:
    spans = set(Frozen.of("", frozenset(), [term]).spans(text)) - set(FREE.spans(text))
    assert {text[start:end] for start, end in spans} == {held}
