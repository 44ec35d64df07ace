"""Does a space make sense, before anything is drawn from it?

`problems_of` finds, all at once: expressions that cannot be read or that speak of unknown names (the nearest name is
suggested) or of choices that do not exist, circles of conditions and derivations, expressions that fail on drawn
values. Each SpaceProblem says where: ("space", name, "when" | "derive") or ("constraints", index, "forbid").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seektune.errors import nearest
from seektune.expression import Expression, ExpressionError
from seektune.space.options import ParameterOptions
from seektune.trial import Scalar


@dataclass(frozen=True, slots=True)
class SpaceProblem:
    """`column` counts from 1 inside the expression; None when the problem is not at one place of it."""

    path: tuple[str | int, ...]
    message: str
    column: int | None = None

    def __str__(self) -> str:
        return f"{'.'.join(str(part) for part in self.path)}: {self.message}"


def problems_of(
    parameters: Mapping[str, ParameterOptions], forbid: Sequence[str], defaults: Mapping[str, Scalar]
) -> list[SpaceProblem]:
    problems: list[SpaceProblem] = []
    known = [*parameters, *(name for name in defaults if name not in parameters)]
    texts: list[tuple[tuple[str | int, ...], str]] = []
    for name, parameter in parameters.items():
        if parameter.when is not None:
            texts.append((("space", name, "when"), parameter.when))
        if parameter.derive is not None:
            texts.append((("space", name, "derive"), parameter.derive))
    texts += [(("constraints", index, "forbid"), text) for index, text in enumerate(forbid)]
    for path, text in texts:
        problems += _expression_problems(path, text, known, parameters)
    return problems or _circles(parameters)


def _expression_problems(
    path: tuple[str | int, ...], text: str, known: Sequence[str], parameters: Mapping[str, ParameterOptions]
) -> list[SpaceProblem]:
    try:
        expression = Expression(text)
    except ExpressionError as error:
        return [SpaceProblem(path, f"{error}, but got {text!r:.80}", error.column)]
    problems = [
        SpaceProblem(path, f"{name!r:.80} is not a parameter{nearest(name, known)}")
        for name in expression.names
        if name not in known
    ]
    for name, literal in expression.compared:
        choices = parameters[name].choices if name in parameters else None
        if choices is not None and literal not in choices:
            offered = ", ".join(str(choice) for choice in choices)
            suggestion = nearest(str(literal), [str(choice) for choice in choices])
            problems.append(
                SpaceProblem(path, f"{literal!r:.80} is not a choice of {name} ({offered:.200}){suggestion}")
            )
    return problems


def _depends(parameter: ParameterOptions) -> tuple[str, ...]:
    texts = [text for text in (parameter.when, parameter.derive) if text is not None]
    return tuple(name for text in texts for name in Expression(text).names)


def _circles(parameters: Mapping[str, ParameterOptions]) -> list[SpaceProblem]:
    depends = {name: [n for n in _depends(parameter) if n in parameters] for name, parameter in parameters.items()}
    placed = set(_sorted(depends))
    problems: list[SpaceProblem] = []
    reported: set[str] = set()
    for name in parameters:
        path: list[str] = []
        while name not in placed and name not in path:
            path.append(name)
            name = next(n for n in depends[name] if n not in placed)
        circle = path[path.index(name) :] if name in path else []
        if circle and not reported & set(circle):
            reported |= set(circle)
            first = circle[0]
            field = "derive" if parameters[first].derive is not None else "when"
            chain = " -> ".join([*circle, first])
            problems.append(SpaceProblem(("space", first, field), f"depends on itself: {chain}; break the circle"))
    return problems


def _sorted(depends: Mapping[str, Sequence[str]]) -> list[str]:
    """Depth first, in the file's order; members of a circle, and what depends on one, are left out."""
    placed: list[str] = []
    waiting = list(depends)
    while waiting:
        ready = [name for name in waiting if all(needed in placed for needed in depends[name])]
        if not ready:
            return placed
        placed += ready
        waiting = [name for name in waiting if name not in ready]
    return placed


def resolution_order(parameters: Mapping[str, ParameterOptions]) -> tuple[str, ...]:
    """Names such that each comes after those that it depends on."""
    return tuple(_sorted({name: [n for n in _depends(p) if n in parameters] for name, p in parameters.items()}))
