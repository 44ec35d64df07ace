"""`seektune init`: a commented study file to start from, and the schema with which editors complete and check it."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

from seektune.cli.output import Output
from seektune.errors import Problem, StudyFileError


def init(arguments: Namespace, output: Output) -> int:
    """Write both, or the schema alone; a study file that is there is never touched. Raises StudyFileError."""
    from seektune.study_file import json_schema, template
    from seektune.study_file.commented import SCHEMA_FILE

    path = Path(arguments.file)
    if not path.parent.is_dir():
        raise StudyFileError([Problem(str(path), f"the folder {path.parent} does not exist; make it first")])
    if not arguments.schema:
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(template())
        except FileExistsError:
            raise StudyFileError(
                [Problem(str(path), "is there already and is not overwritten; name another file")]
            ) from None
    schema = path.with_name(SCHEMA_FILE)
    schema.write_text(json.dumps(json_schema(), indent=1) + "\n", encoding="utf-8")
    if arguments.schema:
        output.result(f"wrote {schema}", "written", path=schema)
    else:
        output.result(f"wrote {path}; change what is yours in it, then: seektune plan {path}", "written", path=path)
    return 0
