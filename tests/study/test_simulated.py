"""The simulated trainer keeps a trainer's promises, and its law is as it says."""

from __future__ import annotations

import statistics
from dataclasses import replace
from pathlib import Path

import pytest

from seektune.errors import CheckpointError
from seektune.study.executors.in_process import Report
from seektune.study.simulated import SimulatedOptions, SimulatedTrainer
from seektune.study.simulated_law import Law
from seektune.trial import Dispatch, Evaluate, Params, Result, Segment, Start, State

HORIZON = 40_000


def train(
    folder: Path, segment: Segment, *checkpoints: str, stop_after: int | None = None, **settings: object
) -> Result:
    class Stopping(Report):
        asked_times = 0

        def stop_asked(self) -> bool:
            self.asked_times += 1
            return stop_after is not None and self.asked_times > stop_after

    trainer = SimulatedTrainer(**settings)
    trainer.warm()
    (result,) = trainer.train(Dispatch(1, (segment,), str(folder), (checkpoints,)), Stopping(1))
    return result


def full(rate: float = 1e-3, seed: int = 1, trial: str = "t", **params: float) -> Segment:
    every = Evaluate(every_tokens=HORIZON // 10)
    return Segment(trial, {"learning_rate": rate, **params}, seed, 0, HORIZON, HORIZON, evaluate=every)


def loss(folder: Path, segment: Segment, **settings: object) -> float:
    return train(folder, segment, **settings).metrics["loss"]


@pytest.mark.parametrize("rung", [5_000, 13_333, 39_999])
def test_paused_and_resumed_is_the_uninterrupted_run(tmp_path: Path, rung: int) -> None:
    whole = train(tmp_path / "whole", full())
    first = train(tmp_path / "first", replace(full(), to_tokens=rung))
    assert (first.state, first.tokens) == (State.PAUSED, rung)
    assert first.checkpoint is not None
    second = replace(full(), from_tokens=rung, start=Start("t", rung))
    rest = train(tmp_path / "second", second, first.checkpoint)
    assert rest.state is State.COMPLETE
    assert rest.metrics == whole.metrics
    regular = [point for point in (*first.curve[:-1], *rest.curve) if point in whole.curve]
    assert regular == list(whole.curve)


def test_stopped_and_started_again_is_the_uninterrupted_run(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole", full())
    stopped = train(tmp_path / "stopped", full(), stop_after=31)
    assert stopped.state is State.STOPPED
    assert stopped.checkpoint is not None
    again = train(tmp_path / "again", full(), stopped.checkpoint)
    assert again == replace(whole, cost=again.cost, checkpoint=again.checkpoint)
    assert again.cost.tokens == whole.cost.tokens - stopped.tokens


def test_the_first_valid_checkpoint_wins_and_none_is_an_error(tmp_path: Path) -> None:
    first = train(tmp_path / "first", replace(full(), to_tokens=10_000))
    second = replace(full(), from_tokens=10_000, start=Start("t", 10_000))
    torn = tmp_path / "torn"
    torn.mkdir()
    (torn / "manifest.json").write_text('{"standing": {"excess": 0.0}, "sum": "wrong"}')
    assert first.checkpoint is not None
    resumed = train(tmp_path / "second", second, str(tmp_path / "absent"), str(torn), first.checkpoint)
    assert resumed.state is State.COMPLETE
    with pytest.raises(CheckpointError, match="torn or changed"):
        train(tmp_path / "third", second, str(torn))


def test_the_optimum_is_where_it_says(tmp_path: Path) -> None:
    best: Params = {"learning_rate": 1e-3, "weight_decay": 0.03, "lora_rank": 16}
    at_best = loss(tmp_path, full(**{"rate": 1e-3, "weight_decay": 0.03, "lora_rank": 16}), noise=0.0)  # type: ignore[arg-type]
    for change in ({"learning_rate": 4e-4}, {"learning_rate": 2.5e-3}, {"weight_decay": 0.06}, {"lora_rank": 4}):
        params = {**best, **change}
        assert loss(tmp_path, replace(full(), params=params), noise=0.0) > at_best
    assert at_best == pytest.approx(Law(SimulatedOptions()).best_loss(), abs=0.01)


def test_curves_cross(tmp_path: Path) -> None:
    high, best = (train(tmp_path / str(rate), full(rate), noise=0.0).curve for rate in (5e-3, 1e-3))
    assert high[0].metrics["loss"] < best[0].metrics["loss"]
    assert high[-1].metrics["loss"] > best[-1].metrics["loss"]


def test_too_high_a_learning_rate_diverges(tmp_path: Path) -> None:
    result = train(tmp_path, full(0.5))
    assert result.state is State.DIVERGED
    assert result.metrics == {}
    assert result.checkpoint is None
    assert result.reason


def test_seeds_differ_by_the_noise_and_are_correlated_between_configurations(tmp_path: Path) -> None:
    one = [loss(tmp_path, full(1e-3, seed)) for seed in range(60)]
    other = [loss(tmp_path, full(1.2e-3, seed)) for seed in range(60)]
    assert statistics.stdev(one) == pytest.approx(0.01, rel=0.3)
    assert 0.5 < statistics.correlation(one, other) < 0.95
    assert loss(tmp_path, full(1e-3, 7)) == one[7]


def test_a_ramp_falls_and_turns_up(tmp_path: Path) -> None:
    steps, size = 120, 16 * 32
    ramp: Params = {"learning_rate": 1.0, "schedule": "ramp", "ramp_ratio": 1e6}
    every = Evaluate(split="probe", every_steps=1, averaged=False, rise_fraction=0.1, rise_patience=5)
    result = train(tmp_path, Segment("ramp", ramp, 1, 0, steps * size, steps * size, evaluate=every, keep=False))
    assert result.state is State.STOPPED
    losses = {point.learning_rate: point.metrics["loss"] for point in result.curve}
    valley = min(losses, key=lambda rate: losses[rate])
    assert 1e-3 < valley < 20e-3
    assert losses[min(losses)] == pytest.approx(4.0, rel=0.05)


def test_scores_per_example_are_paired_over_configurations(tmp_path: Path) -> None:
    import pyarrow.parquet

    def scores(rate: float) -> list[float]:
        segment = replace(full(rate), evaluate=Evaluate(split="test", per_example=True))
        result = train(tmp_path / str(rate), segment)
        assert result.examples is not None
        table = pyarrow.parquet.read_table(result.examples)
        assert table.column("row_id")[0].as_py() == "test-00000"
        found: list[float] = table.column("loss").to_pylist()
        assert statistics.fmean(found) == pytest.approx(result.metrics["loss"], rel=0.1)
        return found

    good, bad = scores(1e-3), scores(1e-4)
    assert len(good) == 200
    assert statistics.fmean(good) < statistics.fmean(bad)
    assert statistics.correlation(good, bad) > 0.9


def test_more_data_is_better(tmp_path: Path) -> None:
    from seektune.trial import View

    losses = [loss(tmp_path, replace(full(), view=View(share=share))) for share in (0.25, 0.5, 1.0)]
    assert losses == sorted(losses, reverse=True)
