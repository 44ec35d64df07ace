"""The report of a real (simulated) run, after each of its stages."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from reading import Page

from seektune.ledger.history import History
from seektune.ledger.results import ConfirmResult, RangeResult
from seektune.report.facts import Facts
from seektune.report.markdown import leading_trials, spend_table, stage_summary
from seektune.report.page import write_report
from seektune.report.reasons import reasons
from seektune.trial import State

STAGES = ("prepare", "lr_range", "coarse", "fine", "confirm")


@pytest.mark.parametrize("stage", STAGES)
def test_a_report_can_be_written_after_every_stage(told: Any, stage: str) -> None:
    page = Page(told.folders[stage] / "index.html")
    assert "could not be made" not in page.text
    markdown = (told.folders[stage] / "report.md").read_text("utf-8")
    assert "could not be made" not in markdown
    assert ("No winner yet" in page.text) == (stage in ("prepare", "lr_range"))
    assert ("Not confirmed yet" in page.text) == (stage in ("coarse", "fine"))
    drawn = set(page.specs)
    assert ("spec-lr-range" in drawn) == (stage != "prepare")
    assert ("spec-learning-curves" in drawn) == (stage in ("coarse", "fine", "confirm"))
    assert ("spec-interval" in drawn) == (stage == "confirm")


def test_the_verdict_comes_first(told: Any) -> None:
    sentence = told.history.stages["confirm"].result["sentence"]
    page = Page(told.folder / "index.html")
    headings = [tag for tag, _ in page.elements if tag in ("h1", "h2", "h3", "table", "figure")]
    assert headings[0] == "h1"
    assert page.text.count(sentence) >= 2  # the headline, and what confirm found
    markdown = (told.folder / "report.md").read_text("utf-8")
    assert sentence in markdown.split("\n\n")[1].replace("\\", "")


def test_every_plot_holds_what_the_journal_says(told: Any) -> None:
    page = Page(told.folder / "index.html")
    measured = [row for row in told.history.trials if row.stage in ("coarse", "fine") and row.curve]
    curves = page.specs["spec-learning-curves"]["data"]
    assert len(curves) == len(measured)
    assert sum(len(line["x"]) for line in curves) == sum(len(row.curve) for row in measured)
    found = RangeResult.model_validate(told.history.stages["lr_range"].result)
    assert len(page.specs["spec-lr-range"]["data"]) == 2 * len(found.curves)
    confirm = ConfirmResult.model_validate(told.history.stages["confirm"].result)
    means = [point["x"][0] for point in page.specs["spec-interval"]["data"]]
    assert confirm.validation is not None
    assert confirm.validation.mean in means


def test_tables_hold_every_trial(told: Any) -> None:
    csv = pd.read_csv(told.folder / "trials.csv")
    parquet = pd.read_parquet(told.folder / "trials.parquet")
    assert list(csv["trial"]) == list(parquet["trial"]) == [row.trial for row in told.history.trials]
    page = Page(told.folder / "index.html")
    assert all(row.trial in page.text for row in told.history.trials if row.stage in ("coarse", "fine"))


def test_every_ended_trial_has_a_reason(told: Any) -> None:
    facts = Facts(told.history, told.study)
    why = reasons(facts)
    assert set(why) == {row.trial for row in facts.searched}
    assert all(why.values())
    paused = [row for row in facts.searched if row.state is State.PAUSED and row.stage == "coarse"]
    assert paused
    assert all("went on" in why[row.trial] for row in paused)


def test_places_at_a_rung_are_those_of_the_values(told: Any) -> None:
    facts = Facts(told.history, told.study)
    first = facts.rungs[0]
    coarse = [row for row in facts.searched if row.stage == "coarse" and facts.value_at(row, first) is not None]
    best_first = sorted(coarse, key=lambda row: facts.value_at(row, first))
    why = reasons(facts)
    for place, row in enumerate(best_first, start=1):
        if row.tokens == first and row.state is State.PAUSED:
            assert f"place {place} of {len(best_first)}" in why[row.trial]


def test_pictures_are_small_png(told: Any) -> None:
    names = {path.name for path in (told.folder / "plots").iterdir()}
    assert names == {"interval.png", "learning_curves.png", "lr_range.png"}
    for path in (told.folder / "plots").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG\r\n")
        assert path.stat().st_size < 120_000


def test_nothing_loads_and_only_our_scripts_run(told: Any) -> None:
    page = Page(told.folder / "index.html")
    policy = next(one["content"] for tag, one in page.elements if one.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "unsafe-eval" not in policy
    assert len(page.scripts) == 2
    for script in page.scripts:
        assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "form", "base", "video", "audio")
        assert attributes.get("src", "data:image/png").startswith("data:image/png")
        assert attributes.get("href", "#").startswith("#")
    assert page.whole.count("plotly.js v") == 1


def test_written_again_it_is_the_same(told: Any, tmp_path: Path) -> None:
    write_report(told.history, tmp_path, told.study)
    first = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    write_report(told.history, tmp_path, told.study)
    assert {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == first


def test_a_report_while_trials_run(told: Any, tmp_path: Path) -> None:
    """The journal cut in the middle of coarse: leaders are ranked, nothing is called finished."""
    lines = told.journal.read_text("utf-8").splitlines(keepends=True)
    begun = next(i for i, line in enumerate(lines) if '"kind":"stage_started","stage":"coarse"' in line)
    ended = next(i for i, line in enumerate(lines) if i > begun and '"kind":"stage_finished"' in line)
    (tmp_path / "journal.jsonl").write_text("".join(lines[: (begun + ended) // 2]), "utf-8")
    history = History.read(tmp_path)
    assert history.stages["coarse"].status == "unfinished"
    page = Page(write_report(history, tmp_path / "report", told.study))
    assert "could not be made" not in page.text
    assert "The search is still running" in page.text
    assert "spec-learning-curves" in page.specs
    assert leading_trials(Facts(history, told.study))


def test_no_journal_yet(tmp_path: Path) -> None:
    index = write_report(History.read(tmp_path / "none"), tmp_path / "report", {"study": "new"})
    page = Page(index)
    assert "No winner yet" in page.text
    assert "could not be made" not in page.text
    assert (tmp_path / "report" / "trials.csv").exists()


def test_leading_trials_are_flat_short_and_ranked(told: Any) -> None:
    rows = leading_trials(Facts(told.history, told.study), limit=5)
    assert [row["place"] for row in rows] == [1, 2, 3, 4, 5]
    assert all(isinstance(value, str | int) and len(str(value)) <= 120 for row in rows for value in row.values())
    best = told.history.stages["fine"].result["best"]["trial"]
    assert rows[0]["trial"] == best


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_can_tell_what_it_found(told: Any, stage: str) -> None:
    result = told.history.stages[stage].result
    text = stage_summary(stage, result)
    assert text.startswith("**")
    assert "Nothing to tell" not in text
    assert "cannot be read" not in text
    assert "another version" in stage_summary(stage, {"unknown": 1})


def test_spend_is_that_of_the_journal(told: Any) -> None:
    table = spend_table(Facts(told.history, told.study))
    assert table.count("\n") == 1 + len(told.history.stages)
    assert "Coarse search" in table


def test_the_environment_is_that_of_the_trials_not_of_the_report(told: Any, tmp_path: Path) -> None:
    """A report made with other versions installed says what the trials ran with."""
    written = told.history.sessions[-1]["environment"]
    assert written["versions"]["torch"] == version("torch")
    assert written["device"] in ("cpu", "cuda")
    session = {
        **told.history.sessions[-1],
        "environment": {**written, "commit": "0123abcd", "flow run": "tune · night"},
    }
    history = dataclasses.replace(told.history, sessions=[told.history.sessions[-1], session])
    page = Page(write_report(history, tmp_path, told.study))
    assert "0123abcd" in page.text
    assert "tune · night" in page.text
    assert f"Not all trials ran alike: commit was {written['commit']} then 0123abcd." in page.text
    assert "Not all trials ran alike" not in Page(told.folder / "index.html").text


def test_the_learning_rate_of_every_trial_is_drawn(told: Any) -> None:
    page = Page(told.folder / "index.html")
    rates = page.specs["spec-learning-rates"]["data"]
    measured = [row for row in told.history.trials if row.stage in ("coarse", "fine") and row.curve]
    assert len(rates) == len(measured)
    drawn = sorted(rate for line in rates for rate in line["y"])
    assert drawn == sorted(point.learning_rate for row in measured for point in row.curve if point.learning_rate > 0)
