"""Stage: does the confirmed winner become the champion?"""

from __future__ import annotations

from seektune.ledger.results import PromoteResult
from seektune.report.safe import code
from seektune.report.safe import markdown as escape
from seektune.trial import Json
from tasks.holding import hold
from tasks.watched import WatchedRun


@hold("promote")
def promote(run: WatchedRun) -> tuple[Json, str]:
    """Swap the champion, or say why it stays."""
    result = run.run("promote")
    found = PromoteResult.model_validate(result)
    verdict = "promoted" if found.promoted else "not promoted"
    sentence = f"{verdict}: {found.reason}"
    run.show(
        "champion",
        f"# {verdict.capitalize()}\n\n{escape(found.reason)}\n\nChampion: {code(found.champion or 'none yet')}",
        sentence,
    )
    return result, sentence
