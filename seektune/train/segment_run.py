"""One segment: from a start (fresh, a rung's checkpoint, or a killed attempt's) to a Result.

Measuring follows counters of the trial (tokens, steps), never the borders of segments, so that a paused and resumed
trial has the curve of an uninterrupted one, plus the points at its rungs. Asked to stop, it drops what is half done
(a step, an evaluation), saves what stands, and returns at once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

from seektune.train.export import export
from seektune.train.facts import peak_memory_mb
from seektune.train.loop import StopAsked
from seektune.train.setup import Setup
from seektune.train.weights import Named, digest
from seektune.trial import Cost, Point, Progress, Report, Result, Segment, State


class SegmentRun:
    """`result()` once. `started` is when the worker began (time.monotonic), for the setup time."""

    def __init__(self, setup: Setup, folder: Path, report: Report, started: float) -> None:
        self._setup, self._folder, self._report, self._started = setup, folder, report, started
        self._segment: Segment = setup.segment
        self._loop, self._weights = setup.loop, setup.weights
        self._shown = "average" if self._segment.evaluate.averaged else "raw"
        self._partial: Path | None = None
        self._clock = self._saved = self._setup_seconds = 0.0

    def result(self, candidates: Sequence[str]) -> Result:
        """Train and measure; the state says how it ended. Raises CheckpointError when it cannot start."""
        self._past = self._setup.start(candidates)
        self._clock = self._saved = time.monotonic()
        self._setup_seconds = self._clock - self._started
        try:
            return self._train()
        except StopAsked:
            metrics = self._past.curve[-1].metrics if self._past.curve else {}
            tokens = min(self._loop.counters.tokens, self._segment.to_tokens)
            saved = str(self._save("stopped"))
            return replace(self._ended(State.STOPPED, tokens, "asked to stop"), metrics=metrics, checkpoint=saved)

    def _train(self) -> Result:
        segment, evaluate = self._segment, self._segment.evaluate
        counters, measured = self._loop.counters, None
        if counters.due:
            measured = self._measure(regular=True)
        while counters.tokens < segment.to_tokens:
            tokens_before, measured = counters.tokens, None
            if not self._loop.step():
                return self._diverged()
            counters.due = counters.is_due(evaluate, tokens_before) or counters.tokens >= segment.horizon_tokens
            if counters.due:
                measured = self._measure(regular=True)
                if not math.isfinite(measured.metrics["loss"]):
                    return self._diverged()
                if reason := counters.rise(evaluate):
                    return self._finished(State.STOPPED, min(counters.tokens, segment.to_tokens), reason, measured)
            self._save_now_and_then()
        measured = measured or self._measure(regular=False)
        if not math.isfinite(measured.metrics["loss"]) or not self._weights.finite():
            return self._diverged()
        state = State.COMPLETE if segment.to_tokens >= segment.horizon_tokens else State.PAUSED
        return self._finished(state, segment.to_tokens, "", measured)

    # Measuring

    def _measure(self, *, regular: bool) -> Point:
        """A point of the curve, on the weights that count for a segment that only measures."""
        counters, setup = self._loop.counters, self._setup
        with self._weights.shown(setup.best if setup.best and self._segment.only_measures else self._shown):
            metrics = setup.evaluation.metrics(setup.evaluation.scores(setup.logits, setup.model))
        self._tick()
        point = Point(
            counters.tokens, counters.step, counters.learning_rate, counters.train_loss, metrics, counters.seconds
        )
        if math.isfinite(metrics["loss"]):
            self._past.curve.append(point)
            self._report(Progress(self._segment.trial, point))
            if regular and counters.record(metrics, self._segment.evaluate) and setup.keeps_best:
                setup.best = {name: tensor.clone() for name, tensor in self._weights.named(self._shown).items()}
        return point

    def _counting(self, last: Point) -> tuple[str | Named, Mapping[str, float]]:
        """The weights and metrics that speak for the trial: the last, or the best where the study says so."""
        best, counters = self._setup.best, self._loop.counters
        if best is None or counters.best_metrics is None:
            return self._shown, last.metrics
        if self._segment.only_measures:
            return best, last.metrics
        return (
            (best, counters.best_metrics)
            if counters.best_metrics["loss"] < last.metrics["loss"]
            else (self._shown, last.metrics)
        )

    # Ending

    def _finished(self, state: State, tokens: int, reason: str, last: Point) -> Result:
        segment, setup = self._segment, self._setup
        weights, metrics = self._counting(last)
        examples = model = checkpoint = None
        with self._weights.shown(weights):
            if segment.evaluate.per_example:
                examples = self._folder / "examples.parquet"
                setup.evaluation.write_examples(setup.evaluation.scores(setup.logits, setup.model), examples)
            if segment.export:
                model = self._folder / "model"
                export(setup.model, model, setup.base, setup.revision, setup.tokenizer)
        if segment.keep and (segment.start is None or not self._segment.only_measures):
            checkpoint = self._save("at")
        if self._partial is not None:
            rmtree(self._partial, ignore_errors=True)
        result = self._ended(state, tokens, reason)
        named = self._weights.named(weights) if isinstance(weights, str) else weights
        return replace(
            result,
            metrics=dict(metrics),
            checkpoint=str(checkpoint) if checkpoint else None,
            examples=str(examples) if examples else None,
            model=str(model) if model else None,
            facts={**result.facts, "weights_sha256": digest(named)},
        )

    def _diverged(self) -> Result:
        counters = self._loop.counters
        reason = f"a loss or weight was not finite at step {counters.step} (learning rate {counters.learning_rate:.3g})"
        return self._ended(State.DIVERGED, min(counters.tokens, self._segment.to_tokens), reason)

    def _ended(self, state: State, tokens: int, reason: str) -> Result:
        self._tick()
        counters, past = self._loop.counters, self._past
        cost = Cost(
            seconds=counters.seconds - past.seconds,
            setup_seconds=self._setup_seconds,
            tokens=counters.tokens - past.tokens,
            peak_memory_mb=peak_memory_mb(self._setup.device),
        )
        facts = {**self._setup.facts, "steps": counters.step}
        return Result(
            self._segment.trial, state, tokens, curve=tuple(past.curve), cost=cost, reason=reason, facts=facts
        )

    # Saving

    def _save(self, why: str) -> Path:
        self._tick()
        return self._setup.save(self._folder / f"{why}-{self._loop.counters.step:08d}", self._past)

    def _save_now_and_then(self) -> None:
        """A place to go on from after a kill. The one before is this attempt's own; nobody reads it while it lives."""
        if time.monotonic() - self._saved < self._setup.save_every_seconds:
            return
        before, self._partial = self._partial, self._save("partial")
        if before is not None:
            rmtree(before, ignore_errors=True)
        self._saved = time.monotonic()

    def _tick(self) -> None:
        """Move the time since the last tick into the trial's clock."""
        now = time.monotonic()
        self._loop.counters.seconds += now - self._clock
        self._clock = now
