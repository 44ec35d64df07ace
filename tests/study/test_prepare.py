"""Prepare on a real, small base: what it ends with when that does not come about, and what makes it run again."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seektune.errors import DataError, SeektuneError, Stopped, TrialError
from seektune.ledger.results import PrepareResult
from seektune.study.context import Context
from seektune.study.run import Run
from seektune.study.stage_kinds import STAGES
from seektune.study.stages.prepare import prepare
from seektune.study_file import StudyFile
from seektune.text.file_hash import file_hash
from seektune.trial import Json, Result, State

WORDS = ("cancel", "review", "explain", "open", "close", "print", "move", "renew", "freeze", "limit", "address", "loan")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rows, and the cache of everything that the tests prepare."""
    folder = tmp_path_factory.mktemp("prepare")
    rows = [{"text": f"Please {a} the {b} {c} {a} today, {b}"} for a in WORDS for b in WORDS for c in WORDS[:4]]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def study(desk: Path, name: str, **changes: Any) -> StudyFile:
    content: dict[str, Any] = {
        "study": name,
        "model": {"config": "tiny-llama", "pretrain": {"tokens": 500, "vocabulary": 300}},
        "data": {"kind": "text", "sources": [{"path": str(desk / "rows.jsonl")}], "max_length": 32},
        "train": {"tokens": 1_000, "eval_rows": 8},
        "space": {"learning_rate": {"low": 1e-5, "high": 1e-2, "log": True}},
        "run": {"folder": str(desk / "data" / "runs"), "executor": "in_process"},
    }
    return StudyFile.model_validate({**content, **changes})


def prepared(study: StudyFile) -> tuple[Json, int]:
    """The stage's result, and how many segments have run for it in all sessions."""
    with Run(study) as run:
        result = run.run("prepare")
        return result, (run.folder / "journal.jsonl").read_text().count('"kind":"dispatched"')


@pytest.fixture(scope="module")
def model(desk: Path) -> Path:
    """A base as a user would bring it: weights, config, tokenizer."""
    return Path(PrepareResult.model_validate(prepared(study(desk, "made"))[0]).base)


def test_a_base_is_made_once_and_kept_whole(desk: Path, model: Path) -> None:
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in model.iterdir()}
    assert [folder.name for folder in model.parent.iterdir()] == [model.name]  # nothing half-made beside it
    result, segments = prepared(study(desk, "again"))
    assert (result["base"], segments) == (str(model), 1)  # only measured


def test_a_model_folder_that_is_saved_again_is_noticed(desk: Path, model: Path) -> None:
    own = desk / "own model"
    shutil.copytree(model, own)
    mine = study(desk, "own", model={"folder": str(own)})
    first, segments = prepared(mine)
    assert segments == 1
    assert prepared(mine) == (first, 1)
    weights = own / "model.safetensors"
    stat, content = weights.stat(), bytearray(weights.read_bytes())
    content[-1] ^= 1  # another last number; size and date as before
    weights.write_bytes(content)
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    second, segments = prepared(mine)
    assert segments == 2
    assert second["base_fingerprint"] != first["base_fingerprint"]
    for name in ("config.json", "tokenizer_config.json"):  # the same settings, in other bytes
        (own / name).write_text(json.dumps(json.loads((own / name).read_text()), indent=7))
        segments += 1
        assert prepared(mine)[1] == segments
    (own / "README").write_text("not read by anybody")
    (own / "optimizer.pt").write_bytes(b"nor this")
    assert prepared(mine)[1] == segments


def test_data_that_is_not_what_the_key_says_is_not_kept_under_it(desk: Path, model: Path) -> None:
    """A file that changes after the stage's key was made and before it is read."""
    mine = study(desk, "made")
    inputs = STAGES["prepare"].settings(mine)
    next(prepare(Context(mine, desk, desk / "data" / "cache", 1, "cpu", inputs=inputs)))
    other = {**inputs, "content": []}
    with pytest.raises(DataError, match="changed while they were read; run again"):
        next(prepare(Context(mine, desk, desk / "data" / "cache", 1, "cpu", inputs=other)))


def test_hashes_are_remembered_until_the_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seektune.text.file_hash._SETTLED_SECONDS", -1.0)  # the file is as good as old
    path, memory = tmp_path / "weights", tmp_path / "memory"
    path.write_bytes(b"one")
    first = file_hash(path, memory)
    (noted,) = memory.iterdir()
    noted.write_text("f" * 64)
    assert file_hash(path, memory) == "f" * 64  # not read again
    path.write_bytes(b"two")
    assert file_hash(path, memory) not in (first, "f" * 64)


def test_a_base_that_diverges_names_the_rate(desk: Path) -> None:
    wild = {"config": "tiny-llama", "pretrain": {"tokens": 4_000, "vocabulary": 300, "learning_rate": 1e30}}
    with pytest.raises(
        TrialError, match=r"pre-training the base model ended as diverged \(.+\); lower model.pretrain"
    ) as error:
        prepared(study(desk, "wild", model=wild))
    assert "1e+30" in str(error.value)


def test_a_deadline_that_has_passed_is_no_traceback(desk: Path) -> None:
    late = study(desk, "late", seed=1, budget={"deadline": "2020-01-01T06:00"})
    with pytest.raises(
        Stopped, match=r"pre-training the base model ended as stopped \(budget: the deadline has come\)"
    ):
        prepared(late)
    assert Path(prepared(study(desk, "late", seed=1))[0]["base"]).is_dir(), "with more time the same study goes on"


@pytest.mark.parametrize(
    ("state", "kind", "words"),
    [
        (State.FAILED, TrialError, "ended as failed.*mend that, and give the study another name than 'made'"),
        (State.INFEASIBLE, TrialError, "ended as infeasible.*smaller model"),
        (State.DIVERGED, TrialError, "ended as diverged.*weights are not usable"),
        (State.STOPPED, Stopped, "ended as stopped.*later deadline"),
    ],
)
def test_a_base_that_cannot_be_measured(
    desk: Path, model: Path, state: State, kind: type[SeektuneError], words: str
) -> None:
    context = Context(study(desk, "made"), desk / "data" / "runs" / "made", desk / "data" / "cache", 1, "cpu")
    stage = prepare(context)
    (segment,) = next(stage).segments
    assert segment.trial == "base"
    with pytest.raises(kind, match=words):
        stage.send((replace(Result(segment.trial, state, 0), reason="the reason"),))
