"""Stage: what do people read? The report's Markdown as an artifact, pictures inside, with the path of the HTML page."""

from __future__ import annotations

import re
from pathlib import Path

from seektune.report.safe import code
from seektune.trial import Json
from tasks import pages
from tasks.holding import hold
from tasks.watched import WatchedRun

IMAGE = re.compile(r"!\[([^\]]*)\]\((plots/[\w.-]+\.png)\)")


@hold("report", retries=1)
def report(run: WatchedRun) -> tuple[Json, str]:
    """Write HTML, Markdown, CSV, Parquet and plots."""
    result = run.run("report")
    sentence = f"full report: {result['html']}"
    text = with_pictures(Path(result["markdown"]).read_text("utf-8"), Path(result["folder"]))
    run.show("report", pages.page([f"Full report: {code(result['html'])}", text]), sentence)
    return result, sentence


def with_pictures(text: str, folder: Path) -> str:
    """Relative pictures mean nothing in Prefect's page: put them in as data, as many as there is room for."""
    room = pages.LARGEST_PAGE_BYTES - len(text.encode())

    def put_in(found: re.Match[str]) -> str:
        nonlocal room
        file = folder / found[2]
        image = pages.image(file.read_bytes(), found[1]) if file.is_file() else ""
        if not image or len(image) > room:
            return f"*{found[1]}: see {found[2]} beside the report*"
        room -= len(image)
        return image

    return IMAGE.sub(put_in, text)
