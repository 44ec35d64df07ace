"""What a base is pre-trained on, as blocks of tokens (split `base`), and what is held out of it to be measured on.

From nothing: general text and the train split as one stream, cut in blocks. Continued (Gururangan et al. 2020,
arXiv:2004.10964): domain and general text mixed to a share of the tokens (text/mixing.py). There a block is a piece of
one document, so that packing lays blocks end to end without attention across documents. Held out, as the splits `domain`
and `general`: the validation rows' text, or some of the texts of `data.domain`; and some of `data.general`. Raises
DataError where nothing can be held out or trained on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seektune.errors import DataError
from seektune.score.options import CLASSES
from seektune.text.kinds import answer_text, prompt_text, running_text
from seektune.text.layout import Layout
from seektune.text.mixing import DomainMix
from seektune.text.rows import RowSet
from seektune.text.store import Row
from seektune.trial import Json, fingerprint

HELD_OUT_SHARE, HELD_OUT_LEAST, HELD_OUT_MOST = 0.05, 8, 256
"""Texts that are measured on and never trained on, at most half of all."""

Stored = Mapping[str, Any]


class Pretraining(NamedTuple):
    """Rows of the splits base, domain and general; `mix` (None: one stream) counts tokens and says what to know."""

    splits: Mapping[str, list[Row]]
    mix: Json | None = None


def pretraining(rows: RowSet, layout: Layout, max_length: int, mix: DomainMix | None) -> Pretraining:
    """The stream, or with `mix` the mix."""
    if mix is None:
        return Pretraining({"base": _stream(rows, layout, max_length), "domain": [], "general": []})
    general, held_general = _held_out("general", rows.rows("general"))
    if rows.report["options"]["domain"]:
        domain, held_domain = _held_out("domain", rows.rows("domain"))
    else:
        domain, held_domain = _texts(rows, "train"), _texts(rows, "validation")
    if not domain:
        dropped = ", ".join(f"{reason} {count:,}" for reason, count in rows.report["domain"]["dropped"].items())
        raise DataError(f"no domain text is left to train on ({dropped}); give other text as data.domain")

    def pieces(group: str, texts: Sequence[Stored]) -> list[Row]:
        return _sorted(
            block(f"{text['id']}/{i}", group, ids, text["language"])
            for text, document in zip(texts, _documents(texts, layout), strict=True)
            for i, ids in enumerate(blocks(document, max_length))
        )

    base, counted = _mixed(pieces("domain", domain), pieces("general", general), mix)
    held_out = {"domain": pieces("domain", held_domain), "general": pieces("general", held_general)}
    return Pretraining({"base": base, **held_out}, counted)


def blocks(ids: NDArray[np.int32], max_length: int) -> list[NDArray[np.int32]]:
    """Nearly equal blocks of at most `max_length`, so that none is too short to learn from."""
    return np.array_split(ids, -(-len(ids) // max_length)) if len(ids) else []


def block(name: str, group: str, ids: NDArray[np.int32], language: str) -> Row:
    """Every token of it is learned."""
    return Row(fingerprint(name, ids.tolist())[:32], group, ids, ids.copy(), -1, language)


def _texts(rows: RowSet, split: str) -> list[Stored]:
    """Rows as plain text, turns of a chat in their order. A label is no text, an augmented row not its own."""
    found: list[Stored] = []
    for row in rows.rows(split):
        if row["augment_seed"] is not None:
            continue
        if rows.kind == "chat":
            parts = [message["content"] for message in row["messages"]]
        elif rows.kind == "tagging":
            parts = ["".join(running_text(row["tokens"], row["language"]))]
        else:
            label = rows.kind in CLASSES
            parts = [prompt_text(rows.kind, row), "" if label else answer_text(rows.kind, row)]
        text = "\n\n".join(part for part in parts if part)
        found.append({"id": row["id"], "text": text, "language": row["language"]})
    return found


def _documents(texts: Sequence[Stored], layout: Layout) -> list[NDArray[np.int32]]:
    return [layout.document(ids) for ids in layout.plain([text["text"] for text in texts])]


def _stream(rows: RowSet, layout: Layout, max_length: int) -> list[Row]:
    documents = _documents([*rows.rows("general"), *_texts(rows, "train")], layout)
    stream = np.concatenate(documents) if documents else np.zeros(0, dtype=np.int32)
    return _sorted(block(f"base/{i}", "", ids, "") for i, ids in enumerate(blocks(stream, max_length)))


def _held_out(name: str, texts: Sequence[Stored]) -> tuple[Sequence[Stored], Sequence[Stored]]:
    """(texts to train on, texts held out). They come in content-hash order, so the first ones are any ones."""
    if len(texts) == 1:
        raise DataError(
            f"data.{name} is a single text, but some text must be held out to measure on; give it as several rows"
        )
    wanted = max(round(HELD_OUT_SHARE * len(texts)), HELD_OUT_LEAST)
    count = min(wanted, HELD_OUT_MOST, len(texts) // 2)
    return texts[count:], texts[:count]


def _mixed(domain: list[Row], general: list[Row], mix: DomainMix) -> tuple[list[Row], Json]:
    """Blocks of both, and what was counted: exact to a block, at least the wanted share is domain text."""
    total = {"domain": _tokens(domain), "general": _tokens(general)}
    used_domain = _leading(domain, mix.most_domain(total["domain"], total["general"])) or domain[:1]
    used_general = _leading(general, mix.most_general(_tokens(used_domain)))
    used = {"domain": _tokens(used_domain), "general": _tokens(used_general)}
    left_out = {name: total[name] - used[name] for name in used}
    notes = []
    if not general:
        notes.append(
            "there is no general text (data.general), so the mix is domain text alone, and what the base forgets of "
            "general text is not measured"
        )
    elif not used_general:
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
    return _sorted([*used_domain, *used_general]), {**used, "share": share, "left_out": left_out, "notes": notes}


def _tokens(rows: Sequence[Row]) -> int:
    return sum(len(row.input_ids) for row in rows)


def _leading(rows: list[Row], most: float) -> list[Row]:
    """As many of the first rows as hold at most `most` tokens. They are in content-hash order."""
    ends = np.cumsum([len(row.input_ids) for row in rows])
    return rows[: int(np.searchsorted(ends, most, side="right"))]


def _sorted(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row.row_id)
