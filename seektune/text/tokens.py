"""From rows to tokens, once per (rows, tokenizer, length): training a tokenizer, and filling a TokenStore.

A trained tokenizer is byte-level BPE as DeepSeek's (Han runs and single digits apart), learned from the train split and
general text only. Both results are content-addressed folders in the cache. Raises DataError where a tokenizer cannot be
opened, and where no row has a token to learn.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from seektune.errors import DataError
from seektune.text.files.lines import counted
from seektune.text.kinds import running_text, strings
from seektune.text.mixing import BaseText, DomainMix
from seektune.text.options import COLUMNS
from seektune.text.rows import RowSet
from seektune.text.store import DROPPED, SPLITS, TokenStore, write_split
from seektune.text.stored import stored
from seektune.trial import Json, fingerprint

SCHEMA = 6
"""Raised when the same rows and tokenizer would give other tokens."""

MAX_LOST_SHARE = 0.05
"""More rows of a split than this without a target token, or refused by the chat template, stop the run."""

_TOKENIZER_FILES = (
    *("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json", "added_tokens.json"),
    *("tokenizer.model", "vocab.json", "merges.txt", "vocab.txt"),  # older forms, of which a fast one is made
)


def train_tokenizer(rows: RowSet, vocabulary: int, cache: Path) -> Path:
    """A tokenizer folder that `AutoTokenizer.from_pretrained` opens, with `vocabulary` tokens at most."""
    from seektune.text.layout import ASSISTANT, BOS, EOS, PAD, TRAINED_TEMPLATE, USER

    special = [PAD, BOS, EOS, USER, ASSISTANT]
    smallest = len(special) + 256
    if vocabulary < smallest:
        raise DataError(f"a byte-level vocabulary needs at least {smallest} tokens, but got {vocabulary}")

    def build(folder: Path) -> None:
        from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
        from transformers import PreTrainedTokenizerFast

        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.Split(Regex(r"[\p{Han}\p{Hiragana}\p{Katakana}]+"), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False),
            ]
        )
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary,
            min_frequency=2,
            special_tokens=special,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        tokenizer.train_from_iterator(_training_texts(rows), trainer)
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer,
            pad_token=PAD,
            bos_token=BOS,
            eos_token=EOS,
            additional_special_tokens=[USER, ASSISTANT],
            chat_template=TRAINED_TEMPLATE,
            clean_up_tokenization_spaces=False,
        ).save_pretrained(folder)

    key = fingerprint("tokenizer", SCHEMA, rows.fingerprint, vocabulary, TRAINED_TEMPLATE)
    return stored(cache / "tokenizers" / key[:32], build)


def _training_texts(rows: RowSet) -> Iterator[str]:
    for split, kind in (("general", "text"), ("train", rows.kind)):
        for row in (row for batch in rows.batches(split) for row in batch):
            if row["augment_seed"] is None:
                if kind == "tagging":
                    yield "".join(running_text(row["tokens"], row["language"]))
                else:
                    names = ("text",) if kind == "classification" else COLUMNS[kind]
                    yield from strings({name: row[name] for name in names})


def tokenise(
    rows: RowSet,
    tokenizer: Path | str,
    revision: str | None,
    max_length: int,
    cache: Path,
    base: BaseText = None,
) -> TokenStore:
    """Tokens of all splits. `tokenizer` is a folder, or a hub id with its pinned revision; `base`: what the base is to be
    pre-trained on."""
    folder = Path(tokenizer)
    identity = _files_hash(folder) if folder.is_dir() else f"{tokenizer}@{revision}"
    too_long = str(rows.report["options"]["checks"]["too_long"])
    based = [base.domain_share, base.tokens] if isinstance(base, DomainMix) else base
    # The folder's name, for the store tells files and lines; the fingerprint is of what the rows say alone.
    key = fingerprint("tokens", SCHEMA, rows.folder.name, rows.fingerprint, identity, max_length, too_long, based)

    def build(partial: Path) -> None:
        with tempfile.TemporaryDirectory(dir=partial) as scratch:
            _fill(partial, rows, _open(tokenizer, revision), max_length, too_long, base, Path(scratch))

    return TokenStore(stored(cache / "tokens" / key[:32], build))


def _files_hash(folder: Path) -> str:
    """Sha256 over the files that make a tokenizer, so that weights beside it cost nothing."""
    digest = hashlib.sha256()
    for name in _TOKENIZER_FILES:
        if (folder / name).is_file():
            digest.update(f"{name}\0".encode() + (folder / name).read_bytes())
    return digest.hexdigest()


def _open(tokenizer: Path | str, revision: str | None) -> Any:
    from transformers import AutoTokenizer

    try:
        opened = AutoTokenizer.from_pretrained(str(tokenizer), revision=revision, trust_remote_code=False)
    except Exception as error:  # the library raises many kinds
        raise DataError(f"{tokenizer}: no tokenizer can be opened there ({type(error).__name__}: {error})") from error
    if getattr(opened, "backend_tokenizer", None) is None:
        raise DataError(f"{tokenizer}: only fast tokenizers (tokenizer.json) are supported")
    if opened.eos_token_id is None:
        raise DataError(f"{tokenizer}: the tokenizer has no end-of-text token, so that no answer could end")
    return opened


def _fill(
    folder: Path, rows: RowSet, tokenizer: Any, max_length: int, too_long: str, base: BaseText, scratch: Path
) -> None:
    from seektune.text.filling import Filler
    from seektune.text.layout import Layout, LayoutError
    from seektune.text.pretraining import pretraining

    try:
        layout = Layout(tokenizer)
    except LayoutError as error:
        raise DataError(f"{tokenizer.name_or_path}: {error}") from error
    plain = pretraining(rows, layout, max_length, base, scratch)
    splits: Json = {}
    with (folder / DROPPED).open("w", encoding="utf-8") as dropped:
        filler = Filler(layout, rows, max_length, too_long, dropped)
        others = {**plain.splits, "pairs": filler.pairs()}
        for split in SPLITS:
            path = folder / f"{split}.arrow"
            made = others[split] if split in others else filler.split(split)
            written = write_split(path, made, by_id=split != "pairs")
            learned = written.labelled
            if rows.kind == "classification" and split not in plain.splits:
                learned = len(written.lengths)
            elif rows.kind != "tagging" or split in plain.splits:
                learned -= written.labelled_first  # no token before it, from which it could be told
            lengths = written.lengths if len(written.lengths) else np.zeros(1)
            splits[split] = {
                "rows": len(written.lengths),
                "tokens": int(written.lengths.sum()),
                "target_tokens": learned,
                "lengths": {f"p{q}": int(np.percentile(lengths, q)) for q in (0, 10, 50, 90, 99, 100)},
                "sha256": _digest(path),
                **{name: dict(counts) for name, counts in filler.counts[split].items()},
            }
    for split in ("train", "validation", "test"):
        _need_targets(split, splits[split], max_length)
    facts = {
        "schema": SCHEMA,
        "kind": rows.kind,
        "rows_fingerprint": rows.fingerprint,
        "tokenizer_sha256": hashlib.sha256((layout.text + layout.template).encode()).hexdigest(),
        "vocabulary": len(tokenizer),
        "pad_id": tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id,
        "eos_id": tokenizer.eos_token_id,
        "bos_id": tokenizer.bos_token_id,
        "chat_template": layout.template,
        "max_length": max_length,
        "labels": filler.label_names,
        "augmentation": {name: one["rates"] for name, one in rows.report["augmentation"]["operators"].items()},
        "splits": splits,
        "mix": plain.mix,
    }
    (folder / "facts.json").write_text(json.dumps(facts, ensure_ascii=False, indent=1), encoding="utf-8")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _need_targets(split: str, counts: Json, max_length: int) -> None:
    """Enough rows are left, with something to learn: else the loss would be a mean of nothing."""
    by_reason: Counter[str] = Counter(counts["dropped"]) + Counter(counts["dropped_augmented"])
    dropped = counted(by_reason)
    name = {"train": "training"}.get(split, split)
    if not counts["rows"]:
        raise DataError(
            f"no {name} row is left at max_length {max_length}: {dropped}; raise data.max_length, or set "
            f"checks.too_long: truncate"
        )
    lost = sum(count for reason, count in by_reason.items() if reason != "too long")
    if lost > MAX_LOST_SHARE * (counts["rows"] + lost):
        raise DataError(
            f"{lost:,} of {counts['rows'] + lost:,} {name} rows cannot be used at max_length {max_length} ({dropped}); check the rows "
            f"against the tokenizer's chat template"
        )
