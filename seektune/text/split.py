"""Which side is a row on? A function of its cluster's hash and nothing else.

The hash is that of the group column(s), or of the cluster's earliest row: not of the seed, the order of other rows or
their number. So a row keeps its side from night to night, a new row near a test row joins the test side, and train,
validation and test are known before anything learns from text. Shares are expectations over clusters, not exact counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from seektune.errors import DataError
from seektune.text.clusters import Forest
from seektune.text.lines import shown
from seektune.text.options import DataOptions, SplitOptions
from seektune.text.reading import Row
from seektune.trial import fingerprint

EVALUATION = ("validation", "test")


def side(key: str, split: SplitOptions, missing: Sequence[str] = EVALUATION) -> str:
    """The side of a cluster, drawn from its hash; `missing` are the sides that may be drawn beside train."""
    draw = int(fingerprint("split", key)[:12], 16) / 16**12
    edge = 0.0
    for name, share in (("test", split.test), ("validation", split.validation)):
        if name in missing:
            edge += share
            if draw < edge:
                return name
    return "train"


def assign(rows: Sequence[Row], kept: Sequence[Row], forest: Forest, data: DataOptions) -> int:
    """Set `group` and `side` of every row; gives the number of oversized clusters that were sent to train.

    With `split.column` the named sides stand, and only sides that no row names are drawn, from the training rows.
    """
    split = data.split
    roots = [forest.root(i) for i in range(len(rows))]
    staying = {id(row) for row in kept}
    sizes = Counter(root for row, root in zip(rows, roots, strict=True) if id(row) in staying)
    keys = {root: rows[root].own_group or rows[root].id for root in set(roots)}
    missing = [name for name in EVALUATION if not any(row.own_side == name for row in kept)]
    oversized = set()
    for row, root in zip(rows, roots, strict=True):
        row.group = keys[root]
        if row.own_side in EVALUATION:
            row.side = row.own_side
        elif sizes[root] > data.checks.max_cluster and not split.group:
            row.side = "train"
            oversized.add(root)
        else:
            row.side = side(keys[root], split, missing)
    return len(oversized)


def need_both_sides(kept: Sequence[Row], data: DataOptions) -> None:
    """Every side has rows and, for classification, the training side at least two labels."""
    counts = Counter(row.side for row in kept)
    empty = [name for name in ("train", *EVALUATION) if not counts[name]]
    groups = len({row.group for row in kept})
    if empty:
        raise DataError(
            f"the {' and '.join(empty)} split{'s are' if len(empty) > 1 else ' is'} empty: {len(kept):,} rows in "
            f"{groups:,} group{'s' if groups != 1 else ''} are left after checks and duplicates; bring more rows, use "
            f"a finer split.group, or raise split.validation and split.test"
        )
    if data.kind == "classification":
        labels = {row.fields["label"] for row in kept if row.side == "train"}
        if len(labels) < 2:
            raise DataError(
                f"every training row has the label {shown(next(iter(labels)))!r}: there is nothing to tell apart, and "
                f"accuracy and macro-F1 mean nothing; check the label column"
            )
