"""The report of a run: index.html, report.md, trials.csv, trials.parquet, plots/*.png in one folder.

    python -m seektune.report.page RUN_FOLDER

A pure function of the journal and the study: it may be written again at any time, while a run is under
way, too. A section that fails says so in its place and costs no other; the night's result is not lost to a plot.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from seektune.ledger.history import History
from seektune.report.blocks import Figure, Section, SectionBuilder, Text
from seektune.report.facts import Facts
from seektune.report.html import page
from seektune.report.markdown import document
from seektune.report.options import SECTIONS
from seektune.report.tables import replace, write_tables
from seektune.report.wording import moment

log = logging.getLogger(__name__)


def write_report(history: History, folder: Path, study: Mapping[str, Any]) -> Path:
    """Write everything into `folder` (made if missing) and return the path of index.html."""
    facts = Facts(history, study)
    sections = make_sections(facts)
    title = f"{facts.name}: tuning report"
    subtitle = f"seektune · study {facts.name} · {_when(facts)}"
    plots = folder / "plots"
    plots.mkdir(parents=True, exist_ok=True)
    for name, image in pictures(sections).items():
        replace(plots / f"{name}.png", image)
    write_tables(history, folder)
    replace(folder / "report.md", document(title, subtitle, sections, PurePosixPath("plots")))
    index = folder / "index.html"
    replace(index, page(title, subtitle, sections))
    return index


def make_sections(facts: Facts) -> list[Section]:
    """Every section that has something to say."""
    made = []
    for name, target in SECTIONS.items():
        module, attribute = target.split(":")
        try:
            builder: SectionBuilder = getattr(importlib.import_module(module), attribute)
            section = builder(facts)
        except Exception as error:
            log.exception("report section %s failed", name)
            words = f"This section could not be made: {type(error).__name__}: {error}"
            section = Section(name.replace("_", " ").capitalize(), (Text(words, "warn"),))
        if section is not None and section.blocks:
            made.append(section)
    return made


def pictures(sections: list[Section]) -> dict[str, bytes]:
    """PNG images by name."""
    return {
        one.name: one.plot
        for section in sections
        for one in section.blocks
        if isinstance(one, Figure) and one.plot is not None
    }


def _when(facts: Facts) -> str:
    """The last moment the journal knows of, in local time."""
    moments = [row.ended_at or row.started_at for row in facts.history.trials]
    known = [moment for moment in moments if moment]
    return moment(max(known)) if known else "not started"


if __name__ == "__main__":
    run = Path(sys.argv[1])
    write_report(History.read(run), run / "report", json.loads((run / "study.json").read_text(encoding="utf-8")))
