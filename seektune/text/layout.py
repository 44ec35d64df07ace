"""How a row becomes tokens: the chat template around it, which tokens are learned, and what is cut when it is too long.

An instruction is a chat of one user turn (instruction, blank line, input) and one assistant turn; a summary is a
document as the user turn. The tokenizer's own chat template is used; one without gets the documented default below.
Learned (label != -100) are the assistant's words and the first special token that closes each of its turns. A special
token spelled out in a user's text is encoded as plain text. Tagged words are running text without a template.

How contents are told from the template: for each sequence of roles it is rendered once, with a mark in place of each
content, so that their places are known whatever the template does around them. The whole text is then encoded at once, as
the model will see it at inference, and tokens are matched by character offsets. Only a row that spells out a special
token is encoded piece by piece. Raises LayoutError where a template refuses a row (two user turns in a row, say).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from seektune.text.kinds import Fields

IGNORED = -100

PAD, BOS, EOS = "<｜▁pad▁｜>", "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"
USER, ASSISTANT = "<｜User｜>", "<｜Assistant｜>"

TRAINED_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] }}"
    "{% elif message['role'] == 'user' %}{{ '<｜User｜>' + message['content'] }}"
    "{% else %}{{ '<｜Assistant｜>' + message['content'] + eos_token }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}"
)
"""The chat template of tokenizers trained here: that of DeepSeek-V3."""

DEFAULT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}"
    "{% elif message['role'] == 'user' %}{{ 'User: ' + message['content'] + '\\n\\n' }}"
    "{% else %}{{ 'Assistant: ' + message['content'] + eos_token }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
"""For tokenizers that bring none: that of DeepSeek LLM, in plain words."""

_MARK = re.compile("\ue000([\ue100-\uf8ff])\ue001")


class LayoutError(Exception):
    """A row that the chat template refuses."""


@dataclass(frozen=True, slots=True)
class Laid:
    """A row as tokens. `head` tokens at the start are kept when the prompt is cut from the left."""

    input_ids: NDArray[np.int32]
    labels: NDArray[np.int32]
    head: int


def messages_of(kind: str, fields: Fields) -> list[dict[str, str]]:
    """Any prompt-and-answer row as a chat."""
    if kind == "chat":
        return [dict(message) for message in fields["messages"]]
    if kind == "summary":
        prompt, answer = fields["document"], fields["summary"]
    else:
        prompt = "\n\n".join(part for part in (fields["instruction"], fields["input"]) if part)
        answer = fields["output"]
    return [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]


class Layout:
    """A tokenizer and a chat template, ready to lay rows out."""

    def __init__(self, tokenizer: Any) -> None:
        self._hf = tokenizer
        self.template: str = tokenizer.chat_template or DEFAULT_TEMPLATE
        if not isinstance(self.template, str):
            raise LayoutError("the tokenizer has several chat templates; keep one as its default")
        backend = tokenizer.backend_tokenizer
        self.text: str = backend.to_str()
        self._special: Tokenizer = Tokenizer.from_str(self.text)
        self._special.no_truncation()
        self._special.no_padding()
        self._plain: Tokenizer = Tokenizer.from_str(self._special.to_str())
        self._plain.encode_special_tokens = True
        added = self._special.get_added_tokens_decoder()
        self.special_ids = frozenset(number for number, token in added.items() if token.special)
        self._spelled = tuple(token.content for token in added.values() if token.special)
        self.eos_id: int = tokenizer.eos_token_id
        self.bos_id: int | None = tokenizer.bos_token_id
        probe = self._special.encode("a", add_special_tokens=True).ids
        self._around_roles = lru_cache(maxsize=10_000)(self._around)
        first, second, both = (ids.tolist() for ids in self.plain(["a", "b", "a b"]))
        self._spaces_itself = both == first + second
        self._starts_with_bos = self.bos_id is not None and probe[:1] == [self.bos_id]

    def spells_special(self, text: str) -> bool:
        return any(token in text for token in self._spelled)

    def plain(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """Texts without any template; special tokens spelled out in them are plain text."""
        encoded = self._plain.encode_batch(list(texts), add_special_tokens=False)
        return [np.asarray(one.ids, dtype=np.int32) for one in encoded]

    def words(self, sentences: Sequence[Sequence[str]]) -> list[list[NDArray[np.int32]]]:
        """Tokens of each word, encoded by itself so that no token reaches over the end of a word.

        Words come with the space before them. A tokenizer that puts one before every text does so itself (and before
        Chinese words, too).
        """
        flat = [word.lstrip(" ") if self._spaces_itself else word for words in sentences for word in words]
        encoded = iter(self.plain(flat))
        return [list(islice(encoded, len(words))) for words in sentences]

    def document(self, ids: NDArray[np.int32], *, end: bool = True) -> NDArray[np.int32]:
        """A plain text with the tokenizer's usual start, and the end-of-text token."""
        start = [self.bos_id] if self._starts_with_bos and self.bos_id is not None else []
        return np.concatenate([start, ids, [self.eos_id] if end else []]).astype(np.int32)

    def chats(self, chats: Sequence[list[dict[str, str]]]) -> list[Laid | LayoutError]:
        """Lay out chats; a refused one gives its error in place."""
        rendered: list[list[str] | LayoutError] = []
        for chat in chats:
            try:
                rendered.append(self._render(chat))
            except LayoutError as error:
                rendered.append(error)
        joint = ["" if isinstance(pieces, LayoutError) else "".join(pieces) for pieces in rendered]
        encoded = self._special.encode_batch(joint, add_special_tokens=False)
        return [
            pieces if isinstance(pieces, LayoutError) else self._labelled(chat, pieces, one)
            for chat, pieces, one in zip(chats, rendered, encoded, strict=True)
        ]

    def _render(self, chat: list[dict[str, str]]) -> list[str]:
        """The rendered chat as pieces: template, content, template, content, ..., template."""
        around = self._around_roles(tuple(turn["role"] for turn in chat))
        pieces = [around[0]]
        for turn, after in zip(chat, around[1:], strict=True):
            pieces += [turn["content"], after]
        return pieces

    def _around(self, roles: tuple[str, ...]) -> tuple[str, ...]:
        """What the template puts around the contents of a chat with these roles; it sees marks in their place."""
        if len(roles) > 0xF8FF - 0xE100:
            raise LayoutError(f"{len(roles):,} turns are more than one row may have")
        marked = [{"role": role, "content": f"\ue000{chr(0xE100 + i)}\ue001"} for i, role in enumerate(roles)]
        try:
            text = self._hf.apply_chat_template(marked, chat_template=self.template, tokenize=False)
        except Exception as error:  # Jinja raises what the template's author chose
            raise LayoutError(f"the chat template refuses the row: {error}") from error
        pieces = _MARK.split(text)
        if [ord(mark) - 0xE100 for mark in pieces[1::2]] != list(range(len(roles))):
            raise LayoutError("the chat template leaves out, repeats or moves a turn")
        return tuple(pieces[::2])

    def _labelled(self, chat: list[dict[str, str]], pieces: list[str], joint: Encoding) -> Laid:
        if any(self.spells_special(turn["content"]) for turn in chat):
            ids, owner = self._piecewise(pieces)
        else:
            ids, owner = np.asarray(joint.ids, dtype=np.int32), self._owners(pieces, joint)
        labels = np.full(len(ids), IGNORED, dtype=np.int32)
        for turn, message in enumerate(chat):
            if message["role"] != "assistant":
                continue
            own = owner == 2 * turn + 1
            labels[own] = ids[own]
            after = np.flatnonzero(owner == 2 * turn + 2)
            closing = next((k for k, at in enumerate(after) if int(ids[at]) in self.special_ids), None)
            if closing is not None:
                labels[after[: closing + 1]] = ids[after[: closing + 1]]
            elif turn + 1 == len(chat):  # the template ends no turn: generation would never stop
                ids = np.append(ids, np.int32(self.eos_id))
                labels = np.append(labels, np.int32(self.eos_id))
        return Laid(ids, labels, int(np.argmax(owner >= 1)))

    def _owners(self, pieces: list[str], joint: Encoding) -> NDArray[np.int64]:
        """For each token the piece in which it ends."""
        edges = np.cumsum([len(piece) for piece in pieces])
        ends = np.asarray([end for _, end in joint.offsets], dtype=np.int64)
        return np.minimum(np.searchsorted(edges, ends, side="left"), len(pieces) - 1)

    def _piecewise(self, pieces: list[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        ids: list[int] = []
        owner: list[int] = []
        for number, piece in enumerate(pieces):
            encoder = self._plain if number % 2 else self._special
            found = encoder.encode(piece, add_special_tokens=False).ids
            ids += found
            owner += [number] * len(found)
        return np.asarray(ids, dtype=np.int32), np.asarray(owner, dtype=np.int64)


def fit(laid: Laid, max_length: int) -> tuple[Laid, bool, bool]:
    """(the row in at most `max_length` tokens, prompt was cut, answer was cut).

    The prompt is cut from the left, behind its head; an answer longer than three quarters of the room loses its end,
    so that a row always keeps some of the question and a token to learn.
    """
    ids, labels = laid.input_ids, laid.labels
    if len(ids) <= max_length:
        return laid, False, False
    targets = np.flatnonzero(labels != IGNORED)
    last = int(targets[-1])
    breaks = np.flatnonzero(np.diff(targets) > 1)
    first = int(targets[breaks[-1] + 1]) if len(breaks) else int(targets[0])  # where the last answer starts
    answer_cut = last + 1 - first > max_length - max_length // 4
    end = first + max_length - max_length // 4 if answer_cut else last + 1
    head = min(laid.head, max_length // 8, first)
    start = max(head, end - (max_length - head))
    keep = np.r_[0:head, start:end]
    return Laid(ids[keep], labels[keep], head), start > head, answer_cut
