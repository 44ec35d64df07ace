"""Words from outside end inert in what Prefect's pages show: Markdown without a link, a tag or a picture of theirs."""

from __future__ import annotations

from html import unescape
from pathlib import Path

from markdown_it import MarkdownIt

from seektune.ledger.results import Candidate, ConfirmResult, PrepareResult
from seektune.report.plots import lengths
from seektune.report.safe import markdown, visible
from seektune.text.rows import RowSet
from tasks import confirm, pages, prepare
from tests.report.hostile import HOSTILE, hostile_prepare

READER = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")


def inert(page: str) -> str:
    """The page's HTML, once it is sure that nothing in it acts."""
    kinds = [child for token in READER.parse(page) for child in [token, *(token.children or [])]]
    assert not [one for one in kinds if one.type in ("html_block", "html_inline", "link_open", "code_block", "fence")]
    assert all(str(one.attrs["src"]).startswith("data:image/png;base64,") for one in kinds if one.type == "image")
    assert not {"\x1b", "\u202e", "\u2066", "\x00"} & set(page)
    return str(READER.render(page))


def test_the_data_page(tmp_path: Path) -> None:
    result = PrepareResult.model_validate(hostile_prepare(tmp_path))
    assert RowSet.open(tmp_path / "rows").report["first"]
    html = inert(prepare.page(result))
    for title in ("Rows by source", "Rows left out", "Balance of labels", "conflicts", "before and after"):
        assert title in html
    assert html.count("<strong>") > len(HOSTILE)  # marked changes


def test_every_hostile_text_is_a_cell_that_shows_it() -> None:
    html = inert(
        pages.table([{"word": text, **({HOSTILE[1]: 1} if number == 0 else {})} for number, text in enumerate(HOSTILE)])
    )
    assert html.count("<td>") == 2 * len(HOSTILE)
    read = " ".join(unescape(html).replace("\u2060", "").split())
    for text in HOSTILE:
        assert " ".join(visible(text).split()) in read


def test_captions_and_verdicts() -> None:
    words = " ".join(HOSTILE)
    assert "<img" in inert(pages.picture(lengths([1, 2], [0, 1, 2]), words))
    side = Candidate(name=HOSTILE[0], params={text: text for text in HOSTILE}, values=[1.0], mean=1.0)
    result = ConfirmResult(
        challenger=side, reference=side, shortlist=[side], baselines=[side], validation=None, test=None,
        against_best_baseline=None, minimum_effect=0.1, verdict="underpowered", sentence=words, looks=1, seeds=2,
        test_scores={}, model=HOSTILE[11],
    )  # fmt: skip
    assert markdown(visible(words)[:60]) in confirm.page(result, HOSTILE[1])
    inert(confirm.page(result, HOSTILE[1]))
