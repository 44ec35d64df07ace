"""Segments by their options: measuring only, probes, ramps, rising losses, best points, divergence."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
import torch
from pydantic import ValidationError

from seektune.errors import DataError, SeektuneError
from seektune.study.examples import read_examples
from seektune.train.trainer import LanguageTrainer
from seektune.trial import Evaluate, Start, State, View, to_json
from tests.train.tiny import Quiet, run, segment

Trainers = Callable[..., LanguageTrainer]


@pytest.mark.parametrize("kind", ["instruction", "classification", "tagging"])
def test_zero_length_segments_measure_the_base_and_a_checkpoint(
    trainer_of: Trainers, tmp_path: Path, kind: str
) -> None:
    trainer = trainer_of("deepseek_v3", kind)
    fresh = run(trainer, tmp_path / "fresh", segment("trial", 0, 900))
    assert fresh.state is State.PAUSED
    assert [point.step for point in fresh.curve] == [0]
    assert fresh.cost.tokens == 0
    trained = run(trainer, tmp_path / "trained", segment("trial", 900, 900))
    assert trained.state is State.COMPLETE
    assert trained.metrics["loss"] != fresh.metrics["loss"]
    test = segment(
        "trial", 900, 900, from_tokens=900, start=Start("trial", 900), evaluate=Evaluate("test", per_example=True)
    )
    measured = run(trainer, tmp_path / "test", test, start=trained.checkpoint)
    assert measured.checkpoint is None
    assert measured.facts["weights_sha256"] == trained.facts["weights_sha256"]
    assert measured.examples is not None
    table = parquet.read_table(measured.examples).to_pydict()
    assert table["row_id"] == [trainer.store.row("test", index).row_id for index in range(16)]
    loss = np.average(table["loss"], weights=table["tokens"])
    assert measured.metrics["loss"] == pytest.approx(loss)
    assert measured.metrics["accuracy"] == pytest.approx(np.average(table["accuracy"], weights=table["tokens"]))
    if kind == "instruction":
        assert measured.metrics["exact_match"] == pytest.approx(np.mean(table["exact"]))
    elif kind == "tagging":
        for index, (label, predicted, words) in enumerate(
            zip(table["label"], table["predicted"], table["tokens"], strict=True)
        ):
            labels = trainer.store.row("test", index).labels
            assert label == labels[labels != -100].tolist()
            assert len(predicted) == words == len(labels) // 2
    else:
        assert set(table["tokens"]) == {1}
        assert table["label"] == [trainer.store.row("test", index).label for index in range(16)]
        assert np.mean(np.array(table["predicted"]) == table["label"]) == measured.metrics["accuracy"]


def test_metrics_by_kind(trainer_of: Trainers, tmp_path: Path) -> None:
    for kind, names in {
        "text": {"loss", "perplexity", "accuracy"},
        "instruction": {"loss", "perplexity", "accuracy", "exact_match"},
        "classification": {"loss", "accuracy", "macro_f1"},
        "tagging": {"loss", "accuracy", "macro_f1", "entity_f1"},
    }.items():
        metrics = run(trainer_of("llama", kind), tmp_path / kind, segment("trial", 0, 1)).metrics
        assert set(metrics) == names
        if "perplexity" in metrics:
            assert metrics["perplexity"] == pytest.approx(math.exp(metrics["loss"]))


@pytest.mark.parametrize("kind", ["text", "instruction", "classification", "tagging"])
def test_scores_per_example_have_the_metric_as_their_mean(trainer_of: Trainers, tmp_path: Path, kind: str) -> None:
    trial = segment("trial", 14_000, 14_000, evaluate=Evaluate(per_example=True))
    result = run(trainer_of("llama", kind), tmp_path, trial)
    for metric in set(result.metrics) - {"perplexity"}:
        scores = read_examples(Path(str(result.examples)), metric).scores
        assert scores.mean() == pytest.approx(result.metrics[metric]), metric
        assert scores.std() > 0, metric


def test_exact_match_is_greedy_decoding(trainer_of: Trainers, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    trainer = trainer_of("llama", "instruction")
    trial = segment("trial", 14_000, 14_000, export=True, evaluate=Evaluate(per_example=True))
    result = run(trainer, tmp_path, trial)
    assert result.model is not None
    assert result.examples is not None
    exact = parquet.read_table(result.examples).to_pydict()["exact"]
    assert 0 < sum(exact) < len(exact)
    model = AutoModelForCausalLM.from_pretrained(result.model).eval()
    for index, expected in enumerate(exact):
        row = trainer.store.row("validation", index)
        prompt = int(np.flatnonzero(row.labels != -100)[0])
        ids = torch.tensor(np.asarray(row.input_ids[:prompt], dtype=np.int64))[None]
        answer = model.generate(ids, max_new_tokens=len(row.input_ids) - prompt, do_sample=False, eos_token_id=None)
        assert (answer[0].tolist() == row.input_ids.tolist()) is expected


def test_probe_is_fixed_rows_of_the_train_split(trainer_of: Trainers, tmp_path: Path) -> None:
    trial = segment("trial", 0, 1, evaluate=Evaluate("probe", rows=10, per_example=True))
    examples = run(trainer_of(), tmp_path, trial).examples
    assert examples is not None
    wanted = [trainer_of().store.row("train", index).row_id for index in range(10)]
    assert parquet.read_table(examples).to_pydict()["row_id"] == wanted


def test_points_follow_global_token_counters(trainer_of: Trainers, tmp_path: Path) -> None:
    quiet = Quiet()
    result = run(
        trainer_of(), tmp_path, segment("t", 2_000, 2_000, evaluate=Evaluate(rows=8, every_tokens=500)), report=quiet
    )
    tokens = [point.tokens for point in result.curve]
    assert [count // 500 for count in tokens] == [1, 2, 3, 4]
    assert [progress.point for progress in quiet.heard] == list(result.curve)
    assert result.tokens == 2_000
    assert result.cost.tokens == tokens[-1] >= 2_000
    assert result.curve[-1].seconds == pytest.approx(result.cost.seconds, abs=0.5)
    assert to_json(result)["curve"][0]["train_loss"] > 0


def test_ramp_raises_the_learning_rate_evenly_in_log(trainer_of: Trainers, tmp_path: Path) -> None:
    params = {"schedule": "ramp", "ramp_ratio": 1e5, "learning_rate": 1.0, "warmup_ratio": 0.0}
    evaluate = Evaluate("probe", every_steps=1, rows=8, averaged=False, rise_fraction=0.1, rise_patience=3)
    ramp = segment("ramp", 4_000, 4_000, params=params, evaluate=evaluate, keep=False)
    result = run(trainer_of("deepseek_v3"), tmp_path, ramp)
    assert result.state is State.STOPPED
    assert "above its minimum" in result.reason
    assert result.tokens < 4_000
    assert result.checkpoint is None
    rates = [point.learning_rate for point in result.curve]
    for point, rate in zip(result.curve[1:], rates[1:], strict=True):
        before = result.curve[point.step - 2].tokens
        assert rate == pytest.approx(1e5 ** (before / 4_000 - 1))
    probe = [point.metrics["loss"] for point in result.curve]
    threshold = min(probe) + 0.1 * max(probe[0] - min(probe), 0.1 * probe[0])
    assert all(loss > threshold for loss in probe[-3:])
    assert not all(
        a > threshold and b > threshold and c > threshold
        for a, b, c in zip(probe, probe[1:], probe[2:-1], strict=False)
    )


def test_raw_weights_differ_from_the_average(trainer_of: Trainers, tmp_path: Path) -> None:
    raw, average = (
        run(
            trainer_of(),
            tmp_path / str(averaged),
            segment("t", 900, 900, evaluate=Evaluate(rows=12, averaged=averaged)),
        )
        for averaged in (False, True)
    )
    single = run(trainer_of(average_steps=1), tmp_path / "single", segment("t", 900, 900))
    assert raw.metrics != average.metrics
    assert raw.metrics["loss"] == single.metrics["loss"]  # the trunk does not feel the average


def test_average_by_hand(trainer_of: Trainers, tmp_path: Path) -> None:
    """Plain mean at first, then exponential with span n."""
    from safetensors.torch import load_file

    trainer = trainer_of(average_steps=3)
    trial = segment("t", 1_000, 1_000)
    raw, average = [], []
    for tokens in range(100, 1_000, 100):
        checkpoint = run(trainer, tmp_path / str(tokens), replace(trial, to_tokens=tokens)).checkpoint
        tensors = load_file(Path(str(checkpoint)) / "weights.safetensors")
        raw.append(tensors["raw/model.norm.weight"])
        average.append(tensors["average/model.norm.weight"])
    steps = [tensor for tensor, _ in itertools.groupby(raw, key=lambda t: tuple(t.tolist()))]
    expected = torch.zeros(len(steps[0]))
    for step, values in enumerate(steps, start=1):
        expected = expected + max(0.5, 1 / step) * (torch.tensor(values) - expected)
    torch.testing.assert_close(average[-1], expected)


@pytest.mark.parametrize("rate", [1e20, 1e30])
@pytest.mark.parametrize("method", ["full", "lora"])
def test_divergence_is_a_state(trainer_of: Trainers, tmp_path: Path, rate: float, method: str) -> None:
    params = {"learning_rate": rate, "clip_norm": 0.0, "method": method, "warmup_ratio": 0.0}
    trial = segment("t", 4_000, 4_000, params=params, evaluate=Evaluate(rows=8, every_tokens=200))
    result = run(trainer_of("deepseek_v3"), tmp_path, trial)
    assert result.state is State.DIVERGED
    assert result.metrics == {}
    assert result.checkpoint is None
    assert "not finite at step" in result.reason
    assert result.facts["steps"] <= 3
    assert all(math.isfinite(value) for point in result.curve for value in point.metrics.values())


def test_not_a_number_in_one_weight_is_found_at_the_next_step(trainer_of: Trainers, tmp_path: Path) -> None:
    from seektune.train.setup import Setup

    setup = Setup(trainer_of("llama"), segment("t", 900, 900), lambda: False)
    assert setup.loop.step()
    next(iter(setup.weights.named("raw").values())).view(-1)[3 * 32 :].fill_(float("nan"))
    assert not setup.loop.step()


def test_best_point_counts_where_the_study_says_so(trainer_of: Trainers, tmp_path: Path) -> None:
    """A learning rate that spoils the weights late: `best` keeps the middle, also over a rung, and measures it later."""
    params = {"schedule": "ramp", "ramp_ratio": 1e4, "learning_rate": 1.0, "warmup_ratio": 0.0}
    evaluate = Evaluate(rows=12, every_tokens=300)
    whole = segment("t", 4_000, 4_000, params=params, evaluate=evaluate)
    best, last = trainer_of(checkpoint="best"), trainer_of()
    spoilt = run(last, tmp_path / "last", whole)
    kept = run(best, tmp_path / "best", whole)
    lowest = min(point.metrics["loss"] for point in kept.curve)
    assert kept.curve[-1].metrics["loss"] == spoilt.metrics["loss"] > lowest == kept.metrics["loss"]
    rung = run(best, tmp_path / "rung", replace(whole, to_tokens=2_100))
    second = replace(whole, from_tokens=2_100, start=Start("t", 2_100))
    resumed = run(best, tmp_path / "resumed", second, start=rung.checkpoint)
    assert resumed.metrics == kept.metrics
    assert resumed.facts["weights_sha256"] == kept.facts["weights_sha256"]
    measure = replace(whole, from_tokens=4_000, start=Start("t", 4_000), evaluate=Evaluate(rows=12))
    assert run(best, tmp_path / "measure", measure, start=kept.checkpoint).metrics["loss"] == lowest


def test_base_split_trains_a_model_from_nothing(store_of: Callable[[str], Path], tmp_path: Path) -> None:
    """Random weights are a function of the segment's seed; text is learned; the folder is an ordinary model."""
    from tests.train.tiny import FAMILIES

    trainer = LanguageTrainer(
        base="", store=str(store_of("classification")), kind="text", config=FAMILIES["deepseek_v3"]
    )
    trial = segment("base", 3_000, 3_000, view=View("base"), evaluate=Evaluate("base", rows=20), export=True)
    nothing = run(trainer, tmp_path / "0", replace(trial, to_tokens=0))
    learned = run(trainer, tmp_path / "1", trial)
    assert learned.metrics["loss"] < nothing.metrics["loss"] - 0.3
    assert run(trainer, tmp_path / "2", replace(trial, seed=8, to_tokens=0)).metrics != nothing.metrics
    assert learned.facts["parameters"] == learned.facts["parameters_trainable"]
    assert learned.facts["hidden_size"] == 32


def test_facts_say_what_was_trained_with_what(trainer_of: Trainers, tmp_path: Path) -> None:
    facts = run(trainer_of("llama"), tmp_path, segment("t", 300, 600, params={"method": "lora"})).facts
    assert {"version_torch", "version_transformers", "version_peft", "base_fingerprint", "data_fingerprint"} <= set(
        facts
    )
    assert len(str(facts["weights_sha256"])) == 64
    rank, linear = 4, 2 * (4 * (32 + 32) + 3 * (32 + 48))
    assert facts["parameters_trainable"] == rank * linear
    assert to_json(facts) == dict(facts)


def test_what_cannot_be_trained_says_so(trainer_of: Trainers, store_of: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(SeektuneError, match="unknown kind 'images'; one of text, instruction"):
        LanguageTrainer(base="x", store=str(store_of("text")), kind="images")
    with pytest.raises(ValidationError, match="unknown schedule 'cosinus'; one of constant"):
        run(trainer_of(), tmp_path, segment("t", 1, 1, params={"schedule": "cosinus"}))
    with pytest.raises(ValidationError, match="momentum"):
        run(trainer_of(), tmp_path, segment("t", 1, 1, params={"momentum": 0.9}))
    with pytest.raises(ValueError, match="unknown split"):
        run(trainer_of(), tmp_path, segment("t", 1, 1, view=View("holdout")))


def test_empty_split_is_an_error_and_not_a_loss_of_zero(
    store_of: Callable[[str], Path], base_of: Callable[[str], Path], tmp_path: Path
) -> None:
    import shutil

    from seektune.text.store import write_split

    folder = shutil.copytree(store_of("text"), tmp_path / "store")
    write_split(folder / "validation.arrow", [])
    trainer = LanguageTrainer(base=str(base_of("llama")), store=str(folder), kind="text")
    with pytest.raises(DataError, match="no rows in split 'validation'"):
        run(trainer, tmp_path, segment("t", 1, 1))
