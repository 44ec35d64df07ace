"""`seektune data`: what is in a study's data, before anything is trained on it.

Does what `prepare` does with the text, in the same cache, so that a later `tune` finds it done.
"""

from __future__ import annotations

import contextlib
from argparse import Namespace
from collections.abc import Iterator

from seektune.cli.blocks import show
from seektune.cli.output import Output
from seektune.cli.studies import load
from seektune.errors import Problem, StudyFileError
from seektune.report.blocks import Text
from seektune.trial import Json


def data(arguments: Namespace, output: Output) -> int:
    """Prints the data report. Raises StudyFileError and DataError."""
    found = load(arguments.study)
    if found.study.data is None:
        why = "the study has no `data`, because the simulated trainer needs no text; there is nothing to show"
        raise StudyFileError([Problem(arguments.study, why)])
    from seektune.report.data_counts import counts, sentence
    from seektune.report.data_examples import examples
    from seektune.study.study_text import study_text
    from seektune.text.store import DROPPED

    with waiting(output):
        text = study_text(found.study, found.study.cache)
    report, tokens, mix = text.report, text.store.facts["splits"], text.store.facts["mix"]
    folders = {"rows": str(text.rows.folder), "tokens": str(text.store.folder)}
    if output.mode != "people":
        told = sentence(report)
        output.result(
            told, "data", study=found.study.study, sentence=told, folders=folders, rows=report, tokens=tokens, mix=mix
        )
        return 0
    for block in (*counts(report, tokens), *mixed(mix), *examples(report)):
        show(block, output)
    left_out = f"{folders['rows']}/quarantine.jsonl and dropped.jsonl"
    if any(text.store.dropped()):
        left_out += f"; {folders['tokens']}/{DROPPED}, which could not be tokenised"
    output.line(f"every row that was left out: {left_out}")
    return 0


def mixed(mix: Json | None) -> Iterator[Text]:
    """What a base goes on with, where it does."""
    if mix is not None:
        yield Text(
            f"Continued pre-training: {mix['domain']:,} tokens of domain text and {mix['general']:,} of general text, a "
            f"domain share of {mix['share']:.1%}."
        )
        yield from (Text(note, "warn") for note in mix["notes"])


def waiting(output: Output) -> contextlib.AbstractContextManager[object]:
    """A large set takes a minute; who sits before a terminal is told what is going on."""
    if output.mode != "people" or not output.console.is_terminal:
        return contextlib.nullcontext()
    return output.console.status("reading, checking, splitting, tokenising (kept for the next call) ...")
