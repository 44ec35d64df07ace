"""Does augmentation help? One configuration with and without augmented rows, and whether they keep their labels."""

from __future__ import annotations

from seektune.ledger.results import AugmentationResult, Interval
from seektune.report.blocks import Block, Cell, Section, Table, Text, Tone
from seektune.report.chart import BLUE, GREEN, RED
from seektune.report.facts import Facts
from seektune.report.intervals import intervals
from seektune.report.plots import Row
from seektune.report.plots import intervals as drawn
from seektune.report.wording import number, plural

NAMES = {"augmented": "with augmentation", "original": "without"}
TONES: dict[str, Tone] = {"helps": "good", "hurts": "bad"}
COLOURS = {"helps": GREEN, "hurts": RED}


def augmentation(facts: Facts) -> Section | None:
    result = facts.augmentation
    if result is None:
        return None
    blocks: list[Block] = [Text(result.sentence, TONES.get(result.effect, "plain"))]
    if result.interval is not None:
        rows = differences(result, result.interval)
        plot = drawn(rows, result.minimum_effect, words(facts.metric))
        blocks.append(
            intervals("augmentation-interval", rows, facts.metric, result.minimum_effect, NAMES["original"], plot)
        )
    if result.learning_rates:
        blocks.append(_arms(facts, result))
    if (agreement := result.agreement) is not None:
        blocks.append(
            Text(
                f"Label agreement: trained without augmentation, the model gives {100 * agreement.agree:.0f}% of "
                f"{plural(agreement.pairs, 'pair')} of a training row and a row made from it the same label "
                f"(and {100 * agreement.original_right:.0f}% of their original rows the right one)."
            )
        )
    return Section("Augmentation", tuple(blocks))


def words(metric: str) -> str:
    return f"difference in {metric}: right of zero augmentation is better"


def differences(result: AugmentationResult, interval: Interval) -> list[Row]:
    return [("on validation", interval, COLOURS.get(result.effect, BLUE))]


def _arms(facts: Facts, result: AugmentationResult) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, one in {"augmented": result.augmented, "original": result.original}.items():
        tried = ", ".join(
            f"{number(rate, 3)}: {'no value' if value is None else number(value)}"
            for rate, value in result.learning_rates.get(name, [])
        )
        rate = None if one is None else float(one.params["learning_rate"])
        mean = one.mean if one is not None and len(one.values) == result.seeds else None
        seeds = ", ".join(number(value) for value in one.values) if one is not None else ""
        rows.append((NAMES[name], mean, seeds or "–", "–" if rate is None else number(rate, 3), tried))
    columns = ("trained", f"mean {facts.metric}", "each seed", "learning rate", "one run at each learning rate")
    caption = f"{result.trial} with and without augmented rows, equal in tokens, on the validation rows"
    return Table(columns, tuple(rows), caption, wrap=True)
