"""Rules about the parameters that choose among augmented rows, and about the stage that measures augmentation.

They choose among what `data.augment` makes, so each value is checked against it. The simulated trainer has no data: its
parameters may have any values.
"""

from __future__ import annotations

from collections.abc import Iterator

from seektune.errors import Problem, nearest
from seektune.space.options import ParameterOptions
from seektune.study_file import AUGMENT
from seektune.study_file.check import Sound
from seektune.study_file.messages import dotted
from seektune.study_file.reader import Path_, shown
from seektune.text.augmentation.options import ALL, JOIN, NONE
from seektune.trial import Scalar


def augment_rules(sound: Sound) -> Iterator[Problem]:
    yield from _stage(sound)
    named = {name: path for name, (path, _) in sound.given.items() if name.startswith(AUGMENT)}
    space: dict[str, ParameterOptions] = sound.parts.get("space") or {}
    named |= {name: ("space", name) for name in space if str(name).startswith(AUGMENT)}
    if sound.simulated or not named:
        return
    operators = _operators(sound)
    for name, path in named.items():
        if not operators:
            text = "chooses among augmented rows, but data.augment.operators is empty; name operators there"
            yield sound.problem(path, f"{dotted(path)} {text}, or leave it out", key=True)
        else:
            if name == "augment_rate" and name in space and space[name].low is not None:
                yield sound.problem(
                    path, f"{dotted(path)}: rows are made at data.augment.rates only; give choices of them"
                )
            for place, value in _values(sound, name, path):
                if wrong := _wrong(sound, name, value, operators):
                    yield sound.problem(place, f"{dotted(place)}: {wrong}")


def _stage(sound: Sound) -> Iterator[Problem]:
    path: Path_ = ("stages", "augmentation")
    if not isinstance(sound.raw(*path), dict):
        return
    if not sound.simulated and not _operators(sound):
        text = "compares training with and without augmentation, but data.augment.operators is empty"
        yield sound.problem(path, f"{dotted(path)} {text}; name operators there, or leave the stage out", key=True)
    seeds, factors = sound.get(*path, "seeds"), sound.get(*path, "learning_rate_factors")
    if isinstance(seeds, int) and seeds < 2:
        text = f"stages.augmentation.seeds must be >= 2 (a spread needs two), or auto, but got {seeds}"
        yield sound.problem((*path, "seeds"), text)
    if any(factor <= 0 for factor in factors or []):
        place = (*path, "learning_rate_factors")
        yield sound.problem(place, f"{dotted(place)} must be > 0")


def _operators(sound: Sound) -> list[str]:
    found = sound.get("data", "augment", "operators") or []
    return [one if isinstance(one, str) else str(next(iter(one), "")) for one in found]


def _values(sound: Sound, name: str, path: Path_) -> Iterator[tuple[Path_, Scalar]]:
    """Every value that a parameter is given, with its place."""
    if path[0] != "space":
        yield path, sound.given[name][1]
        return
    parameter: ParameterOptions = sound.parts["space"][name]
    for bound in ("low", "high", "value"):
        if (value := getattr(parameter, bound)) is not None:
            yield (*path, bound), value
    for index, choice in enumerate(parameter.choices or []):
        yield (*path, "choices", index), choice


def _wrong(sound: Sound, name: str, value: Scalar, operators: list[str]) -> str | None:
    """What is wrong with a value that the trainer itself would take, with the remedy."""
    if name == "augment_operators" and isinstance(value, str):
        names = [] if value in (ALL, NONE) else value.split(JOIN)
        unknown = next((one for one in names if one not in operators), None)
        if unknown is not None:
            known = operators if len(names) > 1 else [ALL, NONE, *operators]
            return f"unknown operator {shown(unknown)}{nearest(unknown, known)} (here: {', '.join(known)})"
        if len(set(names)) < len(names):
            return f"{shown(value)} names an operator twice; keep one"
    copies, rates = sound.get("data", "augment", "copies"), sound.get("data", "augment", "rates") or []
    if name == "augment_copies" and isinstance(value, int | float) and copies is not None and value > copies:
        return f"{value:g} copies, but data.augment.copies makes {copies}; raise it there, or ask for fewer"
    if name == "augment_rate" and isinstance(value, int | float) and value not in (0, *rates):
        made = ", ".join(f"{rate:g}" for rate in rates)
        rule = f"rows are made at the rates {made}" if rates else "data.augment.rates is empty"
        return (
            f"{rule}, but got {value:g}; list the rates to choose from in data.augment.rates, and give choices of them"
        )
    return None
