"""What does the leak guard find, and what does it call a leak that is none? Real bank questions, planted leaks.

The questions are split as seektune splits them. Then training rows are planted that know an evaluation row, of five
sorts: its copy, the same in other case and spaces, with one word changed, a child that an augmenter made of it, and what
the program `apertium` (run row by row, as anybody would) makes of it in Spanish and back. A study that brings these rows
in a split of its own must be refused, by as many leaks as were planted. Innocent are rows whose nearest neighbour has
another label: with that neighbour in evaluation, the guard must let them train.

`curve` shows what a looser rule would do: how many words may differ, against leaks found, innocents called, and natural
pairs of one label called - which is where a looser rule breaks: every tenth of these more stops a user's own split, and
ties a tenth more of the rows together in ours.
"""

from __future__ import annotations

import csv
import json
import random
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from seektune.errors import DataError
from seektune.text.augmentation.augment import augment
from seektune.text.duplicates import edits, meaning
from seektune.text.language import is_negation, is_number, tokens
from seektune.text.leaks import Guard
from seektune.text.options import DataOptions
from seektune.text.reading import Row, row_id
from seektune.text.rows import prepare_rows

KIND = "classification"
SORTS = ("copy", "case_and_space", "one_word", "child", "back_translation")
INNOCENTS = 200
_CHUNK = 500
LIMITS = {"equal": -1.0, "1_word": 0.0, "10pct": 0.1, "20pct": 0.2, "30pct": 0.3, "40pct": 0.4}
TRANSLATED = [{"engine": "apertium", "pair": "eng-spa"}]

Json = dict[str, Any]


def options(path: Path, **more: Any) -> DataOptions:
    source = {"path": str(path), "columns": {"label": "category"}}
    return DataOptions.model_validate({"kind": KIND, "sources": [source], **more})


def row(text: str, label: str, side: str = "") -> Row:
    fields = {"text": text, "label": label}
    return Row(row_id(KIND, fields), fields, "en", "planted", "planted", 0, side=side)


def split(shared: Path, cache: Path) -> list[Json]:
    """Every question that is used, with the side that seektune gave it."""
    rows = prepare_rows(options(shared / "cls_banking77/banking77.csv", checks={"translations": TRANSLATED}), cache, 0)
    names = {"train": "train", "validation": "validation", "test": "test"}
    return [
        {"id": one["id"], "text": one["text"], "category": one["label"], "parent": None, "split": side}
        for name, side in names.items()
        for one in rows.rows(name)
    ]


def planted(questions: Sequence[Json], each: int, sorts: Sequence[str] = SORTS) -> dict[str, list[Json]]:
    """`each` training rows of every sort that know a test row."""
    rng = random.Random(11)
    tested = [one for one in questions if one["split"] == "test" and len(tokens(one["text"])) >= 4]
    words = sorted({word for one in questions for word in tokens(one["text"]) if word.isalpha() and len(word) > 2})
    words = [word for word in words if not is_number(word) and not is_negation(word)]
    picked = rng.sample(tested, each * len(sorts))
    found: dict[str, list[Json]] = {}
    for number, sort in enumerate(sorts):
        sources = picked[number * each : (number + 1) * each]
        texts = [source["text"] for source in sources]
        parents: list[str | None] = [None] * each
        if sort == "case_and_space":
            texts = [f"  {'   '.join(text.upper().split())} " for text in texts]
        elif sort == "one_word":
            texts = [_one_word(text, words, rng) for text in texts]
        elif sort == "back_translation":
            texts = [_round_trip(text) for text in texts]
        elif sort == "child":
            texts, parents = _children(tested, each)
            known = {one["id"]: one for one in tested}
            sources = [known[str(parent)] for parent in parents]
        found[sort] = [
            {
                "id": f"{sort}{i}",
                "text": text,
                "category": source["category"],
                "parent": parent,
                "split": "train",
                "knows": source["text"],
            }
            for i, (text, source, parent) in enumerate(zip(texts, sources, parents, strict=True))
        ]
    return found


def _one_word(text: str, words: Sequence[str], rng: random.Random) -> str:
    places = [
        m for m in re.finditer(r"[A-Za-z]+", text) if not is_number(m[0].lower()) and not is_negation(m[0].lower())
    ]
    place = rng.choice(places)
    return text[: place.start()] + rng.choice(words) + text[place.end() :]


def _round_trip(text: str) -> str:
    for pair in ("eng-spa", "spa-eng"):
        text = subprocess.run(["apertium", "-u", pair], input=text, capture_output=True, text=True, check=True).stdout
    return text


def _children(tested: Sequence[Json], count: int) -> tuple[list[str], list[str | None]]:
    """Texts and parents' ids of what the operator `synonym` makes of test rows."""
    data = options(Path("planted"), augment={"operators": [{"synonym": {"rate": 0.5}}]})
    rows = [row(one["text"], one["category"], "train") for one in tested]
    children, _ = augment(rows, data, 0, Guard([], data))
    chosen = random.Random(12).sample(children, count)
    return [child.fields["text"] for child in chosen], [child.parent for child in chosen]


def refused(folder: Path, questions: Sequence[Json], more: Sequence[Json]) -> int:
    """Leaks that a study with this split of its own is refused for; 0: it is let through."""
    path = folder / "own_split.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in (*questions, *more)), encoding="utf-8")
    data = options(path, split={"column": "split"}, checks={"translations": TRANSLATED})
    try:
        prepare_rows(data, folder / "cache", 0)
    except DataError as error:
        count = re.search(r"([\d,]+) training rows? would leak", str(error))
        if count is None:
            raise
        return int(count[1].replace(",", ""))
    return 0


def nearest(shared: Path, *, same_label: bool) -> list[tuple[Json, Json]]:
    """Natural pairs: a question and its nearest neighbour (cosine of character 4-grams), of the same or another label."""
    with (shared / "cls_banking77/banking77.csv").open(encoding="utf-8", newline="") as file:
        rows: list[Json] = list(csv.DictReader(file))
    grams = TfidfVectorizer(analyzer="char_wb", ngram_range=(4, 4), sublinear_tf=True)
    vectors = grams.fit_transform([one["text"] for one in rows])
    closest: list[int] = []
    for start in range(0, len(rows), _CHUNK):
        likeness = (vectors[start : start + _CHUNK] @ vectors.T).toarray()
        likeness[np.arange(len(likeness)), start + np.arange(len(likeness))] = 0  # itself
        closest += likeness.argmax(axis=1).tolist()
    pairs = [(one, rows[other]) for one, other in zip(rows, closest, strict=True)]
    found, neighbours = [], set[str]()
    for one, other in pairs:  # a row is on one side only
        if (one["category"] == other["category"]) == same_label and one["text"] not in neighbours:
            found.append((one, other))
            neighbours.add(other["text"])
    rows_of = {other["text"] for _, other in found}
    return [(one, other) for one, other in found if one["text"] not in rows_of]


def called(pairs: Sequence[tuple[Json, Json]]) -> int:
    """Rows that the guard would not let train, with their neighbour in evaluation."""
    data = options(Path("planted"), checks={"translations": TRANSLATED})
    guard = Guard([row(other["text"], other["category"], "test") for _, other in pairs], data)
    return sum(guard.leak(row(one["text"], one["category"], "train")) is not None for one, _ in pairs)


def curve(sorts: dict[str, list[tuple[str, str]]]) -> dict[str, float]:
    """Share of the pairs of each sort that a rule calls near, for rules that let more and more words differ."""
    figures = {}
    for name, share in LIMITS.items():
        for sort, pairs in sorts.items():
            near = [_within(tokens(a), tokens(b), share) for a, b in pairs]
            figures[f"curve_{sort}_{name}"] = sum(near) / len(near)
    return figures


def _within(a: list[str], b: list[str], share: float) -> bool:
    limit = 0 if share < 0 else max(1, int(share * max(len(a), len(b))))
    return meaning(a) == meaning(b) and edits(a, b, limit) <= limit


def figures_of_leaks(shared: Path, each: int = 50) -> dict[str, float]:
    """All figures; `each` leaks of every sort."""
    rng = random.Random(13)
    others, alike = nearest(shared, same_label=False), nearest(shared, same_label=True)
    innocents = rng.sample(others, INNOCENTS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        questions = split(shared, folder / "cache")
        assert refused(folder, questions, []) == 0, "the split of seektune leaks"
        leaks = planted(questions, each)
        figures: dict[str, float] = {
            f"leaks_found_{sort}": refused(folder, questions, rows) for sort, rows in leaks.items()
        }
    figures["leaks_found"] = sum(figures.values())
    figures["leaks_planted"] = each * len(SORTS)
    figures["innocent_called_leak"] = called(innocents)
    figures["innocent_called_leak_of_nearest"] = called(sorted(others, key=_unlikeness)[:INNOCENTS])
    pairs = {sort: [(one["text"], one["knows"]) for one in leaks[sort]] for sort in ("one_word", "back_translation")}
    for name_of, natural in (("innocents", innocents), ("natural_same_label", rng.sample(alike, 500))):
        pairs[name_of] = [(one["text"], other["text"]) for one, other in natural]
    return figures | curve(pairs)


def _unlikeness(pair: tuple[Json, Json]) -> float:
    a, b = (tokens(one["text"]) for one in pair)
    return edits(a, b, 20) / max(len(a), len(b))
