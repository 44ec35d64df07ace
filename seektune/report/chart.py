"""Pieces of plotly figures as plain JSON: one look for all plots. Colours are chosen to read on white and on black.

Theme colours (text, grid, background) are set by page.js from the page's own style, so that dark mode follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seektune.trial import State

Spec = dict[str, Any]

BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#3f83d6", "#e08a1e", "#22a06b", "#d6455d", "#9467c9", "#8b93a1"
DEFAULT = "#0f9aa8"
SEEDS = (BLUE, ORANGE, GREEN, PURPLE, "#17a2b8", "#c2789a", "#8c7a3d", GREY)
STATES: Mapping[str, str] = {
    State.COMPLETE: BLUE,
    State.PAUSED: GREY,
    State.STOPPED: ORANGE,
    State.DIVERGED: RED,
    State.INFEASIBLE: PURPLE,
    State.FAILED: "#c2185b",
    "running": "#7a9e1f",
    "waiting": GREY,
}
# viridis, read at both ends on both backgrounds: best first
SCALE = ("#f0b429", "#8fc93a", "#2fb47c", "#21918c", "#31688e", "#5b5ea6", "#6a4c93")


def axis(title: str, **extra: Any) -> Spec:
    return {"title": {"text": title}, "zeroline": False, "automargin": True, **extra}


def layout(x: Spec, y: Spec, **extra: Any) -> Spec:
    """Common layout; `extra` overrides."""
    return {
        "xaxis": x,
        "yaxis": y,
        "margin": {"l": 64, "r": 20, "t": 16, "b": 56},
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "xanchor": "left"},
        "showlegend": False,
        **extra,
    }


def line(x: Sequence[Any], y: Sequence[Any], colour: str, width: float = 1.5, **extra: Any) -> Spec:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(x),
        "y": list(y),
        "line": {"color": colour, "width": width},
        **extra,
    }


def upright(x: float, colour: str = GREY, dash: str = "dot", width: float = 1.5) -> Spec:
    """A vertical line through the whole plot."""
    return {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": x,
        "x1": x,
        "y0": 0,
        "y1": 1,
        "line": {"color": colour, "dash": dash, "width": width},
    }


def note(x: float | str, y: float, text: str, **extra: Any) -> Spec:
    """Words inside the plot; y in parts of its height."""
    return {"x": x, "y": y, "xref": "x", "yref": "paper", "text": text, "showarrow": False, **extra}


def shade(place: float) -> str:
    """Colour of a place in a ranking: 0 best, 1 worst."""
    at = min(max(place, 0.0), 1.0) * (len(SCALE) - 1)
    left = min(int(at), len(SCALE) - 2)
    mixed = (
        round(int(SCALE[left][i : i + 2], 16) * (1 - at + left) + int(SCALE[left + 1][i : i + 2], 16) * (at - left))
        for i in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02x}" for part in mixed)
