"""Blocks of a base's mix, laid end to end: the same loss as each of them alone, weighted by its tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM

from seektune.train.batches import Layout
from seektune.train.model import logits_at
from seektune.train.trainer import LanguageTrainer
from seektune.trial import Evaluate, View
from tests.train.tiny import MAX_LENGTH, run, segment

FAMILIES = ("llama", "deepseek_v2", "deepseek_v3")


def layout(*, packing: bool) -> Layout:
    return Layout(
        kind="text",
        pad_id=0,
        packing=packing,
        capacity=MAX_LENGTH,
        micro_batch=None,
        micro_tokens=10_000,
        device="cpu",
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_a_packed_row_has_the_token_weighted_mean_of_its_documents(
    trainer_of: Callable[..., LanguageTrainer], base_of: Callable[[str], Path], family: str
) -> None:
    store = trainer_of(family, "classification").store
    rows = [store.row("base", index) for index in range(24)]
    batches = layout(packing=True).batches(rows)
    assert sum(len(batch.input_ids) for batch in batches) < 20, "several documents share a row"
    model = AutoModelForCausalLM.from_pretrained(base_of(family)).eval()
    packed, targets = np.zeros(len(rows)), np.zeros(len(rows))
    with torch.no_grad():
        for batch in batches:
            owners = batch.owners.numpy()
            losses = cross_entropy(logits_at(model, batch, "text", False), batch.targets, reduction="none")
            np.add.at(packed, owners, losses.double().numpy())
            np.add.at(targets, owners, 1)
        alone = [float(model(input_ids=(ids := whole(row)), labels=ids).loss) for row in rows]
    assert targets.tolist() == [len(row.input_ids) - 1 for row in rows], "no token is predicted from another document"
    np.testing.assert_allclose(packed / targets, alone, rtol=1e-5)
    assert packed.sum() / targets.sum() == pytest.approx(np.average(alone, weights=targets), rel=1e-5)


def whole(row: Any) -> torch.Tensor:
    return torch.tensor(np.asarray(row.input_ids, dtype=np.int64))[None]


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_packing_does_not_change_how_a_base_is_trained(
    trainer_of: Callable[..., LanguageTrainer], tmp_path: Path, family: str
) -> None:
    trial = segment("base", 1_200, 1_200, view=View("base"), evaluate=Evaluate("base", rows=12, every_steps=1))
    curves = []
    for packing in (True, False):
        points = run(trainer_of(family, "text", packing=packing), tmp_path / str(packing), trial).curve
        curves.append([[point.train_loss, point.metrics["loss"]] for point in points])
    assert len(curves[0]) >= 5
    np.testing.assert_allclose(*curves, rtol=2e-5)
