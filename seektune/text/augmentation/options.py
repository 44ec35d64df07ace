"""What a study file may say about augmentation, and which operators there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from seektune.errors import nearest
from seektune.options import Entry, Options


class TranslatorOptions(Options):
    """An encoder-decoder model (MarianMT and others) that translates one way; safetensors only."""

    folder: str | None = None
    """Folder of the model and its tokenizer, as `save_pretrained` writes it."""
    hub: str | None = None
    """Hub id; needs `revision`."""
    revision: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")
    """Commit of the hub model (40 hex digits)."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.folder is None) == (self.hub is None):
            raise ValueError("a translator needs exactly one of folder and hub")
        if self.hub is not None and self.revision is None:
            raise ValueError("a hub model needs its revision (commit, 40 hex digits), so that it cannot change")
        return self


class BackTranslationOptions(Options):
    """Into another language and back: by an installed Apertium pair, or by two models; what the answer says, numbers,
    negation and protected terms stay."""

    engine: Literal["apertium", "seq2seq"] = "apertium"
    """apertium: rules, on CPU, hundreds of rows a second; seq2seq: models through transformers."""
    pair: str = Field(default="eng-spa", pattern=r"^\w+-\w+$")
    """Apertium's pair, from the rows' language: eng-spa needs Debian's packages apertium and apertium-eng-spa."""
    forward: TranslatorOptions | None = None
    """The model from the rows' language."""
    backward: TranslatorOptions | None = None
    """The model back into it."""
    temperature: float = Field(default=0.0, ge=0, le=2)
    """seq2seq: 0 takes the likeliest word each time, so that copies are equal; above it, words are drawn."""
    languages: list[Literal["en", "zh", "other"]] = Field(default=["en"], min_length=1)
    """Rows of these languages are translated, as the data report counts them (en: Latin script, zh: Chinese)."""

    @model_validator(mode="after")
    def _whole_engine(self) -> Self:
        models = (self.forward is not None) + (self.backward is not None)
        if self.engine == "seq2seq" and models < 2:
            raise ValueError("engine seq2seq needs forward and backward: a model for each direction")
        own = {"eng": "en", "zho": "zh"}.get(self.pair.partition("-")[0])
        if self.engine == "apertium" and own and own not in self.languages:
            raise ValueError(f"pair {self.pair} translates rows of language {own}, but languages is {self.languages}")
        if self.engine == "apertium" and (models or self.temperature):
            raise ValueError("forward, backward and temperature are of engine seq2seq; write `engine: seq2seq`")
        return self


class SynonymOptions(Options):
    """WordNet synonyms: same part of speech, first sense; numbers, names, stop words and answer words stay."""

    rate: float = Field(default=0.15, gt=0, le=1)
    """Share of the eligible words that are replaced."""


class LexiconOptions(Options):
    """Trade jargon and its variants from a CSV with the columns term, variant, language."""

    path: str
    """The CSV file."""
    rate: float = Field(default=0.5, gt=0, le=1)
    """Share of the found terms that are replaced."""


class DeletionOptions(Options):
    """Words left out; those that carry numbers, negation, direction, quantity or a question stay, so do names."""

    rate: float = Field(default=0.1, gt=0, le=1)
    """Share of the eligible words that are deleted; of two neighbours at most one."""


class SwapOptions(Options):
    """Neighbouring words exchanged, of the same that may be deleted."""

    rate: float = Field(default=0.1, gt=0, le=1)
    """Share of the eligible pairs that are exchanged."""


class InsertionOptions(Options):
    """A WordNet synonym of some word, put between two neighbouring words."""

    rate: float = Field(default=0.1, gt=0, le=1)
    """Share of the words with a synonym of which one is inserted."""


class TyposOptions(Options):
    """Mistyped words: neighbouring keys, letters exchanged, dropped or doubled; Chinese characters exchanged."""

    rate: float = Field(default=0.05, gt=0, le=1)
    """Share of the eligible words that are mistyped."""


class MentionOptions(Options):
    """Names in tagged rows, replaced by other names of their type and length from the training rows."""

    rate: float = Field(default=0.5, gt=0, le=1)
    """Share of the replaceable mentions that are replaced."""


@dataclass(frozen=True, slots=True)
class AugmenterEntry(Entry):
    """A registry line of an augmenter."""

    kinds: frozenset[str]
    mentions: bool = False  # whether it may edit what the tags of a row name


ANSWERED = frozenset({"instruction", "chat", "classification", "summary"})
TAGGED = frozenset({"tagging"})

AUGMENTERS: Mapping[str, AugmenterEntry] = {
    "synonym": AugmenterEntry(SynonymOptions, "seektune.text.augmentation.synonym:synonym", ANSWERED | TAGGED),
    "lexicon": AugmenterEntry(LexiconOptions, "seektune.text.augmentation.lexicon:lexicon", ANSWERED | TAGGED),
    "deletion": AugmenterEntry(DeletionOptions, "seektune.text.augmentation.noise:deletion", ANSWERED),
    "swap": AugmenterEntry(SwapOptions, "seektune.text.augmentation.noise:swap", ANSWERED),
    "insertion": AugmenterEntry(InsertionOptions, "seektune.text.augmentation.synonym:insertion", ANSWERED),
    "typos": AugmenterEntry(TyposOptions, "seektune.text.augmentation.noise:typos", ANSWERED | TAGGED),
    "mention": AugmenterEntry(MentionOptions, "seektune.text.augmentation.mention:mention", TAGGED, mentions=True),
    "back_translation": AugmenterEntry(
        BackTranslationOptions, "seektune.text.augmentation.back_translation:BackTranslation", ANSWERED
    ),
}


def cannot_edit(name: str, kind: str) -> str:
    """Why an operator is not for rows of a kind; "" where it is."""
    if kind in AUGMENTERS[name].kinds:
        return ""
    others = ", ".join(other for other, entry in AUGMENTERS.items() if kind in entry.kinds)
    if not others:
        return f"augmentation edits inputs only, and a row of kind {kind} has none; take {name} out"
    why = "would change the number of tokens, which have a tag each" if kind == "tagging" else "needs tagged rows"
    return f"{name} {why}; operators for kind {kind}: {others}"


class FilterOptions(Options):
    """Which augmented rows are good enough; the others are counted by reason."""

    length_ratio: list[float] = Field(default=[0.6, 1.7], min_length=2, max_length=2)
    """Least and most, child to parent, in characters; in Han characters for Chinese."""
    overlap: float = Field(default=0.5, ge=0, le=1)
    """Share of the parent's tokens that a child keeps, at least."""

    @model_validator(mode="after")
    def _around_one(self) -> Self:
        if not 0 <= self.length_ratio[0] <= 1 <= self.length_ratio[1]:
            raise ValueError(f"`0 <= least <= 1 <= most` must hold for length_ratio, but got {self.length_ratio}")
        return self


ALL, NONE, JOIN = "all", "none", "+"
"""How a trial names operators: all, none, or names joined by `+`."""
MOST_COPIES = 10


class AugmentOptions(Options):
    """New training rows made from old ones; train split only, inputs only."""

    operators: list[str | dict[str, object]] = Field(default=[])
    """Names of operators, or `{name: settings}`: synonym, lexicon, deletion, swap, insertion, typos, back_translation;
    for kind tagging synonym, lexicon, typos, mention."""
    copies: int = Field(default=1, ge=0, le=MOST_COPIES)
    """New rows asked of each operator (at each rate) per training row."""
    rates: list[Annotated[float, Field(gt=0, le=1)]] = Field(default=[])
    """Rates at which every operator that has one works, instead of its own; more than one, and a trial's parameter
    `augment_rate` chooses."""
    share: float = Field(default=1.0, gt=0, le=1)
    """Share of the training rows that are augmented."""
    filter: FilterOptions = FilterOptions()

    @model_validator(mode="after")
    def _known_operators(self) -> Self:
        try:
            names = [name for name, _ in self.settings()]
        except ValidationError as error:  # else its keys would be taken for keys of this block
            raise ValueError(str(error)) from None
        if len(set(names)) < len(names):
            raise ValueError(f"an operator stands twice in operators: {', '.join(names)}")
        return self

    def settings(self) -> list[tuple[str, Options]]:
        """(name, validated settings) of each operator, in order."""
        found: list[tuple[str, Options]] = []
        for item in self.operators:
            if isinstance(item, dict) and len(item) != 1:
                raise ValueError(f"expected an operator's name or {{name: settings}}, but got {item!r}")
            name, settings = (item, {}) if isinstance(item, str) else next(iter(item.items()))
            if name not in AUGMENTERS:
                raise ValueError(
                    f"unknown operator {name!r}; known: {', '.join(AUGMENTERS)}{nearest(str(name), AUGMENTERS)}"
                )
            found.append((name, AUGMENTERS[name].settings.model_validate(settings or {})))
        return found
