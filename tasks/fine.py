"""Stage: what is best near what coarse found? Shown as learning curves of all trials, coloured by how they ended."""

from __future__ import annotations

from seektune.trial import Json
from tasks.holding import hold
from tasks.search_page import search_page
from tasks.watched import WatchedRun


@hold("fine", retries=1)
def fine(run: WatchedRun) -> tuple[Json, str]:
    """Model-based search at full length, starting from what coarse saw."""
    result = run.run("fine")
    page, sentence = search_page(run, "fine", result)
    run.show("fine-curves", page, sentence)
    return result, sentence
