"""The figure of differences with their intervals: right of zero is better."""

from __future__ import annotations

from collections.abc import Sequence

from seektune.report.blocks import Figure
from seektune.report.chart import GREY, axis, layout, note, upright
from seektune.report.plots import Row
from seektune.report.safe import figure
from seektune.report.wording import signed


def intervals(
    name: str, rows: Sequence[Row], metric: str, minimum_effect: float, reference: str, plot: bytes
) -> Figure:
    """`reference`: what stands at zero; `plot`: the same as a PNG."""
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [one.mean],
            "y": [label],
            "marker": {"size": 12, "color": colour},
            "error_x": {
                "type": "data",
                "symmetric": False,
                "array": [one.high - one.mean],
                "arrayminus": [one.mean - one.low],
                "thickness": 3,
                "width": 8,
                "color": colour,
            },
            "hovertext": figure(f"{signed(one.mean)} ({signed(one.low)} to {signed(one.high)})"),
            "hoverinfo": "text",
        }
        for label, one, colour in reversed(rows)
    ]
    x = axis(f"difference in {figure(metric)} (right is better)")
    spec = {
        "data": data,
        "layout": layout(
            x,
            axis("", type="category"),
            shapes=[upright(0, GREY, "solid"), upright(minimum_effect, GREY)],
            annotations=[
                note(0, 1.0, reference, yanchor="bottom", xanchor="right"),
                note(minimum_effect, 1.0, "worth having", yanchor="bottom", xanchor="left"),
            ],
            margin={"l": 64, "r": 20, "t": 34, "b": 56},
        ),
    }
    caption = " ".join(
        f"{label}: {signed(one.mean)} ({signed(one.low)} to {signed(one.high)})." for label, one, _ in rows
    )
    return Figure(name, spec, caption, height=130 + 56 * len(rows), plot=plot)
