"""Rows of plain text (passages) and of tagged text in columns (CoNLL)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from seektune.text.files.lines import text_lines
from seektune.text.files.record import Record

PASSAGE_CHARACTERS = 2_000
"""Plain text is cut into passages of up to this length; a passage is a row."""

_SENTENCE_END = re.compile(r"[.!?][\"'”’)\]]*\s+|[。！？][”’」』）]*\s*")
_BLANK = re.compile(r"\s+")


def read_text(path: Path) -> Iterator[Record]:
    """Plain text as passages: cut at the first blank line after half a passage, else at a line end; a line that is longer
    than a passage at the end of a sentence, else at a blank, else anywhere."""
    held: list[str] = []
    first, size = 1, 0
    for number, line in ((number, part) for number, whole in text_lines(path) for part in _parts(whole)):
        blank = not line.strip()
        if held and ((blank and size >= PASSAGE_CHARACTERS // 2) or size + len(line) > PASSAGE_CHARACTERS):
            yield Record(first, {"text": "".join(held)})
            held, size = [], 0
        if not held:
            if blank:
                continue
            first = number
        held.append(line)
        size += len(line)
    if held:
        yield Record(first, {"text": "".join(held)})


def _parts(line: str) -> Iterator[str]:
    """A line in parts of at most a passage, which together are the line."""
    start = 0
    while len(line) - start > PASSAGE_CHARACTERS:
        half, limit = start + PASSAGE_CHARACTERS // 2, start + PASSAGE_CHARACTERS
        ends = [
            found[-1]
            for pattern, first in ((_SENTENCE_END, half), (_BLANK, start + 1))
            if (found := [match.end() for match in pattern.finditer(line, first, limit)])
        ]
        end = ends[0] if ends else limit
        yield line[start:end]
        start = end
    yield line[start:]


def read_conll(path: Path) -> Iterator[Record]:
    """Tagged sentences: token first, tag last on each line, blank line between sentences; `# ` begins a comment.

    Where tabs stand between token and tag, `# ` and no tab is a comment; else `#` may be a token, with its tag behind it.
    """
    words = (line for _, line in text_lines(path) if line.strip() and not line.startswith(("#", "-DOCSTART-")))
    tabbed = "\t" in next(words, "")
    tokens: list[str] = []
    tags: list[str] = []
    first, fault, broken = 1, "", ""
    for number, line in text_lines(path):
        bare = line.rstrip("\r\n")
        if not bare.strip():
            if tokens or fault:
                yield Record(first, None if fault else {"tokens": tokens, "tags": tags}, fault, text=broken)
            tokens, tags, fault, broken = [], [], "", ""
            continue
        if not tokens and not fault:
            first = number
        fields = bare.split("\t") if "\t" in bare else bare.split()
        comment = bare.startswith("# ") and "\t" not in bare and (tabbed or len(fields) != 2)
        if comment or fields[0] == "-DOCSTART-":
            continue
        if len(fields) < 2:
            broken = broken or bare
            fault = fault or f"line {number} has a token and no tag"
        tokens.append(fields[0])
        tags.append(fields[-1])
    if tokens or fault:
        yield Record(first, None if fault else {"tokens": tokens, "tags": tags}, fault, text=broken)
