"""Which commands are there, and what may be said to them?

Imports nothing of the engine, so that `--help` answers at once. A command is one line of COMMANDS: what it is for,
where its code is ("module:attribute", imported when called), its own arguments, and examples for its help.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

STUDY = "study file (YAML)"
STUDY_OR_RUN = "study file, or the name or folder of a run that exists"

DESCRIPTION = """\
Finds good hyperparameters for fine-tuning language models in stages, and says honestly whether the winner beats the
default. Start with `seektune init`, look with `seektune plan`, run with `seektune tune`."""

EXIT_CODES = """\
exit codes:
  0 done   1 other error   2 study file or command line   3 data   4 an earlier stage is missing   5 study is busy
  6 damaged checkpoint or journal   7 a trial failed twice   8 asked to stop   130 Ctrl-C
"""

Parser = argparse.ArgumentParser


def study_file(parser: Parser) -> None:
    parser.add_argument("study", metavar="STUDY", help=STUDY)


def study_or_run(parser: Parser) -> None:
    parser.add_argument("study", metavar="STUDY", help=STUDY_OR_RUN)


def init(parser: Parser) -> None:
    parser.add_argument(
        "file", metavar="FILE", nargs="?", default="study.yaml", help="file to write (default: study.yaml)"
    )
    parser.add_argument("--schema", action="store_true", help="write the schema only, anew, beside FILE")


def tune(parser: Parser) -> None:
    study_file(parser)
    parser.add_argument("--no-prefect", action="store_true", help="run in this process, without a Prefect flow")
    parser.add_argument("--plan", action="store_true", help="only show what would run, how long and at what cost")


def trials(parser: Parser) -> None:
    study_or_run(parser)
    columns = "rank (default), started, tokens, seconds, trial, stage, state, value, or a parameter"
    parser.add_argument("--sort", metavar="COLUMN", default="rank", help=f"{columns}; --sort=-COLUMN: downwards")
    parser.add_argument("--limit", metavar="N", type=positive, help="show the first N only")
    parser.add_argument(
        "--stage",
        metavar="STAGE",
        help="trials of one stage only (coarse, fine, augmentation, confirm, lr-range, prepare)",
    )


def rerun(parser: Parser) -> None:
    study_or_run(parser)
    parser.add_argument("trial", metavar="TRIAL", help="name of the trial, as `seektune trials` shows it")


def nothing(parser: Parser) -> None:
    """No arguments of its own."""


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, but got {text}")
    return number


@dataclass(frozen=True, slots=True)
class Command:
    """One line of the command line."""

    summary: str
    target: str
    add: Callable[[Parser], None]
    about: str
    examples: tuple[str, ...]


ON_TOP = " Works on top of what earlier stages found, and says which of them is missing if one is."
READS = "Reads the journal; changes nothing, and may be called while the study runs."
STAGE = "seektune.cli.tune:stage"

COMMANDS: dict[str, Command] = {
    "init": Command(
        "write a commented study file to start from", "seektune.cli.init:init", init,
        "Writes a study file in which every setting is explained, and beside it seektune.schema.json, with which editors "
        "(YAML language server) complete and check it. Never overwrites a study file.",
        ("seektune init", "seektune init studies/my_desk.yaml", "seektune init --schema")),
    "plan": Command(
        "what will run, how long, what it costs", "seektune.cli.plan:plan", study_file,
        "Checks the study file and counts what a run would do. Runs and writes nothing.",
        ("seektune plan study.yaml", "seektune plan study.yaml --json")),
    "data": Command(
        "what is in the data: rows, splits, duplicates, augmentation", "seektune.cli.data:data", study_file,
        "Reads, checks, splits, augments and tokenises the data and prints what came out, without training anything: every "
        "row that was left out by reason, duplicates and conflicts, the leak check, lengths, labels, and examples of each "
        "augmentation operator. Kept in the cache: a later `tune` does not do it again.",
        ("seektune data study.yaml", "seektune data study.yaml --json")),
    "doctor": Command(
        "what is installed and found on this machine", "seektune.cli.doctor:doctor", nothing,
        "Looks at Python, libraries, cores, memory, devices, WordNet, disk and Prefect. Each line is ok, warn (works, "
        "but not as well) or missing, with a remedy. Exit code 1 when something needed is missing.",
        ("seektune doctor", "seektune doctor --json")),
    "tune": Command(
        "all stages: data, LR range, coarse, fine, confirm, report", "seektune.cli.tune:tune", tune,
        "Runs every stage as a Prefect flow. A run that was stopped or killed goes on where it was; a finished stage "
        "whose inputs are unchanged returns at once.",
        ("seektune tune study.yaml", "seektune tune study.yaml --plan", "seektune tune study.yaml --no-prefect --quiet",
         "seektune tune study.yaml --json > events.jsonl")),
    "prepare": Command(
        "one stage: rows, tokens, base model", STAGE, study_file,
        "Reads and checks the data, splits and tokenises it, makes or fetches the base model." + ON_TOP,
        ("seektune prepare study.yaml",)),
    "lr-range": Command(
        "one stage: learning-rate range test", STAGE, study_file,
        "Raises the learning rate until the loss turns up, several times; suggests a range." + ON_TOP,
        ("seektune lr-range study.yaml",)),
    "coarse": Command(
        "one stage: wide search on short runs", STAGE, study_file,
        "Many trials under successive halving." + ON_TOP,
        ("seektune coarse study.yaml",)),
    "fine": Command(
        "one stage: narrow search at full length", STAGE, study_file,
        "Model-based search near the best of coarse." + ON_TOP,
        ("seektune fine study.yaml",)),
    "augmentation": Command(
        "one stage: does augmentation help?", STAGE, study_file,
        "Trains the leading configuration with and without augmented rows, on fresh seeds." + ON_TOP,
        ("seektune augmentation study.yaml",)),
    "confirm": Command(
        "one stage: does the winner beat the default?", STAGE, study_file,
        "Fresh seeds for the shortlist, then one look at the locked test split." + ON_TOP,
        ("seektune confirm study.yaml",)),
    "promote": Command(
        "one stage: make a confirmed winner the champion", STAGE, study_file,
        "Only a winner that confirm called better becomes the champion." + ON_TOP,
        ("seektune promote study.yaml",)),
    "report": Command(
        "one stage: write the report of what is there", "seektune.cli.tune:report", study_or_run,
        "Writes the HTML and Markdown report and the tables of all trials, also in the middle of a run.",
        ("seektune report study.yaml", "seektune report fraud-desk")),
    "status": Command(
        "stages, best so far, spend, who holds the study", "seektune.cli.status:status", study_or_run, READS,
        ("seektune status fraud-desk", "seektune status study.yaml --json")),
    "trials": Command(
        "table of trials: state, value, parameters, why stopped", "seektune.cli.trials:trials", trials, READS,
        ("seektune trials fraud-desk --limit 10", "seektune trials fraud-desk --stage coarse --sort=-tokens")),
    "rerun": Command(
        "train a trial again: are its numbers reproduced?", "seektune.cli.rerun:rerun", rerun,
        "Trains the whole chain of a trial again in a scratch folder and compares every measurement. Exit code 1 when "
        "they differ.",
        ("seektune rerun fraud-desk coarse-007",)),
}  # fmt: skip


def make_parser() -> Parser:
    """The whole command line. `--json`, `--quiet` and `--debug` may stand before or after the command."""
    general = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = general.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="one JSON object per line on standard output, for machines")
    group.add_argument("--quiet", action="store_true", help="only the final result")
    group.add_argument("--debug", action="store_true", help="tracebacks, and Prefect's own log")
    shape = argparse.RawDescriptionHelpFormatter
    parser = Parser("seektune", description=DESCRIPTION, epilog=EXIT_CODES, formatter_class=shape, parents=[general])
    parser.add_argument("--version", action="store_true", help="show the version and leave")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, command in COMMANDS.items():
        examples = "examples:\n" + "".join(f"  {line}\n" for line in command.examples)
        one = commands.add_parser(
            name,
            help=command.summary,
            description=command.about,
            epilog=examples,
            formatter_class=shape,
            parents=[general],
        )
        command.add(one)
    return parser
