"""Blocks as one HTML file that opens without network.

plotly.js, the style and the plots' data stand inside the file, once. A content policy allows exactly our two scripts
(by their hashes) and forbids every load, so that nothing leaves the page, whatever a row of text says.
The data of a plot is JSON in a script element that a browser does not run. Without scripts, plots show as PNG.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from importlib.resources import files

from seektune.report.blocks import Block, Cell, Figure, Headline, Marked, Section, Table, Text, Tiles
from seektune.report.safe import html, script
from seektune.report.wording import number

STATES = ("complete", "paused", "stopped", "diverged", "infeasible", "failed", "running", "finished")
HINT = "In a plot: drag to zoom, double-click to go back, click a name in the legend to hide it."
LONG = 40
"""A cell with more characters may break into lines."""


def page(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """The whole file."""
    plotly = files("plotly").joinpath("package_data/plotly.min.js").read_text("utf-8")
    drawing = _part("page.js")
    links = "".join(f'<a href="#{slug(one.title)}">{html(one.title)}</a>' for one in sections if not one.opening)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy(plotly, drawing)}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{html(title)}</title>\n<style>{_part('page.css')}</style>\n</head>\n<body>\n"
        f'<header class="top"><div><strong>{html(title)}</strong>{links}</div></header>\n<main>\n'
        + "\n".join(_section(one) for one in sections)
        + f"\n<footer>{html(subtitle)}. {HINT}</footer>\n</main>\n"
        f"<script>{plotly}</script>\n<script>{drawing}</script>\n</body>\n</html>\n"
    )


def policy(*scripts: str) -> str:
    """Content policy that lets exactly these scripts run and nothing load."""
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _part(name: str) -> str:
    return files("seektune.report").joinpath(name).read_text("utf-8")


def _section(section: Section) -> str:
    heading = "" if section.opening else f"<h2>{html(section.title)}</h2>\n"
    return f'<section id="{slug(section.title)}">\n{heading}' + "\n".join(map(block, section.blocks)) + "\n</section>"


def block(one: Block) -> str:
    match one:
        case Headline(text, tone, below):
            under = f"<p>{html(below)}</p>" if below else ""
            return f'<div class="hero {tone}"><h1>{html(text)}</h1>{under}</div>'
        case Text(text, tone):
            return f'<p class="{ {"plain": "", "muted": "muted"}.get(tone, f"note {tone}") }">{html(text)}</p>'
        case Tiles(tiles):
            cells = "".join(
                f'<div class="tile"><span>{html(tile.name)}</span><b>{html(tile.value)}</b>'
                f"<span>{html(tile.note)}</span></div>"
                for tile in tiles
            )
            return f'<div class="tiles">{cells}</div>'
        case Table():
            return _table(one)
        case Figure():
            return _figure(one)


def _table(table: Table) -> str:
    right = table.set_right
    head = "".join(
        f"<th{' class=n' if side else ''}>{html(name)}</th>" for name, side in zip(table.columns, right, strict=True)
    )
    body = "\n".join(
        "<tr>" + "".join(_cell(*each, table.wrap) for each in zip(row, table.columns, right, strict=True)) + "</tr>"
        for row in table.rows
    )
    inner = f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div>'
    if table.folded:
        return f"<details><summary>{html(table.caption)}</summary>{inner}</details>"
    return (f"<h3>{html(table.caption)}</h3>" if table.caption else "") + inner


def _cell(cell: Cell, column: str, right: bool, wrap: bool) -> str:
    if cell is None:
        return f'<td class="muted{" n" if right else ""}">–</td>'
    if isinstance(cell, Marked):
        text = "".join(f"<mark>{html(part)}</mark>" if marked else html(part) for part, marked in cell.parts)
    else:
        text = html(number(cell) if isinstance(cell, int | float) and not isinstance(cell, bool) else cell)
    if column in ("state", "status") and cell in STATES:
        return f'<td class="state {cell}">{text}</td>'
    if right:
        return f'<td class="n">{text}</td>'
    return (
        f'<td class="long">{text}</td>' if len(text) > LONG or (wrap and len(text) > LONG // 2) else f"<td>{text}</td>"
    )


def _figure(figure: Figure) -> str:
    width = f"min-width:{figure.min_width}px;" if figure.min_width else ""
    plain = ""
    if figure.plot is not None:
        encoded = base64.b64encode(figure.plot).decode()
        plain = f'<noscript><img alt="{html(figure.caption)}" src="data:image/png;base64,{encoded}"></noscript>'
    return (
        f'<figure><div class="frame"><div class="plot" role="img" aria-label="{html(figure.caption)}" '
        f'data-spec="spec-{slug(figure.name)}" style="{width}height:{figure.height}px"></div></div>{plain}'
        f'<script type="application/json" id="spec-{slug(figure.name)}">{script(dict(figure.spec))}</script>'
        f"<figcaption>{html(figure.caption)}</figcaption></figure>"
    )
