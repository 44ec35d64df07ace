"""Both benchmarks at their smallest, so that they do not rot between two measurements. Says nothing about speed."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from benchmarks import data, driver_cost, overhead, record, steps, table, warm

pytestmark = pytest.mark.slow

OVERHEAD = {
    "warm_overhead_seconds",
    "fresh_process_overhead_seconds",
    "driver_ms_per_trial_1k",
    "driver_ms_per_trial_10k",
    "driver_ms_per_trial_10k_mirror",
    "driver_rss_mb",
}
STEPS = {"steps_ratio_full", "steps_ratio_lora", "loss_curve_max_diff"}


def test_steps_does_the_same_work_on_both_sides() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        figures = steps.measure("cpu", replace(steps.SIZES["cpu"], batch=4, rounds=1, steps=3))
    finally:
        torch.set_num_threads(threads)
    assert figures.keys() >= STEPS
    assert figures["loss_curve_max_diff"] < 1e-4
    assert all(value > 0 for name, value in figures.items() if "ratio" in name)


def test_the_large_size_is_a_model_of_its_family() -> None:
    import transformers

    size = steps.SIZES["cuda"]
    config = transformers.AutoConfig.for_model(**steps.LARGE, vocab_size=size.vocabulary)
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    assert 80e6 < sum(parameter.numel() for parameter in model.parameters()) < 120e6


@pytest.mark.flow
def test_overhead_measures_everything_it_names() -> None:
    figures = overhead.measure(20, 40, repeats=1, fresh=1, trials=6, rows=200)
    assert figures.keys() >= OVERHEAD
    assert all(math.isfinite(value) and value >= 0 for value in figures.values())
    assert {f"warm_overhead_seconds_{case}" for case in warm.CASES} <= figures.keys()


def test_pace_by_hand() -> None:
    """Waves of one second each, but three for the last one: the ends are told apart."""
    marks = [0.5, 1.5, 2.5, 3.5, 6.5]
    found = driver_cost.paced(7.0, marks, 4 * driver_cost.WAVE, waves=1)
    per_trial = 1000 / driver_cost.WAVE
    assert (found.all, found.first, found.last) == pytest.approx((7 / 4 * per_trial, per_trial, 3 * per_trial))


def test_the_table_says_machine_versions_and_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    path = record.record("speed", {"ratio": 1.25}, ("python", "-m", "benchmarks.speed"))
    written = json.loads(path.read_text(encoding="utf-8"))
    text = table.table({"speed": written, "again": written})
    assert text.count(record.machine()) == 1
    assert f"torch {version('torch')}" in text
    assert "python -m benchmarks.speed" in text
    assert "1.25" in text


@pytest.mark.real
def test_data_measures_what_the_issue_names(tmp_path: Path) -> None:
    if not data.SHARED.is_dir():
        pytest.skip(f"no shared text at {data.SHARED}")
    figures = data.measure(tmp_path, [1_000], num_questions=400)
    assert figures.keys() >= {"seconds_1k_rows", "peak_mb_1k_rows", "seconds_cached_1k", "seconds_synonym_10k"}
    assert figures["dropped_1k_rows"] >= 1, "repeated rows were made"
    assert figures["seconds_cached_1k"] < figures["seconds_1k_rows"]
