"""Reads one YAML file of a stranger into plain data, and remembers where everything stands.

Only the parser's events are used: nothing is constructed, so that no tag can run code. Departures from YAML 1.1 as
PyYAML reads it, each because the original bites: `1e-4` is a number; only true and false are booleans (`no`, `on` are
texts); no sexagesimal numbers, so that 04:00:00 stays a text; no dates; keys are always texts. Refused: tags, anchors
and aliases, a key given twice, tabs in indentation, several documents, more than MAX_BYTES, MAX_NODES or MAX_DEPTH.

Raises StudyFileError for what cannot be read at all; collects in `Document.problems` what can be read past.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from seektune.errors import Problem, StudyFileError

MAX_BYTES = 1_000_000
MAX_NODES = 10_000
MAX_DEPTH = 50
SHOWN_CHARACTERS = 80
MESSAGE_CHARACTERS = 600

Path_ = tuple[str | int, ...]

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9][0-9_]{0,39}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,40}|[0-9]{1,40}(\.[0-9]{0,40})?)([eE][-+]?[0-9]{1,6})?")
_SPECIAL = {".nan": "nan", ".NaN": "nan", ".NAN": "nan"} | {
    sign + name: sign + "inf" for sign in ("", "+", "-") for name in (".inf", ".Inf", ".INF")
}
_SECRET = re.compile(
    r"hf_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|AKIA[0-9A-Z]{16}"
    r"|xox[abprs]-[\w-]{10,}|glpat-[\w-]{20,}|://[^/\s:@]*:[^/\s@]+@"
)

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class Document:
    """Plain data, and the place (line and column, from 1) of every key and value."""

    file: str
    data: Any = None
    keys: dict[Path_, tuple[int, int]] = field(default_factory=dict)
    values: dict[Path_, tuple[int, int]] = field(default_factory=dict)
    quoted: set[Path_] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def place(self, path: Path_, *, key: bool = False, offset: int = 0) -> str:
        """`file:line:column` of a value (or its key), or of the nearest thing around it that is in the file."""
        where = (self.keys if key else self.values).get(path) or self.keys.get(path)
        if where is None:
            return self.place(path[:-1], key=True) if path else f"{self.file}:1:1"
        return f"{self.file}:{where[0]}:{where[1] + offset + (1 if offset and path in self.quoted else 0)}"


def shown(value: object) -> str:
    """A value for a message: one line, at most 80 characters, control characters escaped, secrets masked."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "nothing"}[value]
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    plain = isinstance(value, int | float) or str(value).isprintable()
    text = repr(value) if plain else ascii(str(value))
    text = _SECRET.sub(lambda match: match[0][:3] + "***", text)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."


def clean(message: str) -> str:
    """Whatever a message quotes: no control characters, no secret, no end of it."""
    printable = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in message)
    masked = _SECRET.sub(lambda match: match[0][:3] + "***", printable)
    return masked if len(masked) <= MESSAGE_CHARACTERS else masked[: MESSAGE_CHARACTERS - 3] + "..."


def holds_secret(text: str) -> bool:
    return _SECRET.search(text) is not None


def read(path: str | Path) -> Document:
    """Raises StudyFileError."""
    document = Document(str(path))
    text = _text(Path(path), document)
    _refuse_tabs(text, document)
    try:
        _Builder(document).build(yaml.parse(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        raise _fatal(document, f"not readable as YAML ({error.problem or error.context})", where) from None
    except yaml.YAMLError as error:
        raise _fatal(document, f"not readable as YAML ({shown(str(error).splitlines()[0])})") from None
    if document.data is None and not document.problems:
        raise _fatal(document, "empty; `seektune init` writes a study file to start from")
    if not isinstance(document.data, dict):
        kind = "a list" if isinstance(document.data, list) else shown(document.data)
        raise _fatal(document, f"expected a mapping (`study: name`, `model: ...`), but got {kind}", (1, 1))
    return document


def _fatal(document: Document, message: str, where: tuple[int, int] | None = None) -> StudyFileError:
    place = document.file if where is None else f"{document.file}:{where[0]}:{where[1]}"
    return StudyFileError([*document.problems, Problem(place, clean(message))])


def _text(path: Path, document: Document) -> str:
    try:
        if path.is_dir():
            raise _fatal(document, "is a folder; give the study file itself")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _fatal(document, "does not exist; `seektune init` writes a study file to start from") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _fatal(document, f"cannot be read ({reason})") from None
    if len(data) > MAX_BYTES:
        raise _fatal(document, f"more than {MAX_BYTES:,} bytes; a study file is a few kilobytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8 at byte {error.start} (0x{data[error.start]:02x}); save the file as UTF-8"
        raise StudyFileError([Problem(f"{document.file}:{line}", message)]) from None


def _refuse_tabs(text: str, document: Document) -> None:
    for number, line in enumerate(text.split("\n"), start=1):
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        if "\t" in indent and line.strip():
            where = (number, indent.index("\t") + 1)
            raise _fatal(document, "tab not allowed in indentation; use spaces", where)


class _Builder:
    """Events -> data. Iterative: the depth of the file is not the depth of our stack."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def build(self, events: Iterator[Any]) -> None:
        containers: list[tuple[Any, Path_]] = []  # open mappings and lists
        keys: list[str | None] = []  # per container: the key that waits for its value
        nodes = documents = 0
        for event in events:
            where = (event.start_mark.line + 1, event.start_mark.column + 1)
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _fatal(self.document, "a second document starts here; a file holds one study", where)
            if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                containers.pop()
                keys.pop()
            if not isinstance(event, yaml.NodeEvent):
                continue
            nodes += 1
            if nodes > MAX_NODES or len(containers) >= MAX_DEPTH:
                raise _fatal(self.document, f"more than {MAX_NODES:,} values or {MAX_DEPTH} levels", where)
            if containers and isinstance(containers[-1][0], dict) and keys[-1] is None:
                keys[-1] = self._key(event, containers[-1], where)
                continue
            path = self._path(containers, keys)
            value = self._value(event, path, where)
            if containers:
                container = containers[-1][0]
                if isinstance(container, list):
                    container.append(value)
                else:
                    container.setdefault(path[-1], value)
                    keys[-1] = None
            else:
                self.document.data = value
            self.document.values.setdefault(path, where)
            if isinstance(value, dict | list) and not isinstance(event, yaml.ScalarEvent):
                containers.append((value, path))
                keys.append(None)

    @staticmethod
    def _path(containers: list[tuple[Any, Path_]], keys: list[str | None]) -> Path_:
        if not containers:
            return ()
        container, path = containers[-1]
        last = keys[-1]
        return (*path, len(container)) if isinstance(container, list) or last is None else (*path, last)

    def _key(self, event: Any, container: tuple[Any, Path_], where: tuple[int, int]) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise _fatal(self.document, "a key must be a plain word", where)
        self._refuse_extras(event, where)
        mapping, path = container
        key: str = event.value
        if key in mapping:
            first = self.document.keys[(*path, key)][0]
            dotted = ".".join(str(part) for part in (*path, key))
            self._problem(where, f"key {shown(dotted)} is given twice (first at line {first}); keep one")
        self.document.keys.setdefault((*path, key), where)
        return key

    def _value(self, event: Any, path: Path_, where: tuple[int, int]) -> Any:
        self._refuse_extras(event, where)
        if isinstance(event, yaml.MappingStartEvent):
            return {}
        if isinstance(event, yaml.SequenceStartEvent):
            return []
        if isinstance(event, yaml.AliasEvent):
            return None
        if not event.style:  # plain; the two parsers say None and ""
            return scalar(event.value)
        self.document.quoted.add(path)
        return event.value

    def _refuse_extras(self, event: Any, where: tuple[int, int]) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._problem(where, f"alias *{shown(event.anchor)[1:-1]} not allowed; write the value out")
            return
        if event.tag is not None:
            self._problem(where, f"tag {shown(event.tag)} not allowed; write the plain value")
        if event.anchor is not None:
            self._problem(
                where, f"anchor &{shown(event.anchor)[1:-1]} not allowed; write the value out where it is needed"
            )

    def _problem(self, where: tuple[int, int], message: str) -> None:
        self.document.problems.append(Problem(f"{self.document.file}:{where[0]}:{where[1]}", clean(message)))


def scalar(text: str) -> str | int | float | bool | None:
    """An unquoted word of the file as a value."""
    if _NULL.fullmatch(text):
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if _INTEGER.fullmatch(text):
        return int(text.rstrip("_"))
    if _FLOAT.fullmatch(text):
        return float(text)
    return float(_SPECIAL[text]) if text in _SPECIAL else text
