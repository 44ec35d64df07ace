"""What did each stage find, and what did it use?"""

from __future__ import annotations

from seektune.report.blocks import Block, Cell, Figure, Section, Table, Text
from seektune.report.chart import BLUE, DEFAULT, GREEN, GREY, ORANGE, PURPLE, axis, layout
from seektune.report.facts import STAGES, Facts
from seektune.report.summary import found
from seektune.report.wording import count, duration, number, share

COLOURS = {"prepare": GREY, "lr_range": ORANGE, "coarse": BLUE, "fine": PURPLE, "augmentation": DEFAULT,
           "confirm": GREEN}  # fmt: skip


def stages(facts: Facts) -> Section | None:
    rows: list[tuple[Cell, ...]] = []
    spent: list[tuple[str, float]] = []
    for name, stage in facts.history.stages.items():
        told = found(name, stage.result or {}, facts.metric)
        if stage.status == "stale":
            told = "Found for other inputs than the study has now; it runs again when it is asked for."
        trials = sum(row.stage == name for row in facts.history.trials)
        spend = stage.spend
        rows.append(
            (STAGES.get(name, name), told or "Not finished yet.", str(stage.status), trials or None,
             count(spend.tokens), duration(spend.device_seconds), duration(spend.wall_seconds))
        )  # fmt: skip
        spent.append((name, spend.device_seconds))
    if not rows:
        return None
    columns = ("stage", "found", "status", "runs", "tokens", "training time", "wall time")
    blocks: list[Block] = [Table(columns, tuple(rows), "What each stage found and used", wrap=True)]
    if len([one for one in spent if one[1] > 0]) > 1:
        blocks.append(_bar(spent))
    if (saved := _against_full_runs(facts)) is not None:
        blocks.append(Text(saved, "muted"))
    return Section("Stages and spend", tuple(blocks))


def _bar(spent: list[tuple[str, float]]) -> Figure:
    total = sum(seconds for _, seconds in spent)
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "x": [seconds],
            "y": [""],
            "name": STAGES.get(name, "other"),
            "marker": {"color": COLOURS.get(name, GREY)},
            "hovertext": f"{STAGES.get(name, 'other')}: {duration(seconds)} ({share(seconds, total)})",
            "hoverinfo": "text",
        }
        for name, seconds in spent
        if seconds > 0
    ]
    x = axis("seconds of training, all workers together")
    y = axis("", showticklabels=False)
    spec = {
        "data": data,
        "layout": layout(
            x,
            y,
            barmode="stack",
            showlegend=True,
            legend={"orientation": "h", "traceorder": "normal", "x": 0, "y": 1.05, "yanchor": "bottom"},
            margin={"l": 20, "r": 20, "t": 40, "b": 50},
        ),
    }
    words = ", ".join(f"{STAGES.get(name, name)} {share(seconds, total)}" for name, seconds in spent if seconds > 0)
    return Figure("spend", spec, f"Share of the training time: {words}.", height=170)


def _against_full_runs(facts: Facts) -> str | None:
    """What the same trials would have cost one by one at full length."""
    if facts.prepare is None or not facts.searched:
        return None
    used = sum(row.cost.tokens for row in facts.searched)
    full = len(facts.searched) * facts.prepare.horizon_tokens
    if not used or used >= full:
        return None
    return (
        f"The search used {count(used)} tokens. Its {len(facts.searched)} trials run to the end one by one would have "
        f"taken {count(full)}: {number(full / used, 2)} times as much."
    )
