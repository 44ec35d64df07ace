"""What learning rates does a ramp's curve call usable?

A ramp raises the learning rate exponentially while the loss on a fixed probe is measured at every step. Everything here
works in x = log10(learning rate): differentiating by the learning rate itself puts the steepest point at the very left
of the curve (seen: 9e-8 where 4e-4 was right). On the training batch's own loss the steepest slope was noise in six of
six ramps; on the probe it was right.

    loss ----.                       .'      low: 25% of the drop is reached, for good
              '.                   .'        most: 75% of the drop is reached, for good
                '.               .'          valley: smallest smoothed loss
                  '-.___________.'           high: the loss is back up by 10% of the drop
             low ^  ^ most    ^  ^ high      suggestion: geometric mean of most and valley
                         valley

Source: L. N. Smith 2015 (arXiv 1506.01186) for the test; thresholds from this project's own measurements. Where others
take the steepest point, this takes the place where most of the drop is done: on real text a descent often has two
steep parts, and which of them is steeper is chance (over three seeds the steepest point moved by up to 1.4 decades,
and in four of six cases no range was found; `most` moved by at most 0.6, the suggestion by 0.33 decades, and it was
within a factor 2.3 of the best learning rate of a grid of full runs in all six: benchmarks/lr_range.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SMOOTH_DECADES = 0.15
LOW_SHARE = 0.25
MOST_SHARE = 0.75
RISE_SHARE = 0.10
MIN_DROP_IN_NOISE = 5.0
MAX_SPREAD_DECADES = 0.5


@dataclass(frozen=True, slots=True)
class Reading:
    """What one curve says. Learning rates, not their logarithms."""

    low: float
    high: float | None
    most: float
    valley: float
    suggestion: float
    drop: float
    noise_sd: float
    smoothed: tuple[float, ...]

    @property
    def clear(self) -> bool:
        """The drop stands well above the noise."""
        return self.drop > 0 and self.drop >= MIN_DROP_IN_NOISE * self.noise_sd


def local_linear(x: Floats, y: Floats, width: float) -> Floats:
    """Value at each x of a straight line fitted under a Gaussian window of standard deviation `width`."""
    distance = x[:, None] - x[None, :]
    weight = np.exp(-0.5 * (distance / width) ** 2)
    total = weight.sum(1)
    mean_x = weight @ x / total
    mean_y = weight @ y / total
    centred = x[None, :] - mean_x[:, None]
    variance = (weight * centred**2).sum(1)
    slope = (weight * centred * (y[None, :] - mean_y[:, None])).sum(1) / np.maximum(variance, 1e-12)
    fitted: Floats = mean_y + slope * (x - mean_x)
    return fitted


def read_curve(learning_rates: Sequence[float], losses: Sequence[float]) -> Reading | None:
    """Read one ramp; None when there are fewer than ten points to read."""
    keep = [(rate, loss) for rate, loss in zip(learning_rates, losses, strict=True) if np.isfinite(loss)]
    if len(keep) < 10:
        return None
    x = np.log10([rate for rate, _ in keep])
    y = np.array([loss for _, loss in keep], dtype=np.float64)
    smooth = local_linear(x, y, SMOOTH_DECADES)
    # The loss before learning begins: the probe and the weights hardly move there, so its scatter is tiny, and the
    # noise is read over the whole descent instead.
    head = max(3, len(y) // 20)
    start = float(np.median(y[:head]))
    valley = int(np.argmin(smooth))
    drop = start - float(smooth[valley]) if valley >= head else 0.0  # it only rises
    residual = y[: valley + 1] - smooth[: valley + 1]
    noise_sd = float(1.4826 * np.median(np.abs(residual - np.median(residual)))) if len(residual) else 0.0

    def reached(share: float) -> int:
        """Where so much of the drop is done, for good."""
        above = np.flatnonzero(smooth[: valley + 1] > start - share * drop)
        return min(int(above[-1]) + 1, valley) if len(above) else 0

    most = reached(MOST_SHARE)
    risen = np.flatnonzero(smooth[valley:] > smooth[valley] + RISE_SHARE * drop)
    high = None if drop <= 0 or len(risen) == 0 else float(10 ** x[valley + int(risen[0])])
    return Reading(
        low=float(10 ** x[reached(LOW_SHARE)]),
        high=high,
        most=float(10 ** x[most]),
        valley=float(10 ** x[valley]),
        suggestion=float(10 ** ((x[most] + x[valley]) / 2)),
        drop=drop,
        noise_sd=noise_sd,
        smoothed=tuple(float(value) for value in smooth),
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What several curves say together (medians over seeds)."""

    usable: bool
    reason: str
    low: float | None = None
    high: float | None = None
    suggestion: float | None = None
    spread_decades: float | None = None


def judge(readings: Sequence[Reading | None]) -> Verdict:
    """Medians over seeds in log learning rate; "no usable range" is an answer, too."""
    clear = [reading for reading in readings if reading is not None and reading.clear]
    if 2 * len(clear) <= len(readings):
        return Verdict(
            False, f"the probe loss fell clearly above its noise in only {len(clear)} of {len(readings)} ramps"
        )
    logs = np.log10([reading.suggestion for reading in clear])
    spread = float(np.max(logs) - np.min(logs))
    if spread > MAX_SPREAD_DECADES:
        return Verdict(
            False, f"the seeds disagree by {spread:.2f} decades (at most {MAX_SPREAD_DECADES})", spread_decades=spread
        )
    turned = [reading.high for reading in clear if reading.high is not None]
    high = float(10 ** np.median(np.log10(turned))) if 2 * len(turned) > len(clear) else None
    low = float(10 ** np.median(np.log10([reading.low for reading in clear])))
    suggestion = float(10 ** np.median(logs))
    end = f"turns up at {high:.2g}" if high else "never turned up: the upper bound is unknown"
    reason = f"falls from {low:.2g}, {end}; {len(clear)} of {len(readings)} seeds agree within {spread:.2f} decades"
    return Verdict(True, reason, low, high, suggestion, spread)
