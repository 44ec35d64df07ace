"""Learning curves of all trials of the search, coloured by how they ended, with the rungs."""

from __future__ import annotations

import math
from typing import Any

from seektune.ledger.history import TrialRow
from seektune.report.blocks import Figure, Section
from seektune.report.chart import DEFAULT, GREY, ORANGE, STATES, axis, layout, line, note, upright
from seektune.report.facts import Facts, finite
from seektune.report.plots import learning_curves, loss_window
from seektune.report.reasons import reasons
from seektune.report.safe import figure
from seektune.report.wording import count, number, plural

MOST_LINES = 300


def curves(facts: Facts) -> Section | None:
    drawn = [row for row in facts.ranked() if any(facts.metric in point.metrics for point in row.curve)]
    if not drawn:
        return None
    kept = drawn[:MOST_LINES]
    best = facts.winner[0] if facts.winner else kept[0].trial
    if best not in {row.trial for row in kept} and facts.best is not None:
        best = facts.best.trial
    spec = {"data": _lines(facts, kept, best), "layout": _layout(facts, kept)}
    lost = len(facts.searched) - len(drawn)
    unseen = f" {plural(lost, 'trial')} had no measurement yet or ended before the first one." if lost else ""
    left = f" The {MOST_LINES} best of {len(drawn)} are drawn." if len(drawn) > MOST_LINES else ""
    rungs = f" Rungs at {', '.join(count(tokens) for tokens in facts.rungs)} tokens." if facts.rungs else ""
    caption = (
        f"{plural(len(drawn), 'trial')}: {facts.metric} on the validation rows (weights averaged).{rungs}{left}{unseen}"
        " A line that ends at a rung was paused there; the reason stands in the table below."
    )
    image = learning_curves(kept, facts.metric, rungs=facts.rungs, best=best)
    curves = Figure("learning_curves", spec, caption, height=460, plot=image)
    return Section("Learning curves", (curves, _rates(facts, kept, best)))


def _rates(facts: Facts, rows: list[TrialRow], best: str) -> Figure:
    """The learning rate of every trial, where it was measured."""
    data = []
    for row in sorted(rows, key=lambda row: row.trial == best):
        lead, default = row.trial == best, row.origin == "default"
        drawn = [(point.tokens, rate) for point in row.curve if (rate := finite(point.learning_rate)) and rate > 0]
        data.append(
            line(
                [tokens for tokens, _ in drawn],
                [rate for _, rate in drawn],
                ORANGE if lead else DEFAULT if default else STATES.get(row.state, GREY),
                3 if lead else 1.3,
                mode="lines+markers",
                marker={"size": 4},
                opacity=1 if lead else 0.6,
                hovertext=[
                    f"<b>{figure(row.trial)}</b><br>LR {number(rate, 3)} at {count(at)} tokens" for at, rate in drawn
                ],
                hoverinfo="text",
            )
        )
    caption = (
        "Learning rate of the same trials at each measurement: warmup, then the schedule over the full run. "
        "Below a tenth of the lowest peak the scale ends."
    )
    peaks = [max(one["y"]) for one in data if one["y"]]
    window = [math.log10(min(peaks) / 10), math.log10(max(peaks) * 1.5)] if peaks else None
    drawing = layout(
        axis("tokens", rangemode="tozero"), axis("learning rate", type="log", dtick=1, exponentformat="e", range=window)
    )
    return Figure("learning_rates", {"data": data, "layout": drawing}, caption, height=260)


def _lines(facts: Facts, rows: list[TrialRow], best: str) -> list[dict[str, Any]]:
    data = []
    metric, why = figure(facts.metric), reasons(facts)
    seen: set[str] = set()
    for row in sorted(rows, key=lambda row: row.trial == best):  # the best is drawn last, above the others
        lead = row.trial == best
        default = row.origin == "default" and not lead
        state = "default" if default else str(row.state)
        points = [
            (point.tokens, value)
            for point in row.curve
            if (value := finite(point.metrics.get(facts.metric))) is not None
        ]
        if not points:
            continue
        rate = row.params.get("learning_rate")
        at = f" · LR {number(float(rate), 3)}" if isinstance(rate, int | float) else ""
        ended = f"<br>{figure(why[row.trial])}" if why[row.trial] else ""
        drawn = line(
            [tokens for tokens, _ in points],
            [value for _, value in points],
            ORANGE if lead else DEFAULT if default else STATES.get(row.state, GREY),
            3 if lead else 1.8 if default else 1.3,
            mode="lines+markers",
            marker={"size": 6 if lead else 4},
            opacity=1 if lead else 0.6,
            name=f"best: {figure(row.trial)}" if lead else state,
            legendgroup="best" if lead else state,
            showlegend=lead or state not in seen,
            hovertext=[
                f"<b>{figure(row.trial)}</b> {row.state}{at}<br>"
                f"{metric} {number(value)} at {count(tokens)} tokens{ended}"
                for tokens, value in points
            ],
            hoverinfo="text",
        )
        if not lead:
            seen.add(state)
        data.append(drawn)
    return data


def _layout(facts: Facts, rows: list[TrialRow]) -> dict[str, Any]:
    low, high = loss_window([[point.metrics.get(facts.metric) for point in row.curve] for row in rows])
    return layout(
        axis("tokens", rangemode="tozero"),
        axis(figure(facts.metric), range=[low, high]),
        showlegend=True,
        shapes=[upright(tokens) for tokens in facts.rungs],
        annotations=[
            note(tokens, 1.0, f"rung {index + 1}", xanchor="right", yanchor="top", font={"size": 11, "color": GREY})
            for index, tokens in enumerate(facts.rungs)
        ],
    )
