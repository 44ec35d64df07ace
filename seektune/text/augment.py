"""New training rows from old ones: operators edit inputs, a filter judges what came out, everything is counted.

Each child carries its parent's id, the operator, its rate, the number of the copy, and the seed that made it; the seed
is a function of (study seed, operator, rate, parent, copy), so a row's children do not depend on other rows, nor on how
many copies or rates were asked for. `asked == made + rejected` for each operator. Raises DataError where an operator's
engine is missing.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seektune.text.duplicates import meaning
from seektune.text.frozen import Frozen, label_words
from seektune.text.kinds import answer_text, inputs, prompt_text, with_inputs
from seektune.text.language import han_characters, language, tokens
from seektune.text.leaks import Guard
from seektune.text.lines import shown
from seektune.text.operator import Draft, Operator
from seektune.text.options import AUGMENTERS, DataOptions
from seektune.text.reading import Row, row_id
from seektune.trial import Json, derive_seed, fingerprint

LENGTH_RATIO = (0.6, 1.7)
"""Child to parent, in characters; in Han characters for Chinese."""

MIN_OVERLAP = 0.5
"""Share of the parent's tokens that a child keeps."""

EDITED = ("instruction", "chat", "classification", "summary")
_EXAMPLES = 5
_BATCH = 512


@dataclass(frozen=True, slots=True)
class Augmenter:
    """One operator of a study, and the rates at which it is to work."""

    name: str
    operator: Operator
    rates: tuple[float, ...]


def augmenters(data: DataOptions) -> list[Augmenter]:
    """The study's operators in order. Raises DataError where an engine is missing."""
    found = []
    for name, settings in data.augment.settings():
        own = getattr(settings, "rate", None)
        rates = tuple(data.augment.rates) if data.augment.rates and own is not None else (own or 1.0,)
        found.append(Augmenter(name, AUGMENTERS[name].load()(settings), rates))
    return found


def augmenter_identity(data: DataOptions) -> Json:
    """What a row set depends on through its operators: the lexicon's content, WordNet's edition."""
    return {augmenter.name: augmenter.operator.identity for augmenter in augmenters(data)}


def augment(train: Sequence[Row], data: DataOptions, seed: int, guard: Guard) -> tuple[list[Row], Json]:
    """Children of training rows, and the report."""
    report: Json = {"operators": {}, "notes": []}
    asked_for = augmenters(data)
    if asked_for and data.kind not in EDITED:
        report["notes"].append(f"augmentation edits inputs only, and kind {data.kind} has none: no operator ran")
        return [], report
    labels = frozenset[str]()
    if data.kind == "classification":
        labels = label_words({row.fields["label"] for row in train})
    parents = [row for row in train if _draw(row.id) < data.augment.share]
    known = {row.id for row in train}
    children: list[Row] = []
    for augmenter in asked_for:
        augmenter.operator.learn(train)
        rejected: Counter[str] = Counter()
        examples: list[Json] = []
        made = 0
        for parent, child, frozen in _drafted(parents, data, augmenter, labels, seed):
            if reason := _reject(parent, child, data, frozen, known) or (
                "near an evaluation row" if guard.leak(child) else ""
            ):
                rejected[reason] += 1
                continue
            known.add(child.id)
            children.append(child)
            made += 1
            if len(examples) < _EXAMPLES:
                examples.append(_example(data.kind, parent, child))
        report["operators"][augmenter.name] = {
            "rates": list(augmenter.rates),
            "asked": len(parents) * data.augment.copies * len(augmenter.rates),
            "made": made,
            "rejected": dict(rejected.most_common()),
            "examples": examples,
        }
    return children, report


def _draw(name: str) -> float:
    return int(fingerprint("augment share", name)[:12], 16) / 16**12


def _drafted(
    parents: Sequence[Row], data: DataOptions, augmenter: Augmenter, labels: frozenset[str], seed: int
) -> Iterator[tuple[Row, Row, Frozen]]:
    """(parent, child, what had to stay) for every child that was asked for, batch by batch."""
    for start in range(0, len(parents), _BATCH):
        batch = parents[start : start + _BATCH]
        for rate in augmenter.rates:
            made_at = [rate] if len(augmenter.rates) > 1 else []
            for copy in range(data.augment.copies):
                seeds = [derive_seed(seed, "augment", augmenter.name, row.id, copy, *made_at) for row in batch]
                drafts = [_draft(row, data, labels, one) for row, one in zip(batch, seeds, strict=True)]
                edited = augmenter.operator(drafts, rate)
                for draft, texts, one in zip(drafts, edited, seeds, strict=True):
                    yield draft.parent, _child(draft.parent, data, texts, augmenter.name, rate, copy, one), draft.frozen


def _draft(parent: Row, data: DataOptions, labels: frozenset[str], seed: int) -> Draft:
    answer = "" if data.kind == "classification" else answer_text(data.kind, parent.fields)
    frozen = Frozen.of(answer, labels, data.protected_terms)
    return Draft(parent, tuple(inputs(data.kind, parent.fields)), frozen, random.Random(seed))


def _child(parent: Row, data: DataOptions, texts: list[str], name: str, rate: float, copy: int, seed: int) -> Row:
    fields = with_inputs(data.kind, parent.fields, texts)
    return Row(
        id=row_id(data.kind, fields),
        fields=fields,
        language=language(prompt_text(data.kind, fields)),
        source=parent.source,
        file=parent.file,
        line=parent.line,
        group=parent.group,
        side="train",
        parent=parent.id,
        operator=name,
        rate=rate,
        copy=copy,
        augment_seed=seed,
    )


def _reject(parent: Row, child: Row, data: DataOptions, frozen: Frozen, known: set[str]) -> str:
    """Why a child is not good enough; "" where it is."""
    before, after = prompt_text(data.kind, parent.fields), prompt_text(data.kind, child.fields)
    if before == after:
        return "nothing to replace"
    if child.id in known:
        return "repeats a row"
    if parent.language != child.language:
        return "another language"
    lengths = [han_characters(text) if parent.language == "zh" else len(text) for text in (before, after)]
    if not LENGTH_RATIO[0] <= lengths[1] / max(1, lengths[0]) <= LENGTH_RATIO[1]:
        return "length ratio"
    old, new = tokens(before), tokens(after)
    if (Counter(old) & Counter(new)).total() < MIN_OVERLAP * len(old):
        return "overlap"
    if meaning(old, data.protected_terms) != meaning(new, data.protected_terms):
        return "numbers, negation or protected terms changed"
    if frozen.lost(before, after):
        return "answer span lost"
    return ""


def _example(kind: str, parent: Row, child: Row) -> Json:
    """The edited neighbourhood, before and after."""
    before, after = prompt_text(kind, parent.fields), prompt_text(kind, child.fields)
    at = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
    part = slice(max(0, at - 60), at + 140)
    return {"parent": parent.id, "before": shown(before[part], 200), "after": shown(after[part], 200)}
