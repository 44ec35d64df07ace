"""The shape of each schedule: progress in [0, 1] -> multiplier of the peak learning rate.

Cosine: Loshchilov and Hutter 2017, equation 5, without restarts. Ramp: Smith 2017, in the exponential form.
All are pure functions, so that a resumed trial sees the same learning rates as an uninterrupted one.
"""

from __future__ import annotations

import math

from seektune.schedule.options import ConstantOptions, DecayOptions, RampOptions


def constant(progress: float, options: ConstantOptions) -> float:
    return 1.0


def linear(progress: float, options: DecayOptions) -> float:
    return options.final_ratio + (1.0 - options.final_ratio) * (1.0 - progress)


def cosine(progress: float, options: DecayOptions) -> float:
    return options.final_ratio + (1.0 - options.final_ratio) * 0.5 * (1.0 + math.cos(math.pi * progress))


def ramp(progress: float, options: RampOptions) -> float:
    return float(options.ramp_ratio ** (progress - 1.0))
