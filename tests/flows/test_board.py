"""What a watcher reads of a running stage."""

from __future__ import annotations

from typing import Any

import pytest

from seektune.study_file import StudyFile
from seektune.trial import Cost, Point, Progress, Result, Segment, State
from tasks.board import MOST_ROWS, Board
from tasks.trial_runs import STATES, trial_label


def a_study(direction: str = "minimize") -> StudyFile:
    return StudyFile.model_validate(
        {
            "study": "watched",
            "model": {"simulated": {}},
            "train": {"tokens": 900},
            "objective": {"metric": "loss", "direction": direction},
            "space": {"learning_rate": {"low": 1e-5, "high": 1e-2, "log": True}},
        }
    )


def a_segment(number: int, rate: float = 1e-3, start: int = 0, end: int = 300) -> Segment:
    params = {"learning_rate": rate, "effective_batch": 8, "schedule": "cosine"}
    return Segment(f"coarse-{number:03d}", params, 1, start, end, 900)


def a_result(number: int, state: State, loss: float | None = None, reason: str = "") -> Result:
    metrics = {} if loss is None else {"loss": loss}
    curve = (Point(300, 10, 1e-3, None, metrics, 2.5),) if metrics else ()
    return Result(f"coarse-{number:03d}", state, 300, metrics, curve, Cost(seconds=2.5), reason)


def test_the_leader_is_first_and_lost_trials_are_last() -> None:
    board = Board(a_study(), "coarse", 5)
    for number in range(4):
        board.started(a_segment(number, 10.0 ** -(number + 2)))
    board.ended(a_result(0, State.DIVERGED, reason="loss is not finite at step 3"))
    board.ended(a_result(1, State.PAUSED, 1.23456))
    board.ended(a_result(2, State.COMPLETE, 1.1))
    assert [trial for trial, _ in board.ranking()] == ["coarse-002", "coarse-001", "coarse-003", "coarse-000"]
    assert board.sentence() == (
        "coarse: 3 of 5 trials · 1 running · 1 complete · 1 diverged · 1 paused · best loss 1.1 (coarse-002)"
    )
    first, *_, last = board.table()
    assert first == {
        "trial": "coarse-002",
        "outcome": "complete",
        "loss": "1.1",
        "tokens": 300,
        "learning_rate": "0.0001",
        "seconds": 2.5,
        "why": "",
    }
    assert last["why"] == "loss is not finite at step 3"
    assert last["loss"] == ""


def test_largest_first_when_the_objective_is_maximised() -> None:
    board = Board(a_study("maximize"), "coarse", 2)
    for number, value in ((0, 0.5), (1, 0.9)):
        board.started(a_segment(number))
        board.ended(a_result(number, State.COMPLETE, value))
    assert board.ranking()[0][0] == "coarse-001"


def test_cells_are_flat_and_few() -> None:
    board = Board(a_study(), "coarse", 400)
    for number in range(120):
        board.started(a_segment(number, 1e-4 * (number + 1)))
        board.ended(a_result(number, State.PAUSED, 1 + number / 7))
    table = board.table()
    assert len(table) == MOST_ROWS
    for row in table:
        assert all(isinstance(cell, str | int | float) for cell in row.values())
        assert len(str(row["loss"])) <= 6


def test_the_bar_follows_the_tokens_forward_only_and_is_full_only_at_the_end() -> None:
    board = Board(a_study(), "coarse", 4, planned_tokens=4 * 300 + 600)
    assert board.percent() == 0.0
    seen = []
    for number in range(4):
        board.started(a_segment(number))
        board.ended(a_result(number, State.PAUSED, 1.0))
        seen.append(board.percent())
    board.started(a_segment(0, start=300, end=900))  # promoted: running again
    seen.append(board.percent())
    board.progressed(Progress("coarse-000", Point(750, 25, 1e-3, 2.0, {"loss": 0.9}, 5.0)))
    seen.append(board.percent())
    board.started(a_segment(0, start=300, end=900))  # its worker was lost: from the rung again
    seen.append(board.percent())
    board.progressed(Progress("coarse-000", Point(900, 30, 1e-3, 2.0, {"loss": 0.9}, 5.0)))
    seen.append(board.percent())
    assert seen == [16.7, 33.3, 50.0, 66.7, 66.7, 91.7, 91.7, 99.0]


def test_a_running_trial_shows_its_last_measurement() -> None:
    board = Board(a_study(), "coarse", None)
    board.started(a_segment(7))
    board.progressed(Progress("coarse-007", Point(120, 4, 1e-3, 2.0, {"loss": 1.9}, 0.75)))
    board.progressed(Progress("coarse-007", Point(150, 5, 1e-3, 2.0, {"loss": float("nan")}, 0.95)))
    (row,) = board.table()
    assert (row["outcome"], row["loss"], row["tokens"]) == ("running", "1.9", 150)
    assert board.percent() == 0.0, "nothing is known of how much is to come"


@pytest.mark.parametrize(
    ("params", "label"),
    [
        ({"learning_rate": 3.1e-3, "effective_batch": 8}, "coarse-007 · lr 3.1e-3 · batch 8"),
        ({"learning_rate": 1e-10}, "coarse-007 · lr 1.0e-10"),
        ({"rate": 2}, "coarse-007"),
        ({"learning_rate": 1.0, "schedule": "ramp", "ramp_ratio": 1e6}, "coarse-007 · lr 1.0e-6 to 1.0e0"),
    ],
)
def test_names_tell_trials_apart(params: dict[str, Any], label: str) -> None:
    assert trial_label("coarse-007", params) == label


def test_every_end_of_a_trial_looks_different() -> None:
    assert set(STATES) == set(State)
    assert len(set(STATES.values())) == len(State)
