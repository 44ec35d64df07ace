"""What can go wrong, as one tree. Every message names place, value, rule and remedy.

SeektuneError
├── StudyFileError     exit 2   the study file: all problems of the file at once (3: only data files are missing)
├── DataError          exit 3   a user's rows: file, line, reason; also leaks and too many bad rows
├── MissingStage       exit 4   a stage was called before its upstream stage had finished
├── StudyBusy          exit 5   another driver holds the study
├── CheckpointError    exit 6   a checkpoint is torn, changed or of another trial
├── JournalError       exit 6   the journal is damaged before its last line, or of another version
├── TrialError         exit 7   a trial failed twice for a reason of its own (the worker's words inside)
└── Stopped            exit 8   somebody asked the run to stop (cancel, SIGTERM); everything finished is kept
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def printable(text: str, *, keep: str = "\n") -> str:
    """`text` with control and bidirectional characters (terminal escapes, line ends but those to `keep`) spelled out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in keep or unicodedata.category(c) not in _HIDDEN else ascii(c)[1:-1] for c in text)


def nearest(name: str, known: Iterable[str]) -> str:
    """ "; did you mean 'x'?" or ""."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def nearest_file(path: Path) -> str:
    """The same of a file that is not there, among those beside it."""
    try:
        return nearest(path.name, (file.name for file in path.parent.iterdir()))
    except (OSError, ValueError):  # no such folder, one that may not be listed, a name too long, a NUL in it
        return ""


class SeektuneError(Exception):
    """Anything a user can act on; shown without a traceback unless `--debug` is given.

    Messages hold file names, labels and other words from outside, and end in terminals, logs and Prefect's pages: what
    could act there is spelled out here, once.
    """

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file a user wrote: place (`file:line` or `file:line:column`), rule and remedy."""

    place: str
    message: str
    data: bool = False  # about a data file that is not there, not about the study file itself

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class StudyFileError(SeektuneError):
    """All problems of a study file, found before anything runs or is written."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        if problems and all(problem.data for problem in problems):
            self.exit_code = DataError.exit_code
        super().__init__("\n".join(str(problem) for problem in problems))


class DataError(SeektuneError):
    """Rows or files that cannot be used; the message gives file, line, reason and remedy."""

    exit_code = 3


class MissingStage(SeektuneError):
    """The upstream stage whose result is needed has not finished (or its inputs changed since)."""

    exit_code = 4


class StudyBusy(SeektuneError):
    """Another driver holds the study's lock; the message says who and since when."""

    exit_code = 5


class CheckpointError(SeektuneError):
    """A checkpoint does not match its manifest, or belongs to another model, data set or trial."""

    exit_code = 6


class JournalError(SeektuneError):
    """The journal has a damaged line that is not its last one, or was written by an unknown version."""

    exit_code = 6


class TrialError(SeektuneError):
    """A segment failed for a reason that running it again did not mend."""

    exit_code = 7


class Stopped(SeektuneError):
    """The run was asked to stop; the journal is complete up to that moment."""

    exit_code = 8
