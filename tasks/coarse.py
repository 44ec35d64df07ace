"""Stage: where is it worth looking? Shown as learning curves of all trials, coloured by how they ended."""

from __future__ import annotations

from seektune.trial import Json
from tasks.holding import hold
from tasks.search_page import search_page
from tasks.watched import WatchedRun


@hold("coarse", retries=1)
def coarse(run: WatchedRun) -> tuple[Json, str]:
    """Wide random search under successive halving."""
    result = run.run("coarse")
    page, sentence = search_page(run, "coarse", result)
    run.show("coarse-curves", page, sentence)
    return result, sentence
