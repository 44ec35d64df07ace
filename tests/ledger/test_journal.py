"""The journal: whole lines or none, damage is found, and a full disk leaves it as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seektune.errors import JournalError
from seektune.ledger import fault
from seektune.ledger.journal import FILE, Journal, Record, records


def filled(folder: Path, count: int = 5) -> list[Record]:
    seen: list[Record] = []
    journal = Journal(folder, seen.append, clock=lambda: 1000.0)
    journal.append(("opened", {"version": 1, "alive_until": 0.0}))
    for index in range(count - 1):
        journal.append(("proposed", {"trial": f"t-{index}", "params": {"词": "值", "rate": 1e-3}}))
    journal.close()
    return seen


def reopened(folder: Path) -> tuple[list[Record], int]:
    seen: list[Record] = []
    journal = Journal(folder, seen.append)
    cut = journal.cut_bytes
    journal.append(("proposed", {"trial": "after"}))
    journal.close()
    return seen, cut


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    written = filled(tmp_path)
    assert list(records(tmp_path)) == written
    assert [record.n for record in written] == [1, 2, 3, 4, 5]
    for line in (tmp_path / FILE).read_text().splitlines():
        assert list(json.loads(line))[:3] == ["n", "at", "kind"]


def test_a_line_torn_at_any_byte_is_cut_off_and_nothing_else(tmp_path: Path) -> None:
    written = filled(tmp_path)
    whole = (tmp_path / FILE).read_bytes()
    last = written[-1]
    for length in range(last.offset, last.end):
        (tmp_path / FILE).write_bytes(whole[:length])
        seen, cut = reopened(tmp_path)
        assert cut == length - last.offset
        assert [record.data.get("trial") for record in seen] == [None, "t-0", "t-1", "t-2", "after"]
        assert list(records(tmp_path)) == seen


def test_any_changed_byte_before_the_last_line_is_found_with_its_line(tmp_path: Path) -> None:
    written = filled(tmp_path)
    whole = bytearray((tmp_path / FILE).read_bytes())
    for place in range(written[1].offset, written[2].offset):
        harmed = bytearray(whole)
        harmed[place] ^= 0x01
        (tmp_path / FILE).write_bytes(harmed)
        with pytest.raises(JournalError, match=rf"{FILE}:[23]: "):
            list(records(tmp_path))


def test_a_missing_line_is_found(tmp_path: Path) -> None:
    filled(tmp_path)
    lines = (tmp_path / FILE).read_bytes().splitlines(keepends=True)
    (tmp_path / FILE).write_bytes(b"".join(lines[:2] + lines[3:]))
    with pytest.raises(JournalError, match=":3: expected record 3, got 4"):
        list(records(tmp_path))


def test_a_journal_of_another_version_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path, lambda record: None)
    journal.append(("opened", {"version": 99}))
    journal.close()
    with pytest.raises(JournalError, match="format 99"):
        list(records(tmp_path))


def test_a_full_disk_leaves_the_journal_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path)
    before = (tmp_path / FILE).read_bytes()
    seen: list[Any] = []
    journal = Journal(tmp_path, seen.append)
    for point in ("journal.before", "journal.torn"):
        fault._passed.clear()
        monkeypatch.setenv("SEEKTUNE_FAULT", f"{point}:enospc:1")
        with pytest.raises(JournalError, match=r"bytes free\); make room"):
            journal.append(("proposed", {"trial": "too much"}))
        assert (tmp_path / FILE).read_bytes() == before
    journal.append(("proposed", {"trial": "room again"}))
    journal.close()
    assert [record.data.get("trial") for record in records(tmp_path)][-1] == "room again"
    assert seen[-1].data["trial"] == "room again"


def test_a_record_is_read_again_from_its_byte(tmp_path: Path) -> None:
    seen: list[Record] = []
    journal = Journal(tmp_path, seen.append)
    long = "x" * 200_000
    journal.append(("opened", {"version": 1}), ("result", {"result": long}), ("died", {"reason": "y"}))
    assert [journal.at(record.offset) for record in seen] == seen
    journal.close()


def test_a_reader_beside_the_writer_sees_whole_lines_only(tmp_path: Path) -> None:
    filled(tmp_path)
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"n":6,"at":1.0,"ki')
    assert [record.n for record in records(tmp_path)] == [1, 2, 3, 4, 5]
