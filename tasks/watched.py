"""What is a stage's task handed? The open run of a study, with Prefect looking on.

One for all stages of a flow run: the study stays locked and its workers stay warm from stage to stage.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seektune.errors import Stopped
from seektune.study.rounds import GOES_ON
from seektune.study.run import Run
from seektune.study_file import StudyFile, load_study
from seektune.trial import Json
from tasks.observer import EXTRA_OBSERVERS, PrefectObserver


class WatchedRun:
    """A Run, and where its pages are shown. A plain class: Prefect looks into dataclasses that are handed to a task."""

    def __init__(self, run: Run, study: StudyFile, observer: PrefectObserver) -> None:
        self.study = study
        self.folder: Path = run.folder
        self.stages: tuple[str, ...] = run.stages
        self.flow_run_id = observer.flow_run_id
        self._run = run
        self._observer = observer

    def run(self, stage: str) -> Json:
        """The stage's result, from the journal if it has finished before with the same inputs."""
        return self._run.run(stage)

    @property
    def cancelled(self) -> Stopped | None:
        """What ends the run when it was cancelled in Prefect; None while it may go on."""
        reason = self._observer.link.cancelled
        return Stopped(f"stopped ({reason}); {GOES_ON}") if reason else None

    def show(self, page: str, text: str, description: str) -> None:
        """A markdown page among the flow run's artifacts; its key is the same every night."""
        self._observer.artifact("markdown", page, text, description)


@contextmanager
def watch(study_file: str) -> Iterator[WatchedRun]:
    """Open the study for one or more stages. Inside a flow run only."""
    study = load_study(Path(study_file))
    with (
        PrefectObserver(study) as observer,
        Run(study, observers=[observer, *EXTRA_OBSERVERS], started_by={"flow run": observer.flow_run}) as run,
    ):
        watched = WatchedRun(run, study, observer)
        try:
            yield watched
        except KeyboardInterrupt:  # Ctrl-C, or a cancel that came where no driver listens (listening.py)
            raise watched.cancelled or KeyboardInterrupt from None
