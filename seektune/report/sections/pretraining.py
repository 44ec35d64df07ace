"""What did the base learn of the domain, and forget of general text, before tuning? Continued pre-training, if there was."""

from __future__ import annotations

from seektune.report.blocks import Cell, Section, Table, Text
from seektune.report.facts import Facts
from seektune.report.wording import number


def pretraining(facts: Facts) -> Section | None:
    found = facts.prepare.continued_pretraining if facts.prepare is not None else None
    if found is None:
        return None
    table: tuple[tuple[Cell, ...], ...] = tuple(
        (f"{name} text", before, found.after[name], f"{found.after[name] / before - 1:+.1%}")
        for name, before in found.before.items()
    )
    passes = found.tokens / found.mix_tokens
    mix = (
        f"All weights were trained on {found.tokens:,} tokens, {number(passes, 2)} pass{'es' if passes != 1 else ''} over "
        f"a mix of {found.mix_tokens:,} of which {found.domain_share:.1%} are domain text, at a peak learning rate of "
        f"{number(found.learning_rate)}. All trials start from the adapted base (key {found.key})."
    )
    caption = "Perplexity of the base on held-out text, before and after"
    return Section(
        "Continued pre-training",
        (
            Text(mix),
            *(Text(note, "warn") for note in found.notes),
            Table(("text", "before", "after", "change"), table, caption),
        ),
    )
