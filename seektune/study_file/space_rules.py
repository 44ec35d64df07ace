"""Rules about parameters: does the trainer have them, may they take these values, do the expressions make sense?

A space or a constraint is evaluated on drawn points while the file is read, so that a text compared with a number, or
constraints that leave nothing, are found here and not at the hundredth trial.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from pydantic import ValidationError

from seektune.adapt.options import METHODS
from seektune.errors import Problem, nearest
from seektune.optim.options import OPTIMIZERS
from seektune.options import Registry
from seektune.schedule.options import SCHEDULES
from seektune.space.check import problems_of as space_problems
from seektune.space.options import ConstraintOptions, ParameterOptions
from seektune.space.space import Space, SpaceError
from seektune.study_file import StudyFile, expression_defaults, whole_numbers
from seektune.study_file.augment_rules import augment_rules
from seektune.study_file.check import Sound, field_adapter
from seektune.study_file.messages import dotted, problems_of
from seektune.study_file.reader import Path_, shown
from seektune.train.options import TrialParams
from seektune.trial import Scalar

NAMED: Mapping[str, Registry] = {"schedule": SCHEDULES, "optimizer": OPTIMIZERS, "method": METHODS}
"""Trial parameters whose values are names in a registry."""
DRAWS = 20


def broken_space_rules(sound: Sound) -> list[Problem]:
    rules = (_fixed, _names, _values, augment_rules, _steps, _expressions)
    return [problem for rule in rules for problem in rule(sound)]


def _fixed(sound: Sound) -> Iterator[Problem]:
    fixed, space = sound.parts.get("fixed") or {}, sound.raw("space")
    for name, (path, value) in sound.given.items():
        if name in sound.short and name in fixed:
            yield sound.problem((name,), f"{name} is given at the top level and under fixed; keep one", key=True)
        if isinstance(space, dict) and name in space:
            yield sound.problem(path, f"{name} is both fixed and in the space; keep one", key=True)
        yield from _value(sound, path, name, value)


def _names(sound: Sound) -> Iterator[Problem]:
    space = sound.raw("space")
    if sound.simulated or not isinstance(space, dict):
        return
    for name in space:
        if name not in TrialParams.model_fields:
            yield _unknown(sound, ("space", name), name)
    if space and "learning_rate" not in space and "learning_rate" not in sound.given:
        text = "learning_rate is required; add `learning_rate: {low: 1e-5, high: 1e-2, log: true}`"
        yield sound.problem(("space",), f"space: {text}", key=True)


def _unknown(sound: Sound, path: Path_, name: str) -> Problem:
    known = list(TrialParams.model_fields)
    hint = nearest(name, known) or f"; known: {', '.join(known)}"
    return sound.problem(path, f"{dotted(path)}: unknown parameter {shown(name)}{hint}", key=True)


def _value(sound: Sound, path: Path_, name: str, value: Scalar) -> Iterator[Problem]:
    """One value of a trial parameter, against the trainer's own limits."""
    field = TrialParams.model_fields.get(name)
    if field is None:
        if not sound.simulated and path[0] != "space":
            yield _unknown(sound, path, name)
        return
    whole = isinstance(value, float) and value.is_integer() and field.annotation is int
    try:
        field_adapter(field).validate_python(int(value) if whole else value, strict=True)
    except ValidationError as error:
        yield from problems_of(error.errors(include_url=False), path, StudyFile, sound.document)
        return
    if name in NAMED and value not in NAMED[name]:
        hint = f"{nearest(str(value), NAMED[name])} (known: {', '.join(NAMED[name])})"
        yield sound.problem(path, f"{dotted(path)}: unknown {name} {shown(value)}{hint}")


def _values(sound: Sound) -> Iterator[Problem]:
    space: Mapping[str, ParameterOptions] = sound.parts.get("space") or {}
    for name, parameter in space.items():
        for bound in ("low", "high", "value"):
            value = getattr(parameter, bound)
            if value is not None:
                yield from _value(sound, ("space", name, bound), name, value)
        for index, choice in enumerate(parameter.choices or []):
            yield from _value(sound, ("space", name, "choices", index), name, choice)


def _steps(sound: Sound) -> Iterator[Problem]:
    """A full run must hold at least one optimizer step; rows of kind text are blocks of exactly max_length tokens."""
    tokens, epochs = sound.get("train", "tokens"), sound.get("train", "epochs")
    if tokens is not None and epochs is not None:
        yield sound.problem(("train", "epochs"), "train: give tokens or epochs, but got both; leave one out", key=True)
    batch, path = _largest_batch(sound)
    blocks = sound.get("data", "max_length") if sound.get("data", "kind") == "text" else None
    if tokens is not None and batch * (blocks or 1) > tokens:
        row = f"{blocks} tokens (blocks of data.max_length)" if blocks else "at least 1 token"
        text = (
            f"train.tokens: {tokens} gives 0 optimizer steps: one batch is {batch:g} rows ({dotted(path)}) of {row}; "
            "train longer, or with smaller batches"
        )
        yield sound.problem(("train", "tokens"), text)


def _largest_batch(sound: Sound) -> tuple[float, Path_]:
    parameter: ParameterOptions | None = (sound.parts.get("space") or {}).get("effective_batch")
    path, values = sound.given.get("effective_batch", (("the default",), 16))
    found: list[object] = [values]
    if parameter is not None:
        path, found = ("space", "effective_batch"), [parameter.high, parameter.value, *(parameter.choices or [])]
    numbers = [value for value in found if isinstance(value, int | float) and not isinstance(value, bool)]
    return max(numbers, default=1), path


def _expressions(sound: Sound) -> Iterator[Problem]:
    space: dict[str, ParameterOptions] | None = sound.parts.get("space")
    raw = sound.raw("space")
    if not space or not isinstance(raw, dict):
        return
    rules: dict[int, ConstraintOptions] = dict(sound.parts.get("constraints") or {})
    places, texts = list(rules), [rule.forbid for rule in rules.values()]
    defaults = expression_defaults() | {name: value for name, (_, value) in sound.given.items()}
    known = defaults | {name: 0 for name in raw if name not in space}  # a broken parameter is still a known name
    found = space_problems(space, texts, known)
    for problem in found:
        path = _in_file(problem.path, places)
        offset = problem.column - 1 if problem.column is not None else 0
        yield sound.problem(path, f"{dotted(path)}: {problem.message}", offset=offset)
    if found or len(space) < len(raw):
        return
    try:
        made = Space({name: whole_numbers(name, parameter) for name, parameter in space.items()}, texts, defaults)
        rng = np.random.default_rng(0)
        for _ in range(DRAWS):
            made.sample(rng)
        yield from _grids(sound, made)
    except SpaceError as error:
        path = _in_file(error.path, places)
        yield sound.problem(path, f"{dotted(path) or 'space'}: {str(error).removeprefix('space: ')}")


def _in_file(path: Path_, places: list[int]) -> Path_:
    """Constraints that are not valid by themselves were left out: back to the numbers of the file."""
    return (path[0], places[int(path[1])], *path[2:]) if path[:1] == ("constraints",) and len(path) > 1 else path


def _grids(sound: Sound, space: Space) -> Iterator[Problem]:
    for stage in ("coarse", "fine"):
        search = sound.get("stages", stage, "search")
        if search != "grid" and not (isinstance(search, dict) and "grid" in search):
            continue
        points = sound.raw("stages", stage, "search", "grid", "points")
        try:
            space.grid_size(points if isinstance(points, int) and points > 0 else 3)
        except SpaceError as error:
            where: Path_ = ("stages", stage, "search")
            yield sound.problem(where, f"{dotted(where)}: {str(error).removeprefix('space: ')}")
