"""The plots that people look at first, as small PNG images, for Prefect artifacts and README.

matplotlib without a display (its object interface; pyplot would keep state). Each returns PNG bytes below about 60 kB.
Raises nothing for empty input: an empty plot says so.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from seektune.ledger.history import TrialRow
from seektune.ledger.results import ConfirmResult, Interval, RangeResult
from seektune.report.chart import BLUE, DEFAULT, GREEN, GREY, ORANGE, PURPLE, RED, SEEDS, STATES
from seektune.report.facts import finite
from seektune.report.safe import visible
from seektune.report.wording import number, signed

Row = tuple[str, Interval, str]


def _canvas(width: float = 7.0, height: float = 3.6) -> tuple[Figure, Axes]:
    drawing = Figure(figsize=(width, height), dpi=110, layout="constrained")
    FigureCanvasAgg(drawing)
    plot = drawing.add_subplot()
    plot.spines[["top", "right"]].set_visible(False)
    plot.grid(alpha=0.25)
    return drawing, plot


def _png(drawing: Figure) -> bytes:
    buffer = io.BytesIO()
    drawing.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _plain(text: object) -> str:
    """matplotlib reads `$...$` as mathematics."""
    return visible(text, 60).replace("$", "\\$")


def _drawn(values: Sequence[float]) -> list[float]:
    """A value that is not finite leaves a gap."""
    return [float("nan") if finite(value) is None else value for value in values]


def lr_range(result: RangeResult) -> bytes:
    """Probe loss against learning rate, one line per seed, bounds and suggestion marked."""
    drawing, plot = _canvas()
    for index, curve in enumerate(result.curves):
        rates = [point.learning_rate for point in curve]
        colour = SEEDS[index % len(SEEDS)]
        plot.plot(rates, _drawn([point.loss for point in curve]), color=colour, alpha=0.25, linewidth=1)
        plot.plot(
            rates, _drawn([point.smoothed for point in curve]), color=colour, linewidth=1.8, label=f"seed {index + 1}"
        )
    for value, colour, label in (
        (result.low, GREY, "low"),
        (result.high, GREY, "high"),
        (result.suggestion, GREEN, "suggestion"),
    ):
        if value is not None:
            style = "-" if label == "suggestion" else "--"
            plot.axvline(value, color=colour, linestyle=style, label=f"{label} {number(value, 2)}")
    plot.set(xscale="log", xlabel="learning rate", ylabel="loss on the probe")
    low, high = loss_window([[point.smoothed for point in curve] for curve in result.curves])
    plot.set_ylim(low, high)
    plot.set_title("LR range test" if result.usable else "LR range test: no usable range", loc="left", fontsize=10)
    if result.curves:
        plot.legend(fontsize=8, frameon=False, loc="lower left")
    return _png(drawing)


def learning_curves(
    trials: Sequence[TrialRow], metric: str = "loss", *, rungs: Sequence[int] = (), best: str | None = None
) -> bytes:
    """Objective against tokens, one line per trial, coloured by how it ended; rungs are dotted."""
    drawing, plot = _canvas()
    shown: dict[str, str] = {}
    for row in trials:
        points = [
            (point.tokens, value) for point in row.curve if (value := finite(point.metrics.get(metric))) is not None
        ]
        if not points:
            continue
        lead, default = row.trial == best, row.origin == "default"
        colour = ORANGE if lead else DEFAULT if default else STATES.get(row.state, GREY)
        label = _plain(f"best: {row.trial}") if lead else "default" if default else str(row.state)
        plot.plot(
            *zip(*points, strict=True),
            color=colour,
            linewidth=2.4 if lead else 1,
            alpha=1 if lead else 0.6,
            zorder=3 if lead else 2,
            marker="o" if len(points) < 3 else None,
            markersize=3,
            label=label if shown.setdefault(label, row.trial) == row.trial else None,
        )
    for tokens in rungs:
        plot.axvline(tokens, color=GREY, linestyle=":", linewidth=1)
    plot.set(xlabel="tokens", ylabel=_plain(f"{metric} on the validation rows"))
    low, high = loss_window([[point.metrics.get(metric) for point in row.curve] for row in trials])
    plot.set_ylim(low, high)
    plot.set_title("Learning curves", loc="left", fontsize=10)
    if shown:
        plot.legend(fontsize=8, frameon=False, loc="upper right")  # "best" tries all places against all lines: slow
    return _png(drawing)


def lengths(rows: Sequence[int], edges: Sequence[float]) -> bytes:
    """Histogram of row lengths: `rows[i]` of them from `edges[i]` to `edges[i + 1]` tokens."""
    drawing, plot = _canvas(height=2.6)
    plot.stairs(rows, edges, fill=True, color=BLUE)
    plot.set(xlabel="tokens per row", ylabel="training rows")
    return _png(drawing)


def differences(result: ConfirmResult) -> list[Row]:
    """(name, interval, colour) of each comparison that was made; the deciding one first."""
    rows: list[Row] = []
    if result.test is not None:
        rows.append(("test split", result.test, BLUE if result.test.low <= 0 <= result.test.high else GREEN))
    if result.validation is not None:
        rows.append(("validation", result.validation, GREY))
    if result.against_best_baseline is not None:
        rows.append(("best of default LR × factors", result.against_best_baseline, PURPLE))
    return [(name, one, RED if one.high < 0 else colour) for name, one, colour in rows]


def interval(result: ConfirmResult, metric: str = "loss") -> bytes:
    """Difference winner minus default with its interval; right of zero is better."""
    return intervals(
        differences(result), result.minimum_effect, f"difference in {metric}: right of zero the winner is better"
    )


def intervals(rows: Sequence[Row], minimum_effect: float, words: str) -> bytes:
    """Differences with their intervals; `words` stand below."""
    drawing, plot = _canvas(height=1.3 + 0.5 * len(rows))
    for place, (_, one, colour) in enumerate(reversed(rows)):
        plot.plot([one.low, one.high], [place, place], color=colour, linewidth=3, solid_capstyle="round")
        plot.plot([one.mean], [place], "o", color=colour, markersize=8)
        told = f"{signed(one.mean)}  ({signed(one.low)} to {signed(one.high)})"
        plot.annotate(told, (one.mean, place), (0, 9), textcoords="offset points", ha="center", fontsize=8)
    plot.axvline(0, color="black", linewidth=1)
    plot.axvline(minimum_effect, color=GREY, linestyle=":", linewidth=1.2, label="worth having")
    plot.set_yticks(range(len(rows)), [name for name, _, _ in reversed(rows)])
    plot.set_ylim(-0.6, len(rows) - 0.2)
    plot.set_xlabel(_plain(words))
    plot.legend(fontsize=8, frameon=False, loc="lower right")
    return _png(drawing)


def loss_window(curves: Sequence[Sequence[object]]) -> tuple[float | None, float | None]:
    """Limits of the vertical axis under which a diverging curve does not flatten all others."""
    kept = [[value for raw in curve if (value := finite(raw)) is not None] for curve in curves]
    kept = [curve for curve in kept if curve]
    if not kept:
        return None, None
    starts, ends = sorted(curve[0] for curve in kept), sorted(curve[-1] for curve in kept)
    low = min(min(curve) for curve in kept)
    high = max(starts[int(0.9 * (len(starts) - 1))], ends[int(0.75 * (len(ends) - 1))])
    top = max(max(curve) for curve in kept)
    margin = 0.08 * ((high - low) or abs(high) or 1.0)
    return low - margin, (top if top <= high + 0.5 * (high - low) else high) + margin
