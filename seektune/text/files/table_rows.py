"""Rows of CSV, TSV and Parquet files. A file with a header and no rows, or one that is cut, raises DataError."""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from seektune.errors import DataError
from seektune.text.files.lines import BLOCK_BYTES, MAX_LINE_BYTES, shown, text_lines, unpacked
from seektune.text.files.record import CUT, Record

MAX_READ_AGAIN = 5
"""Behind stray quotes, lines are read again: at most so many times the characters that were read."""

# in the words of Python's parser
_NEVER_CLOSED = "unexpected end of data"
_CARRIAGE_RETURN = "new-line character seen in unquoted field"


def read_csv(path: Path) -> Iterator[Record]:
    return read_table(path, ",")


def read_tsv(path: Path) -> Iterator[Record]:
    return read_table(path, "\t")


def read_table(path: Path, delimiter: str) -> Iterator[Record]:
    """CSV or TSV with a header; quoted fields may hold the delimiter, quotes ("") and line ends.

    A stray quote makes the lines behind it one field. Where that ends in a fault, or looks like it, only the line
    with the quote is malformed, and the lines behind it are read again by themselves.
    """
    csv.field_size_limit(MAX_LINE_BYTES)
    lines = _Lines(path)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    names: tuple[str, ...] = ()
    rows = 0
    while True:
        fields: list[str] = []
        fault = ""
        try:
            lines.begin()
            fields = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            fault = str(error)
        first, text = lines.taken[0]
        last = lines.taken[-1][0]
        if header is None:
            if fault:
                raise _bad_header(path, first, fault)
            if fields:
                header = [name.strip() for name in fields]
                names = tuple(name for name in header if name)
                if twice := repeated(names):
                    raise DataError(f"{path}:{first}: the column {twice[0]!r} stands twice in the header; rename one")
            continue
        if not fault and not fields:
            continue
        rows += 1
        inner, swallowed = len(lines.taken) - 2, _rows_inside(lines.taken, delimiter, len(header))
        stray = swallowed >= 2 and swallowed > inner / 2
        if fault == _NEVER_CLOSED and not stray:
            raise _cut(path, first)
        if fault:
            fault = _told(fault)
        elif stray and (delimiter == "\t" or len(fields) != len(header)):
            fault = "most lines of a quoted field look like rows: its first quote seems a stray one"
        if fault:
            if last > first:
                fault += f"; the parser followed its quote from line {first:,} to line {last:,}"
            yield Record(first, None, f"malformed row: {fault}", text=text, columns=names)
            lines.again()
            continue
        if len(fields) != len(header):
            cut = not lines.taken[-1][1].endswith(("\n", "\r")) and len(fields) < len(header)
            fault = f"expected {len(header)} fields, but got {len(fields)}{f'; {CUT}' if cut else ''}"
            if last > first:
                fault += f" (a quoted field makes lines {first:,} to {last:,} one row)"
            yield Record(first, None, fault, text=text, columns=names)
            continue
        note = ""
        if swallowed >= 3 and swallowed >= 0.9 * inner:
            note = (
                f"a quoted field runs over lines {first:,} to {last:,}, most of which look like rows: is its first quote a "
                f"stray one?"
            )
        value = dict(zip(header, fields, strict=True))
        value.pop("", None)  # columns without a name
        yield Record(first, value, note=note)
    if header is not None and not rows:
        raise DataError(f"{path}: the file has a header ({shown(', '.join(header))}) and no rows")


class _Lines:
    """The lines of a file, record by record. `taken` are those of the last record, with their numbers."""

    def __init__(self, path: Path) -> None:
        self._path, self._unread = path, text_lines(path)
        self._given_back: deque[tuple[int, str]] = deque()
        self._characters = self._read_again = self._size = 0
        self.taken: list[tuple[int, str]] = []

    def begin(self) -> None:
        """Here a record begins."""
        self.taken = []
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._given_back:
            number, line = self._given_back.popleft()
        else:
            number, line = next(self._unread)
            self._characters += len(line)
        self.taken.append((number, line))
        self._size += len(line)
        if self._size > MAX_LINE_BYTES:
            raise csv.Error(f"the row is longer than {MAX_LINE_BYTES:,} characters")
        return line

    def again(self) -> None:
        """Read the lines of the last record again, but for its first."""
        behind = self.taken[1:]
        self._given_back.extendleft(reversed(behind))
        self._read_again += sum(len(line) for _, line in behind)
        # quotes that open on every line and close at the end of the file would take quadratic time
        if self._read_again > max(MAX_READ_AGAIN * self._characters, BLOCK_BYTES):
            raise DataError(
                f"{self._path}:{self.taken[0][0]}: stray quotes on so many lines that rows cannot be told apart; write "
                f"the file again with a CSV library, or as .jsonl"
            )


def _rows_inside(taken: Sequence[tuple[int, str]], delimiter: str, fields: int) -> int:
    """How many lines inside a record have as many delimiters as a row has."""
    if len(taken) < 3 or fields < 2:
        return 0
    return sum(line.count(delimiter) == fields - 1 for _, line in islice(taken, 1, len(taken) - 1))


def _told(fault: str) -> str:
    """What the parser found, in words for the person whose file it is."""
    if fault == _NEVER_CLOSED:
        return "a quote opened here is never closed"
    if fault.startswith(_CARRIAGE_RETURN):
        return "a carriage return stands in a field without quotes"
    return f'{fault} (a field with quotes is written "like ""this""")'


def _cut(path: Path, line: int) -> DataError:
    return DataError(f"{path}:{line}: {CUT}: {_told(_NEVER_CLOSED)}")


def _bad_header(path: Path, line: int, fault: str) -> DataError:
    if fault.startswith(_CARRIAGE_RETURN):
        new = shown(f"new-{path.name}")
        return DataError(
            f"{path}:{line}: the line ends are carriage returns alone (old Mac); convert them, for example: "
            f"tr '\\r' '\\n' < {shown(path.name)} > {new}"
        )
    if fault == _NEVER_CLOSED:
        return _cut(path, line)
    return DataError(f"{path}:{line}: malformed header: {_told(fault)}")


def repeated(names: Iterable[str]) -> list[str]:
    """The names that stand more than once."""
    return [name for name, count in Counter(names).items() if count > 1]


def read_parquet(path: Path) -> Iterator[Record]:
    """Rows of a Parquet file; `line` is the row number."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with unpacked(path) as bytes_of, pq.ParquetFile(bytes_of) as file:
            if twice := repeated(file.schema_arrow.names):
                raise DataError(f"{path}: two columns are named {twice[0]!r}; rename one")
            if file.metadata.num_rows == 0:
                names = shown(", ".join(file.schema_arrow.names))
                raise DataError(f"{path}: the file has a header ({names}) and no rows")
            row = 0
            for batch in file.iter_batches(batch_size=512):
                for value in batch.to_pylist():
                    row += 1
                    yield Record(row, value)
    except (pa.ArrowException, OSError, ValueError) as error:  # ValueError: a name or string that is not UTF-8
        reason = shown(str(error), 120)
        raise DataError(f"{path}: not a whole Parquet file ({reason}); write or copy it again") from error
