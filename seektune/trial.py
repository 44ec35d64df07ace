"""The nouns: what a trial is, what a worker is given, and what it gives back.

A trial is one parameter vector and a chain of segments. Each segment is a prefix step of the same full run: the
horizon fixes every schedule, so that a trial paused at a rung and resumed is the full run, bit for bit. Positions are
counted in tokens, because optimizer steps differ between effective batches.

Everything here is frozen, torch-free, and turns into plain JSON and back (`to_json`, `*.from_json`): the same words
travel to a child process, to a cluster, and into the journal.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

Scalar = float | int | str | bool
Params = Mapping[str, Scalar]
Json = dict[str, Any]


class State(StrEnum):
    """How a segment ended."""

    PAUSED = "paused"  # reached its last token before the horizon; its checkpoint can go on
    COMPLETE = "complete"  # reached the horizon
    STOPPED = "stopped"  # ended early by a budget, a deadline or a rule; what it reached counts at its own fidelity
    DIVERGED = "diverged"  # a loss or weight was not finite: never best, never averaged away
    INFEASIBLE = "infeasible"  # does not fit (memory)
    FAILED = "failed"  # the worker died or raised twice


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces: the one form that is hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def fingerprint(*parts: object) -> str:
    """Sha256 (64 hex digits) of JSON-able parts."""
    return hashlib.sha256(canonical(list(parts)).encode()).hexdigest()


def derive_seed(*parts: object) -> int:
    """A 31-bit seed that is a function of its parts, for example (study seed, stage, trial, repeat)."""
    return int(fingerprint(*parts)[:8], 16) & 0x7FFFFFFF


def drawn(*parts: object) -> float:
    """A number in [0, 1) that is a function of its parts."""
    return int(fingerprint(*parts)[:12], 16) / 16**12


@dataclass(frozen=True, slots=True)
class Start:
    """A place to start from: the checkpoint that `trial` left at `tokens`."""

    trial: str
    tokens: int


@dataclass(frozen=True, slots=True)
class View:
    """Which rows a segment trains on."""

    split: str = "train"  # "train", or "base" for pre-training a base model
    share: float = 1.0  # leading share of the split's rows in content-hash order (data curve)
    fold: int | None = None  # cross-validation: train without this fold of `folds` (cut by group) ...
    folds: int | None = None


@dataclass(frozen=True, slots=True)
class Evaluate:
    """When and on what a segment is measured. The end of a segment is always measured."""

    split: str = "validation"
    """`validation`, `test` (confirm only); original rows of train: `probe` (fixed ones), `fold` (the view's fold);
    `pairs`: rows of train, each before one that was made from it; of plain text: `base`, `domain`, `general`."""
    every_tokens: int | None = None  # None: only at the end of the segment
    every_steps: int | None = None  # used by the LR range test (1)
    rows: int | None = None  # the first rows in content-hash order; None: all of them
    per_example: bool = False  # write one row of scores per example (Result.examples)
    averaged: bool = True  # measure the moving average of the weights; the range test measures the raw ones
    rise_fraction: float | None = None  # stop once the loss has risen above its minimum by this share of its drop ...
    rise_patience: int = 5  # ... for so many evaluations in a row


@dataclass(frozen=True, slots=True)
class Segment:
    """One step of one trial: train `from_tokens` to `to_tokens` of a run that ends at `horizon_tokens`.

    `from_tokens == to_tokens` only measures (and exports). `start` is None for fresh weights.
    """

    trial: str
    params: Params
    seed: int
    from_tokens: int
    to_tokens: int
    horizon_tokens: int
    start: Start | None = None
    view: View = field(default_factory=View)
    evaluate: Evaluate = field(default_factory=Evaluate)
    keep: bool = True  # write a checkpoint at the end, so that the trial can go on
    export: bool = False  # write the model as a folder that `from_pretrained` opens

    @property
    def identity(self) -> str:
        """Content hash: the same identity is the same work, wherever and whenever it runs."""
        return fingerprint(to_json(self))

    @property
    def only_measures(self) -> bool:
        """Trains nothing."""
        return self.from_tokens == self.to_tokens

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Segment:
        start = Start(**data["start"]) if data.get("start") else None
        rest = {k: v for k, v in data.items() if k not in ("start", "view", "evaluate")}
        return Segment(start=start, view=View(**data["view"]), evaluate=Evaluate(**data["evaluate"]), **rest)


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement on a trial's curve."""

    tokens: int
    step: int
    learning_rate: float
    train_loss: float | None  # mean over target tokens since the last point; None at the first
    metrics: Mapping[str, float]  # "loss" always; others by kind (score/options.py)
    seconds: float  # training time of the trial so far (all its segments), evaluation included


@dataclass(frozen=True, slots=True)
class Cost:
    """What a segment used."""

    seconds: float = 0.0  # wall time, first step to last
    setup_seconds: float = 0.0  # from the worker's start to its first step
    tokens: int = 0  # tokens trained on
    peak_memory_mb: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a segment gave. `curve` holds this segment's points only; `metrics` are those that rank the trial."""

    trial: str
    state: State
    tokens: int  # position reached
    metrics: Mapping[str, float] = field(default_factory=dict)
    curve: tuple[Point, ...] = ()
    cost: Cost = field(default_factory=Cost)
    reason: str = ""  # why it ended, in words for people; "" for PAUSED and COMPLETE
    checkpoint: str | None = None  # folder
    examples: str | None = None  # Parquet file, one row per evaluated example
    model: str | None = None  # exported model folder
    facts: Mapping[str, Scalar] = field(default_factory=dict)  # parameters trained, versions, hashes of weights

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Result:
        rest = {k: v for k, v in data.items() if k not in ("state", "curve", "cost")}
        return Result(
            state=State(data["state"]),
            curve=tuple(Point(**point) for point in data["curve"]),
            cost=Cost(**data["cost"]),
            **rest,
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """A worker's word while it trains."""

    trial: str
    point: Point


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What a worker is handed: segments, and a folder of its own that nobody else writes to.

    `checkpoints[i]` are candidate folders for `segments[i]`, best first: a partial checkpoint of a killed attempt at the
    same segment, then the segment's own start. The first valid one wins.
    """

    attempt: int
    segments: tuple[Segment, ...]
    folder: str
    checkpoints: tuple[tuple[str, ...], ...] = ()

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Dispatch:
        return Dispatch(
            attempt=data["attempt"],
            segments=tuple(Segment.from_json(segment) for segment in data["segments"]),
            folder=data["folder"],
            checkpoints=tuple(tuple(candidates) for candidates in data["checkpoints"]),
        )


class Report(Protocol):
    """How a trainer speaks to whoever dispatched it."""

    def __call__(self, progress: Progress) -> None:
        """Pass a measurement on."""

    def stop_asked(self) -> bool:
        """Asked to end early (budget, cancel, SIGTERM)? Then finish the step, write a checkpoint, return STOPPED.

        Cheap: look before every micro-batch and evaluation batch.
        """


class Trainer(Protocol):
    """What the driver is handed. Constructed from a TrainerSpec, in the process where it runs."""

    def warm(self) -> None:
        """Load what all trials share (imports, weights, memory-mapped data), before the first fork."""

    def train(self, dispatch: Dispatch, report: Report) -> list[Result]:
        """Run the segments, in order or in lockstep; one Result each. Never raises for a trial's own fault."""


@dataclass(frozen=True, slots=True)
class TrainerSpec:
    """How to make a Trainer anywhere: `target` is "module:attribute", called with `settings` (plain JSON) as keywords."""

    target: str
    settings: Json

    @property
    def identity(self) -> str:
        return fingerprint(self.target, self.settings)

    def load(self) -> Trainer:
        import importlib

        module, attribute = self.target.split(":")
        trainer: Trainer = getattr(importlib.import_module(module), attribute)(**self.settings)
        return trainer


def to_json(value: Any) -> Any:
    """Any of the nouns above as plain JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    if isinstance(value, State):
        return value.value
    if isinstance(value, Path):
        return str(value)
    return value
