"""Who runs after whom: the stages of a study in their order, one open run for all of them."""

from __future__ import annotations

import gc
import re
from pathlib import Path
from typing import Literal, get_args

from prefect import runtime
from prefect.states import Cancelled, Completed

from seektune.errors import Stopped
from seektune.trial import Json
from tasks.augmentation import augmentation
from tasks.coarse import coarse
from tasks.confirm import confirm
from tasks.fine import fine
from tasks.holding import call
from tasks.lr_range import lr_range
from tasks.prepare import prepare
from tasks.promote import promote
from tasks.report import report
from tasks.watched import watch

StageName = Literal["prepare", "lr_range", "coarse", "fine", "augmentation", "confirm", "promote", "report"]

STAGES = {
    "prepare": prepare,
    "lr_range": lr_range,
    "coarse": coarse,
    "fine": fine,
    "augmentation": augmentation,
    "confirm": confirm,
    "promote": promote,
    "report": report,
}
assert tuple(STAGES) == get_args(StageName)


def run_stages(study_file: str, names: list[StageName] | None = None) -> Json:
    """Results by stage. None: every stage that the study has.

    The flow run's final state says what was found; a run that was asked to stop ends as Cancelled. Prefect takes the
    result, or the error, out of the returned state.
    """
    results: Json = {}
    said = {}
    try:
        with watch(study_file) as run:
            for name in names or run.stages:
                state = call(STAGES[name], run)
                results[name] = state.result()
                said[name] = state.message
    except Stopped as stopped:
        gc.freeze()  # the interpreter's last collection costs a second of CPU, and who cancels wants it gone
        return Cancelled(message=str(stopped), data=stopped)  # type: ignore[return-value]
    return Completed(message=said.get("confirm", said[name]), data=results)  # type: ignore[return-value]


def run_name() -> str:
    """`coarse · fraud-desk · Mon 23 Nov 01:30`. Called before the study file has been checked."""
    when = runtime.flow_run.scheduled_start_time.astimezone()
    file = Path(runtime.flow_run.parameters["study_file"])
    text = file.read_text("utf-8", errors="replace") if file.is_file() else ""
    named = re.search(r"^study:\s*([\w.-]+)", text, re.MULTILINE)
    return f"{runtime.flow_run.flow_name} · {named[1] if named else file.stem} · {when:%a %d %b %H:%M}"
