"""The contract of every registered operator, on English, Chinese and tagged rows."""

from __future__ import annotations

import difflib
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seektune.errors import DataError
from seektune.text.augmentation.augment import augment
from seektune.text.augmentation.frozen import Frozen
from seektune.text.augmentation.operator import Draft, Operator
from seektune.text.augmentation.options import AUGMENTERS, cannot_edit
from seektune.text.augmentation.words import Words
from seektune.text.kinds import Fields, answer_text, inputs
from seektune.text.language import has_han
from seektune.text.leaks import Guard
from seektune.text.options import DataOptions
from seektune.text.reading import Row, row_id

RATED = [name for name, entry in AUGMENTERS.items() if "rate" in entry.settings.model_fields]
Settings = Callable[[str], dict[str, Any]]

ENGLISH = [
    "I want to purchase a large automobile, but the physician was not happy about {name}, [NAME] or <X>.",
    "Could you help me to send 30 EUR from Lyon to bob@x.org for the new children of my neighbour?",
    "They never require more than twenty cards, which always seem to happen rapidly near the Danube river.",
    "Sunday movie tickets were wanted, so please watch the large film twice with Ms Olga Brandt.",
]
CHINESE = [
    "请告诉我这家餐馆的地址和营业时间，我不想订{姓名}的房间，谢谢你的帮助。",
    "我女朋友准备在周末找个便宜的酒店休息，价格不要超过300元，评分应该很高。",
    "这个景点附近有没有好吃的餐馆推荐，帮我查询出租汽车的价格和联系电话。",
]
HELD = [
    "30",
    "twenty",
    "twice",
    "not",
    "never",
    "{name}",
    "[NAME]",
    "<X>",
    "bob@x.org",
    "Lyon",
    "Danube",
    "Olga",
    "Brandt",
]
HELD_HAN = ["不", "{姓名}", "300", "没有"]
SAID = {  # by the answer, or by a label
    "instruction": ["my neighbour", "便宜"],
    "chat": ["physician", "地址"],
    "classification": ["watch", "周末"],
    "summary": ["the children", "价格"],
    "tagging": [],
}
TAGGED = [
    (["The", "large", "film", "by", "Olga", "Brandt", "was", "wanted"], ["O", "O", "O", "O", "B-PER", "I-PER", "O", "O"]),
    (["Ms", "Anna", "Lind", "wants", "help", "near", "Lyon"], ["O", "B-PER", "I-PER", "O", "O", "O", "B-LOC"]),
    (["The", "children", "require", "help", "from", "Berlin"], ["O", "O", "O", "O", "O", "B-LOC"]),
    (["我们", "准备", "在", "北京", "的", "餐馆", "吃饭"], ["O", "O", "O", "B-LOC", "O", "O", "O"]),
    (["我们", "应该", "在", "上海", "找", "便宜", "的", "酒店"], ["O", "O", "O", "B-LOC", "O", "O", "O", "O"]),
]  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """What an operator cannot do without."""
    lexicon = tmp_path / "lexicon.csv"
    lexicon.write_text(
        "term,variant,language\nfilm,picture,en\ntickets,entry passes,en\n餐馆,饭店,zh\n酒店,宾馆,zh\n", "utf-8"
    )
    return lambda name: {"path": str(lexicon)} if name == "lexicon" else {}


def examples(kind: str) -> list[Fields]:
    texts = ENGLISH + CHINESE
    if kind == "classification":
        return [{"text": text, "label": "watch" if i % 2 else "周末"} for i, text in enumerate(texts)]
    if kind == "tagging":
        return [{"tokens": list(tokens), "tags": list(tags)} for tokens, tags in TAGGED]
    if kind == "summary":
        return [{"document": text, "summary": "the children / 价格"} for text in texts]
    if kind == "instruction":
        return [
            {"instruction": text, "input": texts[i - 1], "output": "my neighbour / 便宜"}
            for i, text in enumerate(texts)
        ]
    system, answer = {"role": "system", "content": "Help."}, {"role": "assistant", "content": "physician; 地址"}
    return [{"messages": [system, {"role": "user", "content": text}, answer]} for text in texts]


def rows(kind: str) -> list[Row]:
    found = []
    for i, fields in enumerate(examples(kind)):
        language = "zh" if has_han(" ".join(inputs(kind, fields))) else "en"
        found.append(Row(row_id(kind, fields), fields, language, "s", "s", i + 1, group=str(i), side="train"))
    return found


def options(kind: str, name: str, settings: Settings, **more: Any) -> DataOptions:
    augment = {"operators": [{name: settings(name)}], "filter": {"overlap": 0, "length_ratio": [0, 9]}, **more}
    return DataOptions(kind=kind, sources=[{"path": "a"}], protected_terms=["danube", "营业"], augment=augment)


def made(name: str, settings: Settings) -> Operator:
    try:
        return AUGMENTERS[name].load()(AUGMENTERS[name].settings.model_validate(settings(name)))
    except DataError as missing:
        pytest.skip(str(missing))


def cases() -> Iterator[Any]:
    for name, entry in AUGMENTERS.items():
        for kind in sorted(entry.kinds):
            yield pytest.param(name, kind, id=f"{name}-{kind}")


@pytest.mark.parametrize(("name", "kind"), cases())
def test_children_of_an_operator(settings: Settings, name: str, kind: str) -> None:
    made(name, settings)
    train, data = rows(kind), options(kind, name, settings, copies=3, rates=[0.2, 1.0])
    children, report = augment(train, data, 7, Guard([], data))
    again, _ = augment(train, data, 7, Guard([], data))
    assert [child.fields for child in children] == [child.fields for child in again]
    counts = report["operators"][name]
    rates = (0.2, 1.0) if name in RATED else (1.0,)
    assert counts["asked"] == len(train) * 3 * len(rates) == counts["made"] + sum(counts["rejected"].values())
    assert counts["made"] == len(children) >= 2
    parents = {row.id: row for row in train}
    for child in children:
        parent = parents[child.parent or ""]
        assert (child.operator, child.side, child.group) == (name, "train", parent.group)
        assert child.rate in rates and child.copy in (0, 1, 2) and child.augment_seed is not None
        assert child.id not in parents
        if kind != "tagging":
            assert answer_text(kind, child.fields) == answer_text(kind, parent.fields)
        for before, after in zip(inputs(kind, parent.fields), inputs(kind, child.fields), strict=True):
            assert after.strip() == after != ""
            kept = [word for word in (*HELD, *HELD_HAN, "营业", *SAID[kind]) if word in before]
            if not AUGMENTERS[name].mentions:
                assert [word for word in kept if word not in after] == []
            if has_han(before):
                assert after.count(" ") == before.count(" ")
    assert {child.language for child in children} == {"en", "zh"} or name in ("mention", "back_translation")
    seeds = [child.augment_seed for child in children]
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize("name", [name for name in AUGMENTERS if "tagging" in AUGMENTERS[name].kinds])
def test_tags_stay_with_their_tokens(settings: Settings, name: str) -> None:
    made(name, settings)
    train, data = rows("tagging"), options("tagging", name, settings, copies=5)
    children, _ = augment(train, data, 1, Guard([], data))
    parents = {row.id: row for row in train}
    for child in children:
        old, new = parents[child.parent or ""].fields, child.fields
        assert new["tags"] == old["tags"] and len(new["tokens"]) == len(new["tags"])
        changed = {tag for a, b, tag in zip(old["tokens"], new["tokens"], new["tags"], strict=True) if a != b}
        assert changed and ("O" in changed) is not AUGMENTERS[name].mentions and len(changed - {"O"}) in (0, 1, 2)
        assert AUGMENTERS[name].mentions or changed == {"O"}


@pytest.mark.parametrize("name", [name for name in RATED if "classification" in AUGMENTERS[name].kinds])
def test_a_rate_counts_edits_and_a_frozen_text_stays(settings: Settings, name: str) -> None:
    operator = made(name, settings)
    train = rows("classification")
    operator.learn(train)
    text = " ".join(ENGLISH + CHINESE)

    def edits(rate: float, frozen: Frozen) -> int:
        draft = Draft(train[0], (text,), frozen, random.Random(3))
        after = operator([draft], rate)[0][0]
        old, new = Words(text, frozen), Words(after, frozen)
        before_words, after_words = [old[i] for i in range(len(old.spans))], [new[i] for i in range(len(new.spans))]
        codes = difflib.SequenceMatcher(None, before_words, after_words, autojunk=False).get_opcodes()
        return sum(code[0] != "equal" for code in codes)

    free = Frozen.of("", frozenset(), ())
    assert 0 < edits(0.01, free) <= 3  # a swap looks like two, a Chinese typo is cut into characters
    assert edits(1.0, free) > edits(0.01, free)
    assert edits(1.0, Frozen.of(text, frozenset(), ())) == 0
    assert operator([Draft(train[0], ("",), free, random.Random(3))], 1.0) == [[""]]


def test_every_operator_names_its_kinds_and_refuses_the_others() -> None:
    for name, entry in AUGMENTERS.items():
        assert entry.kinds and "text" not in entry.kinds
        for kind in ("text", "instruction", "chat", "classification", "tagging", "summary"):
            assert bool(cannot_edit(name, kind)) is (kind not in entry.kinds)


@pytest.mark.parametrize("name", [name for name in AUGMENTERS if "tagging" in AUGMENTERS[name].kinds])
def test_tagged_tokens_with_blanks_stay_whole(settings: Settings, name: str) -> None:
    made(name, settings)
    train = []
    for city, film in (("New York", "short film"), ("Los Angeles", "long film")):
        fields = {
            "tokens": ["The", film, "of", city, "was", "wanted", "by", "children"],
            "tags": ["O", "O", "O", "B-LOC", "O", "O", "O", "O"],
        }
        train.append(Row(row_id("tagging", fields), fields, "en", "s", "s", 1, group=city, side="train"))
    data = DataOptions(
        kind="tagging",
        sources=[{"path": "a"}],
        protected_terms=["short film"],
        augment={"operators": [{name: settings(name)}], "copies": 5},
    )
    children, report = augment(train, data, 1, Guard([], data))
    assert children and "tokens changed" not in report["operators"][name]["rejected"]
    parents = {row.id: row for row in train}
    for child in children:
        old, new = parents[child.parent or ""].fields["tokens"], child.fields["tokens"]
        assert len(new) == 8 and all(token.isprintable() and "\U0010fffd" not in token for token in new)
        assert "short film" not in old or "short film" in new
        assert new[3] == old[3] or (name == "mention" and {old[3], new[3]} == {"New York", "Los Angeles"})
    shown = report["operators"][name]["examples"][0]["before"]
    assert shown.isprintable() and shown.count(" ") == 9
