"""New training rows from old ones: operators edit inputs, a filter judges what came out, everything is counted.

Each child carries its parent's id, the operator and the seed that made it; the seed is a function of (study seed,
operator, parent, copy), so a row's children do not depend on other rows. `asked == made + rejected` for each operator.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from seektune.text.duplicates import meaning
from seektune.text.frozen import Frozen, label_words
from seektune.text.kinds import answer_text, inputs, prompt_text, with_inputs
from seektune.text.language import han_characters, language, tokens
from seektune.text.leaks import Guard
from seektune.text.lines import shown
from seektune.text.options import AUGMENTERS, DataOptions
from seektune.text.reading import Row, row_id
from seektune.trial import Json, derive_seed, fingerprint

LENGTH_RATIO = (0.6, 1.7)
"""Child to parent, in characters; in Han characters for Chinese."""

MIN_OVERLAP = 0.5
"""Share of the parent's tokens that a child keeps."""

EDITED = ("instruction", "chat", "classification", "summary")
_EXAMPLES = 5


class Operator(Protocol):
    """Edits the inputs of one row; gives them back unchanged where nothing can be replaced.

    `missing` says in one line why the operator cannot work here; `identity` is what its results depend on beside its
    settings.
    """

    missing: str | None
    identity: str

    def __call__(self, texts: Sequence[str], frozen: Frozen, language: str, rng: random.Random) -> list[str]: ...


def operators(data: DataOptions) -> dict[str, Operator]:
    """The study's operators, by name."""
    return {name: AUGMENTERS[name].load()(settings) for name, settings in data.augment.settings()}


def augmenter_identity(data: DataOptions) -> Json:
    """What a row set depends on through its operators: the lexicon's content, WordNet's edition."""
    return {name: operator.identity for name, operator in operators(data).items()}


def augment(train: Sequence[Row], data: DataOptions, seed: int, guard: Guard) -> tuple[list[Row], Json]:
    """Children of training rows, and the report."""
    report: Json = {"operators": {}, "notes": []}
    asked_for = operators(data)
    if asked_for and data.kind not in EDITED:
        report["notes"].append(f"augmentation edits inputs only, and kind {data.kind} has none: no operator ran")
        return [], report
    labels = frozenset[str]()
    if data.kind == "classification":
        labels = label_words({row.fields["label"] for row in train})
    parents = [row for row in train if _draw(row.id) < data.augment.share]
    known = {row.id for row in train}
    children: list[Row] = []
    for name, operator in asked_for.items():
        if operator.missing:
            report["notes"].append(operator.missing)
            continue
        rejected: Counter[str] = Counter()
        examples: list[Json] = []
        made = 0
        for parent in parents:
            answer = "" if data.kind == "classification" else answer_text(data.kind, parent.fields)
            frozen = Frozen.of(answer, labels, data.protected_terms)
            for copy in range(data.augment.copies):
                child_seed = derive_seed(seed, "augment", name, parent.id, copy)
                child = _child(parent, data, name, operator, frozen, child_seed)
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
        report["operators"][name] = {
            "asked": len(parents) * data.augment.copies,
            "made": made,
            "rejected": dict(rejected.most_common()),
            "examples": examples,
        }
    return children, report


def _draw(name: str) -> float:
    return int(fingerprint("augment share", name)[:12], 16) / 16**12


def _child(
    parent: Row,
    data: DataOptions,
    name: str,
    operator: Callable[[Sequence[str], Frozen, str, random.Random], list[str]],
    frozen: Frozen,
    seed: int,
) -> Row:
    texts = operator(inputs(data.kind, parent.fields), frozen, parent.language, random.Random(seed))
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
