"""What only changes speed or memory must not change the loss: accumulation, packing, padding, evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoModelForTokenClassification

from seektune.train.layout import lay_out, pack, split
from seektune.train.trainer import LanguageTrainer
from seektune.trial import Evaluate, Result, View
from tests.train.tiny import MAX_LENGTH, make_rows, run, segment

pytestmark = pytest.mark.slow

Trainers = Callable[..., LanguageTrainer]
EVERY_STEP = Evaluate(rows=12, every_steps=1)


def losses(result: Result) -> np.ndarray:
    return np.array([[point.train_loss, point.metrics["loss"]] for point in result.curve])


@pytest.mark.parametrize("kind", ["instruction", "classification", "tagging"])
@pytest.mark.parametrize("family", ["llama", "deepseek_v2", "deepseek_v3"])
def test_accumulation_does_not_change_the_curve(trainer_of: Trainers, tmp_path: Path, family: str, kind: str) -> None:
    """1 x 8 = 8 x 1 = whatever fits, although rows differ in length and in target tokens."""
    trial = segment("trial", 1_500, 1_500, evaluate=EVERY_STEP)
    curves = [
        losses(run(trainer_of(family, kind, **how), tmp_path / str(index), trial))
        for index, how in enumerate(({"micro_batch": 1}, {"micro_batch": 8}, {"micro_tokens": 90}, {}))
    ]
    for steps in (2, 8):
        accumulated = replace(trial, params={**trial.params, "accumulation": steps})
        curves.append(losses(run(trainer_of(family, kind), tmp_path / f"accumulation-{steps}", accumulated)))
    assert len(curves[0]) >= 6
    for curve in curves[1:]:
        np.testing.assert_allclose(curve, curves[0], rtol=2e-5)


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("family", ["llama", "deepseek_v2", "deepseek_v3"])
@pytest.mark.parametrize("kind", ["instruction", "classification", "tagging"])
def test_packing_does_not_change_the_curve(
    trainer_of: Trainers, tmp_path: Path, family: str, kind: str, method: str
) -> None:
    trial = segment("trial", 1_200, 1_200, evaluate=EVERY_STEP, params={"method": method})
    packed = losses(run(trainer_of(family, kind, packing=True), tmp_path / "packed", trial))
    plain = losses(run(trainer_of(family, kind), tmp_path / "plain", trial))
    np.testing.assert_allclose(packed, plain, rtol=2e-5)


@pytest.mark.parametrize("family", ["llama", "deepseek_v2", "deepseek_v3"])
@pytest.mark.parametrize("kind", ["text", "instruction"])
def test_first_loss_is_what_transformers_computes(
    trainer_of: Trainers, base_of: Callable[[str], Path], tmp_path: Path, family: str, kind: str
) -> None:
    """Our short cuts (no mask, output layer at targets only) against the model's own labels and loss, row by row."""
    trainer = trainer_of(family, kind)
    trial = segment("trial", 1, 10_000, evaluate=EVERY_STEP, params={"learning_rate": 1e-12})
    point = run(trainer, tmp_path, trial).curve[0]
    model = AutoModelForCausalLM.from_pretrained(base_of(family)).eval()

    def reference(rows: list[Any]) -> float:
        total, count = 0.0, 0
        for row in rows:
            ids, labels = (
                torch.tensor(np.asarray(values, dtype=np.int64))[None] for values in (row.input_ids, row.labels)
            )
            targets = int((labels[:, 1:] != -100).sum())
            with torch.no_grad():
                total += float(model(input_ids=ids, labels=labels).loss) * targets
            count += targets
        return total / count

    from seektune.train.batches import Stream

    trained = Stream(trainer.store, "train", share=1.0, effective_batch=8, seed=7).rows(0)
    assert point.train_loss == pytest.approx(reference(trained), rel=1e-5)
    measured = [trainer.store.row("validation", index) for index in range(12)]
    assert point.metrics["loss"] == pytest.approx(reference(measured), rel=1e-5)


@pytest.mark.parametrize("family", ["llama", "deepseek_v3"])
def test_class_logits_are_what_transformers_computes(trainer_of: Trainers, tmp_path: Path, family: str) -> None:
    trainer = trainer_of(family, "classification")
    result = run(trainer, tmp_path, segment("trial", 500, 500, export=True))
    assert result.model is not None
    model = AutoModelForSequenceClassification.from_pretrained(result.model).eval()
    rows = [trainer.store.row("validation", index) for index in range(12)]
    with torch.no_grad():
        logits = torch.cat(
            [model(torch.tensor(np.asarray(row.input_ids, dtype=np.int64))[None]).logits for row in rows]
        )
    labels = torch.tensor([row.label for row in rows])
    assert result.metrics["loss"] == pytest.approx(float(cross_entropy(logits, labels)), rel=1e-5)
    assert result.metrics["accuracy"] == pytest.approx(float((logits.argmax(-1) == labels).float().mean()))


@pytest.mark.parametrize("family", ["llama", "deepseek_v3"])
def test_tag_logits_are_what_transformers_computes(trainer_of: Trainers, tmp_path: Path, family: str) -> None:
    """Each tag is asked at its own word's last token, not one earlier: transformers' loss of the same labels."""
    trainer = trainer_of(family, "tagging")
    result = run(trainer, tmp_path, segment("trial", 500, 500, export=True))
    model = AutoModelForTokenClassification.from_pretrained(str(result.model)).eval()
    total = right = words = 0.0
    for index in range(12):
        row = trainer.store.row("validation", index)
        ids, labels = (torch.tensor(np.asarray(v, dtype=np.int64))[None] for v in (row.input_ids, row.labels))
        with torch.no_grad():
            answer = model(input_ids=ids, labels=labels)
        tagged = labels != -100
        total += float(answer.loss) * int(tagged.sum())
        right += int((answer.logits.argmax(-1) == labels)[tagged].sum())
        words += int(tagged.sum())
    assert result.metrics["loss"] == pytest.approx(total / words, rel=1e-5)
    assert result.metrics["accuracy"] == pytest.approx(right / words)


def test_measuring_does_not_touch_training(trainer_of: Trainers, tmp_path: Path) -> None:
    params = {"method": "lora", "lora_dropout": 0.2}
    often = segment("trial", 1_500, 1_500, params=params, evaluate=EVERY_STEP)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    results = [
        run(trainer_of(), tmp_path / str(i), t) for i, t in enumerate((often, replace(often, evaluate=Evaluate())))
    ]
    assert results[0].facts["weights_sha256"] == results[1].facts["weights_sha256"]
    assert torch.equal(before, torch.get_rng_state())


def test_dropout_is_on_in_training_and_off_in_measuring(trainer_of: Trainers, tmp_path: Path) -> None:
    with_dropout, without = (
        run(trainer_of(), tmp_path / str(rate), segment("t", 900, 900, params={"method": "lora", "lora_dropout": rate}))
        for rate in (0.5, 0.0)
    )
    assert with_dropout.facts["weights_sha256"] != without.facts["weights_sha256"]
    assert with_dropout.metrics["loss"] == pytest.approx(without.metrics["loss"], rel=0.2)


def test_share_trains_on_the_leading_rows_only(trainer_of: Trainers, tmp_path: Path) -> None:
    from seektune.train.batches import Stream

    store = trainer_of().store
    stream = Stream(store, "train", share=0.1, effective_batch=4, seed=3)
    seen = [int(index) for step in range(9) for index in stream.indices(step)]
    assert sorted(seen) == sorted(list(range(9)) * 4)
    part = run(trainer_of(), tmp_path, segment("trial", 500, 500, view=View(share=0.1)))
    assert part.metrics["loss"] > 0


def test_rows_of_a_step_depend_on_seed_and_step_only(trainer_of: Trainers) -> None:
    from seektune.train.batches import Stream

    store = trainer_of().store
    once, other = (Stream(store, "train", share=1.0, effective_batch=16, seed=3) for _ in range(2))
    forward = [once.indices(step).tolist() for step in range(20)]
    assert [other.indices(step).tolist() for step in reversed(range(20))] == forward[::-1]
    assert sorted(list(chain.from_iterable(forward))[:90]) == list(range(90))
    assert Stream(store, "train", share=1.0, effective_batch=16, seed=4).indices(0).tolist() != forward[0]


def test_split_and_pack_place_every_row_once_within_limits() -> None:
    lengths = [len(row.input_ids) for row in make_rows("instruction", 64, 5)]
    for limits in ({"micro_batch": 5, "micro_tokens": 1}, {"micro_batch": None, "micro_tokens": 200}):
        groups = split(lengths, **limits)  # type: ignore[arg-type]
        assert sorted(chain.from_iterable(groups)) == list(range(64))
    assert max(len(group) * max(lengths[i] for i in group) for group in groups) <= 200
    assert split([500, 3], micro_batch=None, micro_tokens=200) == [[1], [0]]  # longer than the limit: alone
    bins = pack(lengths, MAX_LENGTH)
    assert sorted(chain.from_iterable(bins)) == list(range(64))
    assert all(sum(lengths[i] for i in members) <= MAX_LENGTH for members in bins)
    assert len(bins) < 1.15 * sum(lengths) / MAX_LENGTH + 1


def test_packed_layout_by_hand() -> None:
    rows = make_rows("instruction", 3, 1)
    batch = lay_out(rows, [[2, 0], [1]], kind="instruction", packed=True, pad_id=0)
    first, second = len(rows[2].input_ids), len(rows[0].input_ids)
    assert batch.position_ids is not None
    width = batch.input_ids.shape[1]
    assert batch.position_ids[0].tolist()[: first + second] == [*range(first), *range(second)]
    for position, target, owner in zip(batch.positions, batch.targets, batch.owners, strict=True):
        row, column = divmod(int(position), width)
        assert batch.input_ids[row, column + 1] == target  # the next token of the same document
        assert int(owner) in ((2, 0), (1,))[row]
    assert len(batch.targets) == sum(int((row.labels[1:] != -100).sum()) for row in rows)
