"""Text from outside ends inert: in the page, its plots, Markdown, CSV and Prefect's rows."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from reading import Page

from seektune.ledger.history import History, StageRow, TrialRow
from seektune.ledger.index import Spend
from seektune.report import safe
from seektune.report.facts import Facts
from seektune.report.markdown import leading_trials, stage_summary
from seektune.report.page import write_report
from seektune.trial import Cost, Point, State
from tests.report.hostile import HOSTILE, hostile_prepare

ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "header", "div", "strong", "a", "main", "section", "h1", "h2",
    "h3", "p", "span", "b", "table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "noscript", "img",
    "script", "details", "summary", "footer", "mark",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "role", "aria-label", "data-spec",
    "style", "type", "alt", "src",
}  # fmt: skip
BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, History]:
    """A journal's history, a study and a rows report where every word comes from an enemy."""
    folder = tmp_path_factory.mktemp("hostile")
    trials = []
    for index, text in enumerate(
        one for one in HOSTILE if "\ud800" not in one
    ):  # a journal cannot hold a lone surrogate
        curve = tuple(
            Point(tokens, tokens // 100, 1e-3, None, {"loss": 2.0 - tokens / 1e4 + index / 50, "<b>m": 0.1}, 1.0)
            for tokens in (1000, 2000, 3000)
        )
        state = State.DIVERGED if index == 3 else State.STOPPED
        params = {"learning_rate": 10 ** (-5 + index / 8), text: text, "=cmd": text, "word": text}
        trials.append(
            TrialRow(
                text,
                "coarse",
                "key",
                params,
                text,
                index,
                state,
                text,
                3000,
                curve[-1].metrics,
                curve,
                Cost(1.0, 0.1, 3000),
            )
        )
    prepare = hostile_prepare(folder)
    leader = {"trial": HOSTILE[0], "params": {"learning_rate": 1e-3, HOSTILE[1]: HOSTILE[2]}, "seed": 1, "tokens": 3000,
              "state": HOSTILE[0], "value": 1.0, "rungs": {1000: 1.5, 3000: 1.0}}  # fmt: skip
    search = {"best": leader, "history": [leader], "default_value": 2.0, "noise_sd": 0.1, "trials": 1,
              "states": {HOSTILE[0]: 1}, "box": {}, "ended": HOSTILE[1]}  # fmt: skip
    side = {"name": HOSTILE[0], "params": {"learning_rate": 1e-3}, "values": [1.0, 1.1], "mean": 1.05}
    interval = {"mean": 0.1, "low": -0.1, "high": 0.3, "level": 0.9, "low_per_look": -0.2, "degrees_of_freedom": 4.0,
                "smallest_visible": 0.3, "seed_sd": 0.1, "example_sd": 0.1}  # fmt: skip
    confirm = {"challenger": side, "reference": {**side, "name": HOSTILE[1]}, "shortlist": [side], "baselines": [side],
               "validation": interval, "test": interval, "against_best_baseline": interval, "minimum_effect": 0.1,
               "verdict": "underpowered", "sentence": "".join(HOSTILE[:12]), "looks": 1, "seeds": 2,
               "test_scores": {f"challenger.{HOSTILE[0]}": 1.0}, "model": HOSTILE[1]}  # fmt: skip
    augmentation = {"trial": HOSTILE[0], "effect": "not seen", "sentence": "".join(HOSTILE[:12]), "minimum_effect": 0.1,
                    "augmented": side, "original": side, "interval": interval, "seeds": 2,
                    "learning_rates": {HOSTILE[1]: [(1e-3, 1.0)], "augmented": [(1e-3, None)]}}  # fmt: skip
    results = {
        "prepare": prepare,
        "coarse": search,
        "augmentation": augmentation,
        "confirm": confirm,
        HOSTILE[0]: {"x": HOSTILE[1]},
    }
    stages = {
        name: StageRow(name, "key", (), "finished", result, HOSTILE[2], 0.0, 1.0, Spend(1.0, 1.0))
        for name, result in results.items()
    }
    environment = {text: {text: text} for text in HOSTILE}
    sessions = [
        {"at": 0.0, "host": text, "attempts": 1, "environment": {**environment, "flow run": text}} for text in HOSTILE
    ]
    history = History(trials=trials, stages=stages, spend=Spend(1.0, 1.0, 0.0, 100), sessions=sessions)
    study = {
        "study": HOSTILE[0],
        "objective": {"metric": "loss"},
        "space": {text: {"choices": [text]} for text in HOSTILE},
    }
    facts = Facts(history, study)
    assert None not in (facts.prepare, facts.coarse, facts.augmentation, facts.confirm)
    assert facts.rows["first"]
    write_report(history, folder / "report", study)
    return folder / "report", history


def test_page_holds_only_our_elements(hostile: tuple[Path, History]) -> None:
    page = Page(hostile[0] / "index.html")
    assert "could not be made" not in page.text
    assert page.tags() <= ALLOWED
    for tag, attributes in page.elements:
        assert set(attributes) <= ATTRIBUTES, (tag, attributes)
        assert attributes.get("href", "#").startswith("#")
        assert attributes.get("src", "data:image/png;").startswith("data:image/png;")
    assert len(page.scripts) == 2


def test_page_shows_the_text_as_it_is(hostile: tuple[Path, History]) -> None:
    page = Page(hostile[0] / "index.html")
    for text in HOSTILE:
        assert " ".join(safe.visible(text).split()) in page.text
    assert not BIDI.search(page.source.replace("\n", ""))


def test_plots_hold_no_markup(hostile: tuple[Path, History]) -> None:
    page = Page(hostile[0] / "index.html")

    def strings(value: object) -> list[str]:
        if isinstance(value, str):
            return [value]
        if isinstance(value, dict):
            assert "hovertemplate" not in value
            assert "texttemplate" not in value
            return [text for item in value.values() for text in strings(item)]
        return [text for item in value for text in strings(item)] if isinstance(value, list) else []

    found = [text for spec in page.specs.values() for text in strings(spec)]
    assert any("&lt;script&gt;" in text for text in found)
    for text in found:
        assert set(re.findall(r"<[^>]*>?", text)) <= {"<b>", "</b>", "<br>"}


def test_markdown_renders_to_no_link_picture_or_markup(hostile: tuple[Path, History]) -> None:
    source = (hostile[0] / "report.md").read_text("utf-8")
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough").parse(source)
    kinds = [child for token in tokens for child in [token, *(token.children or [])]]
    assert not [one for one in kinds if one.type in ("html_block", "html_inline", "link_open", "code_block", "fence")]
    pictures = [one.attrs["src"] for one in kinds if one.type == "image"]
    assert all(str(one).startswith("plots/") for one in pictures)
    assert not re.search(r"(?i)(https?:|www\.)", source)
    assert not BIDI.search(source.replace("\n", ""))


def test_csv_runs_nothing_and_parquet_keeps_the_text(hostile: tuple[Path, History]) -> None:
    folder, history = hostile
    with (folder / "trials.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 1 + len(history.trials)
    for row in rows:
        for cell in row:
            if cell.lstrip()[:1] in ("=", "+", "-", "@", "＝"):
                float(cell)  # a number, nothing else
    parquet = pd.read_parquet(folder / "trials.parquet")
    assert list(parquet["trial"]) == [row.trial for row in history.trials]


def test_prefect_rows_and_summaries_are_plain(hostile: tuple[Path, History]) -> None:
    _, history = hostile
    rows = leading_trials(Facts(history, {"study": "s", "space": {}}), limit=100)
    assert len(rows) == len(history.trials)
    assert not any(BIDI.search(str(value)) for row in rows for value in row.values())
    assert "<script>" not in stage_summary("coarse", history.stages["coarse"].result or {})


@given(st.text(st.characters(), max_size=80))
def test_any_text_is_one_safe_line(text: str) -> None:
    line = safe.visible(text)
    assert not BIDI.search(line)
    assert "\n" not in line
    line.encode("utf-8")
    assert not re.search(r"[<>\"']", safe.html(text))
    assert json.loads(safe.script({"x": text.encode("utf-8", "replace").decode()}))["x"] is not None
    assert "<" not in safe.script([text])
    rendered = MarkdownIt("commonmark", {"html": True}).render(f"before {safe.markdown(text)} after")
    assert set(re.findall(r"<[^>]*>", rendered)) <= {"<p>", "</p>"}
    spoken = MarkdownIt("commonmark", {"html": True}).render(f"before {safe.code(text)} after")
    assert set(re.findall(r"<[^>]*>", spoken)) <= {"<p>", "</p>", "<code>", "</code>"}
    cell = safe.spreadsheet(text)
    assert isinstance(cell, str)
    assert cell.strip()[:1] not in ("=", "+", "-", "@")


def test_numbers_in_a_spreadsheet_stay_numbers() -> None:
    assert safe.spreadsheet(-1.5) == -1.5
    assert safe.spreadsheet("-1.5") == "'-1.5"
    assert safe.spreadsheet("plain") == "plain"


def test_script_data_has_no_nan() -> None:
    assert json.loads(safe.script({"a": [float("nan"), float("inf"), 1.0]})) == {"a": [None, None, 1.0]}
