"""What does a person see while a study runs? A live line on a terminal, one line per event elsewhere, JSON lines.

Observers of the driver (seektune.study.observer). Every one keeps the same Tally and shows it in its own way.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from seektune.cli.output import Output
from seektune.cli.tally import LOST, Tally
from seektune.report.summary import found
from seektune.report.wording import count, duration, number, plural
from seektune.study.observer import Observer
from seektune.trial import Json, Progress, Result, Segment, to_json


def shown(stage: str) -> str:
    """As it is called on the command line."""
    return stage.replace("_", "-")


def label(params: Mapping[str, Any]) -> str:
    """Parameters on one line: `learning_rate 3.1e-3, effective_batch 8`."""
    return ", ".join(
        f"{name} {number(value, 3) if isinstance(value, float) else value}" for name, value in params.items()
    )


def clock(seconds: float) -> str:
    """0:42, 12:05, 1:02:05."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def ended_how(segment: Segment, result: Result) -> str:
    """`paused at 30k tokens`; a segment without tokens only measures or writes."""
    if segment.from_tokens < segment.to_tokens or result.state in LOST:
        return f"{result.state.value} at {count(result.tokens)} tokens"
    return "model written" if segment.export else f"measured on the {segment.evaluate.split} rows"


def standing(tally: Tally) -> list[str]:
    """Best so far, the default beside it, spend."""
    metric, best = tally.study.objective.metric, tally.best
    words = [f"best {metric} {number(best.value)} {best.trial} at {count(best.tokens)} tokens"] if best else []
    words += [f"default {number(tally.default)}"] if tally.default is not None else []
    money = f" ({tally.money:.2f})" if tally.money is not None else ""
    return [*words, f"spend {duration(tally.spend_seconds)}{money}"]


def trials_so_far(tally: Tally) -> str:
    """`7 of 24 trials, 2 running · about 3 min left`"""
    done = tally.trials_done
    trials = f"{done} of {max(tally.planned_trials, done)} trials" if tally.planned_trials else plural(done, "trial")
    seconds = tally.eta_seconds() or 0.0
    left = f" · about {duration(seconds)} left" if seconds >= 1.0 else ""
    return f"{trials}, {tally.running} running{left}"


class Silent(Observer):
    """Keeps the tally and says nothing: `--quiet`."""

    def __init__(self, tally: Tally, output: Output) -> None:
        self.tally = tally
        self.output = output

    def __enter__(self) -> Silent:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def stage_started(self, stage: str, key: str, planned_trials: int | None) -> None:
        self.tally.stage_started(stage, planned_trials)

    def segment_replayed(self, stage: str, segment: Segment, result: Result) -> None:
        self.tally.segment_ended(segment, result, None)

    def segment_started(self, stage: str, segment: Segment, attempt: int) -> None:
        self.tally.segment_started(segment)

    def progress(self, stage: str, progress: Progress) -> None:
        self.tally.progress(progress)

    def attempt_died(self, stage: str, segment: Segment, attempt: int, reason: str) -> None:
        self.tally.segment_lost(segment)

    def segment_ended(
        self, stage: str, segment: Segment, result: Result, attempt: int, started_at: float, ended_at: float
    ) -> None:
        self.tally.segment_ended(segment, result, ended_at - started_at)

    def stage_ended(self, stage: str, result: Json, cached: bool) -> None:
        self.tally.stage_ended(stage, result, cached)
        if self.tally.stages[-2:] == (stage, "report"):  # the report trains nothing: no driver speaks of it
            self.stage_started("report", "", None)


class JsonLines(Silent):
    """One object per event: `--json`."""

    def stage_started(self, stage: str, key: str, planned_trials: int | None) -> None:
        super().stage_started(stage, key, planned_trials)
        self.output.event("stage_started", key=key, **self.tally.snapshot())

    def segment_started(self, stage: str, segment: Segment, attempt: int) -> None:
        super().segment_started(stage, segment, attempt)
        wanted = {"params": dict(segment.params), "from_tokens": segment.from_tokens, "to_tokens": segment.to_tokens}
        self.output.event("segment_started", stage=stage, trial=segment.trial, attempt=attempt, **wanted)

    def progress(self, stage: str, progress: Progress) -> None:
        super().progress(stage, progress)
        self.output.event("progress", stage=stage, trial=progress.trial, **to_json(progress.point))

    def attempt_died(self, stage: str, segment: Segment, attempt: int, reason: str) -> None:
        super().attempt_died(stage, segment, attempt, reason)
        self.output.event("attempt_died", stage=stage, trial=segment.trial, attempt=attempt, reason=reason)

    def segment_ended(
        self, stage: str, segment: Segment, result: Result, attempt: int, started_at: float, ended_at: float
    ) -> None:
        super().segment_ended(stage, segment, result, attempt, started_at, ended_at)
        ended = {
            "state": result.state.value,
            "tokens": result.tokens,
            "metrics": dict(result.metrics),
            "reason": result.reason,
        }
        times = {"started_at": started_at, "ended_at": ended_at}
        trial = {"trial": segment.trial, "attempt": attempt, **ended, **times}
        self.output.event("segment_ended", stage=stage, **trial, run=self.tally.snapshot())

    def stage_ended(self, stage: str, result: Json, cached: bool) -> None:
        sentence = found(stage, result, self.tally.study.objective.metric)
        self.output.event("stage_ended", stage=stage, cached=cached, sentence=sentence)
        super().stage_ended(stage, result, cached)


class Plain(Silent):
    """One line per event, and every tenth of a stage one that says how far the run is: pipes, logs, CI."""

    def __init__(self, tally: Tally, output: Output) -> None:
        super().__init__(tally, output)
        self._tenths = 0

    def say(self, text: str) -> None:
        elapsed = clock(self.tally.clock() - self.tally.began)
        self.output.line(f"[{elapsed:>7}] {text}")

    def stage_started(self, stage: str, key: str, planned_trials: int | None) -> None:
        super().stage_started(stage, key, planned_trials)
        self._tenths = 0
        planned = f", {planned_trials} trials planned" if planned_trials else ""
        left = f", about {duration(seconds)} left" if (seconds := self.tally.eta_seconds() or 0.0) >= 1.0 else ""
        self.say(f"stage {self.tally.number} of {len(self.tally.stages)}: {shown(stage)}{planned}{left}")

    def progress(self, stage: str, progress: Progress) -> None:
        super().progress(stage, progress)
        self.tell_standing(stage)

    def tell_standing(self, stage: str) -> None:
        share = self.tally.share(stage)
        if int(10 * share) > self._tenths:
            self._tenths = int(10 * share)
            self.say(f"{shown(stage)} {share:4.0%}  {' · '.join([trials_so_far(self.tally), *standing(self.tally)])}")

    def attempt_died(self, stage: str, segment: Segment, attempt: int, reason: str) -> None:
        super().attempt_died(stage, segment, attempt, reason)
        self.say(f"{shown(stage)}: {segment.trial} lost its worker ({reason})")

    def segment_ended(
        self, stage: str, segment: Segment, result: Result, attempt: int, started_at: float, ended_at: float
    ) -> None:
        super().segment_ended(stage, segment, result, attempt, started_at, ended_at)
        self.trial_ended(stage, segment, result)
        self.tell_standing(stage)

    def trial_ended(self, stage: str, segment: Segment, result: Result) -> None:
        metric = self.tally.study.objective.metric
        value = None if result.state in LOST else result.metrics.get(metric)
        words = f"{segment.trial} {ended_how(segment, result)}"
        words += f", {metric} {number(value)}" if value is not None else ""
        words += f" ({result.reason})" if result.reason else ""
        self.say(f"{shown(stage)} {self.tally.share(stage):4.0%}  {words}")

    def stage_ended(self, stage: str, result: Json, cached: bool) -> None:
        took = "unchanged, kept" if cached else duration(self.tally.clock() - self.tally.stage_began)
        sentence = found(stage, result, self.tally.study.objective.metric)
        self.say(f"{shown(stage)} done ({took})" + (f": {sentence}" if sentence else ""))
        super().stage_ended(stage, result, cached)


def make_progress(tally: Tally, output: Output) -> Silent:
    """The way to show it that fits where the words go."""
    if output.mode == "json":
        return JsonLines(tally, output)
    if output.mode == "quiet":
        return Silent(tally, output)
    if not sys.stdout.isatty():
        return Plain(tally, output)
    from seektune.cli.live import Live

    return Live(tally, output)
