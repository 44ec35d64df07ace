"""Metrics by name: which kinds of data have them, and which direction is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from seektune.options import Entry, Options


class NoOptions(Options):
    """This metric has no settings."""


@dataclass(frozen=True, slots=True)
class Metric(Entry):
    """A registry line of a metric."""

    kinds: frozenset[str]
    direction: Literal["minimize", "maximize"]


LANGUAGE = frozenset({"text", "instruction", "chat", "summary"})
ANSWERS = LANGUAGE - {"text"}
CLASSES = frozenset({"classification", "tagging"})
"""Kinds that choose one of the classes of the rows, not of the vocabulary."""

METRICS: Mapping[str, Metric] = {
    "loss": Metric(NoOptions, "seektune.score.metrics:loss", LANGUAGE | CLASSES, "minimize"),
    "perplexity": Metric(NoOptions, "seektune.score.metrics:perplexity", LANGUAGE, "minimize"),
    "accuracy": Metric(NoOptions, "seektune.score.metrics:accuracy", LANGUAGE | CLASSES, "maximize"),
    "exact_match": Metric(NoOptions, "seektune.score.metrics:exact_match", ANSWERS, "maximize"),
    "macro_f1": Metric(NoOptions, "seektune.score.metrics:macro_f1", CLASSES, "maximize"),
    "entity_f1": Metric(NoOptions, "seektune.score.metrics:entity_f1", frozenset({"tagging"}), "maximize"),
}


def metrics_of(kind: str) -> tuple[str, ...]:
    """Names of the metrics that this kind of data has, `loss` first."""
    return tuple(name for name, metric in METRICS.items() if kind in metric.kinds)
