from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from seektune.text.options import DataOptions
from seektune.text.rows import RowSet, prepare_rows

SHARED = Path(__file__).parents[2] / "../shared/data"
TOPICS = ("card", "transfer", "loan", "account", "statement", "refund", "limit", "address", "branch", "mortgage")
VERBS = ("cancel", "review", "explain", "move", "close", "open", "repeat", "print", "freeze", "renew")
PLACES = ("in Lyon", "at the airport", "for my sister")


def questions() -> list[str]:
    """300 different questions; no two are near duplicates, because each names three things."""
    return [
        f"Could someone {verb} this {topic} {place}, {verb} every {topic} {place}?"
        for verb in VERBS
        for topic in TOPICS
        for place in PLACES
    ]


@pytest.fixture
def jsonl(tmp_path: Path) -> Callable[..., Path]:
    def write(rows: Iterable[Any], name: str = "rows.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


@pytest.fixture
def prepare(tmp_path: Path) -> Callable[..., RowSet]:
    def run(kind: str, *paths: Path | dict[str, Any], seed: int = 0, cache: str = "cache", **options: Any) -> RowSet:
        sources = [path if isinstance(path, dict) else {"path": str(path)} for path in paths]
        return prepare_rows(DataOptions(kind=kind, sources=sources, **options), tmp_path / cache, seed)

    return run


@pytest.fixture
def labelled() -> list[dict[str, str]]:
    return [{"text": text, "label": text.split()[2]} for text in questions()]


@pytest.fixture
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"no shared text at {SHARED}")
    return SHARED
