"""Learning rates by hand, and what every schedule promises."""

from __future__ import annotations

import math

import pytest

from seektune.adapt.options import METHODS
from seektune.optim.options import OPTIMIZERS
from seektune.schedule.learning_rate import LearningRate
from seektune.schedule.options import SCHEDULES
from seektune.train.options import TrialParams

PARAMS = TrialParams(learning_rate=0.1).model_dump()


def rate(schedule: str, warmup_ratio: float = 0.0, **params: float) -> LearningRate:
    return LearningRate(schedule, {**PARAMS, **params}, peak=0.1, warmup_ratio=warmup_ratio, horizon_tokens=1_000)


@pytest.mark.parametrize(
    ("schedule", "params", "expected"),
    [
        ("constant", {}, {0: 0.1, 500: 0.1, 1_000: 0.1}),
        ("linear", {}, {0: 0.1, 250: 0.075, 500: 0.05, 1_000: 0.0, 2_000: 0.0}),
        ("linear", {"final_ratio": 0.2}, {0: 0.1, 500: 0.06, 1_000: 0.02}),
        ("cosine", {}, {0: 0.1, 250: 0.1 * (2 + math.sqrt(2)) / 4, 500: 0.05, 1_000: 0.0}),
        ("cosine", {"final_ratio": 0.1}, {0: 0.1, 500: 0.055, 1_000: 0.01}),
        ("ramp", {"ramp_ratio": 1e4}, {0: 1e-5, 250: 1e-4, 500: 1e-3, 1_000: 0.1}),
    ],
)
def test_by_hand(schedule: str, params: dict[str, float], expected: dict[int, float]) -> None:
    curve = rate(schedule, **params)
    assert {tokens: curve.at(tokens, tokens + 10) for tokens in expected} == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule(schedule: str) -> None:
    """Finite, never above the peak, the same when asked again, and its settings are parameters of a trial."""
    curve = rate(schedule, warmup_ratio=0.1)
    rates = [curve.at(tokens, tokens + 10) for tokens in range(0, 1_000, 10)]
    assert all(0 < value <= 0.1 + 1e-12 for value in rates)
    assert rates == [rate(schedule, warmup_ratio=0.1).at(tokens, tokens + 10) for tokens in range(0, 1_000, 10)]


@pytest.mark.parametrize("registry", [SCHEDULES, OPTIMIZERS, METHODS], ids=["schedule", "optimizer", "method"])
def test_settings_of_every_entry_are_trial_parameters_with_the_same_default(registry: dict) -> None:
    for name, entry in registry.items():
        assert callable(entry.load()), name
        for field, info in entry.settings.model_fields.items():
            trial = TrialParams.model_fields[field]
            assert (trial.default, trial.metadata) == (info.default, info.metadata), (name, field)


def test_warmup_rises_from_the_first_step_to_the_peak() -> None:
    curve = rate("linear", warmup_ratio=0.1)
    assert [curve.at(tokens, tokens + 25) for tokens in (0, 25, 50, 75, 100)] == pytest.approx(
        [0.025, 0.05, 0.075, 0.1, 0.1]
    )
    assert curve.at(550, 575) == pytest.approx(0.05)  # half of what is left after warmup
    assert rate("linear", warmup_ratio=0.03).at(0, 200) == 0.1  # shorter than a step: none


def test_after_warmup_it_is_what_transformers_does() -> None:
    """Steps of equal length: the multipliers of get_cosine_schedule_with_warmup and get_linear_..., past warmup."""
    import torch
    from transformers import get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup

    for name, theirs in (("cosine", get_cosine_schedule_with_warmup), ("linear", get_linear_schedule_with_warmup)):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        scheduler = theirs(optimizer, num_warmup_steps=10, num_training_steps=100)
        curve = rate(name, warmup_ratio=0.1)
        for step in range(100):
            if step >= 10:
                assert curve.at(step * 10, step * 10 + 10) == pytest.approx(scheduler.get_last_lr()[0], abs=1e-12)
            optimizer.step()
            scheduler.step()


def test_defaults_scale_with_width() -> None:
    from seektune.adapt.defaults import defaults

    assert defaults("full", 4096)["learning_rate"] == 1e-5
    assert defaults("lora", 2000)["learning_rate"] == 3e-4
    assert defaults("lora", 96)["learning_rate"] == pytest.approx(3e-4 * (2000 / 96) ** 0.78, rel=1e-2)
    for method in METHODS:
        TrialParams.model_validate(defaults(method, 96))
