"""Rows of JSON and JSONL files, each with its line; a parse error with line and column."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seektune.errors import DataError
from seektune.text.lines import shown, text_lines
from seektune.text.record import CUT, Record


def read_jsonl(path: Path) -> Iterator[Record]:
    """One JSON object per line; blank lines are no rows."""
    for number, line in text_lines(path):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            cut = "" if line.endswith("\n") else f"; {CUT}"
            yield Record(number, None, f"malformed JSON: {error.msg[:1].lower()}{error.msg[1:]}{cut}", error.colno)
        except (ValueError, RecursionError) as error:
            yield Record(number, None, f"JSON that cannot be read: {type(error).__name__}: {shown(str(error))}")
        else:
            yield _object(number, value)


def read_json(path: Path) -> Iterator[Record]:
    """A list of objects, or an object whose only list is the rows. Every row keeps its line."""
    text = "".join(line for _, line in text_lines(path))
    decoder = json.JSONDecoder()
    start = _skip(text, 0)
    if text[start : start + 1] == "{":
        value = _whole(path, text)
        lists = {name: item for name, item in value.items() if isinstance(item, list)}
        if len(lists) != 1:
            raise DataError(
                f"{path}: expected a list of rows, or an object with one list, but got an object with the keys "
                f"{', '.join(map(repr, list(value)[:8]))}; one object per line belongs in a .jsonl file"
            )
        yield from (_object(row, item) for row, item in enumerate(next(iter(lists.values())), start=1))
        return
    if text[start : start + 1] != "[":
        raise DataError(f"{path}:1:1: expected a JSON list of rows, but got {shown(text[start : start + 20])!r}")
    position, line, counted = _skip(text, start + 1), 1, 0
    while text[position : position + 1] != "]":
        line, counted = line + text.count("\n", counted, position), position
        try:
            value, end = decoder.raw_decode(text, position)
            end = _skip(text, end)
            if text[end : end + 1] not in (",", "]"):
                raise json.JSONDecodeError("expecting ',' or ']'", text, end)
        except json.JSONDecodeError as error:
            cut = f"; {CUT}" if not text.rstrip().endswith("]") else ""
            message = f"{error.msg[:1].lower()}{error.msg[1:]}"
            raise DataError(f"{path}:{error.lineno}:{error.colno}: malformed JSON: {message}{cut}") from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}:{line}: JSON that cannot be read: {type(error).__name__}: {error}") from error
        yield _object(line, value)
        position = _skip(text, end + 1) if text[end] == "," else end


def _whole(path: Path, text: str) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(text)
    except json.JSONDecodeError as error:
        hint = "; one object per line belongs in a .jsonl file" if error.msg == "Extra data" else ""
        message = f"{error.msg[:1].lower()}{error.msg[1:]}"
        raise DataError(f"{path}:{error.lineno}:{error.colno}: malformed JSON: {message}{hint}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: JSON that cannot be read: {type(error).__name__}: {error}") from error
    return value


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def _object(line: int, value: object) -> Record:
    if isinstance(value, dict):
        return Record(line, value)
    return Record(line, None, f"not an object: expected {{...}}, but got {type(value).__name__}")
