"""Whatever is torn, changed or foreign is refused, and the next candidate is taken."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from seektune.errors import CheckpointError
from seektune.study.disk import drop_optimizer
from seektune.train.trainer import LanguageTrainer
from seektune.trial import Dispatch, Result, Start, State
from tests.train.tiny import Quiet, run, segment

Trainers = Callable[..., LanguageTrainer]
WHOLE = segment("trial", 1_200, 1_200)
FIRST = replace(WHOLE, to_tokens=600)
SECOND = replace(WHOLE, from_tokens=600, start=Start("trial", 600))


@pytest.fixture
def first(trainer_of: Trainers, tmp_path: Path) -> Result:
    return run(trainer_of("llama"), tmp_path / "first", FIRST)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _edit(path: Path) -> None:
    manifest = json.loads(path.read_text())
    manifest["state"]["counters"]["step"] += 1
    path.write_text(json.dumps(manifest))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "weights: one bit": lambda folder: _flip(folder / "weights.safetensors"),
    "weights: torn": lambda folder: (folder / "weights.safetensors").write_bytes(b"\x00" * 5),
    "weights: gone": lambda folder: (folder / "weights.safetensors").unlink(),
    "optimizer: one bit": lambda folder: _flip(folder / "optimizer.safetensors"),
    "manifest: edited": lambda folder: _edit(folder / "manifest.json"),
    "manifest: torn": lambda folder: (folder / "manifest.json").write_bytes(
        (folder / "manifest.json").read_bytes()[:-20]
    ),
    "manifest: gone": lambda folder: (folder / "manifest.json").unlink(),
    "manifest: another thing": lambda folder: (folder / "manifest.json").write_text("[]"),
    "folder: gone": shutil.rmtree,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_checkpoint_is_refused_by_name(
    trainer_of: Trainers, tmp_path: Path, first: Result, damage: str
) -> None:
    assert first.checkpoint is not None
    DAMAGE[damage](Path(first.checkpoint))
    with pytest.raises(CheckpointError, match=r"trial at 600 tokens.*first"):
        run(trainer_of("llama"), tmp_path / "second", SECOND, start=first.checkpoint)


def test_next_candidate_is_taken(trainer_of: Trainers, tmp_path: Path, first: Result) -> None:
    assert first.checkpoint is not None
    whole = run(trainer_of("llama"), tmp_path / "whole", WHOLE)
    copy = shutil.copytree(first.checkpoint, tmp_path / "copy")
    _flip(copy / "weights.safetensors")
    dispatch = Dispatch(1, (SECOND,), str(tmp_path / "second"), ((str(copy), first.checkpoint),))
    result = trainer_of("llama").train(dispatch, Quiet())[0]
    assert result.facts["weights_sha256"] == whole.facts["weights_sha256"]


def test_bad_partial_of_a_first_segment_means_a_fresh_start(trainer_of: Trainers, tmp_path: Path) -> None:
    (tmp_path / "partial-00000003").mkdir()
    result = run(trainer_of("llama"), tmp_path / "whole", WHOLE, start=str(tmp_path / "partial-00000003"))
    assert result.state is State.COMPLETE


def test_dropped_optimizer_can_be_measured_but_not_trained_on(
    trainer_of: Trainers, tmp_path: Path, first: Result
) -> None:
    assert first.checkpoint is not None
    drop_optimizer(Path(first.checkpoint))
    measure = replace(SECOND, to_tokens=600)
    measured = run(trainer_of("llama"), tmp_path / "measured", measure, start=first.checkpoint)
    assert measured.metrics == first.metrics
    with pytest.raises(CheckpointError, match="optimizer state was dropped"):
        run(trainer_of("llama"), tmp_path / "second", SECOND, start=first.checkpoint)


def test_foreign_checkpoints_are_refused(trainer_of: Trainers, tmp_path: Path, first: Result) -> None:
    others = {
        "base": (trainer_of("deepseek_v3"), SECOND),
        "method": (trainer_of("llama"), replace(SECOND, params={**SECOND.params, "method": "lora"})),
        "data": (trainer_of("llama", "text"), SECOND),
        "average_steps": (trainer_of("llama", average_steps=3), SECOND),
        "has seed": (trainer_of("llama"), replace(SECOND, seed=8)),
    }
    for word, (trainer, other) in others.items():
        with pytest.raises(CheckpointError, match=word):
            run(trainer, tmp_path / "other", other, start=first.checkpoint)


def test_missing_start_is_an_error_and_not_a_fresh_trial(trainer_of: Trainers, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="none was given"):
        run(trainer_of("llama"), tmp_path, SECOND)


def test_checkpoints_hold_no_pickle(first: Result) -> None:
    assert first.checkpoint is not None
    names = {path.name for path in Path(first.checkpoint).iterdir()}
    assert names == {"weights.safetensors", "optimizer.safetensors", "manifest.json"}
