"""The Optuna mirror: complete, rebuildable, and never in the way."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from seektune.ledger import mirror as mirror_module
from seektune.ledger.history import History
from seektune.ledger.mirror import Mirror
from seektune.space.options import ParameterOptions
from seektune.study.driver import Driver
from seektune.study.executors.in_process import InProcess
from seektune.study.stage import Round, StageRun
from seektune.trial import Evaluate, Segment, Start, TrainerSpec

SPEC = TrainerSpec("seektune.study.simulated:SimulatedTrainer", {})
SPACE = {
    "learning_rate": ParameterOptions(low=1e-5, high=1e-1, log=True),
    "effective_batch": ParameterOptions(choices=[8, 16]),
    "method": ParameterOptions(value="lora"),
}
RATES = {"t-0": 1e-4, "t-1": 1e-3, "t-2": 3e-2, "outside": 5.0}


def segment(trial: str, begin: int, end: int) -> Segment:
    params = {"learning_rate": RATES[trial], "effective_batch": 16, "method": "lora"}
    start = Start(trial, begin) if begin else None
    return Segment(trial, params, 1, begin, end, 8_000, start, evaluate=Evaluate(every_tokens=1_000))


def coarse() -> StageRun:
    yield Round(SPEC, tuple(segment(trial, 0, 2_000) for trial in RATES))
    yield Round(SPEC, (segment("t-1", 2_000, 8_000),))
    return {}


def run(folder: Path, mirror: Mirror) -> None:
    with Driver(folder, InProcess(), [mirror]) as driver:
        driver.run("coarse", "c" * 64, coarse())


def trials(mirror: Mirror) -> dict[str, optuna.trial.FrozenTrial]:
    study = optuna.load_study(study_name="desk", storage=mirror.url)
    found = {trial.user_attrs["seektune"]: trial for trial in study.get_trials()}
    assert len(found) == len(study.get_trials())
    return found


def test_every_trial_is_there_once_with_its_curve(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path, "desk", SPACE)
    run(tmp_path, mirror)
    found = trials(mirror)
    assert {name: trial.state.name for name, trial in found.items()} == {
        "coarse/t-0": "PRUNED",
        "coarse/t-1": "COMPLETE",
        "coarse/t-2": "PRUNED",
        "coarse/outside": "FAIL",  # diverged
    }
    best = found["coarse/t-1"]
    assert best.params == {"learning_rate": 1e-3, "effective_batch": 16}
    assert best.user_attrs["method"] == "lora"
    assert best.value == best.intermediate_values[max(best.intermediate_values)]
    row = History.read(tmp_path).trial("t-1")
    assert row is not None
    assert best.value == row.metrics["loss"]
    assert list(best.intermediate_values) == [point.tokens for point in row.curve]
    assert mirror.behind == 0


def test_a_deleted_mirror_is_made_again_and_a_second_time_adds_nothing(tmp_path: Path) -> None:
    run(tmp_path, Mirror(tmp_path, "desk", SPACE))
    first = {name: trial.value for name, trial in trials(Mirror(tmp_path, "desk", SPACE)).items()}
    (tmp_path / "mirror.db").unlink()
    for _ in range(2):
        again = Mirror(tmp_path, "desk", SPACE)
        assert again.rebuild(History.read(tmp_path)) == len(RATES)
        assert {name: trial.value for name, trial in trials(again).items()} == first


def test_a_mirror_that_is_away_stops_nothing_and_catches_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    away = tmp_path / "not mounted yet"
    mirror = Mirror(tmp_path, "desk", SPACE, url=f"sqlite:///{away}/mirror.db")
    run(tmp_path, mirror)
    assert History.read(tmp_path).stages["coarse"].status == "finished"
    assert mirror.behind == len(RATES)
    away.mkdir()
    monkeypatch.setattr(mirror_module.time, "monotonic", lambda: 1e12)
    mirror.catch_up()
    assert mirror.behind == 0
    assert len(trials(mirror)) == len(RATES)
