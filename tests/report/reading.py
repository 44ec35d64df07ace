"""Reads a page as a browser would, as far as tests need it: elements, their attributes, their text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any


class Page(HTMLParser):
    """Elements of a page; `scripts` that would run, `specs` that are data."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.specs: dict[str, dict[str, Any]] = {}
        self._inside: str | None = None
        self._data = ""
        source = path.read_text("utf-8")
        self.source = re.sub(r"<script>.*?</script>", "<script></script>", source, flags=re.DOTALL)
        self.whole = source
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.elements.append((tag, attributes))
        if tag in ("script", "style"):
            self._inside, self._data = attributes.get("id") if attributes.get("type") else tag, ""

    def handle_data(self, data: str) -> None:
        if self._inside is None:
            self.texts.append(data)
        else:
            self._data += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style") and self._inside is not None:
            if self._inside == "script":
                self.scripts.append(self._data)
            elif self._inside != "style":
                self.specs[self._inside] = json.loads(self._data)
            self._inside = None

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def tags(self) -> set[str]:
        return {tag for tag, _ in self.elements}
