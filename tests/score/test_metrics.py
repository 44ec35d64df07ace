"""Metrics against scikit-learn and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import f1_score, log_loss

from seektune.score.metrics import Scores, measure
from seektune.score.options import METRICS, metrics_of
from seektune.text.options import COLUMNS


def classes(label: list[int], predicted: list[int]) -> Scores:
    truth, guess = np.array(label), np.array(predicted)
    ones = np.ones(len(truth), dtype=np.int64)
    return Scores(0.5 * ones, ones, (truth == guess).astype(np.int64), guess, truth)


def language(loss: list[float], targets: list[int], correct: list[int]) -> Scores:
    none = np.zeros(0, dtype=np.int64)
    return Scores(np.array(loss), np.array(targets), np.array(correct), none, none)


@pytest.mark.parametrize("seed", range(5))
def test_macro_f1_is_scikit_learns(seed: int) -> None:
    generator = np.random.default_rng(seed)
    label, predicted = generator.integers(0, 9, 60).tolist(), generator.integers(0, 5 + seed, 60).tolist()
    metrics = measure("classification", classes(label, predicted))
    assert metrics["macro_f1"] == pytest.approx(f1_score(label, predicted, average="macro"))
    assert metrics["accuracy"] == pytest.approx(np.mean(np.array(label) == predicted))


def test_loss_of_classes_is_scikit_learns() -> None:
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(4), 30)
    label = generator.integers(0, 4, 30)
    rows = -np.log(probabilities[np.arange(30), label])
    scores = classes(label.tolist(), probabilities.argmax(1).tolist())
    scores = Scores(rows, scores.targets, scores.correct, scores.predicted, scores.label)
    assert measure("classification", scores)["loss"] == pytest.approx(log_loss(label, probabilities, labels=range(4)))


def test_language_by_hand() -> None:
    """Three rows with 2, 4 and 1 targets: means are over targets, exact match over rows."""
    metrics = measure("chat", language([2.0, 4.0, 0.1], [2, 4, 1], [2, 1, 1]))
    assert metrics == pytest.approx(
        {"loss": 6.1 / 7, "perplexity": math.exp(6.1 / 7), "accuracy": 4 / 7, "exact_match": 2 / 3}
    )


def test_perplexity_stays_finite_while_the_loss_is() -> None:
    assert math.isfinite(measure("text", language([5_000.0], [1], [0]))["perplexity"])
    assert not math.isfinite(measure("text", language([math.inf], [1], [0]))["perplexity"])


def test_every_metric_has_kinds_direction_and_code() -> None:
    for name, metric in METRICS.items():
        assert metric.kinds, name
        assert metric.direction in ("minimize", "maximize")
        assert callable(metric.load())
    assert all(metrics_of(kind)[0] == "loss" for kind in COLUMNS)
