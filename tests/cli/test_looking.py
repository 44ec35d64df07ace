"""Looking at a run: plan, status, trials, rerun, report."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta

import pytest

from seektune.cli.rerun import compare
from seektune.trial import Point


def test_plan_counts_and_writes_nothing(desk):
    file = desk.simulated()
    [plan] = desk.events("plan", file)
    assert [stage["stage"] for stage in plan["stages"]] == ["prepare", "lr_range", "coarse", "fine", "confirm"]
    assert plan["seconds"] == pytest.approx(sum(stage["seconds"] for stage in plan["stages"]))
    assert plan["cost"] > 0
    assert plan["notes"]["sizes"]
    assert desk.events("tune", file, "--plan") == [plan]
    text = desk("plan", file).stdout
    assert "total" in text
    assert "lr-range" in text
    assert desk.files == {file}


LIMITS = {
    "wall_time": ("'2s'", "2.0 s of the"),
    "device_hours": ("0.001", "3.6 s of the"),
    "money": ("0.01", "0.01 of the"),
    "tokens": ("100k", "100k of the"),
    "deadline": ("in a minute", "are planned"),
    "trials": ("4", "coarse proposes 2 of 8 trials, fine 2 of 3"),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_plan_says_which_limit_it_does_not_keep(desk, limit):
    value, words = LIMITS[limit]
    slow = (desk.folder / desk.simulated(seconds_per_step=0.5)).read_text()
    [plan] = desk.events("plan", desk.write("all.yaml", slow))
    assert not [name for name in plan["notes"] if name.startswith("budget")]
    value = value.replace("in a minute", f"'{datetime.now().astimezone() + timedelta(minutes=1):%Y-%m-%dT%H:%M:%S}'")
    [plan] = desk.events("plan", desk.write("few.yaml", slow.replace("budget: {", f"budget: {{{limit}: {value}, ")))
    assert [name for name in plan["notes"] if name.startswith("budget")] == [f"budget.{limit}"]
    assert words in plan["notes"][f"budget.{limit}"]


def test_plan_of_a_model_of_unknown_size_gives_no_time(desk):
    text = "study: big\nmodel: {hub: deepseek-ai/deepseek-llm-7b-base, revision: %s}\n" % ("ab" * 20)
    text += "data: {kind: text, sources: [{path: text.txt}]}\ntrain: {tokens: 1M}\nbudget: {price_per_device_hour: 2}\n"
    text += "space: {learning_rate: {low: 1e-6, high: 1e-3, log: true}}\n"
    desk.write("text.txt", "words and more words " * 5000)
    [plan] = desk.events("plan", desk.write("big.yaml", text))
    assert plan["seconds"] is None
    assert plan["cost"] is None
    said = desk("plan", "big.yaml").stdout
    assert said.count("unknown") == 2 * 6 + 1
    assert "run `seektune prepare` once, then plan again" in said


def test_plan_after_a_run_uses_what_was_measured(tuned):
    desk, _ = tuned
    [plan] = desk.events("plan", "sim.yaml")
    assert "measured in this study" in plan["notes"]["speed"]


def test_status_by_file_name_and_folder(tuned):
    desk, events = tuned
    [by_file] = desk.events("status", "sim.yaml")
    assert desk.events("status", "sim") == [by_file] == desk.events("status", "data/runs/sim")
    assert by_file["best"]["trial"] == events[-1]["winner"]["trial"]
    assert by_file["spend"]["device_seconds"] > 0
    assert {row["status"] for row in by_file["stages"].values()} == {"finished"}
    text = desk("status", "sim").stdout
    assert "nobody is running it" in text
    assert by_file["best"]["trial"] in text


def test_trials_sorted_and_cut(tuned):
    desk, _ = tuned
    every = desk.events("trials", "sim")
    assert {one["stage"] for one in every} == {"lr_range", "coarse", "fine", "confirm"}
    assert all(one["state"] for one in every)
    fine = desk.events("trials", "sim", "--stage", "fine")
    assert {one["stage"] for one in fine} == {"fine"}
    rates = [
        one["params"]["learning_rate"] for one in desk.events("trials", "sim", "--sort=-learning_rate", "--limit=5")
    ]
    assert len(rates) == 5
    assert rates == sorted((one["params"]["learning_rate"] for one in every), reverse=True)[:5]
    values = [one["value"] for one in desk.events("trials", "sim", "--sort=value") if one["value"] is not None]
    assert values == sorted(values)
    done = desk("trials", "sim", "--sort=learning_rat")
    assert done.returncode == 2
    assert "learning_rate" in done.stderr
    table = desk("trials", "sim", "--stage=coarse").stdout
    assert "why" in table
    assert "place" in table


def test_rerun_reproduces_bit_for_bit(tuned):
    desk, events = tuned
    paused = next(one["trial"] for one in events if one["event"] == "segment_ended" and one["stage"] == "coarse")
    for trial in (paused, events[-1]["winner"]["trial"], "ramp-0"):
        [told] = desk.events("rerun", "sim", trial)
        assert told["reproduced"]
        assert told["max_difference"] == 0.0
        assert told["measurements"] > 1
    assert not list((desk.folder / "data/runs/sim").glob("rerun-*"))


def test_rerun_notices_another_result(tuned, tmp_path):
    """The journal of a run whose trainer has changed since: its numbers are not met again."""
    import dataclasses

    from seektune.cli.rerun import chain, train
    from seektune.ledger.history import History

    desk, events = tuned
    history = History.read(desk.folder / "data/runs/sim")
    row = history.trial(events[-1]["winner"]["trial"])
    assert row is not None
    spec = history.trainers[row.trainer]
    other = dataclasses.replace(spec, settings={**spec.settings, "noise": 0.2})
    points = [point for result in train(other, chain(row), tmp_path) for point in result.curve]
    found = compare(row.curve, points)
    assert found.missing == 0
    assert found.largest > 0
    assert "tokens" in found.where


def point(tokens: int, loss: float) -> Point:
    return Point(tokens, tokens // 10, 0.1, None, {"loss": loss}, 0.0)


@pytest.mark.parametrize(
    ("old", "new", "largest", "missing"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0, 0),
        ([1.0, 2.0], [1.0, 2.5], 0.5, 0),
        ([1.0, float("nan")], [1.0, float("nan")], 0.0, 0),
        ([1.0, float("inf")], [1.0, 3.0], float("inf"), 0),
        ([1.0, 3.0], [1.0, float("nan")], float("inf"), 0),
        ([1.0, 2.0], [1.0], 0.0, 1),
    ],
)
def test_compare_by_hand(old, new, largest, missing):
    found = compare(
        [point(10 * i, loss) for i, loss in enumerate(old, 1)], [point(10 * i, loss) for i, loss in enumerate(new, 1)]
    )
    assert (found.largest, found.missing) == (largest, missing)


def test_rerun_of_an_unknown_trial_names_near_ones(tuned):
    desk, _ = tuned
    done = desk("rerun", "sim", "coarse-0")
    assert done.returncode == 2
    assert "coarse-00" in done.stderr


def test_a_reader_that_leaves_early_is_no_error(tuned):
    desk, _ = tuned
    with desk.start("trials", "sim", "--json") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    assert process.returncode == 0


def test_a_run_of_another_version_asks_for_the_study_file(tuned, desk):
    old, _ = tuned
    folder = desk.folder / "data/runs/sim"
    shutil.copytree(old.folder / "data/runs/sim", folder, ignore=shutil.ignore_patterns("attempts", "lock"))
    study = json.loads((folder / "study.json").read_text())
    (folder / "study.json").write_text(json.dumps({**study, "unheard": 1}))
    done = desk("status", "sim")
    assert done.returncode == 2
    assert "study file" in done.stderr
