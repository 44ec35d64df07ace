"""How does other people's text get onto a page without becoming part of it?

Rows, labels, parameter names and error messages come from outside. Each place that shows text has one function here,
and nothing reaches a page, a table or a plot except through it:

    html        element text and attribute values
    figure      text inside a plotly figure (plotly reads a little HTML of its own)
    script      JSON inside a `<script type="application/json">` element
    markdown    running text in Markdown (report.md, Prefect artifacts)
    code        a value in a Markdown code span, tables included
    spreadsheet a cell of a CSV file (OWASP, "CSV injection": a leading = + - @ would be run as a formula)

All of them first make invisible characters visible (`visible`): control characters, terminal escapes, bidirectional
overrides and lone surrogates are shown as `\\u202e` and the like, so that no text can hide or reorder what stands
beside it. Nothing here raises.
"""

from __future__ import annotations

import html as _html
import json
import re
import unicodedata
from typing import Any

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"  # Persian and emoji need them; they cannot reorder anything
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#+\-!|~$])")
_LINK = re.compile(r"(?i)\b(https?|ftp|mailto|www)([:.])")
_FORMULA = "=+-@\t\r\n＝＋－＠"


def visible(text: object, limit: int = 4000) -> str:
    """One line of printable text, at most `limit` characters."""
    line = str(text)
    if len(line) > limit:
        line = line[: limit - 1] + "…"
    if line.isascii() and line.isprintable():
        return line
    return "".join(_shown(character) for character in line)


def _shown(character: str) -> str:
    if character == "\n":
        return "⏎"
    if character == "\t":
        return " "
    if character in _JOINERS or unicodedata.category(character) not in _HIDDEN:
        return character
    return f"\\u{ord(character):04x}"


def html(text: object) -> str:
    """For element text and quoted attribute values."""
    return _html.escape(visible(text), quote=True)


def figure(text: object) -> str:
    """For any string in a plotly figure. (Hover texts go in as `hovertext`, never as `hovertemplate`.)"""
    return _html.escape(visible(text, 300), quote=False).replace("$", "&#36;")  # $...$ would be read as mathematics


def script(value: Any) -> str:
    """JSON that cannot end the script element it stands in. Not-a-number becomes null."""
    text = json.dumps(_finite(value), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def markdown(text: object) -> str:
    """For running text: no tag, no link, no image, no emphasis, and no bare address that a viewer would make a link."""
    escaped = _MARKDOWN.sub(r"\\\1", visible(text)).replace("&", "&amp;").replace("\\<", "&lt;").replace("\\>", "&gt;")
    return _LINK.sub(lambda match: f"{match[1]}\u2060{match[2]}", escaped)


def code(text: object) -> str:
    """For a value in a code span, which neither Markdown nor a browser looks into."""
    line = visible(text).replace("|", "\\|")
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    pad = " " if line.startswith(("`", " ")) or line.endswith(("`", " ")) or not line else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def spreadsheet(value: object) -> object:
    """Text that a spreadsheet would run as a formula gets a leading apostrophe; numbers stay numbers."""
    if not isinstance(value, str):
        return value
    line = visible(value)
    return "'" + line if line.lstrip(" '\"\u00a0\u3000")[:1] in tuple(_FORMULA) and line.strip() else line
