"""The last guard before anything is trained: no training row knows an evaluation row.

A leak is a training row that is an evaluation row, nearly repeats one with its answer, or was made from one; and a
general text that holds one. The guard finds them on its own, from the rows, whatever the split believed.

Where the answer is a label, a near duplicate with another label gives no answer away: it is a conflict, which is
reported and, where the split is ours, kept on the same side. Of banking77's rows whose nearest neighbour has another
label 2% are within one word of it, and each of them would stop a run.

A translation there and back changes too many words for a rule about words. Of 50 such leaks planted in banking77 the
share found, and the share of natural pairs of one label that would be called leaks with them, by how much may differ:

    one word 18%, 8%     20% of the words 28%, 9%     30%: 50%, 18%     40%: 80%, 25%

A looser rule would stop every honest split. So the guard asks the translator: evaluation rows stand in its index as the
engines that the study names make them, and 49 of the 50 are found (benchmarks/data.py; tests/text/test_planted_leaks.py
bounds what natural pairs pay). What an engine made that the study does not name is found where a word or two differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seektune.errors import DataError
from seektune.score.options import CLASSES
from seektune.text.kinds import other_label, prompt_text, strings
from seektune.text.language import tokens
from seektune.text.near_index import NearIndex
from seektune.text.options import DataOptions
from seektune.text.reading import Row
from seektune.text.stored import write_lines
from seektune.text.translations import Translations
from seektune.trial import Json

GUARD_SEED = 2
"""Of the guard's MinHash permutations; clusters have 1."""

_NAMED = 10
_PROMPT_TOKENS, _PART_TOKENS = 6, 12
"""An evaluation row's prompt, and any other text of it (an answer, a turn of a chat), of at least so many tokens must not
stand in plain text. What is shorter stands in many texts by chance."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A training row, the evaluation row that it knows, and how."""

    train: Row
    evaluation: Row
    how: str

    def __str__(self) -> str:
        made = f" (made by {self.train.operator} from {self.train.parent})" if self.train.operator else ""
        return (
            f"{self.train.place} row {self.train.id}{made}, in train, {self.how} "
            f"{self.evaluation.place} row {self.evaluation.id}, in {self.evaluation.side}"
        )


class Guard:
    """The evaluation rows, ready to be asked about. A second opinion: its near duplicates are found by other
    permutations than those of the clusters, so that what these missed by chance is not missed again.

    Where the study translates, or says that its rows may have been translated, every evaluation row stands here three
    times: as it is, in the other language, and after a round trip."""

    def __init__(self, evaluation: Sequence[Row], data: DataOptions, translations: Translations | None = None) -> None:
        self._kind, self._near_duplicates = data.kind, data.checks.near_duplicates
        self._rows = list(evaluation)
        self._ids = {row.id: row for row in evaluation}
        self._groups = {row.group: row for row in evaluation if row.group}
        self._translated = list((translations or Translations(data)).forms(self._rows))
        count = len(self._rows) + len(self._translated)
        self._near = NearIndex(count, self._text, data.protected_terms, GUARD_SEED)

    def _text(self, i: int) -> str:
        if i < len(self._rows):
            return prompt_text(self._kind, self._rows[i].fields)
        return self._translated[i - len(self._rows)][1]

    def _row(self, i: int) -> Row:
        return self._rows[i] if i < len(self._rows) else self._translated[i - len(self._rows)][0]

    @property
    def cut(self) -> int:
        """Rows that may have missed a near one."""
        return self._near.cut

    def leak(self, row: Row) -> Leak | None:
        """How `row` would leak, were it trained on."""
        if row.id in self._ids:
            return Leak(row, self._ids[row.id], "repeats")
        if row.parent in self._ids:
            return Leak(row, self._ids[row.parent], "was made from")
        if row.group in self._groups:
            return Leak(row, self._groups[row.group], "is of the same group as")
        if self._near_duplicates:
            for i in self._near.near(prompt_text(self._kind, row.fields)):
                if not other_label(self._kind, row.fields, self._row(i).fields):
                    how = "nearly repeats" if i < len(self._rows) else "nearly repeats a translation of"
                    return Leak(row, self._row(i), how)
        return None

    def holding(self, general: Sequence[Row]) -> dict[str, Row]:
        """Plain texts (by id) that hold an evaluation row's words, or nearly repeat one."""
        found: dict[str, Row] = {}
        if not general:
            return found
        starts: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
        for i, row in enumerate(self._rows):
            for part, own in enumerate(self._parts(row)):
                words = tokens(own)
                if len(words) >= (_PART_TOKENS if part else _PROMPT_TOKENS):
                    starts[tuple(words[:_PROMPT_TOKENS])].append((i, part))
        for text in general:
            words = tokens(text.fields["text"])
            for start in range(len(words) - _PROMPT_TOKENS + 1):
                for i, part in starts.get(tuple(words[start : start + _PROMPT_TOKENS]), ()):
                    wanted = tokens(self._parts(self._rows[i])[part])
                    if words[start : start + len(wanted)] == wanted:
                        found.setdefault(text.id, self._rows[i])
            if text.id not in found and (hits := self._near.near(text.fields["text"])):
                found[text.id] = self._row(hits[0])
        return found

    def _parts(self, row: Row) -> list[str]:
        """The whole prompt first, then every text of it; labels are none."""
        texts = [] if self._kind in CLASSES else strings(row.fields)
        return [prompt_text(self._kind, row.fields), *texts]

    @property
    def too_short(self) -> int:
        """Evaluation rows of so few tokens that plain text is not searched for their words."""
        return sum(len(self._near.words(i)) < _PROMPT_TOKENS for i in range(len(self._rows)))


def refuse(leaks: Sequence[Leak], listed: Path) -> None:
    """Raise DataError for any leak, and list all of them as JSON lines in the file `listed`; a training row that knows
    several rows, or one in several ways, is named once."""
    if once := list({id(leak.train): leak for leak in reversed(leaks)}.values())[::-1]:
        named = "\n".join(f"  {leak}" for leak in once[:_NAMED])
        write_lines(
            listed,
            ({"train": _place(leak.train), "how": leak.how, "evaluation": _place(leak.evaluation)} for leak in once),
        )
        raise DataError(
            f"{len(once):,} training row{'s' if len(once) > 1 else ''} would leak evaluation rows, so that no score "
            f"could be trusted; take them out of one side, or leave split.column out and let the split keep them "
            f"together; all of them are listed in {listed}; the first:\n{named}"
        )


def _place(row: Row) -> Json:
    return {"file": row.file, "line": row.line, "id": row.id, "split": row.side}
