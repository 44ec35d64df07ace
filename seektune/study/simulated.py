"""A trainer that trains nothing, for tests and rehearsals of everything around it. Torch-free.

It keeps a trainer's promises as the real one does: segments are prefixes of one run, bit for bit, also over checkpoints
and kills; it evaluates on token counters, diverges, and stops when asked. What it finds follows `simulated_law.py`,
where the best point is known. Raises CheckpointError when a segment needs a start and no candidate is valid.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from seektune.errors import CheckpointError
from seektune.ledger.durable import read_json, write_json
from seektune.schedule.learning_rate import LearningRate
from seektune.study.disk import MANIFEST
from seektune.study.simulated_law import Law, SimulatedOptions, Standing, gauss
from seektune.trial import (
    Cost,
    Dispatch,
    Point,
    Progress,
    Report,
    Result,
    Segment,
    State,
    derive_seed,
    fingerprint,
    to_json,
)

__all__ = ["SimulatedOptions", "SimulatedTrainer"]
ASKED = "asked to stop"


class SimulatedTrainer:
    """Settings: those of SimulatedOptions."""

    def __init__(self, **settings: Any) -> None:
        self.law = Law(SimulatedOptions(**settings))

    def warm(self) -> None:
        """Nothing to load."""

    def train(self, dispatch: Dispatch, report: Report) -> list[Result]:
        return [
            _Run(self.law, segment, Path(dispatch.folder) / segment.trial, report).result(candidates)
            for segment, candidates in zip(dispatch.segments, dispatch.checkpoints, strict=True)
        ]


@dataclass
class _Run:
    """One segment."""

    law: Law
    segment: Segment
    folder: Path
    report: Report

    def result(self, candidates: tuple[str, ...]) -> Result:
        segment, options = self.segment, self.law.options
        at = self._start(candidates)
        rate, since = self.law.schedule(segment), at.tokens
        state, reason = State.COMPLETE if segment.to_tokens >= segment.horizon_tokens else State.PAUSED, ""
        measured: Point | None = None
        while at.tokens < segment.to_tokens and not reason:
            if self.report.stop_asked():
                state, reason = State.STOPPED, ASKED
                break
            time.sleep(options.seconds_per_step)
            before = at.tokens
            if not self.law.step(segment, at, rate):
                return self._ended(at, since, State.DIVERGED, "the loss is not finite", None)
            measured = self._measure(at, rate) if self._is_due(before, at) else None
            if measured and self.law.rising(segment, at, measured.metrics["loss"]):
                state, reason = State.STOPPED, "the loss has turned up for good"
            elif at.step % options.save_every_steps == 0 and at.tokens < segment.to_tokens:
                self._save(at)
        if measured is None and reason != ASKED:
            measured = self._measure(at, rate)
        return self._kept(at, self._ended(at, since, state, reason, measured))

    def _ended(self, at: Standing, since: int, state: State, reason: str, measured: Point | None) -> Result:
        reached = (
            self.segment.to_tokens
            if state in (State.PAUSED, State.COMPLETE)
            else min(at.tokens, self.segment.to_tokens)
        )
        curve = tuple(Point(**point) for point in at.curve)
        last = measured or (curve[-1] if curve and state is State.STOPPED else None)
        tokens = at.tokens - since
        cost = Cost(seconds=tokens / self.law.options.tokens_per_second, tokens=tokens, peak_memory_mb=1.0)
        return Result(self.segment.trial, state, reached, last.metrics if last else {}, curve, cost, reason)

    def _kept(self, at: Standing, result: Result) -> Result:
        """Checkpoint, scores per example and model, as the segment wants."""
        segment, loss = self.segment, result.metrics.get("loss", math.nan)
        if result.reason == ASKED or (segment.keep and segment.to_tokens > segment.from_tokens):
            result = replace(result, checkpoint=str(self._save(at)))
        if segment.evaluate.per_example and result.reason != ASKED:
            result = replace(result, examples=str(self._examples(loss)))
        if segment.export and result.reason != ASKED:
            model = self.folder / "model"
            model.mkdir(parents=True, exist_ok=True)
            write_json(model / "config.json", {"params": dict(segment.params), "loss": loss})
            result = replace(result, model=str(model))
        return result

    def _is_due(self, before: int, at: Standing) -> bool:
        every = self.segment.evaluate
        by_tokens = every.every_tokens and before // every.every_tokens < at.tokens // every.every_tokens
        return bool(by_tokens or (every.every_steps and at.step % every.every_steps == 0))

    def _measure(self, at: Standing, rate: LearningRate) -> Point:
        loss = self.law.loss(self.segment, at)
        right = math.exp(-0.5 * loss)
        metrics = {"loss": loss, "perplexity": math.exp(min(loss, 50.0)), "accuracy": right, "exact_match": right}
        used = rate.at(max(0, at.tokens - 1), at.tokens)
        seconds = at.tokens / self.law.options.tokens_per_second
        point = Point(at.tokens, at.step, used, loss if at.step else None, metrics, seconds)
        at.curve.append(to_json(point))
        self.report(Progress(self.segment.trial, point))
        return point

    def _examples(self, loss: float) -> Path:
        """The real trainer's columns. A row has a difficulty of its own and a little noise of this run; means are near
        the metrics."""
        import pyarrow as pa
        import pyarrow.parquet

        segment, options = self.segment, self.law.options
        count = segment.evaluate.rows or options.rows
        names = [f"{segment.evaluate.split}-{i:05d}" for i in range(count)]
        run = random.Random(derive_seed(segment.seed, fingerprint(dict(segment.params)), segment.evaluate.split))
        losses = [max(1e-3, loss * (1 + 0.4 * gauss(0, name)) + run.gauss(0, 0.05 * loss)) for name in names]
        right = [math.exp(-0.5 * value) for value in losses]
        luck = [random.Random(derive_seed("luck", name)).random() for name in names]
        table = {
            "row_id": names,
            "group": [f"group-{i // 2:05d}" for i in range(count)],
            "loss": losses,
            "tokens": [options.tokens_per_row] * count,
            "accuracy": right,
            "exact": [chance < share for chance, share in zip(luck, right, strict=True)],
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        pa.parquet.write_table(pa.table(table), self.folder / "examples.parquet")
        return self.folder / "examples.parquet"

    def _start(self, candidates: tuple[str, ...]) -> Standing:
        wrong = []
        for candidate in candidates:
            manifest = read_json(Path(candidate) / MANIFEST)
            if not isinstance(manifest, dict) or manifest.get("sum") != fingerprint(manifest.get("standing")):
                wrong.append(f"{candidate} is torn or changed")
                continue
            at = Standing(**manifest["standing"])
            if at.segment != self.segment.identity:
                at.curve = []  # an earlier segment's
            return at
        if self.segment.start is not None:
            why = "; ".join(wrong) or "none was given"
            raise CheckpointError(f"no valid checkpoint to start {self.segment.trial} from: {why}")
        return self.law.fresh()

    def _save(self, at: Standing) -> Path:
        """Whole or not there after a kill. (No fsync: a power cut may cost a simulation its checkpoint.)"""
        at.segment = self.segment.identity
        place = self.folder / f"step-{at.step:08d}"
        temporary = self.folder / f".{place.name}.{os.getpid()}"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        standing = asdict(at)
        manifest = {"trial": self.segment.trial, "standing": standing, "sum": fingerprint(standing)}
        (temporary / MANIFEST).write_text(json.dumps(manifest))
        shutil.rmtree(place, ignore_errors=True)
        temporary.rename(place)
        return place
