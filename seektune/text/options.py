"""What a study file may say about data."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from seektune.errors import nearest
from seektune.options import Options
from seektune.text.augmentation.options import AugmentOptions, BackTranslationOptions

Kind = Literal["text", "instruction", "chat", "classification", "tagging", "summary"]

COLUMNS: dict[str, tuple[str, ...]] = {
    "text": ("text",),
    "instruction": ("instruction", "input", "output"),
    "chat": ("messages",),
    "classification": ("text", "label"),
    "tagging": ("tokens", "tags"),
    "summary": ("document", "summary"),
}
"""What a row of each kind is made of."""

EXTRA_COLUMNS = ("id", "parent")
"""Read where a file has them: a row's own id, and the id of the row that it was made from by other means."""


class SourceOptions(Options):
    """One file, folder, glob or hub data set."""

    path: str | None = None
    """File, folder or glob; relative to the folder where seektune is called. JSON, JSONL, CSV, TSV, Parquet, text."""
    hub: str | None = None
    """`datasets` hub name; needs `revision`."""
    subset: str | None = None
    """Configuration of the hub data set, where it has several."""
    revision: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")
    """Commit of the hub data set (40 hex digits)."""
    weight: float | None = Field(default=None, gt=0)
    """Share of this source among the training rows, relative to the others (1 where only others name one); the
    smallest source is never repeated, so larger ones are cut. No weight at any source: every row is used."""
    columns: dict[str, str] = Field(default={})
    """Our column -> the file's column, for example `{input: context, output: response}`."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.hub is None):
            raise ValueError("a source needs exactly one of path and hub")
        if self.hub is not None and self.revision is None:
            raise ValueError("a hub data set needs its revision (commit, 40 hex digits), so that it cannot change")
        return self


class SplitOptions(Options):
    """Deterministic, by content hash, before anything learns from text."""

    validation: float = Field(default=0.1, gt=0, lt=0.5)
    """Share of the groups that rank trials."""
    test: float = Field(default=0.1, gt=0, lt=0.5)
    """Share of the groups locked away; read by `confirm` only. A group lies on the most protected side that one of its
    rows draws, so many near rows make it more."""
    group: str | list[str] | None = None
    """Column(s) whose equal values stay on one side; None: groups are clusters of near duplicates."""
    column: str | None = None
    """Column that names each row's own split (train, validation, test); a leak in it fails the run."""


class CheckOptions(Options):
    """Which rows are fit for use."""

    max_bad_share: float = Field(default=0.05, ge=0, le=1)
    """More quarantined rows than this, of the sources, or of general or domain text, stop the run."""
    malformed: Literal["fail", "quarantine"] = "fail"
    """A line that cannot be parsed (bad JSON, wrong number of fields): stop at the first, or quarantine it."""
    max_characters: int = Field(default=20_000, ge=1)
    """Longer rows are quarantined."""
    too_long: Literal["quarantine", "truncate"] = "truncate"
    """A row with more tokens than `max_length`: cut (answers kept, prompts cut from the left, tagged words from the right)
    or left out: counted as dropped, and listed beside the tokens."""
    near_duplicates: bool = True
    """Find near duplicates (MinHash); False: exact ones only."""
    translations: list[BackTranslationOptions] = Field(default=[])
    """Engines (as of the operator back_translation) by which rows may have been translated before they came here: the
    leak guard then knows evaluation rows in the other language, and after a round trip."""
    max_cluster: int = Field(default=50, ge=2)
    """A cluster of near duplicates with more rows than this stays whole but always trains, so that one template
    cannot fill an evaluation split."""

    @model_validator(mode="after")
    def _translations_are_near(self) -> Self:
        if self.translations and not self.near_duplicates:
            raise ValueError("translations are recognised as near duplicates; leave near_duplicates at true")
        return self


class DataOptions(Options):
    """From files to tokens."""

    kind: Kind
    """What a row is: text, instruction, chat, classification, tagging, summary."""
    sources: list[SourceOptions] = Field(min_length=1)
    """Where rows come from; several are mixed by weight."""
    split: SplitOptions = SplitOptions()
    checks: CheckOptions = CheckOptions()
    augment: AugmentOptions = AugmentOptions()
    max_length: int = Field(default=512, ge=8)
    """Tokens per row, prompt and answer together; text is cut into blocks of this length."""
    protected_terms: list[str] = Field(default=[])
    """Words that augmentation and duplicate search treat as meaning-bearing."""
    general: list[SourceOptions] = Field(default=[])
    """General text (kind text) for pre-training: of a base from nothing, or mixed with domain text (model)."""
    domain: list[SourceOptions] = Field(default=[])
    """Domain text (kind text) for continued pre-training; none: the train split's own text."""

    @model_validator(mode="after")
    def _known_columns(self) -> Self:
        for kind, sources in ((self.kind, self.sources), ("text", self.general), ("text", self.domain)):
            known = COLUMNS[kind] + EXTRA_COLUMNS
            for column in (column for source in sources for column in source.columns if column not in known):
                hint = nearest(column, known)
                raise ValueError(f"columns: kind {kind} has {', '.join(known)}, but got {column!r}{hint}")
        return self
