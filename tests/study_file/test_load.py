"""What a sound study file becomes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from seektune.study_file import StudyFile, json_schema, load_study
from seektune.train.source import HUB_ID, check_base
from tests.study_file.conftest import NOW, STUDY, replaced

ROOT = Path(__file__).parents[2]


def load(folder: Path, text: str | bytes = STUDY) -> StudyFile:
    (folder / "study.yaml").write_bytes(text.encode() if isinstance(text, str) else text)
    return load_study("study.yaml", NOW)


def test_the_shape_of_the_design(folder: Path) -> None:
    study = load(folder)
    assert study.study == "fraud-desk"
    assert study.train.tokens == 40_000
    assert study.train.eval_every == 5_000
    assert study.method == "lora"
    assert study.fixed_params() == {"method": "lora"}
    assert study.largest_batch() == 64
    assert study.objective.metric == "loss"
    assert study.budget.wall_time == 4 * 3600
    assert study.stages.fine is not None
    assert study.stages.fine.trials == 12
    space = study.make_space()
    assert space.names == ("learning_rate", "effective_batch", "weight_decay", "warmup_ratio", "lora_rank")
    params = space.sample(np.random.default_rng(0))
    assert set(params) == set(space.names)  # the condition holds: method is fixed to lora
    assert not space.allowed({**params, "effective_batch": 64, "learning_rate": 5e-3})


def test_it_is_frozen(folder: Path) -> None:
    study = load(folder)
    with pytest.raises(ValidationError, match="frozen"):
        study.seed = 1  # type: ignore[misc]
    assert study.make_space() is study.make_space()


@pytest.mark.parametrize("text", ["\ufeff" + STUDY, STUDY.replace("\n", "\r\n"), "---\n" + STUDY + "...\n"])
def test_byte_order_mark_windows_lines_and_document_marks(folder: Path, text: str) -> None:
    assert load(folder, text) == load(folder)


def test_fixed_in_both_ways(folder: Path) -> None:
    study = load(folder, replaced("seed: 42\n", "fixed: {schedule: linear}\nclip_norm: 0.5\n"))
    assert study.fixed_params() == {"method": "lora", "schedule": "linear", "clip_norm": 0.5}
    assert study.seed == 42


@pytest.mark.parametrize(
    ("written", "seconds"), [("'04:00:00'", 14_400), ("04:00:00", 14_400), ("90s", 90), ("2h", 7_200), ("5", 5)]
)
def test_durations(folder: Path, written: str, seconds: float) -> None:
    assert load(folder, replaced("'04:00:00'", written)).budget.wall_time == seconds


@pytest.mark.parametrize(
    ("written", "tokens"), [("40k", 40_000), ("1.5M", 1_500_000), ("40_000", 40_000), ("100", 100)]
)
def test_counts(folder: Path, written: str, tokens: int) -> None:
    assert load(folder, replaced("40k", written)).train.tokens == tokens


def test_the_direction_follows_from_the_metric(folder: Path) -> None:
    study = load(folder, replaced("{metric: validation_loss, direction: minimize}", "{metric: exact_match}"))
    assert study.objective.direction == "maximize"
    built = StudyFile.model_validate(study.model_dump() | {"objective": {"metric": "accuracy"}})
    assert built.objective.direction == "maximize"


def test_integers_of_the_trainer_are_whole_without_saying_so(folder: Path) -> None:
    study = load(folder, replaced("{choices: [8, 16, 32, 64]}", "{low: 4, high: 64, log: true}"))
    rng = np.random.default_rng(0)
    batches = [study.make_space().sample(rng)["effective_batch"] for _ in range(20)]
    assert all(type(batch) is int for batch in batches)
    assert study.largest_batch() == 64


def test_a_searched_method(folder: Path) -> None:
    text = replaced("space:\n", "space:\n  method: {choices: [lora, full]}\n").replace("method: lora    ", "# ")
    study = load(folder, text)
    assert study.method == "lora"
    rng = np.random.default_rng(0)
    for _ in range(10):
        params = study.make_space().sample(rng)
        assert ("lora_rank" in params) == (params["method"] == "lora")


def test_the_simulated_trainer_needs_no_data_and_knows_no_names(folder: Path) -> None:
    study = load(
        folder,
        "study: sim\nmodel: {simulated: {noise: 0.01}}\ntrain: {tokens: 10k}\n"
        "space:\n  learning_rate: {low: 1e-5, high: 1e-1, log: true}\n  anything: {low: 0, high: 1}\n",
    )
    assert study.data is None
    assert study.model.simulated == {"noise": 0.01}


def test_a_stage_can_be_left_out(folder: Path) -> None:
    study = load(folder, replaced("lr_range: {steps: 120}", "lr_range: null").replace("{search: tpe, trials: 12}", ""))
    assert study.stages.lr_range is None
    assert study.stages.fine is None


def test_globs_and_folders_are_sources(folder: Path) -> None:
    load(folder, replaced("data/samples/fraud_desk.jsonl", "data/samples/*.jsonl"))
    load(folder, replaced("data/samples/fraud_desk.jsonl", "data/samples"))


def test_a_local_model_folder_with_safetensors(folder: Path) -> None:
    model = folder / "base"
    model.mkdir()
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"")
    assert load(folder, replaced("{config: tiny-deepseek-v3}", "{folder: base}")).model.folder == "base"
    revision = "0123456789abcdef0123456789abcdef01234567"
    hub = f"{{hub: deepseek-ai/deepseek-llm-7b-base, revision: {revision}}}"
    assert load(folder, replaced("{config: tiny-deepseek-v3}", hub)).model.revision == revision


def test_deadlines(folder: Path) -> None:
    for deadline in ("'06:00'", "06:00", "2030-01-16T06:00", "2030-01-16 06:00", "'2030-01-15T22:00:01+00:00'"):
        load(folder, STUDY + "# \n".replace("#", f"# {deadline}"))
        study = load(folder, replaced("money: 20.0", f"money: 20.0, deadline: {deadline}"))
        assert study.budget.deadline == deadline.strip("'")


def test_a_search_with_settings(folder: Path) -> None:
    study = load(folder, replaced("search: tpe", "search: {tpe: {candidates: 48}}"))
    assert study.stages.fine is not None
    assert study.stages.fine.search == {"tpe": {"candidates": 48}}


def test_the_schema_knows_every_key_and_its_help() -> None:
    schema = json_schema()
    assert {"study", "space", "method", "learning_rate"} <= set(schema["properties"])
    assert all(schema["properties"][name]["description"] for name in StudyFile.model_fields)
    assert schema["properties"]["method"]["enum"] == ["full", "lora"]
    tokens = schema["$defs"]["TrainOptions"]["properties"]["tokens"]["anyOf"][0]
    assert tokens["anyOf"] == [{"type": "integer"}, {"type": "string"}]  # 40000 and 40k


def test_two_seconds_and_nothing_heavy(folder: Path) -> None:
    """In a fresh interpreter; processor time, so that a busy machine does not decide."""
    (folder / "study.yaml").write_text(STUDY)
    code = (
        "import sys, time\nfrom seektune.study_file import load_study\nload_study('study.yaml')\n"
        "heavy = {'torch', 'transformers', 'datasets', 'optuna', 'sklearn', 'prefect', 'pandas', 'pyarrow', 'scipy'}\n"
        "print(time.process_time(), sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    seconds, heavy = done.stdout.split(maxsplit=1)
    assert heavy.strip() == "[]"
    assert float(seconds) < 2


def test_a_stage_without_a_weight_of_its_own_keeps_the_default(folder: Path) -> None:
    (folder / "study.yaml").write_text(replaced("confirm: {top: 3, seeds: auto}", "weights: {coarse: 5}"))
    weights = load_study("study.yaml", NOW).stages.weights
    assert weights == {"lr_range": 1.0, "coarse": 5.0, "fine": 3.0, "augmentation": 2.0, "confirm": 3.0}


def test_a_hub_id_needs_no_organisation(folder: Path) -> None:
    """What the file's rules let pass, the trainer opens."""
    revision = "ab" * 20
    model = f"{{hub: gpt2, revision: {revision}}}"
    (folder / "study.yaml").write_text(replaced("{config: tiny-deepseek-v3}", model))
    assert load_study("study.yaml", NOW).model.hub == "gpt2"
    assert check_base("gpt2", revision) is None
    assert "needs `revision`" in str(check_base("gpt2", "main"))
    for climbing in ("../gpt2", "a/b/c", ".hidden", "a/", ""):
        assert not HUB_ID.fullmatch(climbing)
