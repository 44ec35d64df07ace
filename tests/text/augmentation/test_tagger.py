"""The tagger decides the part of speech: a small one, trained here, saved and found as NLTK keeps its own."""

from __future__ import annotations

import random
from pathlib import Path

import nltk
import pytest
from nltk.tag.perceptron import PerceptronTagger

from seektune.text.augmentation.frozen import Frozen
from seektune.text.augmentation.operator import Draft
from seektune.text.augmentation.options import SynonymOptions
from seektune.text.augmentation.synonym import Synonym
from seektune.text.augmentation.tagger import TAGGER, Tagger, find_tagger
from seektune.text.augmentation.wordnet import find_wordnet
from seektune.text.reading import Row

needs_wordnet = pytest.mark.skipif(find_wordnet() is None, reason="no WordNet on this machine")

TAGGED = """
I/PRP want/VBP to/TO help/VB a/DT new/JJ friend/NN ./.
The/DT help/NN was/VBD large/JJ ./.
My/PRP$ help/NN failed/VBD ./.
A/DT large/JJ help/NN came/VBD ./.
The/DT new/JJ help/NN was/VBD quick/JJ ./.
Her/PRP$ friends/NNS help/VBP me/PRP ./.
The/DT friends/NNS help/VBP Mary/NNP ./.
They/PRP help/VBP friends/NNS every/DT day/NN ./.
We/PRP do/VBP n't/RB help/VB anyone/NN ./.
They/PRP do/VBP n't/RB help/VB me/PRP ./.
I/PRP want/VBP {/-LRB- help/NN }/-RRB- ./.
We/PRP want/VBP it/PRP quickly/RB ./.
Can/MD you/PRP help/VB me/PRP ?/.
John/NNP helped/VBD Mary/NNP ./.
John/NNP was/VBD quick/JJ ./.
She/PRP helps/VBZ me/PRP ./.
She/PRP was/VBD helping/VBG me/PRP ./.
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An nltk_data folder with the tagger, first on NLTK's path."""
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path), *nltk.data.path])
    sentences = [
        [(word, tag) for pair in line.split() for word, _, tag in [pair.rpartition("/")]]
        for line in TAGGED.strip().splitlines()
    ]
    tagger = PerceptronTagger(load=False)
    random.seed(0)  # its training shuffles by the global numbers
    tagger.train(sentences, nr_iter=20)
    tagger.save_to_json(lang="eng", loc=str(tmp_path / "taggers" / TAGGER))
    return tmp_path


def test_it_is_found_and_reads_parts_of_speech(folder: Path) -> None:
    assert find_tagger() == folder
    text = "We don't help friends. The help was quick, John helped."
    parts = [
        (word, Tagger(folder).parts(text).get(text.index(word))) for word in ("friends", "quick", "helped", "John")
    ]
    assert parts == [("friends", "n"), ("quick", "a"), ("helped", "v"), ("John", None)]
    assert [Tagger(folder).parts(text)[text.index(help)] for help in ("help f", "help w")] == ["v", "n"]


def edited(text: str, frozen: Frozen | None = None) -> set[str]:
    """What twenty seeds make of a text."""
    operator, row = Synonym(SynonymOptions()), Row("r", {"text": text, "label": "a"}, "en", "s", "s", 1)
    held = frozen or Frozen.of("", frozenset(), ())
    return {operator([Draft(row, (text,), held, random.Random(seed))], 1.0)[0][0] for seed in range(20)}


@needs_wordnet
def test_it_decides_where_the_word_before_would_not(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verb, noun = "Her friends help Mary .", "The new help was quick ."
    assert edited(verb) == {"Her friends assist Mary .", "Her friends aid Mary ."}
    assert {text.split()[2] for text in edited(noun)} == {"assist", "assistance"}
    assert "averaged_perceptron_tagger_eng.weights.json" in Synonym(SynonymOptions()).identity
    monkeypatch.setattr(nltk.data, "path", nltk.data.path[1:])
    if find_tagger() is None:
        assert "tagger: none" in Synonym(SynonymOptions()).identity
        assert edited(verb) == {verb}


@needs_wordnet
@pytest.mark.parametrize("tagged", [True, False])
@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("We help Help Mary", "Help Mary"),  # a name
        ("Help Mary said they help me", "Help Mary said"),
        ("They help {help} and {help me}", "{help} and {help me}"),
        ("They help [HELP] [first help] <help>", "[HELP] [first help] <help>"),
        ("They help http://help.org/help or help@help.org", "http://help.org/help or help@help.org"),
        ("They help $help with %s help_me", "$help with %s help_me"),
        ("They help to purchase the card", "purchase"),  # the answer says so
        ("They help to require a card", "require"),  # a label
        ("They help the self-help card", "self-help"),
    ],
)
def test_names_placeholders_answers_and_labels_stay(
    folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, kept: str, tagged: bool
) -> None:
    if not tagged:
        monkeypatch.setattr(nltk.data, "path", nltk.data.path[1:])
    frozen = Frozen.of("purchase it", frozenset({"require"}), ())
    assert all(kept in result for result in edited(text, frozen))
    assert text not in edited(text, frozen)  # the first help did change


@needs_wordnet
@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("She was helping me", {"assisting", "aiding"}),
        ("She helps me", {"assists", "aids"}),
        ("They purchase it", {"buy"}),
        ("They purchased it", {"purchased"}),  # bought: an irregular past is not guessed
        ("We help me", {"assist", "aid"}),
    ],
)
def test_inflection_goes_with_the_word(folder: Path, text: str, forms: set[str]) -> None:
    at = next(i for i, word in enumerate(text.split()) if word.startswith(("help", "purchase")))
    assert {result.split()[at] for result in edited(text)} == forms
