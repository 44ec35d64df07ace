"""`seektune init`: a commented study file to start from."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from seektune.cli.output import Output
from seektune.errors import Problem, StudyFileError


def init(arguments: Namespace, output: Output) -> int:
    """Write it; a file that is there is never touched. Raises StudyFileError."""
    from seektune.study_file import template

    path = Path(arguments.file)
    if not path.parent.is_dir():
        raise StudyFileError([Problem(str(path), f"the folder {path.parent} does not exist; make it first")])
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(template())
    except FileExistsError:
        raise StudyFileError(
            [Problem(str(path), "is there already and is not overwritten; name another file")]
        ) from None
    output.result(f"wrote {path}; change what is yours in it, then: seektune plan {path}", "written", path=path)
    return 0
