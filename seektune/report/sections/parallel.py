"""Parallel coordinates: which values did good trials share?

Drawn as plain lines. plotly's own `parcoords` needs WebGL and code generation, which the page's content policy forbids,
and cannot leave out a parameter that a trial does not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seektune.ledger.history import TrialRow
from seektune.report.blocks import Figure, Section
from seektune.report.chart import GREY, RED, layout, line, shade
from seektune.report.facts import LOST, Facts
from seektune.report.safe import figure
from seektune.report.scale import Scale, short
from seektune.report.wording import count, number

FEWEST = 3
MOST_LINES = 300
MOST_AXES = 12


def parallel(facts: Facts) -> Section | None:
    names = facts.searched_params()[:MOST_AXES]
    rung = facts.rungs[0] if facts.rungs else None
    rows = [row for row in facts.ranked() if row.params][:MOST_LINES]
    values = {row.trial: facts.value_at(row, rung) if rung else facts.value(row) for row in rows}
    if len(rows) < FEWEST or not names:
        return None
    placed = {name: Scale([row.params.get(name) for row in rows], log=_is_log(facts, name)) for name in names}
    where = f"{facts.metric} at the first rung" if rung else facts.metric
    measured = [value for row in rows if (value := values[row.trial]) is not None and row.state not in LOST]
    if not measured:
        return None
    order = sorted(measured, key=facts.minimised)
    score = Scale(order[: max(2, round(0.9 * len(order)))], log=False, flip=facts.smaller_is_better)
    best = facts.best.trial if facts.best else rows[0].trial
    data = []
    for row in sorted(rows, key=lambda row: (row.trial == best, values[row.trial] is not None)):
        value = values[row.trial] if row.state not in LOST else None
        y = [placed[name].at(row.params.get(name)) for name in names] + [
            score.at(value) if value is not None else -0.06
        ]
        colour = RED if value is None else shade(order.index(value) / max(len(order) - 1, 1))
        data.append(_polyline(row, [*names, where], y, colour, row.trial == best, value, facts))
    axes = [(name, placed[name].ticks) for name in names] + [(where, score.ticks)]
    at = f" after {count(rung)} tokens, where all can be compared" if rung else ""
    caption = (
        f"One line per trial; bright is good, by {facts.metric}{at}; the thick line is {best}, red ones were lost "
        "(diverged, out of memory, failed). The worst tenth stands at the foot of the last axis."
    )
    spec = {"data": data, "layout": _layout(axes)}
    return Section("Parallel coordinates", (Figure("parallel", spec, caption, height=440, min_width=130 * len(axes)),))


def _polyline(
    row: TrialRow,
    names: Sequence[str],
    y: list[float | None],
    colour: str,
    best: bool,
    value: float | None,
    facts: Facts,
) -> dict[str, Any]:
    told = "<br>".join(f"{figure(key)} = {figure(short(row.params[key]))}" for key in names[:-1] if key in row.params)
    result = f"{figure(facts.metric)} {number(value)}" if value is not None else str(row.state)
    return line(
        list(range(len(names))),
        y,
        colour,
        4 if best else 1.4,
        opacity=1 if best else 0.65,
        hovertext=f"<b>{figure(row.trial)}</b> {result}<br>{told}",
        hoverinfo="text",
        mode="lines+markers",
        marker={"size": 8 if best else 5},
    )


def _layout(axes: Sequence[tuple[str, Sequence[tuple[float, str]]]]) -> dict[str, Any]:
    last = len(axes) - 1
    shapes = [
        {"type": "line", "xref": "x", "yref": "y", "x0": i, "x1": i, "y0": 0, "y1": 1, "layer": "below",
         "line": {"color": GREY, "width": 1}}
        for i in range(len(axes))
    ]  # fmt: skip
    notes = [
        {"x": i, "y": y, "xref": "x", "yref": "y", "text": figure(text), "showarrow": False, "xshift": -6 if i else 6,
         "xanchor": "right" if i else "left", "font": {"size": 11}}
        for i, (_, ticks) in enumerate(axes)
        for y, text in ticks
    ]  # fmt: skip
    x = {
        "tickmode": "array",
        "tickvals": list(range(len(axes))),
        "ticktext": [figure(name).replace("_", " ") for name, _ in axes],
        "range": [-0.3, last + 0.4],
        "showgrid": False,
        "zeroline": False,
        "automargin": True,
        "side": "top",
    }
    y = {"visible": False, "range": [-0.12, 1.06], "zeroline": False}
    return layout(x, y, shapes=shapes, annotations=notes, margin={"l": 20, "r": 20, "t": 50, "b": 16})


def _is_log(facts: Facts, name: str) -> bool:
    """As the study says; a list of numbers that grow by factors counts, too."""
    given = (facts.study.get("space") or {}).get(name) or {}
    if isinstance(given, dict) and given.get("choices"):
        numbers = [
            choice for choice in given["choices"] if isinstance(choice, int | float) and not isinstance(choice, bool)
        ]
        return len(numbers) > 2 and min(numbers) > 0 and max(numbers) / min(numbers) >= 8
    return bool(isinstance(given, dict) and given.get("log"))
