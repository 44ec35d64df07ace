"""How does Prefect hold a stage? The same way for every one, but for what each says about retries.

A stage that is run again goes on where its journal ends, so a retry costs only what had not been written down. Its
result is a small JSON object that the journal keeps: Prefect stores, pickles and caches nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Cancelled, Completed

from seektune.errors import Stopped
from seektune.trial import Json
from tasks.watched import WatchedRun

Stage = Callable[[WatchedRun], tuple[Json, str]]
"""What a stage's file defines: it runs the stage, shows its page, and gives the result and what it says in one line."""
Held = Task[[WatchedRun], Json]

LASTING = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError, TimeoutError)
"""Faults of the system that another try does not mend; a stage over its time limit is not given the time again."""
GRACE_SECONDS = 900.0
"""The driver ends a stage by the study's budget; only a driver that hangs meets Prefect's time limit, so much later."""


def worth_retrying(held: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Disk full, network gone, file system hiccup: yes. Anything that a user has to mend, or asked for: no.

    Every error of seektune's own (StudyFileError, DataError, StudyBusy, MissingStage, Stopped, ...) is the second kind.
    """
    error = state.data
    return isinstance(error, OSError) and not isinstance(error, LASTING)


def hold(name: str, *, retries: int = 0, retry_delay_seconds: float = 10) -> Callable[[Stage], Held]:
    """Make a stage's function a Prefect task whose final state says in words what was found.

    Without tags: for each tag Prefect asks its API for a concurrency slot before the task starts, and a stage must start
    whether the API answers or not.
    """

    def make(stage: Stage) -> Held:
        def held(run: WatchedRun) -> State[Any]:
            try:
                result, sentence = stage(run)
            except Stopped as stopped:  # somebody asked for it: neither a failure nor a crash
                return Cancelled(message=str(stopped), data=stopped)
            except KeyboardInterrupt:  # a cancel that came where no driver listens, or Ctrl-C
                if (cancelled := run.cancelled) is None:
                    raise
                return Cancelled(message=str(cancelled), data=cancelled)
            return Completed(message=sentence, data=result)

        held.__doc__, held.__module__, held.__qualname__ = stage.__doc__, stage.__module__, stage.__qualname__
        return task(
            name=name,
            task_run_name=name,
            retries=retries,
            retry_delay_seconds=retry_delay_seconds,
            retry_condition_fn=worth_retrying,
            persist_result=False,
            cache_policy=NO_CACHE,
        )(cast(Callable[[WatchedRun], Json], held))  # Prefect takes the result out of a returned state

    return make


def call(held: Held, run: WatchedRun) -> State[Json]:
    """Run a stage's task, under a time limit when the study's budget names one. Its final state, whatever that is."""
    wall_time = run.study.budget.wall_time
    limited = held.with_options(timeout_seconds=wall_time + GRACE_SECONDS) if wall_time else held
    return limited(run, return_state=True)
