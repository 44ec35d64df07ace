"""What a base is pre-trained on, as blocks of tokens (split `base`), and what is held out of it to be measured on.

From nothing: general text and the train split as one stream, cut in blocks. Continued (Gururangan et al. 2020,
arXiv:2004.10964): domain and general text mixed to a share of the tokens (text/mixing.py). There a block is a piece of
one document, so that packing lays blocks end to end without attention across documents. Held out, as the splits `domain`
and `general`: the validation rows' text, or some of the texts of `data.domain`; and some of `data.general`. Neither texts
nor tokens of a mix are held in memory; a stream's tokens are. Raises DataError where nothing can be held out or trained on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seektune.errors import DataError
from seektune.score.options import CLASSES
from seektune.text.files.lines import counted
from seektune.text.kinds import answer_text, prompt_text, running_text
from seektune.text.layout import Layout
from seektune.text.mixing import BaseText, DomainMix
from seektune.text.rows import PLAIN, RowSet
from seektune.text.store import Row, TokenStore, write_split
from seektune.trial import Json, fingerprint

HELD_OUT_SHARE, HELD_OUT_LEAST, HELD_OUT_MOST = 0.05, 8, 256
"""Texts that are measured on and never trained on, at most half of all."""


class Pretraining(NamedTuple):
    """Rows of the splits base, domain and general, each to be read once; `mix` counts tokens and says what to know."""

    splits: Mapping[str, Iterable[Row]]
    mix: Json | None = None


def pretraining(rows: RowSet, layout: Layout, max_length: int, wanted: BaseText, scratch: Path) -> Pretraining:
    """`scratch` is an empty folder, in which the blocks of a mix lie until the splits are read."""
    if wanted is None:
        return Pretraining({"base": [], "domain": [], "general": []})
    if wanted == "stream":
        return Pretraining({"base": _stream(rows, layout, max_length), "domain": [], "general": []})
    held_general = _held_out(rows, "general")
    own = not rows.report["options"]["domain"]
    train, measured = ("train", "validation") if own else ("domain", "domain")
    held_domain = 0 if own else _held_out(rows, "domain")
    if not own and not rows.report["domain"]["used"]:
        dropped = counted(rows.report["domain"]["dropped"])
        raise DataError(f"no domain text is left to train on ({dropped}); give other text as data.domain")

    def pieces(group: str, split: str, start: int, stop: int | None) -> Iterator[Row]:
        for text, document in islice(_documents(rows, split, layout), start, stop):
            for i, ids in enumerate(blocks(document, max_length)):
                yield block(f"{text['id']}/{i}", group, ids, text["language"])

    write_split(scratch / "domain.arrow", pieces("domain", train, held_domain, None), by_id=True)
    write_split(scratch / "general.arrow", pieces("general", "general", held_general, None), by_id=True)
    base, mixture = _mixed(TokenStore(scratch), wanted, rows)
    held_out = {
        "domain": pieces("domain", measured, 0, None if own else held_domain),
        "general": pieces("general", "general", 0, held_general),
    }
    return Pretraining({"base": base, **held_out}, mixture)


def blocks(ids: NDArray[np.int32], max_length: int) -> list[NDArray[np.int32]]:
    """Nearly equal blocks of at most `max_length`, so that none is too short to learn from."""
    return np.array_split(ids, -(-len(ids) // max_length)) if len(ids) else []


def block(name: str, group: str, ids: NDArray[np.int32], language: str) -> Row:
    """Every token of it is learned."""
    return Row(fingerprint(name, ids.tolist())[:32], group, ids, ids.copy(), -1, language)


def _documents(rows: RowSet, split: str, layout: Layout) -> Iterator[tuple[Mapping[str, Any], NDArray[np.int32]]]:
    """Original rows and their tokens as a document."""
    kind = "text" if split in PLAIN else rows.kind
    for batch in rows.batches(split):
        originals = [row for row in batch if row["augment_seed"] is None]
        texts = layout.plain([_text(kind, row) for row in originals])
        yield from zip(originals, map(layout.document, texts), strict=True)


def _text(kind: str, row: Mapping[str, Any]) -> str:
    """A row as plain text, turns of a chat in their order. A label is no text."""
    if kind == "chat":
        parts = [message["content"] for message in row["messages"]]
    elif kind == "tagging":
        parts = ["".join(running_text(row["tokens"], row["language"]))]
    else:
        parts = [prompt_text(kind, row), "" if kind in CLASSES else answer_text(kind, row)]
    return "\n\n".join(part for part in parts if part)


def _stream(rows: RowSet, layout: Layout, max_length: int) -> Iterator[Row]:
    documents = [ids for split in ("general", "train") for _, ids in _documents(rows, split, layout)]
    stream = np.concatenate(documents) if documents else np.zeros(0, dtype=np.int32)
    return (block(f"base/{i}", "", ids, "") for i, ids in enumerate(blocks(stream, max_length)))


def _held_out(rows: RowSet, name: str) -> int:
    """How many texts are held out. They come in content-hash order, so the first ones are any ones."""
    texts: int = rows.report[name]["used"]
    if texts == 1:
        raise DataError(
            f"data.{name} is a single text, but some text must be held out to measure on; give it as several rows"
        )
    wanted = max(round(HELD_OUT_SHARE * texts), HELD_OUT_LEAST)
    return min(wanted, HELD_OUT_MOST, texts // 2)


def _mixed(pieces: TokenStore, mix: DomainMix, rows: RowSet) -> tuple[Iterator[Row], Json]:
    """Blocks of both, and what was counted: exact to a block, at least the wanted share is domain text."""
    lengths = {name: pieces.lengths(name).astype(np.int64) for name in ("domain", "general")}
    total = {name: int(one.sum()) for name, one in lengths.items()}
    domain = max(1, _leading(lengths["domain"], mix.most_domain(total["domain"], total["general"])))
    used = {"domain": int(lengths["domain"][:domain].sum())}
    general = _leading(lengths["general"], mix.most_general(used["domain"]))
    used["general"] = int(lengths["general"][:general].sum())
    left_out = {name: total[name] - used[name] for name in used}
    notes = []
    if not total["general"]:
        lost = counted({**rows.report["general"]["quarantined"], **rows.report["general"]["dropped"]})
        why = f"nothing is left of data.general ({lost})" if lost else "there is no general text (data.general)"
        notes.append(
            f"{why}, so the mix is domain text alone, and what the base forgets of general text is not measured"
        )
    elif not general:
        notes.append(
            f"no block of general text fits beside {used['domain']:,} tokens of domain text at a domain share of "
            f"{mix.domain_share:g}: the mix is domain text alone; bring more domain text, or lower data.max_length"
        )
    elif mix.tokens is None and left_out["domain"] > 0.1 * total["domain"]:
        notes.append(
            f"{left_out['domain'] / total['domain']:.0%} of the domain text is left out, because there is too little "
            f"general text for a domain share of {mix.domain_share:g}; bring more general text, or raise domain_share"
        )
    share = used["domain"] / sum(used.values())
    chosen = (pieces.row(name, i) for name, last in (("domain", domain), ("general", general)) for i in range(last))
    return chosen, {**used, "share": share, "left_out": left_out, "notes": notes}


def _leading(lengths: NDArray[np.int64], most: float) -> int:
    """As many of the first blocks as hold at most `most` tokens. They are in content-hash order."""
    return int(np.searchsorted(np.cumsum(lengths), most, side="right"))
