"""Does the winner beat the default, by how much, and how sure is that?"""

from __future__ import annotations

from seektune.ledger.results import ConfirmResult
from seektune.report.blocks import Block, Figure, Headline, Section, Tile, Tiles, Tone
from seektune.report.facts import Facts
from seektune.report.intervals import intervals
from seektune.report.plots import differences, interval
from seektune.report.summary import found, how_sure
from seektune.report.wording import count, duration, number, plural, signed

TONES: dict[str, Tone] = {"better": "good", "worse": "bad", "underpowered": "warn"}


def verdict(facts: Facts) -> Section:
    blocks: list[Block] = [_headline(facts), Tiles(tuple(_tiles(facts)))]
    if facts.confirm is not None and facts.confirm.validation is not None:
        blocks += [_interval(facts, facts.confirm)]
    return Section(
        "Verdict", tuple(block for block in blocks if not isinstance(block, Tiles) or block.tiles), opening=True
    )


def _headline(facts: Facts) -> Headline:
    if facts.confirm is not None:
        result = facts.confirm
        return Headline(result.sentence, TONES.get(result.verdict, "plain"), how_sure(result))
    search = facts.fine or facts.coarse
    if search is not None and search.best.value is not None:
        best = search.best
        return Headline(
            f"Not confirmed yet: {best.trial} leads with {facts.metric} {number(best.value)} "
            f"after {count(best.tokens)} tokens.",
            below="Measured once, on the rows that chose it. Confirm trains it again with fresh seeds and looks at the "
            "locked test split.",
        )
    below = found("lr_range", facts.lr_range.model_dump(mode="json")) if facts.lr_range is not None else ""
    if facts.searched:
        lead = facts.ranked()[0]
        value = facts.value(lead)
        leads = f"; {lead.trial} leads with {facts.metric} {number(value)} after {count(lead.tokens)} tokens"
        text = f"No winner yet: {plural(len(facts.searched), 'trial')} so far{leads if value is not None else ''}."
        return Headline(text, below=f"The search is still running. {below}".strip())
    if facts.lr_range is not None:
        return Headline("No winner yet: the search has not run.", below=below)
    return Headline("No winner yet: no stage that compares trials has finished.")


def _tiles(facts: Facts) -> list[Tile]:
    tiles: list[Tile] = []
    if (result := facts.confirm) is not None:
        sure = result.test or result.validation
        if sure is not None:
            word = "better" if sure.mean >= 0 else "worse"
            where = "test split" if result.test else "validation"
            between = f"{where}, {100 * sure.level:.0f}%: {signed(sure.low)} to {signed(sure.high)}"
            tiles.append(Tile(f"{facts.metric} {word} by", number(abs(sure.mean), 3), between))
    if (winner := facts.winner) is not None and "learning_rate" in winner[1]:
        default = facts.default.get("learning_rate")
        words = f"default: {number(float(default), 3)}" if default is not None else ""
        tiles.append(Tile("learning rate", number(float(winner[1]["learning_rate"]), 3), words))
    if facts.searched:
        others = len(facts.history.trials) - len(facts.searched)
        tiles.append(Tile("trials", f"{len(facts.searched)}", f"and {plural(others, 'other run')}" if others else ""))
    spend = facts.history.spend
    if spend.wall_seconds:
        tiles.append(Tile("took", duration(spend.wall_seconds), f"{duration(spend.device_seconds)} of training"))
    if spend.tokens:
        tiles.append(Tile("tokens", count(spend.tokens), "trained on, all stages"))
    return tiles


def _interval(facts: Facts, result: ConfirmResult) -> Figure:
    rows = differences(result)
    return intervals("interval", rows, facts.metric, result.minimum_effect, "default", interval(result, facts.metric))
