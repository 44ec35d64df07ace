"""What changed between two texts is marked, word by word."""

from __future__ import annotations

import pytest

from seektune.report import html, markdown
from seektune.report.blocks import Marked, Table
from seektune.report.changes import changes


def told(text: Marked) -> str:
    return "".join(f"[{part}]" if marked else part for part, marked in text.parts)


@pytest.mark.parametrize(
    ("before", "after", "first", "second"),
    [
        ("stop my card now", "block my card now", "[stop] my card now", "[block] my card now"),
        ("my card", "my bank card", "my card", "my [bank ]card"),
        ("我的转账失败了", "我的汇款失败了", "我的[转账]失败了", "我的[汇款]失败了"),
        ("lost, again", "lost again", "lost[,] again", "lost again"),
        ("same", "same", "same", "same"),
        ("", "new", "", "[new]"),
    ],
)
def test_changes(before: str, after: str, first: str, second: str) -> None:
    one, two = changes(before, after)
    assert (told(one), told(two)) == (first, second)


def test_marks_in_a_page_and_in_markdown() -> None:
    table = Table(("before", "after"), (changes("a *big* loan", "a small loan"),))
    assert "a <mark>*big*</mark> loan" in html.block(table)
    assert "a **\\*big\\*** loan" in markdown.block(table)


def test_columns_of_numbers_stand_right() -> None:
    row, gaps = ("12.4k", 3, "3 of 4", *changes("5", "6"), None, True), ("–", None, "9%", *changes("7", "8"), None, 1)
    assert Table(("a", "b", "c", "d", "e", "f", "g"), (row, gaps)).set_right == [True, True, *[False] * 5]
