"""A sound study in a folder of its own, for tests that break it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seektune.errors import StudyFileError
from seektune.study_file import load_study
from seektune.text.augmentation import nltk_data

NOW = datetime(2030, 1, 15, 22, 0, tzinfo=UTC)

STUDY = """\
study: fraud-desk
seed: 42
model: {config: tiny-deepseek-v3}          # or {hub: deepseek-ai/deepseek-llm-7b-base, revision: <40 hex>}
data:
  kind: instruction
  sources: [{path: data/samples/fraud_desk.jsonl, weight: 1.0}]
  split: {validation: 0.1, test: 0.1, group: customer}
  augment: {operators: [synonym, {lexicon: {path: data/samples/lexicon.csv}}], copies: 1}
train: {tokens: 40k, eval_every: 5k, checkpoint: best}      # the full run; rungs are prefixes of it
method: lora                                # full, freeze, lora, prefix, bottleneck, ...
objective: {metric: validation_loss, direction: minimize}
space:
  learning_rate: {low: 1e-6, high: 1e-1, log: true}
  effective_batch: {choices: [8, 16, 32, 64]}
  weight_decay: {low: 0.0, high: 0.1}
  warmup_ratio: {low: 0.0, high: 0.2}
  lora_rank: {choices: [4, 8, 16, 32], when: 'method == "lora"'}
constraints:
  - forbid: 'effective_batch > 32 and learning_rate > 3e-3'
stages:
  lr_range: {steps: 120}
  coarse: {search: random, trials: 24, rungs: 3}
  fine: {search: tpe, trials: 12}
  confirm: {top: 3, seeds: auto}
budget: {wall_time: '04:00:00', device_hours: 8, money: 20.0, price_per_device_hour: 2.5}
run: {workers: auto, device: auto}
"""

Complain = Callable[[str | bytes], list[str]]


def replaced(old: str, new: str) -> str:
    """The sound study with one piece of text exchanged."""
    assert STUDY.count(old) == 1, old
    return STUDY.replace(old, new)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    samples = tmp_path / "data/samples"
    samples.mkdir(parents=True)
    (samples / "fraud_desk.jsonl").write_text("{}\n")
    (samples / "lexicon.csv").write_text("term,variant,language\n")
    (tmp_path / "nltk_data/corpora").mkdir(parents=True)
    (tmp_path / "nltk_data/corpora/wordnet.zip").touch()
    monkeypatch.setattr(nltk_data, "folders", lambda: [tmp_path / "nltk_data"])  # whether or not it has WordNet
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # the same answers on a machine with CUDA
    return tmp_path


@pytest.fixture
def complain(folder: Path) -> Complain:
    """Writes a text as study.yaml and gives back what load_study says about it; nothing else may have been written."""

    def problems(text: str | bytes) -> list[str]:
        path = folder / "study.yaml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        before = sorted(folder.rglob("*"))
        with pytest.raises(StudyFileError) as caught:
            load_study("study.yaml", NOW)
        only_data = all(problem.data for problem in caught.value.problems)
        assert caught.value.exit_code == (3 if only_data else 2)
        assert sorted(folder.rglob("*")) == before
        assert all(problem.place.startswith("study.yaml") for problem in caught.value.problems)
        return str(caught.value).split("\n")

    return problems
