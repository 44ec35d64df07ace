"""The words of one input, and which of them may be edited: free, standing by themselves, and no names.

A name is a word with a capital, unless it opens a sentence and no capital follows; in Chinese, what jieba's dictionary
tags as one. A part of a compound (top-up, AT&T) stays as it is.
"""

from __future__ import annotations

from functools import cached_property

from seektune.text.augmentation.frozen import Frozen, Span
from seektune.text.language import han_flag, has_han, word_set, word_spans

STOP_WORDS = word_set(
    "a an the this that these those my your his her its our their some any each every all both either another "
    "such and or but if then than as at by for from in into of off on onto out over to under up down upon with "
    "within about after before between during through until while because since so too very just only also even "
    "still yet again here there when where why how what which who whom whose i you he she it we they me him us "
    "them mine yours ours theirs myself yourself be am is are was were been being do does did done doing have has "
    "had having will would shall should can could may might must ought let get gets got getting go goes went "
    "going gone make makes made take takes took come comes came put give gave gives say said says see sees saw "
    "thing things way one ones much many more most few little less least other same own please thanks thank ok "
    "okay yes well back still ever now today tomorrow yesterday"
)
NAME_FLAGS = frozenset({"nr", "ns", "nt", "nz", "nrt", "nrfg"})
_GLUE = frozenset("-'’&+*$%·_")
_ENDS = frozenset(".!?:…。！？：")
_OPENING = frozenset("\"'“‘«「『(（[*")


class Words:
    """A text cut into words. `open`: numbers of those that may be edited."""

    def __init__(self, text: str, frozen: Frozen) -> None:
        self.text = text
        self.spans: tuple[Span, ...] = word_spans(text)
        self._frozen = frozen

    @cached_property
    def open(self) -> list[int]:
        held = bytearray(len(self.text))
        for start, end in self._frozen.spans(self.text):
            held[start:end] = b"\1" * (end - start)
        return [
            i
            for i, (start, end) in enumerate(self.spans)
            if held.find(1, start, end) < 0 and not self._glued(start, end) and not self._name(i)
        ]

    def __getitem__(self, i: int) -> str:
        return self.text[slice(*self.spans[i])]

    def neighbour(self, i: int, step: int) -> str:
        """The lower-case word before (-1) or after (1); "" across punctuation."""
        return self[i + step].lower() if self.joined(min(i, i + step)) else ""

    def neighbours(self, i: int) -> list[str]:
        """Of the words before and after those that are joined to word `i`."""
        return [self[at] for at in (i - 1, i + 1) if self.joined(min(i, at))]

    def joined(self, i: int) -> bool:
        """Whether a word follows word `i` with nothing but blanks, or in Chinese nothing, between them."""
        if not 0 <= i < len(self.spans) - 1:
            return False
        between = self.text[self.spans[i][1] : self.spans[i + 1][0]]
        return not between.strip(" ") and (between != "" or has_han(self[i] + self[i + 1]))

    def opens(self, i: int) -> bool:
        """Whether a word is the first of a sentence or a line."""
        at = self.spans[i][0]
        while at and (self.text[at - 1] in _OPENING or (self.text[at - 1].isspace() and self.text[at - 1] != "\n")):
            at -= 1
        return at == 0 or self.text[at - 1] == "\n" or self.text[at - 1] in _ENDS

    def _glued(self, start: int, end: int) -> bool:
        return self.text[max(0, start - 1) : start] in _GLUE or self.text[end : end + 1] in _GLUE

    def _name(self, i: int) -> bool:
        word = self[i]
        if has_han(word):
            return han_flag(word) in NAME_FLAGS
        if word == word.lower():
            return False
        follows = self.joined(i) and self[i + 1][:1].isupper()
        return word[1:] != word[1:].lower() or follows or not self.opens(i)
