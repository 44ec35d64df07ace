"""One reader per file format: a file in, one Record per row out, in the file's order. A format is one line here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from seektune.text.files.json_rows import read_json, read_jsonl
from seektune.text.files.plain_rows import read_conll, read_text
from seektune.text.files.record import Record
from seektune.text.files.table_rows import read_csv, read_parquet, read_tsv

READERS: dict[str, Callable[[Path], Iterator[Record]]] = {
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_json,
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".parquet": read_parquet,
    ".txt": read_text,
    ".text": read_text,
    ".conll": read_conll,
    ".bio": read_conll,
}
