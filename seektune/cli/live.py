"""Progress on a terminal: what has ended scrolls away, a bar and the leader stay at the bottom."""

from __future__ import annotations

from types import TracebackType

from rich.console import Group
from rich.live import Live as Region
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from seektune.cli.output import Output
from seektune.cli.progress import Plain, clock, label, shown, standing, trials_so_far
from seektune.cli.tally import LOST, Tally
from seektune.trial import Result, Segment

BAR_WIDTH = 24
REFRESH_PER_SECOND = 4


class Live(Plain):
    """A bar and a line that stay at the bottom of a terminal; what has ended scrolls away above them."""

    def __init__(self, tally: Tally, output: Output) -> None:
        super().__init__(tally, output)
        self._region = Region(
            get_renderable=self.render, console=output.console, refresh_per_second=REFRESH_PER_SECOND, transient=True
        )

    def __enter__(self) -> Live:
        self._region.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._region.stop()

    def say(self, text: str) -> None:
        elapsed = clock(self.tally.clock() - self.tally.began)
        self._region.console.print(f"[dim]{elapsed:>7}[/dim] ", end="")
        self._region.console.print(text, markup=False, soft_wrap=True)

    def trial_ended(self, stage: str, segment: Segment, result: Result) -> None:
        if result.state in LOST:
            super().trial_ended(stage, segment, result)

    def render(self) -> Group | Text:
        """Two lines: how far, and who leads."""
        tally = self.tally
        if not tally.stage:
            return Text("starting ...", style="dim")
        bar = ProgressBar(total=1.0, completed=tally.share(tally.stage), width=BAR_WIDTH)
        where = f"{tally.study.study} · stage {tally.number} of {len(tally.stages)} {shown(tally.stage)}"
        first = Table.grid(padding=(0, 1))
        first.add_row(Text(where, style="bold"), bar, Text(trials_so_far(tally)))
        return Group(first, Text(self.leader(), overflow="ellipsis", no_wrap=True))

    def leader(self) -> str:
        """Who leads, and with what."""
        params = [label(self.tally.best.params)] if self.tally.best is not None else []
        return "  " + " · ".join([*standing(self.tally), *params])

    def tell_standing(self, stage: str) -> None:
        """It stands in the two lines already."""
