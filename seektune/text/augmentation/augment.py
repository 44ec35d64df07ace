"""New training rows from old ones: operators edit inputs, a filter judges what came out, everything is counted.

Each child carries its parent's id, the operator, its rate, the number of the copy, and the seed that made it; the seed
is a function of (study seed, operator, rate, parent, copy), so a row's children do not depend on other rows (but for
what `mention` learns from them), nor on how many copies or rates were asked for. `asked == made + rejected` for each
operator. Raises DataError where an operator's engine is missing, or where it is not for rows of this kind.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seektune.errors import DataError
from seektune.text.augmentation.frozen import Frozen, label_words
from seektune.text.augmentation.operator import Draft, Operator
from seektune.text.augmentation.options import AUGMENTERS, cannot_edit
from seektune.text.augmentation.quality import fault
from seektune.text.files.lines import counted, shown
from seektune.text.kinds import Fields, answer_text, inputs, prompt_text, with_inputs
from seektune.text.language import language
from seektune.text.leaks import Guard
from seektune.text.options import DataOptions
from seektune.text.reading import Row, row_id
from seektune.text.shelf import Shelf
from seektune.trial import Json, derive_seed, drawn

_EXAMPLES = 5
_BATCH = 512


@dataclass(frozen=True, slots=True)
class Augmenter:
    """One operator of a study, and the rates at which it is to work."""

    name: str
    operator: Operator
    rates: tuple[float, ...]


def augmenters(data: DataOptions) -> list[Augmenter]:
    """The study's operators in order. Raises DataError where an engine is missing, or not for this kind of rows."""
    found = []
    for name, settings in data.augment.settings():
        if reason := cannot_edit(name, data.kind):
            raise DataError(f"data.augment: {reason}")
        own = getattr(settings, "rate", None)
        rates = tuple(data.augment.rates) if data.augment.rates and own is not None else (own or 1.0,)
        try:
            found.append(Augmenter(name, AUGMENTERS[name].load()(settings), rates))
        except DataError as error:
            raise DataError(f"data.augment, operator {name}: {error}") from None
    return found


def augmenter_identity(data: DataOptions) -> Json:
    """What a row set depends on through its operators: the lexicon's content, WordNet's edition."""
    return {augmenter.name: augmenter.operator.identity for augmenter in augmenters(data)}


def augment(
    train: Sequence[Row], data: DataOptions, seed: int, guard: Guard, shelf: Shelf | None = None
) -> tuple[list[Row], Json]:
    """Children of training rows, and the report. What children say is put on the shelf, where there is one."""
    report: Json = {"operators": {}, "notes": []}
    labels = frozenset[str]()
    if data.kind == "classification":
        labels = label_words({row.fields["label"] for row in train})
    parents = [row for row in train if drawn("augment share", row.id) < data.augment.share]
    known = {row.id for row in train}
    children: list[Row] = []
    for augmenter in augmenters(data):
        augmenter.operator.learn(train)
        rejected: Counter[str] = Counter()
        examples: list[Json] = []
        made = 0
        for parent, child, frozen in _drafted(parents, data, augmenter, labels, seed):
            if reason := fault(parent, child, data, frozen, known) or (
                "near an evaluation row" if guard.leak(child) else ""
            ):
                rejected[reason] += 1
                continue
            known.add(child.id)
            made += 1
            if len(examples) < _EXAMPLES:
                examples.append(_example(data.kind, parent, child))
            if shelf is not None:
                child.fields = shelf.put(child.fields)
            children.append(child)
        asked = len(parents) * data.augment.copies * len(augmenter.rates)
        if asked and not made:
            why = counted(dict(rejected.most_common()))
            report["notes"].append(f"operator {augmenter.name} made no row ({why}): it changes nothing in this study")
        report["operators"][augmenter.name] = {
            "rates": list(augmenter.rates),
            "asked": asked,
            "made": made,
            "rejected": dict(rejected.most_common()),
            "examples": examples,
        }
    return children, report


def _drafted(
    parents: Sequence[Row], data: DataOptions, augmenter: Augmenter, labels: frozenset[str], seed: int
) -> Iterator[tuple[Row, Row, Frozen]]:
    """(parent, child, what had to stay) for every child that was asked for, batch by batch."""
    for start in range(0, len(parents), _BATCH):
        batch = parents[start : start + _BATCH]
        held = [_frozen(row.fields, data, augmenter.name, labels) for row in batch]
        for rate in augmenter.rates:
            made_at = [rate] if len(augmenter.rates) > 1 else []
            for copy in range(data.augment.copies):
                seeds = [derive_seed(seed, "augment", augmenter.name, row.id, copy, *made_at) for row in batch]
                drafts = [
                    Draft(row, tuple(inputs(data.kind, row.fields)), frozen, random.Random(one))
                    for row, frozen, one in zip(batch, held, seeds, strict=True)
                ]
                edited = augmenter.operator(drafts, rate)
                for draft, texts, one in zip(drafts, edited, seeds, strict=True):
                    yield draft.parent, _child(draft.parent, data, texts, augmenter.name, rate, copy, one), draft.frozen


def _frozen(fields: Fields, data: DataOptions, name: str, labels: frozenset[str]) -> Frozen:
    """What in a row's inputs must stay: of a tagged one what its tags name, unless that is what the operator edits."""
    if data.kind == "classification":
        answer = ""
    elif data.kind == "tagging":
        named = (token for token, tag in zip(fields["tokens"], fields["tags"], strict=True) if tag != "O")
        answer = "" if AUGMENTERS[name].mentions else " ".join(named)
    else:
        answer = answer_text(data.kind, fields)
    return Frozen.of(answer, labels, data.protected_terms)


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


def _example(kind: str, parent: Row, child: Row) -> Json:
    """The edited neighbourhood, before and after."""
    before, after = prompt_text(kind, parent.fields), prompt_text(kind, child.fields)
    at = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
    start = max(0, at - 60)
    left_out = "…" if start else ""
    return {
        "parent": parent.id,
        "before": shown(left_out + before[start:], 200),
        "after": shown(left_out + after[start:], 200),
    }
