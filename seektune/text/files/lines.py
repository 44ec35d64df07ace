"""From a file's bytes to its lines: UTF-8 only, gzip opened, nothing swallowed.

Raises DataError with file, line and byte offset where bytes are not UTF-8, where a gzip stream is cut or damaged, where
it unpacks to far more than text can (a bomb), or where one line is larger than any row may be.
"""

from __future__ import annotations

import gzip
import re
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from seektune.errors import DataError, printable
from seektune.text.files.record import CUT

MAX_LINE_BYTES = 64 * 2**20
"""Longer lines are refused before they are held in memory twice."""

BLOCK_BYTES = 2**16
"""Of a file that is not read by lines, so much at a time."""

MAX_INFLATION = 300
"""Unpacked bytes per packed byte; text reaches 5 to 30, a bomb about 1,000."""

_BOMB_FLOOR_BYTES = 16 * 2**20
_HAN = re.compile("[\u4e00-\u9fff\u3000-\u303f\uff00-\uffef\u2014\u2018-\u201d\u2026]+")  # and its punctuation
_BOM = b"\xef\xbb\xbf"


def shown(text: str, limit: int = 80) -> str:
    """`text` as it may stand in a message, log or table: one line, control and bidirectional characters escaped."""
    return printable(text if len(text) <= limit else text[: limit - 1] + "…", keep="")


def counted(counts: Mapping[str, int]) -> str:
    """Reasons with how many rows each took, as they stand in messages: `too long 3, empty 1`."""
    return ", ".join(f"{reason} {count:,}" for reason, count in counts.items())


def is_gzip(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def open_bytes(path: Path) -> BinaryIO:
    """The file's bytes; `.gz` is unpacked."""
    try:
        return gzip.open(path, "rb") if is_gzip(path) else path.open("rb")  # type: ignore[return-value]
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def _pieces(path: Path, take: Callable[[BinaryIO], bytes]) -> Iterator[tuple[int, int, bytes]]:
    """(line on which it starts, byte offset, bytes) of each piece that `take` reads."""
    packed = path.stat().st_size if is_gzip(path) else None
    offset, line = 0, 1
    with open_bytes(path) as file:
        while True:
            try:
                piece = take(file)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise DataError(f"{path}:{line}: the gzip stream is cut or damaged ({error})") from error
            if not piece:
                return
            if not offset and piece.startswith(_BOM):
                piece, offset = piece[len(_BOM) :], len(_BOM)
            yield line, offset, piece
            offset += len(piece)
            line += piece.count(b"\n")
            if packed is not None and offset > max(_BOMB_FLOOR_BYTES, MAX_INFLATION * packed):
                raise DataError(
                    f"{path}:{line}: {packed:,} bytes of gzip unpack to more than {offset:,}: refused as a gzip bomb"
                )


@contextmanager
def unpacked(path: Path) -> Iterator[BinaryIO]:
    """A file that can be read from any place; `.gz` is unpacked to a temporary file, checked as text is."""
    if not is_gzip(path):
        with open_bytes(path) as file:
            yield file
        return
    with tempfile.TemporaryFile() as file:
        for _, _, piece in _pieces(path, lambda packed: packed.read(BLOCK_BYTES)):
            try:
                file.write(piece)
            except OSError as error:
                place = f"cannot be unpacked to {tempfile.gettempdir()} ({error.strerror or error})"
                raise DataError(f"{path}: {place}; unpack it yourself, or set TMPDIR to a folder with room") from error
        file.seek(0)
        yield file


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """(line number from 1, the line with its end) for every line of a UTF-8 file."""
    for number, offset, line in _pieces(path, lambda file: file.readline(MAX_LINE_BYTES + 1)):
        if len(line) > MAX_LINE_BYTES:
            raise DataError(f"{path}:{number}: the line is longer than {MAX_LINE_BYTES:,} bytes; cut it into rows")
        yield number, _decoded(path, number, offset, line, whole=line.endswith(b"\n"))


def text_blocks(path: Path) -> Iterator[str]:
    """The text of a UTF-8 file, block by block, wherever its lines end."""
    held = b""
    for line, offset, block in _pieces(path, lambda file: file.read(BLOCK_BYTES)):
        joined = held + block
        end = len(joined)  # a character that is cut by the block's end waits for the next block
        while end > len(joined) - 4 and end and joined[end - 1] & 0xC0 == 0x80:
            end -= 1
        end -= bool(end and joined[end - 1] >= 0xC0)
        if _whole(joined[end:]):
            end = len(joined)
        yield _decoded(path, line, offset - len(held), joined[:end], whole=True)
        held = joined[end:]
    if held:
        yield _decoded(path, line, offset + len(block) - len(held), held, whole=False)


def _whole(character: bytes) -> bool:
    """Whether the bytes are one whole character of UTF-8."""
    try:
        return len(character.decode("utf-8")) == 1
    except UnicodeDecodeError:
        return False


def _decoded(path: Path, line: int, offset: int, piece: bytes, *, whole: bool) -> str:
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError as error:
        line += piece.count(b"\n", 0, error.start)
        cut = error.reason == "unexpected end of data" and not whole
        raise DataError(
            f"{path}:{line}: not UTF-8: byte 0x{piece[error.start]:02x} at byte offset {offset + error.start}"
            f"{f'; {CUT}' if cut else _encoding_hint(path, piece)}"
        ) from error


def _encoding_hint(path: Path, line: bytes) -> str:
    """What the file may be instead, and how to turn it into UTF-8."""
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        return f"; it looks like UTF-16: iconv -f UTF-16 -t UTF-8 {path.name}"
    # a Chinese character is two such bytes (rarely, one and a letter), and they seldom stand alone; accents mostly do
    runs = re.findall(rb"[\x80-\xff]+", line)
    pairs = [run for run in runs if len(run) % 2 == 0 and _HAN.fullmatch(run.decode("gb18030", "replace"))]
    if len(pairs) <= len(runs) / 2:
        encodings = ["WINDOWS-1252"]
    elif sum(len(run) for run in pairs if len(run) >= 4) > sum(map(len, runs)) / 2:
        encodings = ["GB18030"]
    else:
        encodings = ["GB18030", "WINDOWS-1252"]
    told = " or ".join(f"iconv -f {encoding} -t UTF-8 {path.name}" for encoding in encodings)
    return f"; save it as UTF-8, for example: {told}; then look at the result, whether its words are right"
