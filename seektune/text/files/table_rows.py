"""Rows of CSV, TSV and Parquet files. A file with a header and no rows, or one that is cut, raises DataError."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from seektune.errors import DataError
from seektune.text.files.lines import MAX_LINE_BYTES, shown, text_lines, unpacked
from seektune.text.files.record import CUT, Record


def read_csv(path: Path) -> Iterator[Record]:
    return read_table(path, ",")


def read_tsv(path: Path) -> Iterator[Record]:
    return read_table(path, "\t")


def read_table(path: Path, delimiter: str) -> Iterator[Record]:
    """CSV or TSV with a header; quoted fields may hold the delimiter, quotes ("") and line ends."""
    csv.field_size_limit(MAX_LINE_BYTES)
    last = ""

    def lines() -> Iterator[str]:
        nonlocal last
        for _, last in text_lines(path):
            yield last

    reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    rows = 0
    while True:
        first_line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            if str(error) == "unexpected end of data":
                raise DataError(f"{path}:{first_line}: {CUT}: a quote opened here is never closed") from error
            yield Record(first_line, None, f'malformed row: {error} (a field with quotes is written "like ""this""")')
            continue
        if not fields:
            continue
        if header is None:
            header = [name.strip() for name in fields]
            if len(set(header)) < len(header):
                raise DataError(f"{path}:{first_line}: a column name stands twice in the header: {', '.join(header)}")
            continue
        rows += 1
        if len(fields) == len(header):
            yield Record(first_line, dict(zip(header, fields, strict=True)))
        else:
            cut = "" if last.endswith(("\n", "\r")) or len(fields) > len(header) else f"; {CUT}"
            yield Record(first_line, None, f"expected {len(header)} fields, but got {len(fields)}{cut}")
    if header is not None and not rows:
        raise DataError(f"{path}: the file has a header ({shown(', '.join(header))}) and no rows")


def read_parquet(path: Path) -> Iterator[Record]:
    """Rows of a Parquet file; `line` is the row number."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with unpacked(path) as bytes_of, pq.ParquetFile(bytes_of) as file:
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
