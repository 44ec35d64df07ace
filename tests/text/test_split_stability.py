"""Rows come and go, wherever they stand in the file: a test row stays one, and nothing near it is ever trained on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from seektune.text.duplicates import same
from seektune.text.rows import RowSet
from tests.text.conftest import questions

Prepare = Callable[..., RowSet]
Write = Callable[..., Path]
Labelled = list[dict[str, str]]

EDITS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "case and stops": lambda text: text.upper().replace("?", "!!"),
    "one word": lambda text: text.replace("Could", "Can"),
    "another word": lambda text: text.replace("this", "that"),
    "a word more": lambda text: text + " Please",
}
BASE = [{"text": text, "label": text.split()[2], "customer": str(i % 70)} for i, text in enumerate(questions()[:140])]


def sides_of(rows: RowSet) -> dict[str, str]:
    return {row["text"]: split for split in ("train", "validation", "test") for row in rows.rows(split)}


def test_a_row_keeps_its_side_when_rows_come_and_go(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    whole = sides_of(prepare("classification", jsonl(labelled)))
    fewer = sides_of(prepare("classification", jsonl(labelled[::-2])))
    assert fewer == {text: whole[text] for text in fewer}
    assert {0.05 < list(whole.values()).count(split) / 300 < 0.16 for split in ("validation", "test")} == {True}


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_new_row_near_a_test_row_never_enters_train(
    prepare: Prepare, jsonl: Write, labelled: Labelled, place: str
) -> None:
    tested = [text for text, split in sides_of(prepare("classification", jsonl(labelled))).items() if split == "test"]
    new = [{"text": text.replace("Could", "Can"), "label": "other"} for text in tested]
    rows = [*new, *labelled] if place == "before" else [*labelled, *new]
    after = sides_of(prepare("classification", jsonl(rows)))
    assert [after[row["text"]] for row in new] == ["test"] * len(tested)
    assert [after[text] for text in tested] == ["test"] * len(tested)


new_rows = st.lists(
    st.tuples(
        st.integers(0, len(BASE) - 1),  # near which row
        st.sampled_from(sorted(EDITS)),
        st.sampled_from(["same", "other"]),  # label
        st.sampled_from(["0", "1", "33", "new"]),  # group
        st.integers(0, len(BASE)),  # where in the file
    ),
    max_size=12,
)


@pytest.mark.parametrize("group", [None, "customer"])
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(new=new_rows)
@example(new=[(i, edit, "other", "0", 0) for i in range(0, 140, 12) for edit in ("one word",)])
def test_rows_of_the_test_side_stay_there_whatever_is_added(
    prepare: Prepare, jsonl: Write, group: str | None, new: list[tuple[int, str, str, str, int]]
) -> None:
    split = {"group": group} if group else {}
    before = prepare("classification", jsonl(BASE), split=split)
    rows = list(BASE)
    for near, edit, label, customer, place in new:
        text = EDITS[edit](BASE[near]["text"])
        row = {"text": text, "label": BASE[near]["label"] if label == "same" else label, "customer": customer}
        rows.insert(place, row)
    after = prepare("classification", jsonl(rows), split=split)
    trained = [row["text"] for row in after.rows("train")]
    tested = [row["text"] for row in after.rows("test")]
    for old in before.rows("test"):
        # still there, or what says the same is
        assert old["text"] in tested or any(same(old["text"], text) for text in tested)
        assert not any(same(old["text"], text) for text in trained)
    groups = [{row["group"] for row in after.rows(name)} for name in ("train", "validation", "test")]
    assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])


def test_children_draw_with_their_parent(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    alone = sides_of(prepare("classification", jsonl(labelled)))
    rows = [{**row, "id": i, "parent": None} for i, row in enumerate(labelled)]
    words = ("apples", "bridges", "clouds", "drums", "engines", "flutes")
    for i, row in enumerate(labelled):
        rows += [
            {"text": f"{word} {word} number {word} {row['text'][::-1]}", "label": "a", "id": f"{i}{word}", "parent": i}
            for word in words
        ]
    together = sides_of(prepare("classification", jsonl(rows)))
    assert len(together) == 7 * 300
    assert {text: together[text] for text in alone} == alone  # six children each, and the shares are the same


def test_a_large_group_that_fills_a_side_is_named(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    rows = [{**row, "customer": "large 11" if i < 60 else i} for i, row in enumerate(labelled)]  # which draws test
    notes = prepare("classification", jsonl(rows), split={"group": "customer"}).report["notes"]
    assert any(
        "10.0% were asked for: the group 'large 11' (split.group) stays together and has 60 rows" in n for n in notes
    )
    made = [{**row, "id": i, "parent": 14 if 14 < i < 75 else None} for i, row in enumerate(labelled)]  # 14 draws test
    checks = {"max_cluster": 100}
    notes = prepare("classification", jsonl(made), checks=checks).report["notes"]
    assert any("the cluster of rows.jsonl:" in note and "stays together and has 61 rows" in note for note in notes), (
        notes
    )


def test_groups_that_share_rows_stay_together_and_a_person_is_told(
    prepare: Prepare, jsonl: Write, labelled: Labelled
) -> None:
    shared = {"text": "Thank you very much for your kind help", "label": "thanks"}
    rows = [{**row, "customer": i} for i, row in enumerate(labelled)]
    rows += [{**shared, "customer": i} for i in range(40)]
    prepared = prepare("classification", jsonl(rows), split={"group": "customer"})
    assert prepared.report["dropped"] == {"exact duplicate": 39}
    sides = sides_of(prepared)
    assert {sides[row["text"]] for row in labelled[:40]} == {"test"}  # one of forty drew it
    assert any("of the rows are in test, 10.0% were asked for" in note for note in prepared.report["notes"])
