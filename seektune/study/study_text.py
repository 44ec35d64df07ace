"""A study's text as its trials see it: what `prepare` trains on, and what `seektune data` shows without training.

Rows are read, checked, split and augmented (text/rows.py); a base that is made from nothing gets a tokenizer learned
from them; everything is tokenised once. All of it is kept in the cache by content, so that whoever asks second gets it
at once. Raises DataError.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from seektune.study_file import StudyFile
from seektune.text.data_report import after_tokenising
from seektune.text.mixing import BaseText, DomainMix
from seektune.text.rows import RowSet, prepare_rows
from seektune.text.store import TokenStore
from seektune.text.tokens import tokenise, train_tokenizer
from seektune.trial import Json


@dataclass(frozen=True)
class StudyText:
    """Rows, the tokenizer (a folder or hub id), and their tokens."""

    rows: RowSet
    tokenizer: str
    store: TokenStore

    @cached_property
    def report(self) -> Json:
        """Of the rows, with those that could not be tokenised counted as dropped."""
        return after_tokenising(self.rows.report, self.store.dropped())


def study_text(study: StudyFile, cache: Path) -> StudyText:
    """Of a study that has data (not a simulated one)."""
    data, model = study.data, study.model
    assert data is not None
    rows = prepare_rows(data, cache, study.seed)
    own = model.folder or model.hub
    tokenizer = str(own or train_tokenizer(rows, model.pretrain.vocabulary, cache))
    options = model.continued_pretraining
    base: BaseText = DomainMix(options.domain_share, options.tokens) if options else "stream" if own is None else None
    return StudyText(rows, tokenizer, tokenise(rows, tokenizer, model.revision, data.max_length, cache, base))
