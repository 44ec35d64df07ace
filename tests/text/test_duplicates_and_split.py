"""Duplicates by METHOD's rule, clusters that stay together, sides that never move, leaks that are named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seektune.errors import DataError
from seektune.text.duplicates import edits, same
from seektune.text.leaks import Guard, refuse
from seektune.text.near_index import NearIndex
from seektune.text.options import DataOptions
from seektune.text.reading import Row, row_id
from seektune.text.rows import RowSet
from seektune.text.split import draw, side

Prepare = Callable[..., RowSet]
Write = Callable[..., Path]
Labelled = list[dict[str, str]]


@pytest.mark.parametrize(
    ("a", "b", "near"),
    [
        ("Where is my new card today?", "where is my  NEW card, today", True),
        ("Where is my new card today?", "Where is my new cards today?", True),
        ("Please cancel the transfer to my landlord", "Please cancel that transfer to my landlord", True),
        ("Please cancel the transfer to my landlord", "Please repeat that transfer to my landlord", False),  # two edits
        ("I paid 30 euros at the shop", "I paid 50 euros at the shop", False),  # another number
        ("I can use the card abroad", "I cannot use the card abroad", False),  # another sense
        ("I recognise this payment here", "I don't recognise this payment here", False),
        ("请问我的信用卡什么时候可以寄到家里", "请问我的信用卡什么时候能够寄到家里", False),  # two of 17 characters
        ("请问我的信用卡什么时候可以寄到家里", "请问我的信用卡什么时候可以寄到家", True),
        ("我的转账成功了吗请帮我查一下", "我的转账不成功了吗请帮我查一下", False),  # negation
        ("我要存三千元到账户里面去", "我要存五千元到账户里面去", False),  # a Chinese number
        ("yes", "no thanks", False),
        ("😀", "😡", False),
    ],
)
def test_near_duplicate_rule(a: str, b: str, near: bool) -> None:
    assert same(a, b) is near
    assert same(b, a) is near
    assert (NearIndex(1, [a].__getitem__).near(b) == [0]) is near


def test_protected_terms_are_not_edited_away() -> None:
    a, b = "my visa debit card was declined", "my amex debit card was declined"
    assert same(a, b)
    assert not same(a, b, ["visa"])


@given(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abc"), max_size=8), st.integers(1, 4))
def test_banded_edits_equal_the_full_table(a: list[str], b: list[str], limit: int) -> None:
    table = {(i, j): i + j for i in range(len(a) + 1) for j in range(len(b) + 1) if not i * j}
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            change = table[i - 1, j - 1] + (a[i - 1] != b[j - 1])
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, change)
    assert edits(a, b, limit) == min(limit + 1, table[len(a), len(b)])


def test_conflicts_are_reported_kept_and_kept_together(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    noisy = [{"text": row["text"].replace("Could", "Can"), "label": "other"} for row in labelled[:80]]
    rows = prepare("classification", jsonl([*labelled, *noisy]))
    assert rows.report["conflicts"]["count"] == 80
    assert rows.report["dropped"] == {}
    example = rows.report["conflicts"]["examples"][0]
    assert (example["first"]["place"], example["second"]["place"]) == ("rows.jsonl:1", "rows.jsonl:301")
    sides = {row["line"]: split for split in ("train", "validation", "test") for row in rows.rows(split)}
    assert [sides[line] for line in range(1, 81)] == [sides[line] for line in range(301, 381)]
    assert len({sides[line] for line in range(1, 81)}) == 3


def test_only_the_same_answer_makes_a_near_row_a_duplicate(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    """An answer that differs in one word may differ in all: it is yellow, it is red."""
    rows = [{"instruction": row["text"], "output": "It will be done within the next day."} for row in labelled]
    rows += [{"instruction": rows[0]["instruction"] + "!", "output": "it will be done, within the next day"}]
    rows += [{"instruction": rows[1]["instruction"] + "!", "output": "It will be done within the next week."}]
    report = prepare("instruction", jsonl(rows)).report
    assert report["dropped"] == {"near duplicate": 1}
    assert report["conflicts"]["count"] == 1


def test_chats_under_different_system_turns_are_different(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    def chat(row: dict[str, str]) -> dict[str, Any]:
        turns = [("system", row["text"]), ("user", "Is that allowed?"), ("assistant", "Yes.")]
        return {"messages": [{"role": role, "content": content} for role, content in turns]}

    assert prepare("chat", jsonl(map(chat, labelled))).report["used"] == len(labelled)


def test_rows_of_one_parent_stay_together_though_it_is_no_row(
    prepare: Prepare, jsonl: Write, labelled: Labelled
) -> None:
    rows = [{**row, "parent": f"document {i % 60}"} for i, row in enumerate(labelled)]
    prepared = prepare("classification", jsonl(rows))
    where: dict[int, set[str]] = {}
    for split in ("train", "validation", "test"):
        for row in prepared.rows(split):
            where.setdefault((row["line"] - 1) % 60, set()).add(split)
    assert {len(splits) for splits in where.values()} == {1}
    assert {split for splits in where.values() for split in splits} == {"train", "validation", "test"}
    own = [{**row, "split": "test" if i < 60 else "train"} for i, row in enumerate(rows)]
    with pytest.raises(DataError, match="was made from the same row as"):
        prepare("classification", jsonl(own), split={"column": "split"})


def test_a_parent_is_one_of_the_rows_own_source(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    one = jsonl([{**row, "id": i} for i, row in enumerate(labelled[:150])], "one.jsonl")
    two = jsonl([{**row, "id": i, "parent": (i + 1) % 150} for i, row in enumerate(labelled[150:])], "two.jsonl")
    parents = {
        row["id"]: row["parent"]
        for s in ("train", "validation", "test")
        for row in prepare("classification", one, two).rows(s)
    }
    named = {parent for parent in parents.values() if parent is not None}
    assert len(named) == 150
    assert all(parents[name] is not None for name in named), "rows of the second file, which have parents themselves"


def sides_of(rows: RowSet) -> dict[str, str]:
    return {row["text"]: split for split in ("train", "validation", "test") for row in rows.rows(split)}


def test_groups_stay_on_one_side(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    rows = [{**row, "customer": i % 60, "desk": "a"} for i, row in enumerate(labelled)]
    prepared = prepare("classification", jsonl(rows), split={"group": ["customer", "desk"]})
    where: dict[str, set[str]] = {}
    for split in ("train", "validation", "test"):
        for row in prepared.rows(split):
            where.setdefault(str((row["line"] - 1) % 60), set()).add(split)
    assert {len(splits) for splits in where.values()} == {1}
    assert prepared.report["splits"]["train"]["groups"] + prepared.report["splits"]["test"]["groups"] < 60
    with pytest.raises(DataError, match="split.group: 'client' is no column"):
        prepare("classification", jsonl(rows), split={"group": "client"})


def test_an_oversized_cluster_trains(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    def numbered(i: int) -> str:
        return "".join(chr(97 + int(digit)) for digit in f"{i:03d}")

    # one template, one word each, all labels different: one cluster of conflicts
    template = [{"text": f"tell me what the code word {numbered(i)} means", "label": f"l{i}"} for i in range(60)]
    rows = prepare("classification", jsonl([*labelled, *template]))
    assert rows.report["clusters"]["oversized_sent_to_train"] == 1
    (note,) = [note for note in rows.report["notes"] if "checks.max_cluster" in note]
    assert note.startswith("1 cluster has more than 50 rows") and "60 rows, 60 in the largest" in note
    assert {side for text, side in sides_of(rows).items() if text.startswith("tell me")} == {"train"}
    own = [{**row, "split": ("train", "validation", "test")[i % 3]} for i, row in enumerate(labelled)]
    own += [{**row, "split": "train"} for row in template]  # where the user says so
    report = prepare("classification", jsonl(own), split={"column": "split"}).report
    assert not any("checks.max_cluster" in note for note in report["notes"])


def test_own_split_is_kept_and_a_missing_side_is_drawn_from_train(
    prepare: Prepare, jsonl: Write, labelled: Labelled
) -> None:
    rows = [{**row, "split": "Test" if i < 100 else "train"} for i, row in enumerate(labelled)]
    prepared = prepare("classification", jsonl(rows), split={"column": "split"})
    assert {row["line"] for row in prepared.rows("test")} == set(range(1, 101))
    assert 5 < prepared.report["splits"]["validation"]["rows"] < 50
    bad = prepare("classification", jsonl([*rows, {**rows[0], "split": "hold-out"}]), split={"column": "split"})
    assert bad.report["quarantined"] == {"unknown split": 1}


def labelled_row(line: int, text: str, side_: str, **more: str) -> Row:
    fields = {"text": text, "label": "a"}
    row = Row(row_id("classification", fields), fields, "en", "s", "s.jsonl", line, side=side_, group=f"g{line}")
    for name, value in more.items():
        setattr(row, name, value)
    return row


LEAKS = [
    ({"text": "{text}", "label": "{label}"}, "repeats"),
    ({"text": "{text} thanks", "label": "{label}"}, "nearly repeats"),
    ({"text": "Something else altogether here", "label": "a", "parent": "17"}, "was made from"),
    ({"text": "Another matter that nobody raised", "label": "a", "customer": "c17"}, "is of the same group as"),
]


@pytest.mark.parametrize(("planted", "how"), LEAKS, ids=[how + str(i) for i, (_, how) in enumerate(LEAKS)])
def test_a_leak_in_the_users_own_split_fails_and_is_named(
    prepare: Prepare, jsonl: Write, labelled: Labelled, planted: dict[str, str], how: str
) -> None:
    rows = [
        {**row, "id": i, "customer": f"c{i}", "parent": None, "split": "test" if i < 60 else "train"}
        for i, row in enumerate(labelled)
    ]
    new = {name: value.format(**labelled[17]) for name, value in planted.items()}
    path = jsonl([*rows, {"id": 999, "customer": "c999", "parent": None, "split": "train", **new}])
    with pytest.raises(DataError, match=rf"rows.jsonl:301 row \w+.*in train, {how} rows.jsonl:18 row \w+, in test"):
        prepare("classification", path, split={"column": "split", "group": "customer"})
    # the same rows under our own split are tied together instead
    ours = prepare("classification", path, split={"group": "customer"})
    where = {row["line"]: split for split in ("train", "validation", "test") for row in ours.rows(split)}
    assert where.get(301, where[18]) == where[18]


def test_a_near_row_with_another_label_gives_no_answer_away(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    """Nothing to refuse in a user's own split, but a conflict to tell; an answer in words is another matter."""
    rows = [{**row, "split": "test" if i < 60 else "train"} for i, row in enumerate(labelled)]
    near = {**rows[17], "text": rows[17]["text"] + " thanks", "split": "train"}
    prepared = prepare("classification", jsonl([*rows, {**near, "label": "other"}]), split={"column": "split"})
    assert prepared.report["conflicts"]["count"] == 1
    assert prepared.report["used"] == 301
    said = [{"instruction": r["text"], "output": f"It is {r['label']}", "split": r["split"]} for r in rows]
    said.append({"instruction": near["text"], "output": "I would not know", "split": "train"})
    with pytest.raises(DataError, match="in train, nearly repeats"):
        prepare("instruction", jsonl(said, "said.jsonl"), split={"column": "split"})


def test_every_leak_is_listed_in_a_file(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    rows = [{**row, "split": "test" if i < 60 else "train"} for i, row in enumerate(labelled)]
    rows += [{**row, "split": "train"} for row in rows[:12]]
    with pytest.raises(DataError, match="12 training rows would leak.*all of them are listed in") as error:
        prepare("classification", jsonl(rows), split={"column": "split"})
    (listed,) = re.findall(r"listed in (\S+);", str(error.value))
    leaks = [json.loads(line) for line in Path(listed).read_text().splitlines()]
    assert [(leak["train"]["line"], leak["how"], leak["evaluation"]["line"]) for leak in leaks] == [
        (301 + i, "repeats", 1 + i) for i in range(12)
    ]


def test_a_leak_is_named_though_it_repeats_another_leak(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    rows = [{**row, "split": "test" if i < 60 else "train"} for i, row in enumerate(labelled)]
    text = rows[7]["text"]
    near = [{**rows[7], "text": words, "split": "train"} for words in (text.upper(), text + "!", text.lower() + "!!")]
    with pytest.raises(DataError, match="3 training rows would leak"):
        prepare("classification", jsonl([*near, *rows]), split={"column": "split"})


def test_guard_names_a_planted_child_of_an_evaluation_row(tmp_path: Path) -> None:
    data = DataOptions(kind="classification", sources=[{"path": "a"}])
    test = labelled_row(7, "Could you close the account of my late father?", "test")
    child = labelled_row(7, "Could you shut the account of my late dad?", "train", parent=test.id, operator="synonym")
    guard = Guard([test], data)
    found = guard.leak(child)
    assert found is not None
    with pytest.raises(DataError, match=rf"made by synonym from {test.id}\), in train, was made from s.jsonl:7"):
        refuse([found], tmp_path / "leaks.jsonl")
    assert guard.leak(labelled_row(8, "Where is the branch?", "train")) is None
    assert guard.leak(labelled_row(9, "could you close the account of my late father", "train")) is not None
    refuse([], tmp_path / "leaks.jsonl")


def test_general_text_that_holds_an_evaluation_row_is_left_out(
    prepare: Prepare, jsonl: Write, labelled: Labelled, tmp_path: Path
) -> None:
    tested = next(t for t, s in sides_of(prepare("classification", jsonl(labelled))).items() if s == "test")
    pages = [{"text": f"An essay about the number {i}, and why it is odd or even. " * 5} for i in range(20)]
    pages.append({"text": "A forum page. Somebody asked: " + tested + " Nobody answered, for weeks."})
    general = [{"path": str(jsonl(pages, "general.jsonl"))}]
    rows = prepare("classification", jsonl(labelled), general=general)
    assert rows.report["general"] == {
        "rows_in": 21,
        "used": 20,
        "quarantined": {},
        "dropped": {"holds an evaluation row": 1},
    }
    assert all("forum" not in row["text"] for row in rows.rows("general"))


@pytest.mark.parametrize(
    ("quoted", "dropped"),
    [
        ("instruction", True),
        ("output", True),
        ("short", False),  # of four words: it stands in many texts by chance
    ],
)
def test_plain_text_with_a_short_question_or_an_answer_is_left_out(
    prepare: Prepare, jsonl: Write, labelled: Labelled, quoted: str, dropped: bool
) -> None:
    rows = [
        {
            "instruction": f"What about {i} {row['text'].split()[2]}s and {row['label']}?",
            "output": f"{row['text']} Maybe.",
        }
        for i, row in enumerate(labelled)
    ]
    rows += [{"instruction": f"word{i} of this?", "output": "Yes."} for i in range(40)]
    tested = prepare("instruction", jsonl(rows)).rows("test")
    short = [row for row in tested if row["output"] == "Yes."]
    row = short[0] if quoted == "short" else next(row for row in tested if row not in short)
    words = row["instruction" if quoted == "short" else quoted]
    pages = [{"text": f"An essay about the matter {i}, and why it is odd or even. " * 5} for i in range(20)]
    pages.append({"text": f"A forum page. Somebody said: {words} Nobody answered, for weeks."})
    prepared = prepare("instruction", jsonl(rows), general=[{"path": str(jsonl(pages, "general.jsonl"))}])
    assert prepared.report["general"]["dropped"] == ({"holds an evaluation row": 1} if dropped else {})
    assert any("so few words that plain text is not searched" in note for note in prepared.report["notes"])


def test_share_of_each_side_is_what_was_asked() -> None:
    split = DataOptions(kind="text", sources=[{"path": "a"}], split={"validation": 0.2, "test": 0.1}).split
    drawn = [side(draw(f"group {i}"), split) for i in range(5_000)]
    assert abs(drawn.count("validation") / 5_000 - 0.2) < 0.02
    assert abs(drawn.count("test") / 5_000 - 0.1) < 0.02
