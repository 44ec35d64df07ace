"""Sections one by one: warnings, importances, words, scales."""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

import numpy as np
import pytest

from seektune.ledger.history import History, StageRow, TrialRow
from seektune.ledger.index import Spend
from seektune.report import plots, wording
from seektune.report.blocks import Section
from seektune.report.facts import Facts
from seektune.report.options import SECTIONS
from seektune.report.scale import Scale
from seektune.report.sections.importances import FEWEST, importances, ped_anova
from seektune.report.sections.warnings import warnings
from seektune.trial import Cost, Json, Point, State

STUDY = {
    "study": "s",
    "objective": {"metric": "loss"},
    "space": {"learning_rate": {"low": 1e-6, "high": 1e-1, "log": True}},
}


def trial(
    name: str, curve: list[tuple[int, int, float, float]], state: State = State.COMPLETE, **params: Any
) -> TrialRow:
    """`curve`: (tokens, step, loss, accuracy)."""
    points = tuple(Point(t, s, 1e-3, None, {"loss": loss, "accuracy": accuracy}, 1.0) for t, s, loss, accuracy in curve)
    last = points[-1]
    given = {"learning_rate": 1e-3, **params}
    return TrialRow(
        name, "coarse", "k", given, "random", 1, state, "", last.tokens, last.metrics, points, Cost(1.0), 0.0, 1.0, 1
    )


def facts(trials: list[TrialRow], **results: Json) -> Facts:
    stages = {
        name: StageRow(name, "k", (), "finished", result, None, 0.0, 1.0, Spend()) for name, result in results.items()
    }
    return Facts(History(trials=trials, stages=stages), STUDY)


def confirmed(**changes: Any) -> Json:
    side = {"name": "a", "params": {"learning_rate": 1e-3}, "values": [1.0, 1.1], "mean": 1.05}
    interval = {"mean": 0.1, "low": 0.05, "high": 0.15, "level": 0.9, "low_per_look": 0.0, "degrees_of_freedom": 4.0,
                "smallest_visible": 0.08, "seed_sd": 0.1, "example_sd": 0.1}  # fmt: skip
    result = {"challenger": side, "reference": {**side, "name": "default"}, "shortlist": [side], "baselines": [],
              "validation": interval, "test": interval, "against_best_baseline": None, "minimum_effect": 0.1,
              "verdict": "better", "sentence": "A is better.", "looks": 1, "seeds": 2, "test_scores": {}}  # fmt: skip
    return {**result, **changes}


def words(section: Section | None) -> str:
    return "" if section is None else " ".join(getattr(block, "text", "") for block in section.blocks)


@pytest.mark.parametrize("name", SECTIONS)
def test_every_section_bears_an_empty_study(name: str) -> None:
    module, attribute = SECTIONS[name].split(":")
    section = getattr(importlib.import_module(module), attribute)(Facts(History(), {}))
    assert section is None or isinstance(section, Section)


def test_no_warning_without_a_cause() -> None:
    trials = [trial(f"t{i}", [(1000, 60, 2.0 + i, 0.9 - i / 10), (3000, 180, 1.0 + i, 0.9 - i / 10)]) for i in range(4)]
    assert warnings(facts(trials, confirm=confirmed())) is None


def test_loss_and_accuracy_that_disagree_among_trials() -> None:
    trials = [trial(f"t{i}", [(3000, 180, 1.0 + i, 0.5 + i / 10)]) for i in range(4)]
    text = words(warnings(facts(trials)))
    assert "t0 leads by loss (1; accuracy 0.5), t3 by accuracy (0.8; loss 4)" in text


def test_loss_and_accuracy_that_disagree_on_test() -> None:
    trials = [trial(f"t{i}", [(3000, 180, 1.0 + i, 0.9 - i / 10)]) for i in range(3)]
    scores = {"challenger.accuracy": 0.7, "default.accuracy": 0.8}
    text = words(warnings(facts(trials, confirm=confirmed(test_scores=scores))))
    assert "accuracy is 0.7 for the winner and 0.8 for the default" in text


def test_a_first_rung_of_few_steps() -> None:
    trials = [
        trial("short", [(1000, 12, 2.0, 0.5)], State.PAUSED),
        trial("long", [(1000, 100, 2.0, 0.5), (3000, 300, 1.0, 0.6)]),
    ]
    assert "short was judged after 12 optimizer steps (at 1,000 tokens)" in words(warnings(facts(trials)))


def test_underpowered_is_said() -> None:
    interval = {**confirmed()["validation"], "smallest_visible": 0.3, "low": -0.1}
    text = words(warnings(facts([], confirm=confirmed(verdict="underpowered", test=interval))))
    assert "smallest difference that could be shown is 0.3, but 0.1 would be worth having" in text


def test_a_default_with_another_learning_rate_that_does_as_well() -> None:
    rival = {"name": "default·lr×3", "params": {"learning_rate": 3e-3}, "values": [1.0, 1.0], "mean": 1.0}
    interval = {**confirmed()["validation"], "mean": -0.05, "low": -0.2}
    text = words(warnings(facts([], confirm=confirmed(baselines=[rival], against_best_baseline=interval))))
    assert "A learning rate alone may do as well: default·lr×3 has a mean loss of 1" in text


def test_a_winner_at_the_edge_of_the_space() -> None:
    side = {**confirmed()["challenger"], "params": {"learning_rate": 0.0999}}
    assert "edge of the space: learning_rate = 0.0999" in words(warnings(facts([], confirm=confirmed(challenger=side))))


def planted(count: int, seed: int = 0) -> list[TrialRow]:
    """The loss depends on learning_rate alone; `idle` and `kind` do nothing."""
    rng = np.random.default_rng(seed)
    trials = []
    for index in range(count):
        rate = float(10 ** rng.uniform(-5, -1))
        loss = 1.0 + abs(np.log10(rate) + 3)
        made = trial(f"t{index}", [(1000, 60, loss, 0.5)], idle=float(rng.uniform()), kind=str(rng.choice(["x", "y"])))
        trials.append(dataclasses.replace(made, params={**made.params, "learning_rate": rate}))
    return trials


def test_importances_find_the_planted_parameter() -> None:
    rows = planted(60)
    found = ped_anova([(row.params, row.metrics["loss"]) for row in rows], ["idle", "kind", "learning_rate"])
    assert found["learning_rate"] > 0.8 * sum(found.values())
    assert words(importances(facts(rows))).startswith("learning_rate mattered most")


def test_importances_count_a_diverged_trial_as_the_worst() -> None:
    rows = planted(40)
    lost = [dataclasses.replace(row, state=State.DIVERGED, curve=(), metrics={}) for row in rows[:10]]
    rates = [row.params["learning_rate"] for row in lost]
    assert words(importances(facts([*lost, *rows[10:]]))).count("all 40 trials") == 1, rates


def test_importances_of_too_few_trials_are_not_guessed() -> None:
    assert "Too little to say" in words(importances(facts(planted(FEWEST - 1))))


def test_a_metric_to_maximise_is_ranked_the_other_way() -> None:
    rows = [trial("low", [(1000, 60, 1.0, 0.2)]), trial("high", [(1000, 60, 1.0, 0.9)])]
    study = {**STUDY, "objective": {"metric": "accuracy", "direction": "maximize"}}
    assert [row.trial for row in Facts(History(trials=rows), study).ranked()] == ["high", "low"]


def test_a_stale_result_is_not_reported() -> None:
    made = facts([], confirm=confirmed())
    made.history.stages["confirm"].status = "stale"
    assert Facts(made.history, STUDY).confirm is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0003, "3e-4"), (1.23456, "1.235"), (12345.678, "12,346"), (90000.0, "90,000"), (0, "0"), (-0.5, "-0.5"),
     (float("inf"), "∞"), (float("nan"), "–"), (None, "–"), (2.5e-12, "2.5e-12"), (100.04, "100")],
)  # fmt: skip
def test_numbers_are_written_short(value: float | None, text: str) -> None:
    assert wording.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.84, "0.8 s"), (41.6, "42 s"), (192, "3 min 12 s"), (14700, "4 h 05 min"), (None, "–")],
)
def test_durations_are_written_short(seconds: float | None, text: str) -> None:
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(("tokens", "text"), [(950, "950"), (12_400, "12.4k"), (3_100_000, "3.1M"), (None, "–")])
def test_counts_are_written_short(tokens: int | None, text: str) -> None:
    assert wording.count(tokens) == text


def test_scale_places_numbers_words_and_gaps() -> None:
    rates = Scale([1e-4, 1e-3, 1e-2, 1e-1, 1e-5, 1.0], log=True)
    assert rates.at(1e-5) == 0.0
    assert rates.at(1.0) == 1.0
    assert rates.at(None) is None
    kinds = Scale(["lora", "full", 3], log=False)
    assert [kinds.at("full"), kinds.at("lora")] == [0.5, 1.0]
    assert Scale([2.0, 2.0], log=False).at(2.0) == 0.5


def test_a_diverged_curve_does_not_flatten_the_others() -> None:
    low, high = plots.loss_window([[3.0, 2.0, 1.0], [3.1, 2.2, 1.2], [3.0, 1e9], [float("nan")]])
    assert low is not None
    assert high is not None
    assert 0.5 < low < 1.0
    assert 3.0 < high < 4.0
    assert plots.loss_window([]) == (None, None)


def test_pictures_of_nothing_are_pictures() -> None:
    assert plots.learning_curves([], "loss").startswith(b"\x89PNG")
