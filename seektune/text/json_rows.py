"""Rows of JSON and JSONL files, each with its line; a parse error with line and column."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from seektune.errors import DataError
from seektune.text.lines import shown, text_lines
from seektune.text.record import CUT, Record


def read_jsonl(path: Path) -> Iterator[Record]:
    """One JSON object per line; blank lines are no rows."""
    for number, line in text_lines(path):
        if not line.strip():
            continue
        try:
            # without its end, where a string that is never closed would be told as a control character
            value = json.loads(line.rstrip("\r\n"))
        except json.JSONDecodeError as error:
            cut = "" if line.endswith("\n") else f"; {CUT}"
            yield Record(number, None, f"malformed JSON: {_said(error)}{cut}", error.colno)
        except (ValueError, RecursionError) as error:
            yield Record(number, None, f"JSON that cannot be read: {type(error).__name__}: {shown(str(error))}")
        else:
            yield _object(number, value)


def read_json(path: Path) -> Iterator[Record]:
    """A list of objects, or an object whose only list is the rows. Every row keeps its line."""
    text = "".join(line for _, line in text_lines(path))
    start, nested = _skip(text, 0), False
    if text[start : start + 1] == "{":
        start, nested = _only_list(path, text, start), True
    elif text[start : start + 1] != "[":
        raise DataError(f"{path}:1:1: expected a JSON list of rows, but got {shown(text[start : start + 20])!r}")
    decoder = json.JSONDecoder()
    position, line, counted = _skip(text, start + 1), 1, 0
    while text[position : position + 1] != "]":
        line, counted = line + text.count("\n", counted, position), position
        try:
            value, end = decoder.raw_decode(text, position)
            end = _skip(text, end)
            if text[end : end + 1] not in (",", "]"):
                raise json.JSONDecodeError("expecting ',' or ']'", text, end)
        except json.JSONDecodeError as error:
            raise _malformed(path, text, error, "]") from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}:{line}: JSON that cannot be read: {type(error).__name__}: {error}") from error
        yield _object(line, value)
        position = _skip(text, end + 1) if text[end] == "," else end
    position = _skip(text, position + 1)
    if not nested and position < len(text):
        raise _malformed(path, text, json.JSONDecodeError("Extra data", text, position), "]")


def _only_list(path: Path, text: str, start: int) -> int:
    """Where the rows of a top-level object begin. Two lists, also under one name, are refused: one would be lost."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise _malformed(path, text, error, "}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: JSON that cannot be read: {type(error).__name__}: {error}") from error
    decoder = json.JSONDecoder()
    names, lists, position = [], [], _skip(text, start + 1)
    while text[position] != "}":
        name, position = decoder.raw_decode(text, position)
        names.append(name)
        position = _skip(text, _skip(text, position) + 1)  # past the colon
        if text[position] == "[":
            lists.append(position)
        position = _skip(text, decoder.raw_decode(text, position)[1])
        position = _skip(text, position + 1) if text[position] == "," else position
    if len(lists) != 1:
        raise DataError(
            f"{path}: expected a list of rows, or an object with one list, but got an object with the keys "
            f"{', '.join(map(repr, names[:8]))}; one object per line belongs in a .jsonl file"
        )
    return lists[0]


def _malformed(path: Path, text: str, error: json.JSONDecodeError, closing: str) -> DataError:
    """Place and reason; `closing` is what a whole file ends with."""
    hint = "" if text.rstrip().endswith(closing) else f"; {CUT}"
    if error.msg == "Extra data":
        hint = "; one object per line belongs in a .jsonl file"
    return DataError(f"{path}:{error.lineno}:{error.colno}: malformed JSON: {_said(error)}{hint}")


def _said(error: json.JSONDecodeError) -> str:
    """The parser's words inside a sentence; the place stands before them."""
    return error.msg[:1].lower() + error.msg[1:].removesuffix(" at").removesuffix(" starting")


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def _object(line: int, value: object) -> Record:
    if isinstance(value, dict):
        return Record(line, value)
    return Record(line, None, f"not an object: expected {{...}}, but got {type(value).__name__}")
