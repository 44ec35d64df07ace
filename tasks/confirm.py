"""Stage: is the winner truly better than the default? The verdict first, then the interval, then every score."""

from __future__ import annotations

from seektune.ledger.results import Candidate, ConfirmResult
from seektune.report import plots
from seektune.report.safe import code
from seektune.report.safe import markdown as escape
from seektune.trial import Json
from tasks import pages
from tasks.holding import hold
from tasks.watched import WatchedRun


@hold("confirm", retries=1)
def confirm(run: WatchedRun) -> tuple[Json, str]:
    """Fresh paired seeds for the shortlist, then one look at the locked test split."""
    result = run.run("confirm")
    found = ConfirmResult.model_validate(result)
    run.show("verdict", page(found, run.study.objective.metric), found.sentence)
    return result, found.sentence


def page(result: ConfirmResult, metric: str) -> str:
    deciding = result.test or result.validation
    where = "test split" if result.test else "validation rows (the test split was not looked at)"
    caption = (
        "A configuration lost a seed, so nothing is compared."
        if deciding is None
        else (
            f"Difference on the {where}: {deciding.mean:+.4g}, {deciding.level:.0%} interval {deciding.low:+.4g} to "
            f"{deciding.high:+.4g}; the smallest difference that could be seen is {deciding.smallest_visible:.2g}"
        )
    )
    return pages.page(
        [
            f"# {result.verdict.capitalize()}",
            escape(result.sentence),
            pages.picture(plots.interval(result, metric), caption),
            f"Winner: {escape(pages.params(result.challenger.params))}",
            pages.table([*scores(result.shortlist, "shortlist", metric), *scores(result.baselines, "default", metric)]),
            f"Model folder: {code(result.model)}" if result.model else "",
        ]
    )


def scores(candidates: list[Candidate], role: str, metric: str) -> list[Json]:
    return [{"": role, "name": one.name, **pages.scores(one, metric)} for one in candidates]
