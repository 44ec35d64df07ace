"""The pool on a device: the zygote never touches it, each child sees its own, and running out of memory is one's own fault."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from seektune.study.driver import Driver
from seektune.study.executors.pool import Pool, visible_devices
from seektune.study.stage import Round, StageRun
from seektune.trial import Evaluate, Result, Segment, State, TrainerSpec
from tests.train.tiny import segment

pytestmark = pytest.mark.gpu

Folders = Callable[[str], Path]


def trial(name: str, effective_batch: int = 8) -> Segment:
    params = {"method": "lora", "effective_batch": effective_batch}
    return segment(name, 1_000, 1_000, params=params, evaluate=Evaluate(rows=12), keep=False)


@pytest.fixture
def train(device: str, store_of: Folders, base_of: Folders, tmp_path: Path) -> Callable[..., list[Result]]:
    """Segments -> results, through a driver and a pool of `slots`."""

    def get(*segments: Segment, slots: int = 1, narrow: str = "") -> list[Result]:
        settings = {
            "base": str(base_of("deepseek_v3")),
            "store": str(store_of("instruction")),
            "kind": "instruction",
            "device": device,
            "train": {"micro_batch": 4096},
            "narrow": narrow,
        }
        seen: list[Result] = []

        def stage() -> StageRun:
            seen.extend((yield Round(TrainerSpec("tests.gpu.watched:Watched", settings), segments)))
            return {}

        with Driver(tmp_path / "study", Pool(slots, device=device)) as driver:
            driver.run("stage", "5" * 64, stage())
        return seen

    return get


def test_children_use_the_device_and_the_zygote_does_not(device: str, train: Callable[..., list[Result]]) -> None:
    results = train(*(trial(f"t-{index}") for index in range(4)), slots=2)
    assert [result.state for result in results] == [State.COMPLETE] * 4
    assert [result.facts["started_before"] for result in results] == [False] * 4
    assert [result.facts["started"] for result in results] == [device == "cuda"] * 4
    assert [bool(result.facts["opens"]) for result in results] == [device == "cuda"] * 4
    assert [result.facts["zygote_opens"] for result in results] == [""] * 4


def test_each_child_sees_one_device(device: str, train: Callable[..., list[Result]]) -> None:
    results = train(*(trial(f"t-{index}") for index in range(4)), slots=2)
    if device == "cuda":
        assert {result.facts["visible"] for result in results} <= set(visible_devices(2))
        assert [result.facts["devices"] for result in results] == [1] * 4
    else:
        assert {result.facts["visible"] for result in results} == {os.environ.get("CUDA_VISIBLE_DEVICES", "")}


def test_out_of_memory_is_infeasible_and_the_next_trial_runs(train: Callable[..., list[Result]]) -> None:
    results = train(trial("before"), trial("large", effective_batch=2048), trial("after"), narrow="large")
    assert [result.state for result in results] == [State.COMPLETE, State.INFEASIBLE, State.COMPLETE]
    assert "memory" in results[1].reason
    assert results[1].metrics == {}
