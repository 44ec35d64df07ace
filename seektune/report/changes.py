"""What changed between two texts, word by word (difflib's matching blocks); Chinese character by character."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from seektune.report.blocks import Marked

_PIECE = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+|\s+|.", re.DOTALL)


def changes(before: str, after: str) -> tuple[Marked, Marked]:
    """Both texts, with the parts marked that the other does not have."""
    old, new = _PIECE.findall(before), _PIECE.findall(after)
    one: list[tuple[str, bool]] = []
    two: list[tuple[str, bool]] = []
    for kind, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        for parts, pieces in ((one, old[i:j]), (two, new[k:m])):
            if pieces:
                parts.append(("".join(pieces), kind != "equal"))
    return Marked(tuple(one)), Marked(tuple(two))
