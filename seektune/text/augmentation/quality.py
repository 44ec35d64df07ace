"""Is a child good enough to train on? The filter after every operator, and its words for what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from seektune.text.augmentation.frozen import Frozen
from seektune.text.augmentation.options import AUGMENTERS
from seektune.text.duplicates import meaning
from seektune.text.kinds import prompt_text
from seektune.text.language import han_characters, tokens
from seektune.text.options import DataOptions
from seektune.text.reading import Row


def fault(parent: Row, child: Row, data: DataOptions, frozen: Frozen, known: Collection[str]) -> str:
    """Why a child is not good enough; "" where it is. `known`: ids of the rows there are."""
    before, after = prompt_text(data.kind, parent.fields), prompt_text(data.kind, child.fields)
    limits = data.augment.filter
    if before == after:
        return "nothing to replace"
    if data.kind == "tagging" and (reason := _untrue_tags(parent, child)):
        return reason
    if child.id in known:
        return "repeats a row"
    if parent.language != child.language:
        return "another language"
    lengths = [han_characters(text) if parent.language == "zh" else len(text) for text in (before, after)]
    if not limits.length_ratio[0] <= lengths[1] / max(1, lengths[0]) <= limits.length_ratio[1]:
        return "length ratio"
    old, new = tokens(before), tokens(after)
    if (Counter(old) & Counter(new)).total() < limits.overlap * len(old):
        return "overlap"
    if meaning(old, data.protected_terms) != meaning(new, data.protected_terms):
        return "numbers, negation or protected terms changed"
    if frozen.lost(before, after):
        return "answer span lost"
    return ""


def _untrue_tags(parent: Row, child: Row) -> str:
    """Why the tags, which stay, would no longer be those of the tokens."""
    old, new, tags = parent.fields["tokens"], child.fields["tokens"], child.fields["tags"]
    if len(new) != len(tags) or "" in new:
        return "tokens changed"
    edits_mentions = child.operator is not None and AUGMENTERS[child.operator].mentions
    named = any(a != b for a, b, tag in zip(old, new, tags, strict=True) if tag != "O")
    return "mention changed" if named and not edits_mentions else ""
