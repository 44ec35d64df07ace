"""Apertium for real: any text goes there and back, many in one call, and what is held comes back as it was."""

from __future__ import annotations

import csv
import shutil
import time
from pathlib import Path

import pytest

from seektune.errors import DataError
from seektune.text.augmentation import apertium
from seektune.text.augmentation.apertium import Apertium, bound, installed_pairs, unbound
from seektune.text.augmentation.frozen import Frozen
from seektune.text.augmentation.round_trip import Passage

needs_pair = pytest.mark.skipif(
    not {"eng-spa", "spa-eng"} <= set(installed_pairs()),
    reason="apertium with eng-spa is not installed (Debian: apt-get install apertium apertium-eng-spa)",
)
AWKWARD = [
    "Hello, how are you?",
    "",
    "  ",
    "I lost my card.\nWhat can I do now?\r\n",
    "a [b] ^c^ $d$ @e *f* #g \\ /h/ {x} <b>bold</b> | ~ _",
    "I am *unknown zzyzx word",
    "😀 I like you 😀",
    "我想转账 please",
    *"[]{}^$/\\@<>~*#+|.?'\"",
    "^" * 50,
    "{{name}} must pay",
    "[[t:b:1]]hello[[/]] [7]",
    "[<STREAMCMD:SETVAR:x>]",
    "it ends with a backslash \\",
    "\x01 a control character",
    "two\0NULs\0",
    "\u202eright to left\u2028line separator",
    "the house of my sister is big " * 400,
    "\ud800 half a pair",
    "the last one",
]


@pytest.fixture(scope="module")
def engine() -> Apertium:
    return Apertium("eng-spa")


@needs_pair
def test_awkward_texts_all_come_back_and_are_the_same_one_by_one(engine: Apertium) -> None:
    passages = [Passage(text) for text in AWKWARD]
    found = engine.round_trips(passages)
    assert len(found) == len(AWKWARD)
    assert [engine.round_trips([passage])[0] for passage in passages[::5]] == found[::5]
    there, back = (dict(zip(AWKWARD, side, strict=True)) for side in zip(*found, strict=True))
    assert there["Hello, how are you?"] == "Hola, cómo eres?"
    assert there["the last one"] == "El último un"
    assert "*desconocido zzyzx" in there["I am *unknown zzyzx word"]
    for text in AWKWARD:
        marks = [mark for mark in text if mark in "[]{}^$/\\@<>~*#+|😀我想转账"]
        assert [mark for mark in back[text] if mark in "[]{}^$/\\@<>~*#+|😀我想转账"] == marks
    assert back["the house of my sister is big " * 400].lower().count("the house of my sister is big") == 400


@needs_pair
def test_what_is_held_comes_back_as_it_was(engine: Apertium) -> None:
    frozen = Frozen.of("the topup failed", frozenset({"card", "cash"}), ("money laundering",))
    texts = [
        "Why was I charged $1.25 for two cards and a card?",
        "I can't pay 30 EUR to bob@x.org, not card_arrival, for money laundering.",
        "Is there a fee for {{cash}} at https://x.org/a?b=1#c [today]?",
    ]
    passages = [Passage(text, tuple(frozen.spans(text))) for text in texts]
    backs = [back for _, back in engine.round_trips(passages)]
    assert backs != texts
    for passage, back in zip(passages, backs, strict=True):
        for start, end in passage.held:
            assert passage.text[start:end].rstrip("?.,") in back
    free = [back for _, back in engine.round_trips([Passage(text) for text in texts])]
    assert any("card_arrival" not in back for back in free)  # what happens to it where it is not held


def test_stream_format_by_hand() -> None:
    text = "Pay 30 to bob@x.org, can't [wait]"
    stream, held = bound(text, [(4, 6), (10, 20), (21, 26), (19, 20)])
    assert held == ["30", "bob@x.org", "can't"]
    assert stream.startswith("Pay [[0]]30[[/]] to [[1]]Xqz[[/]], [[2]]Xqz[[/]] ")
    assert unbound(stream, held) == text
    assert unbound("[[2]]no[[/]] [[2]]puede[[/]]  [[1; 0]]Xqz treinta[[/]]", held) == "can't bob@x.org 30"
    assert unbound("[[0]]30[[/]] [[1]]Xqz[[/]]", held) is None
    assert unbound("[[0]]30[[/]] [[1]]Xqz[[/]] Can't", held) == "30 bob@x.org Can't"
    assert unbound("[[0]]30[[/]] días", held, restore=False) == "30 días"


@needs_pair
def test_one_call_for_each_direction_however_many_passages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Apertium
) -> None:
    real, log = shutil.which("apertium"), tmp_path / "calls"
    program(tmp_path, f'echo "$@" >> {log}\nexec {real} "$@"')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    texts = [f"The house {number} is big." for number in range(500)]
    found = engine.round_trips([Passage(text) for text in texts])
    assert [back for _, back in found] == texts
    assert [line.split()[-1] for line in log.read_text().splitlines()] == ["eng-spa", "spa-eng"]
    assert engine.round_trips([]) == []
    assert len(log.read_text().splitlines()) == 2


def program(folder: Path, script: str) -> None:
    path = folder / "apertium"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@needs_pair
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo warning >&2; echo 'Error: no such mode' >&2; exit 3", "0 of 2|exit code 3; .* Error: no such mode"),
        ("tr -d '\\000' < /dev/stdin", "1 of 2 passages came back, exit code 0"),
        ("printf 'hola[1]\\0mundo[0]\\0'; cat > /dev/null", "2 of 2 passages came back"),
        ("sleep 60", "no answer within"),
    ],
)
def test_a_call_that_fails_is_an_error_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Apertium, script: str, said: str
) -> None:
    program(tmp_path, script)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(apertium, "PATIENCE_SECONDS", 1.0 if "sleep" in script else 60.0)
    begun = time.monotonic()
    with pytest.raises(DataError, match=said):
        engine.round_trips([Passage("hello"), Passage("world")])
    assert time.monotonic() - begun < 50


def test_a_missing_program_or_pair_is_an_error_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "echo Apertium 9")
    monkeypatch.setenv("APERTIUM_DATADIR", str(tmp_path))
    (tmp_path / "modes").mkdir()
    (tmp_path / "modes/eng-spa.mode").write_text("cat")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match=r"no spa-eng \(it has: eng-spa\); on Debian: apt-get install apertium"):
        Apertium("eng-spa")
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    with pytest.raises(DataError, match="not installed; on Debian: apt-get install apertium apertium-eng-spa"):
        Apertium("eng-spa")


def test_identity_follows_the_pairs_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "echo Apertium 9")
    monkeypatch.setenv("APERTIUM_DATADIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (tmp_path / "modes").mkdir()
    rules = tmp_path / "rules.bin"
    rules.write_bytes(b"1")
    for mode in ("eng-spa", "spa-eng"):
        (tmp_path / f"modes/{mode}.mode").write_text(f"lt-proc '{rules}'")
    first = Apertium("eng-spa").identity
    assert first == Apertium("eng-spa").identity
    rules.write_bytes(b"2")
    second = Apertium("eng-spa").identity
    program(tmp_path, "echo Apertium 10")
    assert len({first, second, Apertium("eng-spa").identity}) == 3


@needs_pair
@pytest.mark.real
@pytest.mark.slow
def test_two_thousand_real_questions_take_seconds(shared: Path, engine: Apertium) -> None:
    with (shared / "cls_banking77/banking77.csv").open(encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)][:2000]
    begun = time.monotonic()
    found = engine.round_trips([Passage(text) for text in texts])
    assert time.monotonic() - begun < 60  # 3 on an idle machine
    assert sum(there != text for (there, _), text in zip(found, texts, strict=True)) > 1990
