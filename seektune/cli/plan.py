"""`seektune plan`: what will run, how long, at what cost."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict

from seektune.cli.output import Output
from seektune.cli.progress import shown
from seektune.cli.studies import Found, load
from seektune.report.wording import count, duration

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
    workers = choose_workers(study.run.workers, choose_device(study.run.device))
    prepared, speed = past(found)
    stages, notes = make_plan(study, prepared, speed, workers)
    seconds = sum(stage.seconds for stage in stages)
    costs = [stage.cost for stage in stages if stage.cost is not None]
    cost = sum(costs) if costs else None
    limit = study.budget.wall_time
    if limit is not None and seconds > limit:
        notes = {
            **notes,
            "budget": f"budget.wall_time is {duration(limit)}: stages will be cut short, each by its share",
        }

    output.line(f"{study.study}: {workers} trial{'s' if workers > 1 else ''} at once")
    rows = [(shown(s.stage), f"{s.runs:,}", count(s.tokens), duration(s.seconds), _money(s.cost)) for s in stages]
    total = (
        "total",
        f"{sum(s.runs for s in stages):,}",
        count(sum(s.tokens for s in stages)),
        duration(seconds),
        _money(cost),
    )
    shown_columns = len(COLUMNS) if costs else len(COLUMNS) - 1
    output.table(COLUMNS[:shown_columns], [row[:shown_columns] for row in [*rows, total]], right=COLUMNS[1:])
    for name, words in notes.items():
        output.line(f"  {name}: {words}")
    described = [asdict(stage) for stage in stages]
    output.event(
        "plan", study=study.study, workers=workers, stages=described, seconds=seconds, cost=cost, notes=dict(notes)
    )


def past(found: Found) -> tuple[dict[str, object] | None, float | None]:
    """The prepare stage's result and one worker's measured speed (tokens/s), where the study has run."""
    if not found.has_run:
        return None, None
    history = found.history()
    prepare = history.stages.get("prepare")
    trained = [row.cost for row in history.trials if row.stage in ("coarse", "fine", "confirm")]
    seconds = sum(cost.seconds for cost in trained)
    speed = sum(cost.tokens for cost in trained) / seconds if seconds > 0 else None
    return (prepare.result if prepare else None), speed


def _money(cost: float | None) -> str:
    return "" if cost is None else f"{cost:,.2f}"
