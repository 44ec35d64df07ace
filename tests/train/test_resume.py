"""A trial that pauses, is stopped, or is killed is the uninterrupted trial, bit for bit."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seektune.train.trainer import LanguageTrainer
from seektune.trial import Dispatch, Evaluate, Result, Segment, Start, State
from tests.train.tiny import Quiet, run, segment

Trainers = Callable[..., LanguageTrainer]
CASES = [
    (family, method, kind)
    for family in ("llama", "deepseek_v3")
    for method in ("full", "lora")
    for kind in ("instruction", "classification", "tagging")
]
EVALUATE = Evaluate(rows=12, every_tokens=700)


def whole_trial(method: str) -> Segment:
    params: dict[str, Any] = {"method": method, "lora_dropout": 0.1 if method == "lora" else 0.0, "weight_decay": 0.01}
    return segment("trial", 2_400, 3_000, params=params, evaluate=EVALUATE)


def outcome(result: Result) -> tuple[Any, ...]:
    return result.facts["weights_sha256"], result.metrics, result.tokens, result.state


def points(*results: Result) -> dict[int, tuple[Any, ...]]:
    """Curve by step, without times."""
    return {
        point.step: (point.tokens, point.learning_rate, point.train_loss, point.metrics)
        for result in results
        for point in result.curve
    }


@pytest.mark.parametrize(("family", "method", "kind"), CASES)
def test_paused_at_rungs_equals_uninterrupted(
    trainer_of: Trainers, tmp_path: Path, family: str, method: str, kind: str
) -> None:
    trainer = trainer_of(family, kind)
    whole = whole_trial(method)
    uninterrupted = run(trainer, tmp_path / "whole", whole)
    rungs = (600, 1_500, 2_400)
    parts = []
    for before, tokens in zip((0, *rungs), rungs, strict=False):
        start = Start("trial", before) if before else None
        part = replace(whole, from_tokens=before, to_tokens=tokens, start=start)
        parts.append(run(trainer, tmp_path / str(tokens), part, start=parts[-1].checkpoint if parts else None))
    assert [part.state for part in parts] == [State.PAUSED] * 3
    assert outcome(parts[-1]) == outcome(uninterrupted)
    joined, wanted = points(*parts), points(uninterrupted)
    assert len(wanted) >= 3
    assert {step: joined[step] for step in wanted} == wanted
    assert sum(part.cost.tokens for part in parts) == uninterrupted.cost.tokens


@pytest.mark.parametrize(("family", "method", "kind"), CASES)
def test_killed_in_the_middle_equals_uninterrupted(
    trainer_of: Trainers, tmp_path: Path, family: str, method: str, kind: str
) -> None:
    trainer = trainer_of(family, kind, save_every=1e-6)
    whole = whole_trial(method)
    uninterrupted = run(trainer, tmp_path / "whole", whole)
    killed = tmp_path / "killed"
    child = os.fork()
    if child == 0:  # train slowly enough to be caught
        trainer.train(Dispatch(1, (whole,), str(killed)), Slow())
        os._exit(0)
    _wait_for_partial(killed / "trial", least_step=3)
    time.sleep(random.random() * 0.1)  # it writes after every step: often this falls into the writing of the next one
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    candidates = sorted((str(path.parent) for path in (killed / "trial").glob("partial-*/manifest.json")), reverse=True)
    resumed = trainer.train(Dispatch(2, (whole,), str(tmp_path / "again"), (tuple(candidates),)), Quiet())[0]
    assert outcome(resumed) == outcome(uninterrupted)
    assert points(resumed) == points(uninterrupted)
    assert resumed.cost.tokens == uninterrupted.cost.tokens


class Slow(Quiet):
    def stop_asked(self) -> bool:
        time.sleep(0.03)
        return False


def _wait_for_partial(folder: Path, least_step: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if any(int(path.parent.name.split("-")[1]) >= least_step for path in folder.glob("partial-*/manifest.json")):
            return
        time.sleep(0.005)
    raise AssertionError(f"no partial checkpoint in {folder}")


@pytest.mark.parametrize("looks", [0, 1, 9, 14, 20])
def test_asked_to_stop_keeps_everything(trainer_of: Trainers, tmp_path: Path, looks: int) -> None:
    """Wherever the request falls (in a step, in an evaluation), going on gives the uninterrupted trial."""
    trainer = trainer_of("deepseek_v3", "instruction", micro_batch=4)
    whole = whole_trial("full")
    uninterrupted = run(trainer, tmp_path / "whole", whole)
    stopped = run(trainer, tmp_path / "stopped", whole, report=Quiet(looks))
    assert stopped.state is State.STOPPED
    assert stopped.reason == "asked to stop"
    assert stopped.tokens < whole.to_tokens
    resumed = run(trainer, tmp_path / "resumed", whole, start=stopped.checkpoint)
    assert outcome(resumed) == outcome(uninterrupted)
    assert points(resumed) == points(uninterrupted)


def test_trials_in_one_process_do_not_see_each_other(trainer_of: Trainers, tmp_path: Path) -> None:
    trainer = trainer_of("llama", "instruction")
    once = run(trainer, tmp_path / "1", whole_trial("full"))
    run(trainer, tmp_path / "2", whole_trial("lora"))
    again = run(trainer, tmp_path / "3", whole_trial("full"))
    assert outcome(again) == outcome(once)


def test_child_trial_starts_at_its_parents_checkpoint_with_other_values(trainer_of: Trainers, tmp_path: Path) -> None:
    trainer = trainer_of("llama", "instruction")
    parent = run(trainer, tmp_path / "parent", replace(whole_trial("full"), to_tokens=600))
    child = replace(
        whole_trial("full"),
        trial="child",
        seed=99,
        params={**whole_trial("full").params, "learning_rate": 2e-3, "effective_batch": 4},
        from_tokens=600,
        start=Start("trial", 600),
    )
    result = run(trainer, tmp_path / "child", child, start=parent.checkpoint)
    assert result.state is State.PAUSED
    assert result.cost.tokens < 2_400
    assert result.metrics["loss"] < parent.metrics["loss"]


def test_a_later_segment_of_a_dispatch_goes_on_from_an_earlier_one(trainer_of: Trainers, tmp_path: Path) -> None:
    trainer = trainer_of("llama", "instruction")
    whole = whole_trial("full")
    first = replace(whole, to_tokens=1_000)
    second = replace(whole, from_tokens=1_000, start=Start("trial", 1_000))
    assert outcome(run(trainer, tmp_path / "a", first, second)) == outcome(run(trainer, tmp_path / "b", whole))
