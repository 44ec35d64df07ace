"""`seektune tune`, and each stage by itself.

`tune` goes through the Prefect flow, which is found by name (the engine never imports Prefect); `--no-prefect` and
single stages run the engine directly. Either way the same progress is shown and the same result printed.
"""

from __future__ import annotations

import importlib
import os
from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Any

from seektune.cli import plan, verdict
from seektune.cli.output import Output
from seektune.cli.progress import Silent, make_progress, shown
from seektune.cli.studies import Found, find, load
from seektune.cli.tally import Tally
from seektune.errors import StudyBusy
from seektune.report.summary import found as sentence
from seektune.trial import Json

FLOW = ("flows.tune", "tune")
WATCHERS = ("tasks.observer", "EXTRA_OBSERVERS")
SERVER = ("tasks.server", "use_own_server")
QUIET_PREFECT = {
    # On the screen only: a run's log in Prefect stays whole.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}


def tune(arguments: Namespace, output: Output) -> int:
    """All stages; prints the winner. Raises what the stages raise (errors.py)."""
    found = load(arguments.study)  # before the heavier imports: a bad file is told at once
    from seektune.study.run import run_all
    from seektune.study.stage_kinds import stages_of

    if arguments.plan:
        plan.show(found, output)
        return 0
    refuse_when_busy(found)
    with progress(found, stages_of(found.study), output) as watcher:
        results = (
            run_all(found.study, [watcher])
            if arguments.no_prefect
            else through_prefect(found, arguments.study, watcher, output)
        )
    verdict.show(found, results, watcher.tally, output)
    return 0


def stage(arguments: Namespace, output: Output) -> int:
    """One stage, on top of what earlier ones found. Raises MissingStage."""
    name = arguments.command.replace("-", "_")
    found = load(arguments.study)
    from seektune.study.run import Run

    with progress(found, (name,), output) as watcher, Run(found.study, [watcher]) as run:
        result = run.run(name)
    if name == "confirm":
        verdict.show(found, {name: result}, watcher.tally, output)
        return 0
    words = sentence(name, result, found.study.objective.metric) or str(result.get("reason", ""))
    output.result(f"{shown(name)}: {words}", "result", stage=name, sentence=words, result=result)
    return 0


def report(arguments: Namespace, output: Output) -> int:
    """The report needs no lock: it may be written in the middle of a run."""
    found = find(arguments.study)
    found.history()
    from seektune.study.run import Run

    written = Run(found.study).report()
    output.result(f"report: {written['html']}", "result", stage="report", result=written)
    return 0


def refuse_when_busy(found: Found) -> None:
    """Before the seconds that Prefect needs to start. Raises StudyBusy."""
    from seektune.ledger.lock import holder

    if found.folder.exists() and (owner := holder(found.folder)) is not None and owner.alive:
        raise StudyBusy(f"{found.folder} is being run by {owner}; wait for it, or stop it and start again")


def progress(found: Found, stages: tuple[str, ...], output: Output) -> Silent:
    """The watcher that fits where the words go."""
    from seektune.study.machine import choose_device, choose_workers

    study = found.study
    earlier = found.history().spend.device_seconds if found.has_run else 0.0
    device = choose_device(study.run.device)
    workers = choose_workers(study.run.workers, device)
    return make_progress(Tally(study, stages, workers, earlier, device=device), output)


def through_prefect(found: Found, study_file: str, watcher: Silent, output: Output) -> Mapping[str, Json]:
    """Call the flow in this process; the watcher goes to where the flow looks for more observers."""
    if not output.debug:
        for name, value in QUIET_PREFECT.items():
            os.environ.setdefault(name, value)
    output.line("starting Prefect (seconds; the first time on a machine it makes its database) ...")
    named(SERVER)()
    flow: Callable[[str], Mapping[str, Json]] = named(FLOW)
    watchers: list[object] = named(WATCHERS)
    watchers.append(watcher)
    try:
        return flow(study_file)
    except Exception as error:
        if not type(error).__module__.startswith(("httpx", "httpcore")):
            raise
        # The server went away. The journal is the truth: finished stages answer at once, the rest runs without it.
        output.line(f"Prefect cannot be reached any more ({type(error).__name__}); going on without it")
        from seektune.study.run import run_all

        return run_all(found.study, [watcher])
    finally:
        watchers.remove(watcher)


def named(place: tuple[str, str]) -> Any:
    module, attribute = place
    return getattr(importlib.import_module(module), attribute)
