"""A read document -> StudyFile, or everything that is wrong with it.

Each part of the file is validated by itself, so that one mistake does not hide another; then come the rules between
parts (rules.py, space_rules.py), which ask `Sound` for whatever is right by itself.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Annotated, Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from seektune.errors import Problem
from seektune.options import Options
from seektune.space.options import ConstraintOptions, ParameterOptions
from seektune.study_file import StudyFile, complete_objective
from seektune.study_file.messages import fields_at, problems_of
from seektune.study_file.reader import Document, Path_, clean, holds_secret, shown
from seektune.train.options import TrialParams

_PER_ITEM: dict[str, type[Options]] = {"space": ParameterOptions, "constraints": ConstraintOptions}


class Sound:
    """What of a file is valid by itself."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.parts: dict[str, Any] = {}  # by top-level key; space and constraints: dict of their valid members
        self.problems: list[Problem] = list(document.problems)
        data: dict[str, Any] = document.data
        self.short = {name: data[name] for name in data if name in TrialParams.model_fields}
        for name, field in StudyFile.model_fields.items():
            if name in data:
                self._part(name, field, complete_objective(data[name]) if name == "objective" else data[name])
            elif field.is_required():
                self._complain([{"type": "missing", "loc": (name,), "input": data}], ())
            else:
                self.parts[name] = field.get_default(call_default_factory=True)
        for name in data:
            if name not in StudyFile.model_fields and name not in self.short:
                self._complain([{"type": "extra_forbidden", "loc": (name,), "input": data[name]}], ())

    def _complain(self, errors: Any, path: Path_) -> None:
        self.problems += problems_of(errors, path, StudyFile, self.document)

    def _part(self, name: str, field: FieldInfo, value: Any) -> None:
        item = _PER_ITEM.get(name)
        if item is None or not value or not isinstance(value, dict if name == "space" else list):
            self._valid(field_adapter(field), value, (name,), self.parts, name)
            return
        self.parts[name] = {}
        for key, member in value.items() if isinstance(value, dict) else enumerate(value):
            self._valid(model_adapter(item), member, (name, key), self.parts[name], key)

    def _valid(self, adapter: TypeAdapter[Any], value: Any, path: Path_, target: dict[Any, Any], key: object) -> None:
        try:
            target[key] = adapter.validate_python(value, strict=True)
        except ValidationError as error:
            self._complain(error.errors(include_url=False), path)

    def raw(self, *path: str | int) -> Any:
        """As it stands in the file; None where there is nothing."""
        value: Any = self.document.data
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def get(self, *path: str | int) -> Any:
        """The valid value at a path, its default where the file says nothing; None where it is not valid.

        A leaf is found although something beside it is broken.
        """
        if str(path[0]) in self.parts:
            value = self.parts[str(path[0])]
            for part in path[1:]:
                value = value[part] if isinstance(value, dict) else getattr(value, str(part), None)
            return value
        field = fields_at(StudyFile, path[:-1]).get(str(path[-1]))
        if field is None:
            return None
        value = self.raw(*path)
        if value is None:
            return None if field.is_required() else field.get_default(call_default_factory=True)
        try:
            return field_adapter(field).validate_python(value, strict=True)
        except ValidationError:
            return None

    def problem(self, path: Path_, message: str, *, key: bool = False, offset: int = 0) -> Problem:
        return Problem(self.document.place(path, key=key, offset=offset), message)

    @property
    def simulated(self) -> bool:
        return self.raw("model", "simulated") is not None

    @property
    def given(self) -> dict[str, tuple[Path_, Any]]:
        """Fixed parameters -> (where, value)."""
        fixed = self.parts.get("fixed") or {}
        return {name: ((name,), value) for name, value in self.short.items()} | {
            name: (("fixed", name), value) for name, value in fixed.items()
        }


def checked(document: Document, now: datetime) -> tuple[StudyFile | None, list[Problem]]:
    """The study, or problems in the order of the file."""
    from seektune.study_file.estimates import hopeless
    from seektune.study_file.rules import broken_rules
    from seektune.study_file.space_rules import broken_space_rules

    sound = Sound(document)
    found = [
        *sound.problems,
        *broken_rules(sound, now),
        *broken_space_rules(sound),
        *_secrets(sound, document.data, ()),
    ]
    unread = {problem.place for problem in document.problems}  # at a tag or an alias stands not what was meant
    problems = [*document.problems, *(problem for problem in found if problem.place not in unread)]
    problems = sorted(
        dict.fromkeys(Problem(p.place, clean(p.message), p.data) for p in problems),
        key=lambda problem: _position(problem.place),
    )
    if problems:
        return None, problems
    study = StudyFile.model_validate(document.data, strict=True)
    return study, list(hopeless(study, document, now))


@cache
def model_adapter(model: type[Options]) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def field_adapter(field: FieldInfo) -> TypeAdapter[Any]:
    """A field's type together with its limits."""
    kind: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    if hasattr(field.annotation, "model_fields"):
        return TypeAdapter(kind)  # a model brings its own configuration
    return TypeAdapter(kind, config=ConfigDict(allow_inf_nan=False))


def _secrets(sound: Sound, value: Any, path: Path_) -> list[Problem]:
    if isinstance(value, str) and holds_secret(value):
        text = f"looks like a secret ({shown(value)}); keep it in an environment variable, not in a study file"
        return [sound.problem(path, text)]
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [problem for key, part in parts for problem in _secrets(sound, part, (*path, key))]


def _position(place: str) -> tuple[int, int]:
    numbers = [int(part) for part in place.split(":")[-2:] if part.isdigit()]
    return (numbers[0] if numbers else 0, numbers[1] if len(numbers) > 1 else 0)
