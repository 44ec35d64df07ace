"""What a stage may know: the study, its folders, what the stages before it found, and how to make a trainer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from seektune.ledger.results import PrepareResult
from seektune.space.space import Space
from seektune.study_file import StudyFile
from seektune.trial import Json, Params, Result, Scalar, State, TrainerSpec, derive_seed


@dataclass(frozen=True)
class Context:
    """Handed to every stage. `upstream` holds the results of finished stages by name."""

    study: StudyFile
    folder: Path
    cache: Path
    workers: int
    device: str
    upstream: Mapping[str, Json] = field(default_factory=dict)
    champions: Path = Path("data/champions")
    looks: int = 0
    inputs: object = None
    """What the stage's key was made of."""

    @property
    def prepared(self) -> PrepareResult:
        return PrepareResult.model_validate(self.upstream["prepare"])

    @cached_property
    def space(self) -> Space:
        return self.study.make_space()

    def seed(self, *parts: object) -> int:
        """Seed of (study, stage, trial, repeat)."""
        return derive_seed(self.study.seed, *parts)

    def minimised(self, metrics: Mapping[str, float]) -> float | None:
        """The objective, turned so that smaller is better; None when it was not measured."""
        value = metrics.get(self.study.objective.metric)
        if value is None or not math.isfinite(value):
            return None
        return value if self.study.objective.direction == "minimize" else -value

    def shown(self, minimised: float) -> float:
        """The objective as people know it."""
        return minimised if self.study.objective.direction == "minimize" else -minimised

    def trainer(self, **changes: Any) -> TrainerSpec:
        """The study's trainer; `changes` replace settings (the base's own pre-training differs)."""
        if self.study.model.simulated is not None:
            return TrainerSpec("seektune.study.simulated:SimulatedTrainer", dict(self.study.model.simulated))
        settings: Json = {
            "kind": self.study.data.kind if self.study.data else "text",
            "train": self.study.train.model_dump(mode="json"),
            "device": self.device,
            **changes,
        }
        if "base" not in changes:
            prepared = self.prepared
            settings |= {"base": prepared.base, "store": prepared.store, "revision": self.revision(prepared.base)}
        return TrainerSpec("seektune.train.trainer:LanguageTrainer", settings)

    def revision(self, base: str) -> str | None:
        """Commit of a base; a folder has none, although it may have been made from a hub model."""
        return self.study.model.revision if base == self.study.model.hub else None

    def default(self) -> Params:
        """The configuration to beat: published defaults scaled to the model, under what the study holds fixed."""
        return {**self.prepared.default, **self.study.fixed_params()}

    def complete(self, searched: Params) -> dict[str, Scalar]:
        """A whole parameter vector: what the space proposes, over what the default says of all else."""
        return {**self.default(), **searched}

    def searched(self, params: Params) -> dict[str, Scalar]:
        """The part of a parameter vector that the space knows."""
        return self.space.restrict(params)

    @property
    def eval_every(self) -> int:
        """Tokens between evaluations."""
        return self.study.train.eval_every or max(self.prepared.horizon_tokens // 10, 1)


def gave_up(result: Result) -> bool:
    """The driver ended this segment because a budget or deadline was used up."""
    return result.state is State.STOPPED and result.reason.startswith("budget")
