"""Stage: which learning rates can be used? Shown as the curve with its bounds marked."""

from __future__ import annotations

from seektune.ledger.results import RangeResult
from seektune.report import plots
from seektune.trial import Json
from tasks import pages
from tasks.board import rounded
from tasks.holding import hold
from tasks.watched import WatchedRun


@hold("lr-range", retries=1)
def lr_range(run: WatchedRun) -> tuple[Json, str]:
    """A ramp of the learning rate for each seed, read on a fixed probe."""
    result = run.run("lr_range")
    found = RangeResult.model_validate(result)
    run.show("lr-range", page(found), caption(found))
    return result, caption(found)


def page(result: RangeResult) -> str:
    probes = [
        {"learning rate": rate, "loss of a short run": "diverged" if loss is None else loss}
        for rate, loss in result.probes
    ]
    return pages.page(
        ["# Learning-rate range test", pages.picture(plots.lr_range(result), caption(result)), pages.table(probes)]
    )


def caption(result: RangeResult) -> str:
    """The finding in one line, for whoever cannot see the picture."""
    if not result.usable:
        return f"No usable range: {result.reason}"
    high = "unknown (the curve never turned up)" if result.high is None else rounded(result.high)
    return f"Suggestion {rounded(result.suggestion)}, range {rounded(result.low)} to {high}: {result.reason}"
