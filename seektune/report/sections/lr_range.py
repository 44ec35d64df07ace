"""Loss against learning rate, one line per seed, with what was read from it."""

from __future__ import annotations

import math
from typing import Any

from seektune.ledger.results import RangeResult
from seektune.report.blocks import Block, Figure, Section, Table, Text
from seektune.report.chart import GREEN, GREY, RED, SEEDS, axis, layout, line, note, upright
from seektune.report.facts import Facts
from seektune.report.plots import loss_window
from seektune.report.plots import lr_range as lr_range_png
from seektune.report.summary import found
from seektune.report.wording import number


def lr_range(facts: Facts) -> Section | None:
    result = facts.lr_range
    if result is None:
        return None
    blocks: list[Block] = [Text(found("lr_range", result.model_dump(mode="json")))]
    if result.usable:
        blocks.append(Text(f"The probe loss {result.reason}.", "muted"))
    if result.curves:
        blocks.append(Figure("lr_range", _spec(result), _caption(result), height=420, plot=lr_range_png(result)))
    if result.probes:
        columns = ("learning rate", "loss after a short run")
        probes = tuple((number(rate, 3), "diverged" if loss is None else loss) for rate, loss in result.probes)
        blocks.append(Table(columns, probes, "Short runs that confirm the suggestion"))
    return Section("LR range test", tuple(blocks))


def _spec(result: RangeResult) -> dict[str, Any]:
    data = []
    for index, curve in enumerate(result.curves):
        colour = SEEDS[index % len(SEEDS)]
        rates = [point.learning_rate for point in curve]
        raw = line(rates, [point.loss for point in curve], colour, 1, opacity=0.3, hoverinfo="skip", showlegend=False)
        data += [raw, line(rates, [point.smoothed for point in curve], colour, 2.2, name=f"seed {index + 1}")]
    shapes, notes = [], []
    for name, rate, colour, height, side in (
        ("low", result.low, GREY, 0.99, "right"),
        ("high", result.high, GREY, 0.99, "left"),
        ("suggestion", result.suggestion, GREEN, 0.92, "left"),
        ("default", result.default_learning_rate, RED, 0.85, "left"),
    ):
        if rate is not None and rate > 0:
            lead = name == "suggestion"
            shapes.append(upright(rate, colour, "solid" if lead else "dot", 2 if lead else 1.5))
            words = f"{name} {number(rate, 2)}"
            look = {"xanchor": side, "yanchor": "top", "font": {"color": colour, "size": 12}}
            notes.append(note(math.log10(rate), height, words, **look))  # notes on a log axis stand at the exponent
    if result.low is not None and result.high is not None:
        shapes.append(
            {"type": "rect", "xref": "x", "yref": "paper", "x0": result.low, "x1": result.high, "y0": 0, "y1": 1,
             "fillcolor": GREEN, "opacity": 0.08, "line": {"width": 0}}
        )  # fmt: skip
    low, high = loss_window([[point.smoothed for point in curve] for curve in result.curves])
    x = axis("learning rate", type="log", exponentformat="e", dtick=1)
    y = axis("loss on the probe", range=[low, high])
    return {"data": data, "layout": layout(x, y, shapes=shapes, annotations=notes, showlegend=True)}


def _caption(result: RangeResult) -> str:
    spread = (
        f" Seeds agree within {number(result.spread_decades, 2)} decades." if result.spread_decades is not None else ""
    )
    return (
        f"{len(result.curves)} ramps; thin lines measured, thick lines smoothed. Low {number(result.low, 2)}, "
        f"suggestion {number(result.suggestion, 2)}, high {number(result.high, 2)}; the default is "
        f"{number(result.default_learning_rate, 2)}.{spread}"
    )
