"""What every block of a study file shares: frozen, no unknown keys, one docstring per field, and a room's registry.

The docstring under a field is its help text, its line in `seektune init` and its description in the JSON schema.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Options(BaseModel):
    """A block of a study file."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, validate_default=True
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a registry: the settings model, and where the code is ("module:attribute", imported only when used)."""

    settings: type[Options]
    target: str

    def load(self) -> Any:
        module, attribute = self.target.split(":")
        return getattr(importlib.import_module(module), attribute)


Registry = Mapping[str, Entry]

_COUNT = re.compile(r"^\s*(\d{1,18}(?:\.\d{1,18})?)\s*([kKmMgG]?)\s*$")
_CLOCK = re.compile(r"^\s*(?:(\d{1,6})-)?(\d{1,6}):([0-5]\d):([0-5]\d)\s*$")
_UNIT = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|d)\s*$")


def _count(value: object) -> object:
    if isinstance(value, str) and (match := _COUNT.match(value)):
        number = float(match[1]) * {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}[match[2].lower()]
        if number != int(number):
            raise ValueError(f"expected a whole number such as 40000 or 40k, but got {value!r}")
        return int(number)
    if isinstance(value, bool):
        raise ValueError("expected a whole number such as 40000 or 40k, but got a boolean")
    return value


def _seconds(value: object) -> object:
    if isinstance(value, str):
        if match := _CLOCK.match(value):
            days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
            return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
        if match := _UNIT.match(value):
            return float(match[1]) * {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}[match[2]]
        raise ValueError(f"expected a duration such as '04:00:00', '90s' or '2h', but got {value!r}")
    if isinstance(value, bool):
        raise ValueError("expected a duration such as '04:00:00', '90s' or '2h', but got a boolean")
    return value


Count = Annotated[int, BeforeValidator(_count, json_schema_input_type=int | str)]
"""A whole number; `40k`, `1.5M` allowed."""

Seconds = Annotated[float, BeforeValidator(_seconds, json_schema_input_type=float | str)]
"""A duration in seconds; '04:00:00' (quoted), '90s', '2h' allowed."""
