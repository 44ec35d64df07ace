"""Learning-rate schedules by name, and the trial parameters each of them reads."""

from __future__ import annotations

from pydantic import Field

from seektune.options import Entry, Options, Registry


class ConstantOptions(Options):
    """The peak learning rate throughout (after warmup)."""


class DecayOptions(Options):
    """From the peak down to a share of it at the end of the full run."""

    final_ratio: float = Field(default=0.0, ge=0, le=1)
    """Learning rate at the end of the run, as a share of the peak."""


class RampOptions(Options):
    """From the peak over `ramp_ratio` up to the peak: the learning-rate range test."""

    ramp_ratio: float = Field(default=1e6, gt=1)
    """Highest learning rate over the lowest."""


SCHEDULES: Registry = {
    "constant": Entry(ConstantOptions, "seektune.schedule.curves:constant"),
    "linear": Entry(DecayOptions, "seektune.schedule.curves:linear"),
    "cosine": Entry(DecayOptions, "seektune.schedule.curves:cosine"),
    "ramp": Entry(RampOptions, "seektune.schedule.curves:ramp"),
}
