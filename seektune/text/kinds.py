"""What a row of each kind is: from a file's columns to checked fields, and which of them a model is given or must say.

`parse` turns one record into fields (plain JSON) or raises BadRow with a reason that is counted and a detail that is
shown. Nothing is repaired in silence: outer white space and Windows line ends are all that changes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from seektune.score.options import CLASSES
from seektune.text.language import INNER_BLANK
from seektune.text.options import COLUMNS

Fields = Mapping[str, Any]

ROLES = ("system", "user", "assistant")
_SHAREGPT = {"human": "user", "gpt": "assistant", "system": "system", "user": "user", "assistant": "assistant"}
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff\ufffd]")


class BadRow(Exception):
    """A row for quarantine: `reason` is counted, `detail` says what exactly."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}")


def parse(kind: str, value: Mapping[str, Any], columns: Mapping[str, str], max_characters: int) -> Fields:
    """Checked fields of one record; raises BadRow."""
    raw = {name: value.get(columns.get(name, name)) for name in COLUMNS[kind]}
    fields: Fields
    if kind == "instruction":
        fields = {
            "instruction": text_of("instruction", raw["instruction"], may_be_empty=True),
            "input": text_of("input", raw["input"], may_be_empty=True),
            "output": text_of("output", raw["output"]),
        }
        if not fields["instruction"] and not fields["input"]:
            raise BadRow("empty", "instruction and input are both empty")
    elif kind == "chat":
        fields = {"messages": _messages(raw["messages"])}
    elif kind == "classification":
        fields = {"text": text_of("text", raw["text"]), "label": _label(raw["label"])}
    elif kind == "tagging":
        fields = _tagged(raw["tokens"], raw["tags"])
    else:
        fields = {name: text_of(name, raw[name]) for name in COLUMNS[kind]}
    characters = sum(map(len, strings(fields)))
    if characters > max_characters:
        raise BadRow("too long", f"{characters:,} characters, at most {max_characters:,} (checks.max_characters)")
    prompt = prompt_text(kind, fields)
    if not any(c.isalnum() or ord(c) > 0x2190 for c in prompt):
        raise BadRow("not text", "no letter, digit or symbol with a meaning")
    return fields


def text_of(name: str, value: object, *, may_be_empty: bool = False) -> str:
    """A checked string."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        value = ""
    if not isinstance(value, str):
        raise BadRow("wrong type", f"{name} must be text, but got {type(value).__name__}")
    if bad := _SURROGATE.search(value):
        raise BadRow("broken UTF-8", f"{name} has U+{ord(bad.group()):04X} at character {bad.start()}")
    text = value.replace("\r\n", "\n").replace("\r", "\n").strip()
    if bad := _CONTROL.search(text):
        raise BadRow("control character", f"{name} has U+{ord(bad.group()):04X} at character {bad.start()}")
    if not text and not may_be_empty:
        raise BadRow("empty", f"{name} is empty")
    return text


def _label(value: object) -> str:
    """Labels are strings; whole numbers and booleans of typed files become one."""
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        raise BadRow("missing label", "label is empty")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int | float):
        return str(value)
    label = text_of("label", value, may_be_empty=True)
    if not label:
        raise BadRow("missing label", "label is empty")
    return label


def _listed(name: str, value: object) -> list[Any]:
    """A list; tables hold it as JSON."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise BadRow("wrong type", f"{name} is text, and not a JSON list ({error})") from None
    if not isinstance(value, list | tuple):
        raise BadRow("wrong type", f"{name} must be a list, but got {type(value).__name__}")
    if not value:
        raise BadRow("empty", f"{name} is empty")
    return list(value)


def _messages(value: object) -> list[dict[str, str]]:
    messages = []
    for number, message in enumerate(_listed("messages", value), start=1):
        if not isinstance(message, Mapping):
            raise BadRow("wrong type", f"message {number} must be an object with role and content")
        role = message.get("role", message.get("from"))
        role = role if "role" in message else _SHAREGPT.get(str(role), role)
        if role not in ROLES:
            known = ROLES if "role" in message else _SHAREGPT
            raise BadRow("unknown role", f"message {number} has role {str(role)[:20]!r}, expected {', '.join(known)}")
        if role == "system" and number > 1:
            raise BadRow("unknown role", f"message {number} is a system turn, which may only come first")
        content = text_of(f"message {number}", message.get("content", message.get("value")))
        messages.append({"role": str(role), "content": content})
    roles = [message["role"] for message in messages]
    if "assistant" not in roles:
        raise BadRow("no answer", "no assistant turn, so there is nothing to learn")
    if "user" not in roles:
        raise BadRow("no question", "no user turn, so the assistant answers nothing")
    return messages


def _tagged(tokens: object, tags: object) -> Fields:
    words = [text_of("token", token) for token in _listed("tokens", tokens)]
    names = [_label(tag) for tag in _listed("tags", tags)]
    if len(words) != len(names):
        raise BadRow("wrong length", f"{len(words)} tokens and {len(names)} tags")
    return {"tokens": words, "tags": names}


def strings(fields: Fields) -> list[str]:
    """Every string of a row."""
    found: list[str] = []
    for value in fields.values():
        if isinstance(value, str):
            found.append(value)
        else:
            found.extend(item if isinstance(item, str) else item["content"] for item in value)
    return found


def labels_of(kind: str, fields: Fields) -> list[str]:
    """The classes that a row names: its label, or the tags of its words; none in other kinds."""
    if kind == "tagging":
        return list(fields["tags"])
    return [fields["label"]] if kind == "classification" else []


def running_text(words: Sequence[str], language: str) -> list[str]:
    """Tagged words as they stand in running text: each with the space before it, if there is one; joined they are it.

    Chinese has none, but between two words of Latin letters or digits ("New York" in a Chinese sentence).
    """
    return [
        f" {word}" if before and (language != "zh" or _touch(before, word)) else word
        for before, word in zip(("", *words), words, strict=False)
    ]


def _touch(before: str, word: str) -> bool:
    return all(c.isalnum() and c < "\u0250" for c in (before[-1], word[0]))


def inputs(kind: str, fields: Fields) -> list[str]:
    """The texts that a model is given, in order; augmentation may edit these and nothing else.

    A tagged row is its tokens, joined by blanks; a blank within one ("New York") is INNER_BLANK.
    """
    if kind == "chat":
        return [message["content"] for message in fields["messages"] if message["role"] == "user"]
    if kind == "tagging":
        return [" ".join(token.replace(" ", INNER_BLANK) for token in fields["tokens"])]
    names = {"instruction": ("instruction", "input"), "classification": ("text",), "summary": ("document",)}
    return [fields[name] for name in names.get(kind, ())]


def with_inputs(kind: str, fields: Fields, texts: list[str]) -> Fields:
    """The same row with other inputs. A tagged row keeps its tags, whether or not the new text has as many tokens."""
    new = iter(texts)
    if kind == "chat":
        messages = [{**m, "content": next(new)} if m["role"] == "user" else m for m in fields["messages"]]
        return {"messages": messages}
    if kind == "tagging":
        return {**fields, "tokens": [token.replace(INNER_BLANK, " ") for token in next(new).split(" ")]}
    names = {"instruction": ("instruction", "input"), "classification": ("text",), "summary": ("document",)}[kind]
    return {**fields, **{name: next(new) for name in names}}


def prompt_text(kind: str, fields: Fields) -> str:
    """What duplicates are judged on: everything that is given, a chat's system turn too."""
    if kind == "text":
        return str(fields["text"])
    if kind == "chat":
        return "\n".join(message["content"] for message in fields["messages"] if message["role"] != "assistant")
    if kind == "tagging":
        return " ".join(fields["tokens"])
    return "\n".join(text for text in inputs(kind, fields) if text)


def answer_text(kind: str, fields: Fields) -> str:
    """What must be said: the output, the label, the assistant's turns; "" for plain text."""
    if kind == "chat":
        return "\n".join(message["content"] for message in fields["messages"] if message["role"] == "assistant")
    if kind == "tagging":
        return " ".join(fields["tags"])
    return str(fields.get({"instruction": "output", "classification": "label", "summary": "summary"}.get(kind, ""), ""))


def other_label(kind: str, fields: Fields, others: Fields) -> bool:
    """Whether answers are labels, which are equal or not and never nearly equal, and these two are not."""
    return kind in CLASSES and answer_text(kind, fields) != answer_text(kind, others)
