"""How numbers are written for people: rounded to what can be read at a glance, units beside them."""

from __future__ import annotations

import math
from datetime import datetime


def number(value: float | None, digits: int = 4) -> str:
    """`digits` significant digits; 12,345 for whole numbers; 3e-4 where zeros would be counted; a dash for nothing."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) < 1e-3 or abs(value) >= 1e7:
        mantissa, exponent = f"{value:.{min(digits, 3) - 1}e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}".rstrip("0").rstrip(".") if decimals else f"{value:,.0f}"


def signed(value: float | None, digits: int = 3) -> str:
    """A difference: always with its sign."""
    if value is None or math.isnan(value):
        return "–"
    text = number(abs(value), digits)
    return text if text == "0" else ("+" if value > 0 else "−") + text


def count(value: float | None) -> str:
    """Tokens and parameters: 950, 12.4k, 3.1M."""
    if value is None:
        return "–"
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if abs(value) >= size:
            scale = 1e3 if unit == "k" else size
            return f"{value / scale:.3g}{unit}" if value / scale < 1000 else f"{value / scale:.0f}{unit}"
    return f"{value:,.0f}"


def duration(seconds: float | None) -> str:
    """0.8 s, 42 s, 3 min 12 s, 4 h 05 min."""
    if seconds is None or math.isnan(seconds):
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s" if seconds >= 0.05 else "0 s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f}%" if whole else "–"


def plural(amount: int, noun: str) -> str:
    """1 trial, 24 trials."""
    return f"{amount:,} {noun}" + ("" if amount == 1 else "s")


def joined(parts: list[str]) -> str:
    """a, b and c."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + f" and {parts[-1]}" if parts else ""


def moment(unix: float) -> str:
    """2026-11-27 06:00 CET: local time."""
    return datetime.fromtimestamp(unix).astimezone().strftime("%Y-%m-%d %H:%M %Z")
