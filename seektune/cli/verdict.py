"""What a run ends with: the winner, its interval against the default, the verdict, and where the report lies."""

from __future__ import annotations

from collections.abc import Mapping

from seektune.cli.output import Output
from seektune.cli.progress import label
from seektune.cli.studies import Found
from seektune.cli.tally import Tally
from seektune.ledger.results import ConfirmResult
from seektune.report.summary import how_sure
from seektune.report.wording import duration, signed
from seektune.trial import Json


def interval_words(confirmed: ConfirmResult, metric: str) -> str:
    """The difference to the default that the verdict goes by."""
    sure = confirmed.test or confirmed.validation
    if sure is None:
        return "no difference could be measured"
    rows = "the locked test split" if confirmed.test else "validation rows (the test split was not looked at)"
    limits = f"{sure.level:.0%} interval {signed(sure.low)} to {signed(sure.high)}"
    return f"{signed(sure.mean)} in {metric} on {rows}; {limits}; positive is better"


def show(found: Found, results: Mapping[str, Json], tally: Tally, output: Output) -> None:
    """For people in a few lines, for machines as one object."""
    study, metric = found.study, found.study.objective.metric
    confirmed = ConfirmResult.model_validate(results["confirm"])
    report = results.get("report", {}).get("html")
    promoted = results.get("promote", {})
    sure = confirmed.test or confirmed.validation
    seconds = tally.clock() - tally.began
    money = f", {tally.money:.2f} of money" if tally.money is not None else ""
    lines = [
        "",
        confirmed.sentence,
        how_sure(confirmed),
        "",
        f"against   the default: {interval_words(confirmed, metric)}",
        f"winner    {confirmed.challenger.name}: {label(confirmed.challenger.params)}",
        f"default   {label(confirmed.reference.params)}",
        f"model     {confirmed.model or 'none was written'}",
    ]
    if promoted:
        lines.append(f"champion  {'new: ' if promoted['promoted'] else ''}{promoted['champion'] or 'none'}")
    lines.append(f"spend     {duration(tally.spend_seconds)} of training{money}; this call took {duration(seconds)}")
    if report:
        lines.append(f"report    {report}")
    output.result(
        "\n".join(lines),
        "result",
        study=study.study,
        verdict=confirmed.verdict,
        sentence=confirmed.sentence,
        winner={"trial": confirmed.challenger.name, "params": dict(confirmed.challenger.params)},
        default=dict(confirmed.reference.params),
        interval=sure and sure.model_dump(),
        split="test" if confirmed.test else "validation",
        model=confirmed.model,
        promoted=promoted.get("promoted", False),
        champion=promoted.get("champion"),
        report=report,
        spend_seconds=tally.spend_seconds,
        money=tally.money,
        seconds=seconds,
    )
