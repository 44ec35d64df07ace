"""A base that goes on with domain text before the search: made once per content, measured before and after, used by all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seektune.errors import TrialError
from seektune.ledger.history import History, StageRow
from seektune.ledger.index import Spend
from seektune.ledger.results import ContinuedPretraining, PrepareResult
from seektune.report.facts import Facts
from seektune.report.page import write_report
from seektune.report.sections.pretraining import pretraining
from seektune.report.sections.warnings import forgetting
from seektune.report.summary import found
from seektune.study.context import Context
from seektune.study.plan import count
from seektune.study.run import Run
from seektune.study.sizes import sizes
from seektune.study_file import StudyFile
from seektune.train.source import base_fingerprint

VERBS = ("cancel", "review", "explain", "open", "close", "print", "move", "renew", "freeze", "limit")
THINGS = ("card", "transfer", "loan", "account", "statement", "refund")
WEATHER = ("rain", "hail", "snow", "fog", "wind", "frost", "thunder", "drizzle")
PLACES = ("over the hills", "by the sea", "in the valley", "on the plain", "near the lake")


def lines(rows: list[dict[str, str]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rows, domain and general text, a base that knows the general text only, and a cache."""
    folder = tmp_path_factory.mktemp("continued")
    rows = [
        {"text": f"Please {a} the {b}, {c} it today, {a} every {b}"} for a in VERBS for b in THINGS for c in VERBS[:3]
    ]
    weather = [
        {"text": f"There was {a} {p} and {b} {q}."}
        for a in WEATHER
        for b in WEATHER
        for p in PLACES
        for q in PLACES[:2]
    ]
    (folder / "rows.jsonl").write_text(lines(rows))
    (folder / "general.jsonl").write_text(lines(weather[: len(weather) // 2]))
    (folder / "seen.jsonl").write_text(lines(weather[len(weather) // 2 :]))
    return folder


def study(desk: Path, name: str, model: dict[str, Any], **data: Any) -> StudyFile:
    general = {"general": [{"path": str(desk / "general.jsonl")}]}
    return StudyFile.model_validate(
        {
            "study": name,
            "model": model,
            "data": {
                "kind": "text",
                "sources": [{"path": str(desk / "rows.jsonl")}],
                "max_length": 32,
                **general,
                **data,
            },
            "train": {"tokens": 1_000, "eval_rows": 8, "eval_every": 1_000},
            "space": {"learning_rate": {"low": 1e-5, "high": 1e-2, "log": True}},
            "stages": {
                "lr_range": None,
                "coarse": {"trials": 2, "rungs": 1},
                "fine": None,
                "confirm": {"top": 1, "seeds": 2, "baseline_factors": [1.0]},
            },
            "run": {"folder": str(desk / "data" / "runs"), "executor": "in_process"},
        }
    )


def prepared(study: StudyFile) -> tuple[PrepareResult, int]:
    """The stage's result, and how many segments have run for it."""
    with Run(study) as run:
        result = PrepareResult.model_validate(run.run("prepare"))
        return result, (run.folder / "journal.jsonl").read_text().count('"kind":"dispatched"')


@pytest.fixture(scope="module")
def base(desk: Path) -> Path:
    made = {"config": "tiny-llama", "pretrain": {"tokens": 12_000, "vocabulary": 300}}
    sources = [{"path": str(desk / "seen.jsonl")}]
    return Path(
        prepared(study(desk, "made", made, sources=sources, general=[], checks={"near_duplicates": False}))[0].base
    )


def going_on(base: Path, **options: Any) -> dict[str, Any]:
    return {"folder": str(base), "continued_pretraining": {"epochs": 2, **options}}


def result(adapted: PrepareResult) -> ContinuedPretraining:
    assert adapted.continued_pretraining is not None
    return adapted.continued_pretraining


@pytest.mark.slow
def test_all_trials_start_from_the_adapted_base(desk: Path, base: Path) -> None:
    mine = study(desk, "whole", going_on(base))
    with Run(mine) as run:
        results = {stage: run.run(stage) for stage in run.stages if stage != "report"}
        history = History.read(run.folder)
    adapted = PrepareResult.model_validate(results["prepare"])
    assert adapted.base != str(base)
    assert adapted.base_fingerprint == base_fingerprint(adapted.base) != base_fingerprint(str(base))
    trials = [row for row in history.trials if row.stage != "prepare"]
    assert {row.stage for row in trials} == {"coarse", "confirm"}
    assert {history.trainers[row.trainer].settings["base"] for row in trials} == {adapted.base}
    ran = json.loads((Path(adapted.base) / "continued_pretraining.json").read_text())
    assert ran == result(adapted).model_dump(mode="json")

    write_report(history, desk / "report", mine.model_dump(mode="json"))
    page = (desk / "report" / "report.md").read_text().replace("\\", "")  # Markdown escapes
    for words in ("Continued pre-training", result(adapted).key, "domain text", "general text"):
        assert words in page
    assert "Continued pre-training on" in found("prepare", results["prepare"])


@pytest.mark.slow
def test_it_is_made_once_per_content(desk: Path, base: Path) -> None:
    first, _ = prepared(study(desk, "first", going_on(base)))
    again, segments = prepared(study(desk, "again", going_on(base)))
    assert (again.base, again.continued_pretraining, segments) == (first.base, first.continued_pretraining, 1)
    learned = result(first)
    assert learned.after["domain"] < 0.5 * learned.before["domain"]
    assert learned.domain_share >= 0.3
    rate, _ = prepared(study(desk, "rate", going_on(base, learning_rate=1e-4)))
    assert rate.base != first.base

    domain = desk / "domain.jsonl"
    texts = [
        {"text": f"The {thing} office may {verb} a {thing}, and {verb} it again."} for verb in VERBS for thing in THINGS
    ]
    bases = [first.base]
    for number, changed in enumerate((texts, [*texts, {"text": "One more page on mortgages and their costs."}])):
        domain.write_text(lines(changed))
        edited, segments = prepared(study(desk, f"domain-{number}", going_on(base), domain=[{"path": str(domain)}]))
        bases.append(edited.base)
        assert segments == 6, "two texts measured before and after, trained, and measured as every base is"
    assert len(set(bases)) == 3


@pytest.mark.slow
def test_without_general_text_it_says_what_is_not_measured(desk: Path, base: Path) -> None:
    learned = result(prepared(study(desk, "alone", going_on(base), general=[]))[0])
    assert learned.domain_share == 1.0
    assert set(learned.before) == set(learned.after) == {"domain"}
    assert learned.forgot is None
    assert "no general text" in learned.notes[0]


def test_a_base_that_diverges_names_the_rate(desk: Path, base: Path) -> None:
    with pytest.raises(
        TrialError, match=r"continued pre-training of the base model ended as diverged .*learning_rate \(now 1e\+30\)"
    ):
        prepared(study(desk, "wild", going_on(base, learning_rate=1e30)))


def test_an_adapted_folder_has_no_commit_of_the_hub(desk: Path) -> None:
    hub = {"hub": "someone/model", "revision": "0" * 40, "continued_pretraining": {}}
    context = Context(study(desk, "hub", hub), desk, desk, 1, "cpu")
    assert context.revision("someone/model") == "0" * 40
    assert context.revision(str(desk)) is None


def test_the_plan_counts_it(desk: Path, base: Path) -> None:
    def planned(**options: Any) -> float:
        mine = study(desk, "planned", going_on(base, **options))
        return count(mine, sizes(mine, None))["prepare"].trained

    rows, general = ((desk / f"{name}.jsonl").stat().st_size / 3.5 for name in ("rows", "general"))
    assert planned(domain_share=1.0, epochs=1) == pytest.approx(0.8 * rows, rel=0.01)
    assert planned(domain_share=0.3, epochs=3) == pytest.approx(3 * min(0.8 * rows / 0.3, general / 0.7), rel=0.01)
    assert planned(tokens=200, epochs=1) == pytest.approx(200, abs=1)
    facts = {**PREPARED, "continued_pretraining": {**LEARNED, "tokens": 4321}}
    mine = study(desk, "planned", going_on(base))
    assert count(mine, sizes(mine, facts))["prepare"].trained == 4321


LEARNED = {
    "key": "k", "tokens": 2_000, "mix_tokens": 1_000, "domain_share": 0.31, "learning_rate": 1e-4,
    "before": {"domain": 40.0, "general": 20.0}, "after": {"domain": 30.0, "general": 23.0}, "notes": ["a note"],
}  # fmt: skip
PREPARED = {
    "rows": "", "store": "", "base": "b", "data_fingerprint": "d", "test_fingerprint": "t", "base_fingerprint": "b",
    "kind": "text", "hidden_size": 8, "parameters": 1_000, "train_rows": 10, "train_tokens": 100,
    "horizon_tokens": 1_000, "default": {},
}  # fmt: skip


@pytest.mark.parametrize(("general", "warned"), [(23.0, True), (21.9, False), (15.0, False)])
def test_forgetting_is_told_above_a_tenth(general: float, warned: bool) -> None:
    told = {**PREPARED, "continued_pretraining": {**LEARNED, "after": {"domain": 30.0, "general": general}}}
    row = StageRow("prepare", "k", (), "finished", told, None, 0.0, 1.0, Spend())
    facts = Facts(History(stages={"prepare": row}), {"study": "s"})
    texts = list(forgetting(facts))
    assert len(texts) == warned
    assert not warned or "1.15 times" in texts[0]
    assert ("forgetting" in found("prepare", told)) == warned
    section = pretraining(facts)
    assert section is not None
    table = section.blocks[-1]
    assert table.rows[0] == ("domain text", 40.0, 30.0, "-25.0%")  # type: ignore[union-attr]
