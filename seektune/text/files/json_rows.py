"""Rows of JSON and JSONL files, each with its line; a parse error with line and column."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from seektune.errors import DataError
from seektune.text.files.lines import shown, text_blocks, text_lines
from seektune.text.files.record import CUT, Record

_DECODER = json.JSONDecoder()
_LONGEST_ESCAPE = len(r"\ud83d\ude00")


def read_jsonl(path: Path) -> Iterator[Record]:
    """One JSON object per line; blank lines are no rows."""
    begun = False
    for number, line in text_lines(path):
        if not line.strip():
            continue
        listed = "; a list of rows belongs in a .json file" if not begun and line.lstrip().startswith("[") else ""
        begun = True
        try:
            # without its end, where a string that is never closed would be told as a control character
            value = json.loads(line.rstrip("\r\n"))
        except json.JSONDecodeError as error:
            hint = listed or ("" if line.endswith("\n") else f"; {CUT}")
            yield Record(number, None, f"malformed JSON: {_said(error)}{hint}", error.colno, text=line)
        except (ValueError, RecursionError) as error:
            fault = f"JSON that cannot be read: {type(error).__name__}: {shown(str(error))}"
            yield Record(number, None, fault, text=line)
        else:
            record = _object(number, value)
            yield replace(record, fault=record.fault + listed) if record.fault else record


def read_json(path: Path) -> Iterator[Record]:
    """A list of objects, or an object whose only list is the rows: a second list would be lost, and is refused.

    Every row keeps its line. The file is held in memory by a few rows at a time.
    """
    window = _Window(path)
    first = window.next()
    if first == "[":
        yield from _listed(window)
        window.end("]")
    elif first == "{":
        yield from _only_list(path, window)
    else:
        raise DataError(f"{path}:1:1: expected a JSON list of rows, but got {shown(window.text[:20])!r}")


def _listed(window: _Window, closing: str = "]") -> Iterator[Record]:
    """The objects of a list."""
    window.position += 1
    while window.next() != "]":
        line, value = window.value(closing)
        yield _object(line, value)
        window.comma("]", closing)
    window.position += 1


def _only_list(path: Path, window: _Window) -> Iterator[Record]:
    """The objects of an object's one list."""
    names: list[str] = []
    lists = 0
    window.position += 1
    while window.next() != "}":
        names.append(str(window.value("}")[1]))
        if window.next() != ":":
            raise window.malformed(json.JSONDecodeError("Expecting ':' delimiter", window.text, window.position), "}")
        window.position += 1
        if window.next() != "[":
            window.value("}")
        elif lists := lists + 1:
            if lists > 1:
                break
            yield from _listed(window, "}")
        window.comma("}", "}")
    else:
        window.position += 1
        window.end("}")
    if lists != 1:
        raise DataError(
            f"{path}: expected a list of rows, or an object with one list, but got an object with the keys "
            f"{', '.join(map(repr, names[:8]))}; one object per line belongs in a .jsonl file"
        )


def _said(error: json.JSONDecodeError) -> str:
    """The parser's words inside a sentence; the place stands before them."""
    return error.msg[:1].lower() + error.msg[1:].removesuffix(" at").removesuffix(" starting")


class _Window:
    """The part of a file that is being parsed: `text` from `position` on. It grows until a value is whole."""

    def __init__(self, path: Path) -> None:
        self._path, self._blocks = path, text_blocks(path)
        self.text, self.position = "", 0
        self._line, self._column = 1, 1  # of text[0]
        self._ended = False

    def next(self) -> str:
        """The next character that is no white space, "" at the end of the file; `position` is there."""
        while True:
            while self.position < len(self.text) and self.text[self.position] in " \t\r\n":
                self.position += 1
            if self.position < len(self.text):
                return self.text[self.position]
            if not self._grow():
                return ""

    def value(self, closing: str) -> tuple[int, Any]:
        """(line, value) of the value that starts here. Raises DataError where there is none."""
        self.next()
        self._drop()
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.position)
            except json.JSONDecodeError as error:
                # what a block's end has cut asks for more; anything else is wrong already
                cut = error.msg.startswith("Unterminated") or error.pos >= len(self.text) - _LONGEST_ESCAPE
                if not cut or not self._grow(len(self.text)):
                    raise self.malformed(error, closing) from error
            except (ValueError, RecursionError) as error:
                raise DataError(
                    f"{self._path}:{self._line}: JSON that cannot be read: {type(error).__name__}: {shown(str(error))}"
                ) from error
            else:
                if end < len(self.text) or not self._grow(1):  # a number may go on behind the block's end
                    line, self.position = self._line, end
                    return line, value

    def comma(self, last: str, closing: str) -> None:
        """Step over a comma; stay before the `last` character."""
        found = self.next()
        if found == ",":
            self.position += 1
        elif found != last:
            raise self.malformed(json.JSONDecodeError(f"expecting ',' or '{last}'", self.text, self.position), closing)

    def end(self, closing: str) -> None:
        """Nothing may follow."""
        if self.next():
            raise self.malformed(json.JSONDecodeError("Extra data", self.text, self.position), closing)

    def malformed(self, error: json.JSONDecodeError, closing: str) -> DataError:
        """Place and reason; `closing` is what a whole file ends with."""
        hint = f"; {CUT}" if self._ended and not self.text.rstrip().endswith(closing) else ""
        if error.msg == "Extra data":
            hint = "; one object per line belongs in a .jsonl file"
        line = self._line + error.lineno - 1
        column = error.colno + (self._column - 1 if error.lineno == 1 else 0)
        return DataError(f"{self._path}:{line}:{column}: malformed JSON: {_said(error)}{hint}")

    def _drop(self) -> None:
        """Forget what is behind."""
        behind = self.text[: self.position]
        lines = behind.count("\n")
        self._line += lines
        self._column = len(behind) - behind.rfind("\n") if lines else self._column + len(behind)
        self.text, self.position = self.text[self.position :], 0

    def _grow(self, characters: int = 1) -> bool:
        """Add so many characters, or what is left; False where nothing is."""
        wanted = len(self.text) + characters
        parts, size = [self.text], len(self.text)
        while size < wanted and (block := next(self._blocks, None)) is not None:
            parts.append(block)
            size += len(block)
        self._ended = self._ended or len(parts) == 1
        self.text = "".join(parts)
        return len(parts) > 1


def _object(line: int, value: object) -> Record:
    if isinstance(value, dict):
        return Record(line, value)
    fault = f"not an object: expected {{...}}, but got {type(value).__name__}"
    return Record(line, None, fault, text=json.dumps(value, ensure_ascii=False))
