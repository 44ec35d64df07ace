"""Progress on a terminal: what has ended scrolls away, a bar and the leader stay at the bottom."""

from __future__ import annotations

from types import TracebackType

from rich.console import Group
from rich.live import Live as Region
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from seektune.cli.output import Output
from seektune.cli.progress import Plain, clock, label, shown
from seektune.cli.tally import LOST, Tally
from seektune.report.wording import count, duration, number
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
        of = f" of {max(tally.planned_trials, tally.trials_done)}" if tally.planned_trials else ""
        left = f"about {duration(seconds)} left" if (seconds := tally.eta_seconds() or 0.0) >= 1.0 else ""
        bar = ProgressBar(total=1.0, completed=tally.share(tally.stage), width=BAR_WIDTH)
        where = f"{tally.study.study} · stage {tally.number} of {len(tally.stages)} {shown(tally.stage)}"
        trials = f"{tally.trials_done}{of} trials, {tally.running} running · {left}"
        first = Table.grid(padding=(0, 1))
        first.add_row(Text(where, style="bold"), bar, Text(trials.rstrip(" ·")))
        return Group(first, Text(self.leader(), overflow="ellipsis", no_wrap=True))

    def leader(self) -> str:
        """Best so far, the default beside it, spend."""
        tally = self.tally
        metric, best = tally.study.objective.metric, tally.best
        words = [f"best {metric} {number(best.value)} {best.trial} at {count(best.tokens)} tokens"] if best else []
        words += [f"default {number(tally.default)}"] if tally.default is not None else []
        money = f" ({tally.money:.2f})" if tally.money is not None else ""
        words.append(f"spend {duration(tally.spend_seconds)}{money}")
        if best is not None:
            words.append(label(best.params))
        return "  " + " · ".join(words)
