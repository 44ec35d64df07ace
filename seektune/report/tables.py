"""All trials as files that other programs open: trials.csv and trials.parquet (one row per trial, all stages).

The CSV is for spreadsheets, which run text that begins with = + - @ as a formula: such text gets an apostrophe. Parquet
is typed and has no such trap, so it holds the values as they are. Both are written beside their place and renamed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from seektune.ledger.history import History
from seektune.report.safe import spreadsheet


def write_tables(history: History, folder: Path) -> tuple[Path, Path]:
    """Write both files into `folder`; returns (csv, parquet)."""
    frame = history.frame()
    csv, parquet = folder / "trials.csv", folder / "trials.parquet"
    safe = frame.map(spreadsheet)
    safe.columns = [str(spreadsheet(str(name))) for name in frame.columns]
    replace(csv, safe.to_csv(index=False, lineterminator="\n").encode("utf-8", "backslashreplace"))
    replace(parquet, one_type(frame).to_parquet(index=False))
    return csv, parquet


def one_type(frame: pd.DataFrame) -> pd.DataFrame:
    """Parquet columns have one type: a parameter that is sometimes a word and sometimes a number becomes words."""
    typed = frame.copy()
    for name in typed.columns:
        present = [value for value in typed[name] if not _missing(value)]
        kinds = {bool if isinstance(v, bool) else float if isinstance(v, int | float) else type(v) for v in present}
        if len(kinds) > 1:
            typed[name] = [None if _missing(value) else str(value) for value in typed[name]]
        typed = typed.rename(columns={name: str(name)})
    return typed


def _missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and value != value)


def replace(path: Path, content: bytes | str) -> None:
    """Whole or not at all: a reader never sees half a file."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace"))
    partial.replace(path)
