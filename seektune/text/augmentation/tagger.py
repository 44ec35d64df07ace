"""Parts of speech of English words in their sentence, by NLTK's averaged perceptron, where its data is to be found.

Where it is not, callers have a rule of their own (synonym.py). The data is fetched in set-up, like WordNet's.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from seektune.text.augmentation import nltk_data

TAGGER = "averaged_perceptron_tagger_eng"
_FILES = [f"{TAGGER}.{name}.json" for name in ("weights", "tagdict", "classes")]
_TOKEN = re.compile(r"\w+?(?=n['’]t\b)|n['’]t\b|['’]\w+|\w+|[^\w\s]")  # as its training text is cut: do n't
_PARTS = {"NN": "n", "NNS": "n", "VB": "v", "JJ": "a", "RB": "r"}


def find_tagger(*, download: bool = False) -> Path | None:
    """The nltk_data folder that holds the tagger; None where there is none."""
    for folder in nltk_data.folders():
        if _holds(folder):
            return folder
    target = nltk_data.target() if download else None
    return target if target and nltk_data.download("Tagger", (TAGGER,), target, _holds) else None


def describe_tagger(folder: Path | None) -> str:
    """One line for people."""
    if folder is None:
        return "Tagger: not found; the word before decides the part of speech where WordNet leaves a choice"
    return f"Tagger: {folder / 'taggers'}"


def tagger_identity(folder: Path) -> str:
    """Names and sizes of what lies there."""
    found = sorted([*folder.glob(f"taggers/{TAGGER}.zip"), *folder.glob(f"taggers/{TAGGER}/*.json")])
    return " ".join(f"{path.name}:{path.stat().st_size}" for path in found)


class Tagger:
    """The tagger of one folder; opened when it is made."""

    def __init__(self, folder: Path) -> None:
        from nltk.tag.perceptron import PerceptronTagger

        nltk_data.on_path(folder)
        self._tagger = PerceptronTagger()
        self.parts = lru_cache(maxsize=1_024)(self._tag)

    def _tag(self, text: str) -> dict[int, str]:
        """Where a word begins -> "n", "v", "a" or "r"; names and function words are left out."""
        found = list(_TOKEN.finditer(text))
        tagged = self._tagger.tag([match.group().replace("’", "'") for match in found])
        parts = ((match.start(), _part(tag)) for match, (_, tag) in zip(found, tagged, strict=True))
        return {start: part for start, part in parts if part}


def _part(tag: str) -> str | None:
    """WordNet's part of speech for a tag of the Penn Treebank; forms of a verb, adjective or adverb are one."""
    return _PARTS.get(tag) or _PARTS.get(tag[:2] if tag[:1] in "VJR" else "")


def _holds(folder: Path) -> bool:
    taggers = folder / "taggers"
    return (taggers / f"{TAGGER}.zip").is_file() or all((taggers / TAGGER / name).is_file() for name in _FILES)
