"""`seektune plan`: what will run, how long, at what cost."""

from __future__ import annotations

import time
from argparse import Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING

from seektune.cli.output import Output
from seektune.cli.progress import shown
from seektune.cli.studies import Found, load
from seektune.report.wording import count, duration
from seektune.trial import Json

if TYPE_CHECKING:
    from seektune.study.plan import PlannedStage
    from seektune.study_file import StudyFile

COLUMNS = ("stage", "runs", "tokens", "time", "cost")


def plan(arguments: Namespace, output: Output) -> int:
    """Writes nothing."""
    show(load(arguments.study), output)
    return 0


def show(found: Found, output: Output) -> None:
    """The table and its footnotes."""
    from seektune.study.machine import choose_device, choose_workers
    from seektune.study.plan import make_plan

    study = found.study
    device = choose_device(study.run.device)
    workers = choose_workers(study.run.workers, device)
    prepared, speed = past(found)
    stages, notes = make_plan(study, prepared, speed, workers, device)
    notes = {**notes, **over_budget(study, stages, prepared)}
    seconds, cost = _sum([stage.seconds for stage in stages]), _sum([stage.cost for stage in stages])

    output.line(f"{study.study}: {workers} trial{'s' if workers > 1 else ''} at once")
    rows = [(shown(s.stage), f"{s.runs:,}", count(s.tokens), _time(s.seconds), _money(s.cost)) for s in stages]
    total = (
        "total",
        f"{sum(s.runs for s in stages):,}",
        count(sum(s.tokens for s in stages)),
        _time(seconds),
        _money(cost),
    )
    shown_columns = len(COLUMNS) if study.budget.price_per_device_hour is not None else len(COLUMNS) - 1
    output.table(COLUMNS[:shown_columns], [row[:shown_columns] for row in [*rows, total]], right=COLUMNS[1:])
    for name, words in notes.items():
        output.line(f"  {name}: {words}")
    described = [asdict(stage) for stage in stages]
    output.event(
        "plan", study=study.study, workers=workers, stages=described, seconds=seconds, cost=cost, notes=dict(notes)
    )


def over_budget(study: StudyFile, stages: list[PlannedStage], prepared: Json | None) -> dict[str, str]:
    """Every limit of the study's budget that the plan does not keep, in words."""
    from seektune.study.caps import trial_caps
    from seektune.study.plan import count as count_work
    from seektune.study.run import parse_deadline
    from seektune.study.sizes import sizes

    budget, seconds, cost = study.budget, _sum([s.seconds for s in stages]), _sum([s.cost for s in stages])
    cut = "stages will be cut short, each by its share"
    notes = {}
    if budget.trials is not None:
        coarse, fine = trial_caps(study)
        wanted = study.stages.coarse.trials, study.stages.fine.trials if study.stages.fine else 0
        if (coarse, fine) != wanted:
            told = f"coarse proposes {coarse:,} of {wanted[0]:,} trials, fine {fine:,} of {wanted[1]:,}"
            notes["budget.trials"] = f"{budget.trials:,} for both searches: {told}"
    trained = sum(work.trained for work in count_work(study, sizes(study, prepared)).values())
    if budget.tokens is not None and trained > budget.tokens:
        notes["budget.tokens"] = f"{count(budget.tokens)} of the {count(round(trained))} planned: {cut}"
    if seconds is None:
        return notes
    if budget.wall_time is not None and seconds > budget.wall_time:
        notes["budget.wall_time"] = f"{duration(budget.wall_time)} of the {duration(seconds)} planned: {cut}"
    left = parse_deadline(budget.deadline, time.time()) - time.time() if budget.deadline else None
    if left is not None and seconds > left:
        notes["budget.deadline"] = f"{budget.deadline} is {duration(left)} away, {duration(seconds)} are planned: {cut}"
    device = sum(s.device_seconds or 0.0 for s in stages)
    if budget.device_hours is not None and device > 3600 * budget.device_hours:
        told = f"{duration(3600 * budget.device_hours)} of the {duration(device)} planned"
        notes["budget.device_hours"] = f"{told}: {cut}"
    if budget.money is not None and cost is not None and cost > budget.money:
        notes["budget.money"] = f"{_money(budget.money)} of the {_money(cost)} planned: {cut}"
    return notes


def past(found: Found) -> tuple[Json | None, float | None]:
    """The prepare stage's result and one worker's measured speed (tokens/s), where the study has run."""
    if not found.has_run:
        return None, None
    history = found.history()
    prepare = history.stages.get("prepare")
    trained = [row.cost for row in history.trials if row.stage in ("coarse", "fine", "confirm")]
    seconds = sum(cost.seconds for cost in trained)
    speed = sum(cost.tokens for cost in trained) / seconds if seconds > 0 else None
    return (prepare.result if prepare else None), speed


def _sum(parts: list[float | None]) -> float | None:
    """None as soon as one part is not known."""
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _time(seconds: float | None) -> str:
    return "unknown" if seconds is None else duration(seconds)


def _money(cost: float | None) -> str:
    return "unknown" if cost is None else f"{cost:,.2f}"
