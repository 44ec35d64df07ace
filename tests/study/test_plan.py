"""What the plan counts, by hand; what it does not know, it does not say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seektune.study.caps import least_tokens, rungs_of, trial_caps
from seektune.study.plan import count, make_plan
from seektune.study.sizes import run_seconds, sizes
from seektune.study_file import StudyFile

STAGES = {"coarse": {"trials": 24}, "fine": {"trials": 12}}


def a_study(model: dict[str, Any] | None = None, **changes: Any) -> StudyFile:
    described = {
        "study": "planned",
        "model": model or {"config": "tiny-llama"},
        "train": {"tokens": 100_000},
        "warmup_ratio": 0.0,
        "space": {"learning_rate": {"low": 1e-5, "high": 1e-2, "log": True}},
        "stages": STAGES,
    }
    return StudyFile.model_validate({**described, **changes})


@pytest.mark.parametrize(
    ("limit", "stages", "caps"),
    [
        (None, STAGES, (24, 12)),
        (36, STAGES, (24, 12)),
        (10, STAGES, (5, 5)),  # equal weights
        (10, {**STAGES, "weights": {"coarse": 3.0, "fine": 1.0}}, (8, 2)),
        (10, {**STAGES, "weights": {"coarse": 0.0, "fine": 1.0}}, (1, 9)),
        (30, STAGES, (18, 12)),  # fine has no use for more
        (1, STAGES, (1, 0)),
        (10, {"coarse": {"trials": 24}, "fine": None}, (10, 0)),
        (10, {"coarse": {"trials": 2}, "fine": {"trials": 20}}, (2, 8)),
    ],
)
def test_trials_of_both_searches_together(limit: int | None, stages: dict[str, Any], caps: tuple[int, int]) -> None:
    study = a_study(stages=stages, budget={"trials": limit})
    assert trial_caps(study) == caps
    work = count(study, sizes(study, None))
    assert work["coarse"].runs == caps[0] + 3
    assert "fine" not in work or work["fine"].runs == caps[1] + 2


def test_no_rung_below_fifty_steps_at_the_largest_batch_or_twice_the_longest_warmup() -> None:
    space = {"learning_rate": {"value": 1e-3}, "effective_batch": {"choices": [4, 32, 8]}}
    assert least_tokens(a_study(space=space), 20.0, 100_000) == 50 * 32 * 20
    assert least_tokens(a_study(warmup_ratio=0.2), 20.0, 100_000) == 2 * 20_000
    searched = {"learning_rate": {"value": 1e-3}, "warmup_ratio": {"low": 0.0, "high": 0.3}}
    study = a_study(space=searched, fixed={"effective_batch": 2})
    assert least_tokens(study, 20.0, 100_000) == 60_000


def test_a_rung_that_is_too_short_is_left_out_and_the_last_one_stands(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("x" * 400_000)
    data = {"kind": "text", "sources": [{"path": str(tmp_path / "text.txt")}]}
    stages = {"coarse": {"rungs": 3, "reduction": 3.0, "max_share": 0.5}}

    def rungs(batch: int) -> tuple[tuple[int, ...], str]:
        study = a_study(data=data, stages=stages, train={"tokens": 900_000}, fixed={"effective_batch": batch})
        _, notes = make_plan(study, None, None, 1)
        size = sizes(study, None)
        positions = rungs_of(study, study.stages.coarse, size.tokens_per_row, size.horizon_tokens)
        return positions, notes.get("rungs", "")

    assert rungs(16) == ((50_000, 150_000, 450_000), "")
    positions, note = rungs(32)  # 50 steps of 32 rows of 60 tokens: 96,000
    assert positions == (150_000, 450_000)
    assert "compares at 2 of 3" in note
    positions, note = rungs(512)
    assert positions == (450_000,)
    assert "short of the 1,536," in note


def test_a_larger_model_takes_longer() -> None:
    sizes_of = {"model_type": "llama", "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 4096}
    small, large = (
        run_seconds(a_study(model), "cpu") for model in (None, {"config": {**sizes_of, "hidden_size": 1024}})
    )
    assert small is not None
    assert large is not None
    assert large > 50 * small


@pytest.mark.parametrize(
    ("model", "device", "why"),
    [
        ({"hub": "a/b", "revision": "0" * 40}, "cpu", "the model's size is not known yet"),
        ({"config": {"model_type": "llama"}}, "cpu", "the model's size is not known yet"),
        (None, "cuda", "nothing measured on cuda yet"),
    ],
)
def test_an_unknown_speed_is_called_unknown(model: dict[str, Any] | None, device: str, why: str) -> None:
    study = a_study(model, budget={"price_per_device_hour": 1.0})
    stages, notes = make_plan(study, None, None, 1, device)
    assert all(stage.seconds is None and stage.cost is None and stage.tokens >= 0 for stage in stages)
    assert why in notes["speed"]
    measured, notes = make_plan(study, None, 1000.0, 1, device)
    assert all(stage.seconds == pytest.approx(stage.tokens / 1000, abs=0.01) for stage in measured)
    assert "measured in this study" in notes["speed"]


def test_once_prepared_the_sizes_are_those_of_the_data() -> None:
    prepared = {
        "rows": "", "store": "", "base": "b", "data_fingerprint": "d", "test_fingerprint": "t", "base_fingerprint": "b",
        "kind": "text",
        "hidden_size": 8, "parameters": 1_000_000, "train_rows": 1000, "train_tokens": 50_000,
        "horizon_tokens": 100_000, "default": {},
    }  # fmt: skip
    stages, notes = make_plan(a_study({"hub": "a/b", "revision": "0" * 40}), json.loads(json.dumps(prepared)), None, 1)
    assert notes["sizes"] == "counted from the prepared data"
    assert "1,000,000 parameters" in notes["speed"]
    assert all(stage.seconds is not None for stage in stages)
