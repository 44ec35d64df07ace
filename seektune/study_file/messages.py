"""pydantic's errors in the words of a study file: place, key, value, rule, remedy.

Errors of a union's branches at one place are joined into one ("expected a whole number or 'auto'").
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Mapping, Sequence
from typing import Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from seektune.errors import Problem, nearest
from seektune.options import Options
from seektune.study_file.reader import Document, Path_, shown

_EXPECTED = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "a text",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
_SAID_BY_A_RULE: set[Path_] = {("data", "augment")}
"""Blocks whose own validator is asked again by a rule that knows the places (rules.py)."""
_SIGNS = {
    "greater_than": ("gt", ">"),
    "greater_than_equal": ("ge", ">="),
    "less_than": ("lt", "<"),
    "less_than_equal": ("le", "<="),
}


def problems_of(
    errors: Sequence[Mapping[str, Any]], prefix: Path_, root: type[Options], document: Document, below: Path_ = ()
) -> list[Problem]:
    """`prefix`: where in the file the validated value stands; `root`: the model of what stands at `below`."""
    groups: dict[tuple[Path_, bool], list[Mapping[str, Any]]] = {}
    for error in errors:
        path = _path((*prefix, *error["loc"]), document.data, error["type"])
        alone = error["type"] in ("extra_forbidden", "missing")
        if path in _SAID_BY_A_RULE and error["type"] not in _EXPECTED:
            continue
        groups.setdefault((path, alone), []).append(error)
    deeper = {path[:i] for path, _ in groups for i in range(len(prefix), len(path))}
    misspelt = {
        (*path[:-1], name)
        for path, _ in groups
        if groups.get((path, True), [{}])[0].get("type") == "extra_forbidden"
        for name in difflib.get_close_matches(str(path[-1]), fields_at(root, path[len(below) : -1]), n=1)
    }
    problems: list[Problem] = []
    for (path, alone), group in groups.items():
        if group[0]["type"] == "missing" and path in misspelt:
            continue  # the unknown key beside it is this one, and says so
        if not alone and path in deeper and all(error["type"] in _EXPECTED for error in group):
            continue  # the other branch of a union was meant: its own errors say more
        for text in dict.fromkeys(_texts(path, group, root, below)):
            key = group[0]["type"] == "extra_forbidden"
            problems.append(Problem(document.place(path, key=key), text))
    return problems


def dotted(path: Path_) -> str:
    return ".".join(f"[{part}]" if isinstance(part, int) else str(part) for part in path).replace(".[", "[")


def _path(location: Sequence[Any], data: Any, kind: str) -> Path_:
    """Without the names that pydantic adds for branches of unions and wrapped validators."""
    path: list[str | int] = []
    for position, part in enumerate(location):
        inside = part in data if isinstance(data, dict) else isinstance(data, list) and part in range(len(data))
        if inside:
            data = data[part]
        elif kind != "missing" or position < len(location) - 1:
            continue
        path.append(part)
    return tuple(path)


def _texts(path: Path_, group: Sequence[Mapping[str, Any]], root: type[Options], below: Path_) -> list[str]:
    first, name = group[0], dotted(path)
    siblings = fields_at(root, path[len(below) : -1])
    kind, ctx = first["type"], first.get("ctx", {})
    if kind == "missing":
        field = siblings.get(str(path[-1]))
        meaning = f" ({_sentence(field.description)})" if field is not None and field.description else ""
        return [f"{name} is required{meaning}; add `{path[-1]}: ...`"]
    if kind == "extra_forbidden":
        hint = nearest(str(path[-1]), siblings) or f"; known here: {', '.join(siblings)}"
        return [f"unknown key {shown(name)}{hint}"]
    if kind == "value_error":
        words = [_quoted(error) for error in group if error["type"] == "value_error"]
        return [f"{name}: {line}" for text in words for line in text.split("\n")]
    if kind in _SIGNS:
        rule, sign = _SIGNS[kind]
        return [f"{name} must be {sign} {_plain(ctx[rule])}, but got {shown(first['input'])}"]
    if kind == "too_short":
        return [
            f"{name} needs at least {ctx['min_length']}, but got {shown(first['input'])} with {ctx['actual_length']}"
        ]
    if kind == "string_pattern_mismatch":
        return [f"{name} must look like {ctx['pattern']}, but got {shown(first['input'])}"]
    expected = " or ".join(dict.fromkeys(_expected(error) for error in group))
    yes_or_no = str(first["input"]).lower() in ("yes", "no", "on", "off", "y", "n") and "true or false" in expected
    value = "nothing" if first["input"] is None else shown(first["input"])
    return [f"{name}: expected {expected}, but got {value}" + ("; write true or false" if yes_or_no else "")]


def _expected(error: Mapping[str, Any]) -> str:
    if error["type"] == "literal_error":
        allowed = str(error["ctx"]["expected"])
        known = [word.strip("' ") for word in allowed.replace(" or ", ", ").split(",")]
        return allowed + (nearest(str(error["input"]), known).replace("; did", " (did").replace("?", "?)"))
    return _EXPECTED.get(error["type"], str(error["msg"]))


def _quoted(error: Mapping[str, Any]) -> str:
    """A validator's own words, with the value as this file shows values."""
    value = error["input"]
    words = str(error["ctx"]["error"])
    return words if isinstance(value, dict | list) else words.replace(repr(value), shown(value))


def _plain(number: object) -> str:
    return f"{number:g}" if isinstance(number, float) else str(number)


def _sentence(text: str) -> str:
    return " ".join(text.split()).split(". ")[0].rstrip(".")


def fields_at(root: type[Options], path: Path_) -> dict[str, FieldInfo]:
    """Fields of the model that stands at a path of the file; {} where any key may stand."""
    current: Any = root
    for part in path:
        current = _inside(current, part)
    model = _model(current)
    return dict(model.model_fields) if model is not None else {}


def _inside(annotation: Any, part: str | int) -> Any:
    model = _model(annotation)
    if model is not None:
        field = model.model_fields.get(str(part))
        return field.annotation if field is not None else None
    for branch in _branches(annotation):
        if get_origin(branch) in (list, dict):
            return get_args(branch)[-1]
    return None


def _branches(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _model(annotation: Any) -> type[Options] | None:
    for branch in _branches(annotation):
        if isinstance(branch, type) and issubclass(branch, Options):
            return branch
    return None


def model_in(annotation: Any) -> type[Options] | None:
    """The options model of a field's type, or of its members where it is a list or a mapping."""
    return _model(annotation) or _model(_inside(annotation, 0))
