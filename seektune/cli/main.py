"""`seektune`: reads the command line, calls the command, and turns what went wrong into words and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
import warnings
from argparse import Namespace
from collections.abc import Callable, Sequence

from seektune.cli.arguments import COMMANDS, make_parser
from seektune.cli.output import Mode, Output
from seektune.errors import SeektuneError

INTERRUPTED = 130
"""What a shell expects of a process that Ctrl-C ended."""

Run = Callable[[Namespace, Output], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (errors.py)."""
    parser = make_parser()
    arguments = parser.parse_args(argv)
    if arguments.version:
        print(f"seektune {version()}")
        return 0
    if arguments.command is None:
        parser.print_help()
        return 2
    mode: Mode = "json" if "json" in arguments else "quiet" if "quiet" in arguments else "people"
    output = Output(mode, debug="debug" in arguments)
    if not output.debug:
        warnings.filterwarnings("ignore", category=FutureWarning)  # libraries speaking to programmers
    try:
        module, attribute = COMMANDS[arguments.command].target.split(":")
        run: Run = getattr(importlib.import_module(module), attribute)
        return run(arguments, output)
    except SeektuneError as error:
        if output.debug:
            traceback.print_exc()
        output.error(error)
        return error.exit_code
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # `seektune trials | head`: the reader has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        if output.debug:
            traceback.print_exc()
        output.error(SeektuneError(str(error)))
        return SeektuneError.exit_code
    except KeyboardInterrupt:
        output.error(SeektuneError("interrupted; the same command goes on from here"))
        return INTERRUPTED


def version() -> str:
    """Of the installed package."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("seektune")
    except PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())
