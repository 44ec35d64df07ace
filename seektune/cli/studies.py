"""Which study is meant? A study file, or a run that exists, by its name or folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seektune.errors import Problem, SeektuneError, StudyFileError

if TYPE_CHECKING:
    from seektune.ledger.history import History
    from seektune.study_file import StudyFile

RUNS = Path("data/runs")
JOURNAL = "journal.jsonl"
STUDY = "study.json"


@dataclass(frozen=True, slots=True)
class Found:
    """A study and the folder of its run (which need not exist yet)."""

    study: StudyFile
    folder: Path

    @property
    def has_run(self) -> bool:
        return (self.folder / JOURNAL).exists()

    def history(self) -> History:
        """What the journal says; raises SeektuneError when there is none."""
        from seektune.ledger.history import History

        if not self.has_run:
            journal = self.folder / JOURNAL
            raise SeektuneError(
                f"study {self.study.study!r} has not run yet (no {journal}); start it with `seektune tune`"
            )
        return History.read(self.folder)


def run_folder(study: StudyFile) -> Path:
    """Where a study's run lies."""
    return Path(study.run.folder).absolute() / study.study


def load(text: str) -> Found:
    """From a study file. Raises StudyFileError."""
    from seektune.study_file import load_study

    study = load_study(text)
    return Found(study, run_folder(study))


def find(text: str) -> Found:
    """From a study file, a run's folder, or a run's name. Raises StudyFileError."""
    path = Path(text)
    if path.is_file():
        return load(text)
    for folder in (path, RUNS / text):
        if (folder / STUDY).is_file():
            return Found(_stored(folder / STUDY), folder.absolute())
    runs = sorted(one.parent.name for one in RUNS.glob(f"*/{STUDY}"))
    known = f"; runs in {RUNS}: {', '.join(runs)}" if runs else ""
    raise StudyFileError([Problem(text, f"is neither a study file nor a run{known}")])


def _stored(path: Path) -> StudyFile:
    """The study as its last run wrote it down, lying where it lies now."""
    from pydantic import ValidationError

    from seektune.study_file import StudyFile

    try:
        stored = json.loads(path.read_text("utf-8"))
        return StudyFile.model_validate(
            {**stored, "run": {**stored["run"], "folder": str(path.parent.parent.absolute())}}
        )
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise StudyFileError([Problem(str(path), f"cannot be read ({error}); give the study file instead")]) from None
