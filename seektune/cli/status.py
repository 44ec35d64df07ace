"""`seektune status`: how far is a study, what is best, what has it cost, and who is running it?"""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING

from seektune.cli.output import Output
from seektune.cli.progress import label, shown
from seektune.cli.studies import Found, find
from seektune.ledger.lock import holder
from seektune.report.facts import Facts
from seektune.report.summary import found as sentence
from seektune.report.wording import count, duration, number, plural
from seektune.trial import Json

if TYPE_CHECKING:
    from seektune.ledger.history import History

COLUMNS = ("stage", "status", "trials", "training", "found")


def status(arguments: Namespace, output: Output) -> int:
    """Changes nothing."""
    found = find(arguments.study)
    history = found.history()
    owner = holder(found.folder)
    output.line(f"{found.study.study} in {found.folder}")
    output.line(f"running: {owner}" if owner else "nobody is running it")
    _stages(found, history, output)
    best = _best(found, history)
    report = found.folder / "report" / "index.html"
    spend = history.spend
    if best:
        measured = f"{best['metric']} {number(best['value'])} at {count(best['tokens'])} tokens"
        output.line(f"best so far  {best['trial']}: {measured} ({label(best['params'])})")
    lost = (
        f", {duration(spend.lost_seconds)} of it lost to {plural(spend.deaths, 'dead worker')}" if spend.deaths else ""
    )
    output.line(f"spend        {duration(spend.device_seconds)} of training{lost}; {count(spend.tokens)} tokens")
    if report.exists():
        output.line(f"report       {report}")
    output.event(
        "status",
        study=found.study.study,
        folder=found.folder,
        running=owner and asdict(owner),
        best=best,
        spend=asdict(spend),
        report=report if report.exists() else None,
        stages={name: {"status": row.status, "key": row.key, "exhausted": row.exhausted, "started": row.started,
                       "ended": row.ended, "spend": asdict(row.spend), "result": row.result}
                for name, row in history.stages.items()},
    )  # fmt: skip
    return 0


def _stages(found: Found, history: History, output: Output) -> None:
    from seektune.study.stage_kinds import stages_of

    rows = []
    for name in stages_of(found.study):
        row = history.stages.get(name)
        if row is None:
            if name != "report":
                rows.append((shown(name), "not yet", "", "", ""))
            continue
        trials = str(row.spend.trials or "")
        words = sentence(name, row.result or {}, found.study.objective.metric) or str(
            (row.result or {}).get("reason", "")
        )
        rows.append((shown(name), row.status, trials, duration(row.spend.device_seconds), words or row.exhausted or ""))
    output.table(COLUMNS, rows, right=("trials", "training"))
    output.line()


def _best(found: Found, history: History) -> Json | None:
    """The confirmed winner, else the leader of the search, else the best of the trials so far."""
    facts = Facts(history, found.study.model_dump(mode="json"))
    ranked = [row for row in facts.ranked() if facts.value(row) is not None]
    if not ranked:
        return None
    row = next((row for row in ranked if facts.winner and row.trial == facts.winner[0]), ranked[0])
    return {
        "trial": row.trial,
        "metric": facts.metric,
        "value": facts.value(row),
        "tokens": row.tokens,
        "params": dict(row.params),
    }
