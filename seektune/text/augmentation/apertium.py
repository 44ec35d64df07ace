"""Round trips through an installed Apertium pair: one call of `apertium` per direction for any number of passages.

Passages are written in Apertium's own stream format (wiki.apertium.org/wiki/Apertium_stream_format), because its text
deformatter drops the NUL that parts passages and guesses at sentence ends. Each passage ends with a superblank of its
number, by which it is recognised again; marks of the format travel as characters of private use.

What must not change stands in word-bound blanks, `[[7]]word[[/]]`. They travel with the word through all rules to its
translation and back, and there the original is put in its place; so the rules still see a noun, a number, a negation.
What is no word (an address, a contraction) travels as a made-up one. A passage that lost such a part stays as it was.

Raises DataError where Apertium or the pair is missing, and where a call fails or gives back other passages.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from seektune.errors import DataError
from seektune.text.augmentation.frozen import Span
from seektune.text.augmentation.round_trip import Passage, merged
from seektune.text.file_hash import file_hash
from seektune.text.files.lines import shown
from seektune.trial import fingerprint

PATIENCE_SECONDS = 60.0
PATIENCE_CHARACTERS_PER_SECOND = 1_000
"""A call may take this long; on one core Apertium translates about 80,000 characters a second."""

_RESERVED = {ord(mark): 0xF0000 + ord(mark) for mark in "[]{}^$/\\@<>~*#+|"}
"""Marks of the stream format, and what stands for them: characters of private use, which no rule knows. (Escaped by a
backslash, a passage of nothing but `^` is lost.)"""
_WRITTEN = {stand_in: mark for mark, stand_in in _RESERVED.items()}
_BOUND = re.compile(r"\[\[([0-9; ]*)\]\](.*?)\[\[/\]\]", re.DOTALL)
_END = re.compile(r"\[(\d+)\]$")
_STAND_IN = "Xqz"
"""A word in neither language: Apertium leaves it alone."""


def find_apertium() -> str | None:
    """The program."""
    return shutil.which("apertium")


def modes_folder() -> Path | None:
    """Where the installed pairs are listed, one NAME.mode each."""
    prefixes = [Path(program).resolve().parents[1]] if (program := find_apertium()) else []
    named = os.environ.get("APERTIUM_DATADIR")
    places = [Path(named)] if named else [prefix / "share/apertium" for prefix in (*prefixes, Path("/usr"))]
    return next((place / "modes" for place in places if (place / "modes").is_dir()), None)


def installed_pairs() -> list[str]:
    """Directions, for example eng-spa and spa-eng."""
    folder = modes_folder()
    return sorted(path.stem for path in folder.glob("*.mode")) if folder and find_apertium() else []


class Apertium:
    """The engine of one pair, `eng-spa` and back."""

    def __init__(self, pair: str) -> None:
        source, _, target = pair.partition("-")
        self._pairs = (pair, f"{target}-{source}")
        debian = f"on Debian: apt-get install apertium apertium-{pair}"
        program = find_apertium()
        if program is None:
            raise DataError(f"operator back_translation: the program apertium is not installed; {debian}")
        known = installed_pairs()
        if missing := [one for one in self._pairs if one not in known]:
            raise DataError(
                f"operator back_translation: apertium has no {' and no '.join(missing)} (it has: "
                f"{', '.join(known) or 'no pair at all'}); {debian}, or name another pair"
            )
        folder = modes_folder()
        assert folder is not None
        self._data = folder.parent
        self.identity = _identity(Path(program), [folder / f"{one}.mode" for one in self._pairs])

    def round_trips(self, passages: Sequence[Passage]) -> list[tuple[str, str]]:
        """Seeds play no part: Apertium's rules know one translation."""
        written, originals = [], []
        for passage in passages:
            stream, kept = bound(passage.text, passage.held)
            written.append(stream)
            originals.append(kept)
        there = self._call(self._pairs[0], written)
        back = self._call(self._pairs[1], there)
        found = []
        for passage, pivot, stream, kept in zip(passages, there, back, originals, strict=True):
            returned = unbound(stream, kept)
            found.append((unbound(pivot, kept, restore=False) or "", passage.text if returned is None else returned))
        return found

    def _call(self, pair: str, streams: Sequence[str]) -> list[str]:
        """Streams to streams of the same number and order."""
        if not streams:
            return []
        sent = "".join(f"{stream}[{number}]\0" for number, stream in enumerate(streams))
        patience = PATIENCE_SECONDS + len(sent) / PATIENCE_CHARACTERS_PER_SECOND
        command = ["apertium", "-d", str(self._data), "-u", "-z", "-f", "none", pair]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0
        ) as process:
            try:
                output, complaint = process.communicate(sent.encode("utf-8", "replace"), timeout=patience)
            except BaseException as error:
                os.killpg(process.pid, signal.SIGKILL)  # it is a shell with ten children
                if isinstance(error, subprocess.TimeoutExpired):
                    raise DataError(f"apertium {pair} gave no answer within {patience:.0f} s") from error
                raise
        received = output.decode("utf-8", "replace").rstrip("\0").split("\0")
        numbers = [match and int(match[1]) for match in map(_END.search, received)]
        if process.returncode or numbers != list(range(len(streams))):
            last = (complaint.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"])[-1]
            raise DataError(
                f"apertium {pair} failed: {len(received):,} of {len(streams):,} passages came back, exit code "
                f"{process.returncode}; its last words: {shown(last, 300)}"
            )
        return [_END.sub("", stream) for stream in received]


def bound(text: str, held: Sequence[Span]) -> tuple[str, list[str]]:
    """A passage in stream format, and what stands in its word-bound blanks, by number."""
    parts: list[str] = []
    originals: list[str] = []
    done = 0
    for start, end in merged(held):
        original = text[start:end].rstrip(".,;:!?") or text[start:end]
        parts.append(text[done:start].replace("\0", " ").translate(_RESERVED))
        words = original.split()
        known = all(map(str.isalnum, words))  # can't would come back as two words, not always side by side
        parts.append(" ".join(f"[[{len(originals)}]]{word}[[/]]" for word in (words if known else [_STAND_IN])))
        originals.append(original)
        done = start + len(original)
    return "".join(parts) + text[done:].replace("\0", " ").translate(_RESERVED), originals


def unbound(stream: str, originals: Sequence[str], *, restore: bool = True) -> str | None:
    """The text of a stream, what was held put in its place again; None where a part of it is lost. A word that lost its
    blank on the way may have come back by itself: many a `not` and `to` does."""
    missing = set(range(len(originals)))
    parts, done = [], 0
    for match in _BOUND.finditer(stream):
        parts.append(stream[done : match.start()])
        done = match.end()
        if not restore:
            parts.append(match[2])
            continue
        new = [number for number in map(int, re.findall(r"\d+", match[1])) if number in missing]
        missing.difference_update(new)
        parts.append(" ".join(originals[number].translate(_RESERVED) for number in new))
    parts.append(stream[done:])
    text = re.sub(r" {2,}", " ", "".join(parts).translate(_WRITTEN)).strip()  # a pronoun left out leaves its space
    lost = restore and any(originals[number].casefold() not in text.casefold() for number in missing)
    return None if lost else text


def _identity(program: Path, modes: Sequence[Path]) -> str:
    """The bytes of the program (a script that knows its version) and of every file that the pair's pipelines name."""
    try:
        named = [Path(name) for mode in modes for name in re.findall(r"'([^']+)'", mode.read_text(encoding="utf-8"))]
        return f"apertium {modes[0].stem} {fingerprint([file_hash(path) for path in (program, *modes, *named)])}"
    except OSError as error:
        raise DataError(f"operator back_translation: apertium cannot be read ({error})") from error
