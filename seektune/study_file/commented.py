"""The commented study file that `seektune init` writes: example values, and every option with its docstring.

Made from the same models that validate a study file, so that it cannot drift from them. Options without an example
value stand as comments with their defaults.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic.fields import FieldInfo

from seektune.adapt.options import METHODS
from seektune.optim.options import OPTIMIZERS
from seektune.options import Options
from seektune.schedule.options import SCHEDULES
from seektune.score.options import METRICS
from seektune.search.options import SEARCHES
from seektune.study_file import StudyFile
from seektune.study_file.messages import model_in
from seektune.train.options import TrialParams

WIDTH = 110
EXAMPLE: Mapping[str, Any] = {
    "study": "fraud-desk",
    "seed": 42,
    "model": {"config": "tiny-deepseek-v3"},
    "data": {
        "kind": "instruction",
        "sources": [{"path": "data/samples/fraud_desk.jsonl"}],
        "split": {"validation": 0.1, "test": 0.1},
        "augment": {"operators": [], "copies": 1},
    },
    "train": {"tokens": "160k", "eval_every": "20k"},
    "fixed": {"method": "lora", "schedule": "cosine"},
    "objective": {"metric": "loss"},
    "space": {
        "learning_rate": {"low": 1e-6, "high": 1e-1, "log": True},
        "effective_batch": {"choices": [4, 8, 16]},
        "weight_decay": {"low": 0.0, "high": 0.1},
        "warmup_ratio": {"low": 0.0, "high": 0.1},
        "lora_rank": {"choices": [4, 8, 16, 32], "when": 'method == "lora"'},
    },
    "constraints": [{"forbid": "effective_batch < 8 and learning_rate > 3e-2"}],
    "stages": {
        "lr_range": {"steps": 120},
        "coarse": {"search": "random", "trials": 24, "reduction": 2.0, "max_share": 0.5},
        "fine": {"search": "tpe", "trials": 12, "reduction": 2.0},
        "confirm": {"top": 3, "seeds": "auto"},
    },
    "budget": {"wall_time": "04:00:00"},
    "run": {"workers": "auto", "device": "auto"},
}
_REGISTRIES = {
    "score": METRICS,
    "schedule": SCHEDULES,
    "optim": OPTIMIZERS,
    "adapt": METHODS,
    "search": SEARCHES,
}
SCHEMA_FILE = "seektune.schema.json"
"""Beside the study file; editors that know the YAML language server complete and check with it."""
_EDITORS = f"# yaml-language-server: $schema={SCHEMA_FILE}"
_HEAD = """\
A study of seektune: what is tuned, on which text, over which space, and how much it may cost.
Every option is listed; those behind `#` stand at their defaults. `seektune plan FILE` says what would run.
Whole numbers may be written 40k or 1.5M, durations '04:00:00', 90s or 2h."""


def template() -> str:
    lines = [_EDITORS, *_comment(_HEAD, 0), ""]
    for name, field in StudyFile.model_fields.items():
        lines += [*_entry(name, field, EXAMPLE.get(name), 0), ""]
        if name == "space":
            lines[-1:] = [*_parameters(field), ""]
    return "\n".join(lines).rstrip() + "\n"


def _entry(name: str, field: FieldInfo, example: Any, indent: int) -> Iterator[str]:
    yield from _comment(field.description or "", indent)
    model = model_in(field.annotation)
    pad = "  " * indent
    if example is None:
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        yield from _silent(name, model, default, indent)
    elif model is not None and isinstance(example, Mapping) and not _is_map(field):
        yield f"{pad}{name}:"
        for part, inner in model.model_fields.items():
            yield from _entry(part, inner, example.get(part), indent + 1)
    elif isinstance(example, Mapping) and _is_map(field) and model is not None:
        yield f"{pad}{name}:"
        yield from (f"{pad}  {key}: {_flow(value)}" for key, value in example.items())
    elif isinstance(example, list) and example:
        yield f"{pad}{name}:"
        yield from (f"{pad}  - {_flow(item)}" for item in example)
        if model is not None:
            yield from _members(model, indent + 2)
    else:
        yield f"{pad}{name}: {_flow(example)}"


def _silent(name: str, model: type[Options] | None, default: Any, indent: int) -> Iterator[str]:
    """An option that stands at its default, as a comment."""
    pad = "  " * indent
    if isinstance(default, Options) and model is not None:
        yield f"{pad}# {name}:"
        for part, field in model.model_fields.items():
            value = getattr(default, part)
            yield from (f"{pad}#   {line}" for line in _comment(field.description or "", 0))
            yield f"{pad}#   {part}: {_flow(value)}"
    elif default is None and model is not None:
        yield f"{pad}# {name}: null"
        for part, field in model.model_fields.items():
            yield from _comment(f"{part} ({_flow(field.default)}): {field.description or ''}", indent + 1)
    else:
        yield f"{pad}# {name}: {_flow(default)}"
        if model is not None and isinstance(default, str):  # a word, or a block with these options
            yield from _members(model, indent + 1)


def _members(model: type[Options], indent: int) -> Iterator[str]:
    for part, field in model.model_fields.items():
        yield from _comment(f"{part}: {field.description or ''}", indent)


def _parameters(field: FieldInfo) -> Iterator[str]:
    yield from _comment("A parameter has:", 1)
    model = model_in(field.annotation)
    assert model is not None
    yield from _members(model, 2)
    yield from _comment(
        "Parameters that can be searched, or fixed (under `fixed`, or at the top level), and their defaults:", 1
    )
    for name, parameter in TrialParams.model_fields.items():
        default = "required" if parameter.is_required() else _flow(parameter.default)
        yield from _comment(f"{name} ({default}) {parameter.description or ''}", 2)


def _is_map(field: FieldInfo) -> bool:
    return getattr(field.annotation, "__origin__", None) is dict


def _comment(text: str, indent: int) -> list[str]:
    for room, registry in _REGISTRIES.items():
        text = text.replace(f"Name in {room}/options.py", f"One of {', '.join(registry)}")
    pad = "  " * indent + "# "
    paragraphs = text.split("\n") if indent == 0 and "\n" in text and text == _HEAD else [" ".join(text.split())]
    return [
        line for p in paragraphs if p for line in textwrap.wrap(p, WIDTH, initial_indent=pad, subsequent_indent=pad)
    ]


def _flow(value: Any) -> str:
    """A value on one line, as this project's reader (and any YAML parser) reads it."""
    if isinstance(value, Options):
        value = value.model_dump(exclude_defaults=True)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(part) for part in value) + "]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float):
        return _number(value)
    if (
        isinstance(value, str)
        and not value.replace("-", "").replace("_", "").replace("/", "").replace(".", "").isalnum()
    ):
        return "'" + value.replace("'", "''") + "'" if "\n" not in value else json.dumps(value)
    return str(value)


def _number(value: float) -> str:
    """PyYAML reads 1e-06 as a text; 1.0e-06 is a number to every parser."""
    text = f"{value:.6g}"
    return text.replace("e", ".0e", 1) if "e" in text and "." not in text else text
