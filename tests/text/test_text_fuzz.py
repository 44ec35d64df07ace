"""Mutated files of rows: always an answer in which every row is accounted for, or a DataError that names the file.

Seeded, so that a finding can be run again: a case is (format, number). `SEEKTUNE_FUZZ=10000` runs that many of each
format; the default is what a minute holds.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from seektune.errors import DataError
from seektune.text.options import DataOptions
from seektune.text.rows import prepare_rows
from tests.text.test_text_rows import accounted

CASES = int(os.environ.get("SEEKTUNE_FUZZ", "600"))
MOST_SECONDS = 2.0

WORDS = [
    "cancel",
    "review",
    "card",
    "don't",
    "12",
    "$5",
    "转账",
    "失败",
    "café",
    "☕",
    "<img",
    "{{x}}",
    "=1+1",
    "\u202e",
]
SCRAPS = [
    b'"', b"'", b",", b"\t", b"\n", b"\r", b"\r\n\r\n", b"\\", b"{", b"}", b"[", b"]", b":", b"null", b"NaN", b"1e999", b"true",
    b"\x00", b"\x1b[2J", b"\xff", b"\xe9", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xe2\x80\xae", b"\\u0000", b"\\ud800", b"\\u",
    b"#", b"-DOCSTART-", b"O", b"B-PER", b" ", b"", b'""', b'"text"', b'"label": ["a"]', b"9" * 5_000, b"[" * 3_000, b"w " * 9_000,
    b"=cmd|'/C calc'!A0", b"<|endoftext|>", b"../../etc/passwd", b"\xff\xfe", b"\x1f\x8b", b"PAR1",
]  # fmt: skip


def sentence(rng: random.Random) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 9)))


def jsonl(rng: random.Random) -> str:
    rows = [{"text": sentence(rng), "label": rng.choice("ab")} for _ in range(rng.randint(1, 12))]
    return "".join(json.dumps(row, ensure_ascii=rng.random() < 0.5) + "\n" for row in rows)


def csv(rng: random.Random) -> str:
    cells = [f'"{sentence(rng)}"' if rng.random() < 0.5 else sentence(rng) for _ in range(rng.randint(1, 12))]
    return "text,label\n" + "".join(f"{cell},{rng.choice('ab')}\n" for cell in cells)


def conll(rng: random.Random) -> str:
    tagged = [
        [f"{word}\t{rng.choice(['O', 'B-PER'])}" for word in sentence(rng).split()] for _ in range(rng.randint(1, 12))
    ]
    return "\n\n".join("\n".join(words) for words in tagged) + "\n"


FORMATS: dict[str, tuple[str, Callable[[random.Random], str]]] = {
    "jsonl": ("classification", jsonl),
    "csv": ("classification", csv),
    "conll": ("tagging", conll),
}


def mutated(content: bytes, rng: random.Random) -> bytes:
    """A few bytes put in, taken out, doubled, flipped; or the file cut."""
    for _ in range(rng.choice((0, 1, 1, 1, 2, 4, 8))):
        at, size = rng.randint(0, len(content)), rng.choice((0, 1, 3, 40))
        part = content[at : at + size]
        match rng.randint(0, 5):
            case 0 | 1:
                content = content[:at] + rng.choice(SCRAPS) + content[at + size :]
            case 2:
                content = content[:at] + content[at + size :]
            case 3:
                content = content[:at] + part * rng.randint(2, 9) + content[at + size :]
            case 4:
                content = content[:at] + bytes(byte ^ (1 << rng.randint(0, 7)) for byte in part) + content[at + size :]
            case _:
                content = content[:at]
    return content


@pytest.mark.slow
@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("suffix", FORMATS)
def test_mutated_files_give_an_answer_or_a_data_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    kind, make = FORMATS[suffix]
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    path, passed = tmp_path / f"rows.{suffix}", 0
    for number in range(CASES):
        rng = random.Random(f"{suffix} {number}")
        path.write_bytes(mutated(make(rng).encode("utf-8"), rng))
        options = DataOptions(
            kind=kind,  # type: ignore[arg-type]
            sources=[{"path": str(path)}],  # type: ignore[list-item]
            checks={"malformed": rng.choice(("fail", "quarantine")), "max_bad_share": rng.choice((0.0, 1.0))},  # type: ignore[arg-type]
            split={"validation": 0.3, "test": 0.3},  # type: ignore[arg-type]
        )
        began = time.process_time()
        try:
            report = prepare_rows(options, tmp_path / "cache", 0).report
        except DataError as error:
            assert str(path) in str(error) or "split" in str(error) or "label" in str(error), (
                f"{suffix} {number}: {error}"
            )
            assert str(error).replace("\n", "").isprintable(), f"{suffix} {number}"
        except Exception as error:
            raise AssertionError(f"case {suffix} {number}") from error
        else:
            passed += 1
            assert accounted(report) == report["rows_in"], f"{suffix} {number}"
        assert time.process_time() - began < MOST_SECONDS, f"{suffix} {number}"
    assert passed > CASES / 20, "the mutations leave too few files alone"
    assert {one.name for one in tmp_path.iterdir()} <= {path.name, "cache", "here"}
    assert {one.name for one in (tmp_path / "cache").iterdir()} <= {"rows", "quarantine"}
    assert not list((tmp_path / "here").iterdir())
