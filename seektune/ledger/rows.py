"""The rows of a study's tables, and how the segments of a trial become one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from seektune.ledger.index import Spend
from seektune.trial import Cost, Json, Params, Point, Segment, State


@dataclass
class TrialRow:
    """One trial, from its proposal to its last result. Times are Unix times."""

    trial: str
    stage: str
    stage_key: str
    params: Params
    origin: str
    seed: int
    state: State | Literal["waiting", "running"] = "waiting"
    reason: str = ""
    tokens: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)  # latest; those on the test split are named "test.loss"
    curve: tuple[Point, ...] = ()
    cost: Cost = field(default_factory=Cost)
    started_at: float | None = None
    ended_at: float | None = None
    attempts: int = 0
    model: str | None = None
    examples: str | None = None
    segments: tuple[Segment, ...] = ()
    trainer: str = ""


@dataclass
class StageRow:
    """A stage under its present key. `stale`: a stage above it was run with other inputs since."""

    stage: str
    key: str
    upstream: tuple[str, ...]
    status: Literal["unfinished", "finished", "stale"]
    result: Json | None
    exhausted: str | None
    started: float
    ended: float | None
    spend: Spend


@dataclass(frozen=True)
class Look:
    """The test split was read."""

    split: str
    stage: str
    stage_key: str
    at: float


def join(row: TrialRow, segment: Segment, result: Json) -> None:
    """A segment's result into its trial's row."""
    row.state, row.reason = State(result["state"]), result["reason"]
    row.tokens = max(row.tokens, result["tokens"])
    cost = Cost(**result["cost"])
    row.cost = _sum(row.cost, cost)
    row.model, row.examples = result["model"] or row.model, result["examples"] or row.examples
    row.segments = (*row.segments, segment)
    if segment.evaluate.split == "test":
        row.metrics = {**row.metrics, **{f"test.{name}": value for name, value in result["metrics"].items()}}
        return
    row.metrics = {**row.metrics, **result["metrics"]}
    row.curve = (*row.curve, *(Point(**point) for point in result["curve"]))


def go_on(row: TrialRow, more: TrialRow) -> None:
    """A trial of an earlier stage that went on in this one stays one row."""
    row.state, row.reason, row.ended_at = more.state, more.reason, more.ended_at
    row.tokens = max(row.tokens, more.tokens)
    row.metrics = {**row.metrics, **more.metrics}
    row.curve += more.curve
    row.cost = _sum(row.cost, more.cost)
    row.attempts += more.attempts
    row.model, row.examples = more.model or row.model, more.examples or row.examples
    row.segments += more.segments


def _sum(a: Cost, b: Cost) -> Cost:
    one, two = asdict(a), asdict(b)
    return Cost(
        **{name: max(one[name], two[name]) if name == "peak_memory_mb" else one[name] + two[name] for name in one}
    )
