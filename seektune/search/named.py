"""From a name in a study file to a search."""

from __future__ import annotations

from collections.abc import Mapping

from seektune.search.observation import Search
from seektune.search.options import SEARCHES


def named(choice: str | Mapping[str, object]) -> Search:
    """`"tpe"` or `{"tpe": {settings}}`; KeyError for an unknown name (the study file has been checked before)."""
    name, settings = (choice, {}) if isinstance(choice, str) else next(iter(choice.items()))
    entry = SEARCHES[name]
    search: Search = entry.load()(entry.settings.model_validate(settings or {}))
    return search
