"""Words of an enemy, and a data report in which every word is one: file and column names, labels, excerpts, examples."""

from __future__ import annotations

import json
from pathlib import Path

from seektune.trial import Json

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    '" onmouseover="alert(1)',
    "' autofocus onfocus='alert(1)",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "![x](http://evil.example/pixel.png)",
    "<http://evil.example>",
    "http://evil.example/auto and www.evil.example",
    "`code` | cell | **bold** | ``two``",
    "\n# heading\n\n- list\n\n<b>bold</b>",
    "{{ ''.__class__ }} {% for x in y %} ${7*7} %{x}",
    '=HYPERLINK("http://evil.example","click")',
    "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "\t=1+1",
    "＝1+1",
    "\u202eevil\u202c \u2066hidden\u2069 \u200f",
    "\x1b[31mred\x1b[0m \x07 \x00",
    "lone \ud800 surrogate",
    "诈骗 مرحبا ok",
    "$x^2$ \\frac",
]


def hostile_rows() -> Json:
    """report.json of a row set."""
    example = {"place": HOSTILE[1], "prompt": HOSTILE[2], "answer": HOSTILE[3]}
    return {
        "kind": "classification", "rows_in": 3, "used": 1,
        "quarantined": {text: 1 for text in HOSTILE}, "dropped": {text: 1 for text in HOSTILE},
        "first": {what: {text: [{"place": f"{text}:1", "detail": f"column {text!r} is {text}"}] for text in HOSTILE}
                  for what in ("quarantined", "dropped")},
        "sources": {text: {"rows_in": 1, "used": 1, "quarantined": {text: 1}, "dropped": {text: 1}} for text in HOSTILE},
        "general": {"rows_in": 1, "used": 1, "quarantined": {text: 1 for text in HOSTILE}, "dropped": {}},
        "splits": {"train": {"rows": 1, "languages": {text: 1 for text in HOSTILE}, "labels": {text: 2 for text in HOSTILE},
                             "characters": {"p50": 3}}},
        "conflicts": {"count": len(HOSTILE) + 1, "examples": [
            {"first": {"place": text, "prompt": text, "answer": text}, "second": example} for text in HOSTILE]},
        "augmentation": {"operators": {text: {"asked": 1, "made": 1, "rejected": {text: 2}, "examples": [
            {"before": f"say {text}", "after": f"speak {other}"}]}
            for text, other in zip(HOSTILE, reversed(HOSTILE), strict=True)}},
        "notes": HOSTILE, "leaks": {"rows_checked": 1, "against_rows": 1, "found": 0},
    }  # fmt: skip


def hostile_prepare(folder: Path) -> Json:
    """A prepare result, with its row set in `folder`."""
    (folder / "rows").mkdir()
    (folder / "rows" / "report.json").write_text(json.dumps({**hostile_rows(), "fingerprint": ""}))
    return {
        "rows": str(folder / "rows"), "store": "", "base": HOSTILE[0], "data_fingerprint": HOSTILE[1], "test_fingerprint": "t",
        "base_fingerprint": HOSTILE[2], "kind": "text", "hidden_size": 8, "parameters": 8, "train_rows": 1,
        "train_tokens": 1, "horizon_tokens": 3000, "default": {text: text for text in HOSTILE},
        "base_losses": {text: 1.0 for text in HOSTILE},
        "balance": {"rows_in": 3, "used": 1, "quarantined": {text: 1 for text in HOSTILE}, "dropped": {}},
    }  # fmt: skip
