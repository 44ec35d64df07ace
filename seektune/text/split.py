"""Which side is a row on? The most protected one that any row of its cluster drew: test, then validation, then train.

A row draws by the hash of its group column(s), or of the row that it was made from, or of its own content. Test takes
the lowest draws, validation the next ones, train the rest, and a cluster has the lowest draw of its rows, dropped ones
too. So neither the seed nor the order of rows counts, nor where in a file new rows stand: a cluster that holds a test
row keeps it, rows may move towards test and never away from it, and a new row near a test row joins it there. One
exception: a cluster that outgrows `checks.max_cluster` trains, whole.

The price: k rows near each other draw k times, so that the evaluation sides get more than was asked (test at 10%:
banking77 12.2%, dolly 11.5%, sets with few near duplicates 10%). No rule that keeps test rows in test does with less,
unless near rows share their draws. Keys of a few words do (11.2% and 11.0%), but then common words decide over whole
templates, and the shares scatter three times as much. Shares are expectations over clusters, not exact counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seektune.errors import DataError
from seektune.score.options import CLASSES
from seektune.text.files.lines import shown
from seektune.text.kinds import labels_of
from seektune.text.options import DataOptions, SplitOptions
from seektune.text.reading import Row
from seektune.trial import drawn

if TYPE_CHECKING:
    from seektune.text.clusters import Clusters, Forest

EVALUATION = ("validation", "test")
_UNEVEN = 0.03


def draw(key: str) -> float:
    """A number in [0, 1) that depends on the key alone."""
    return drawn("split", key)


def side(drawn: float, split: SplitOptions, missing: Sequence[str] = EVALUATION) -> str:
    """The side of a draw; `missing` are the sides that may be drawn beside train."""
    edge = 0.0
    for name, share in (("test", split.test), ("validation", split.validation)):
        if name in missing:
            edge += share
            if drawn < edge:
                return name
    return "train"


def assign(rows: Sequence[Row], kept: Sequence[Row], forest: Forest, data: DataOptions) -> list[int]:
    """Set `group` and `side` of every row; gives the sizes of the oversized clusters that were sent to train.

    With `split.column` the named sides stand, and only sides that no row names are drawn, from the training rows.
    """
    split = data.split
    roots = [forest.root(i) for i in range(len(rows))]
    staying = {id(row) for row in kept}
    sizes = Counter(root for row, root in zip(rows, roots, strict=True) if id(row) in staying)
    lowest: dict[int, tuple[bool, float, str]] = {}
    for row, root in zip(rows, roots, strict=True):
        key = row.own_group or row.id
        child = row.parent is not None and not row.own_group  # draws with its parent, which is in the cluster
        drawn = (child, draw(key), key)
        lowest[root] = min(lowest.get(root, drawn), drawn)
    missing = [name for name in EVALUATION if not any(row.own_side == name for row in kept)]
    oversized = set()
    for row, root in zip(rows, roots, strict=True):
        _, drawn_first, row.group = lowest[root]
        if row.own_side in EVALUATION:
            row.side = row.own_side
        elif missing and sizes[root] > data.checks.max_cluster and not split.group:
            row.side = "train"
            oversized.add(root)
        else:
            row.side = side(drawn_first, split, missing)
    return sorted((sizes[root] for root in oversized), reverse=True)


def sent_to_train(oversized: Sequence[int], data: DataOptions) -> list[str]:
    """What to tell a person whose rows of one template are in no evaluation side."""
    if not oversized:
        return []
    more = "1 cluster has" if len(oversized) == 1 else f"{len(oversized):,} clusters have"
    return [
        f"{more} more than {data.checks.max_cluster:,} rows (checks.max_cluster) that are near each other or were made from "
        f"one, so that all of them train: {sum(oversized):,} rows, {oversized[0]:,} in the largest; none of them is in "
        f"validation or test"
    ]


def uneven(kept: Sequence[Row], data: DataOptions) -> list[str]:
    """What to tell a person whose evaluation sides are far from what was asked."""
    if data.split.column:
        return []
    counts = Counter(row.side for row in kept)
    groups = len({row.group for row in kept})
    shares = [(name, counts[name] / len(kept), getattr(data.split, name)) for name in EVALUATION]
    few = "the rows are few groups, and each draws its side"
    return [
        f"{share:.1%} of the rows are in {name}, {asked:.1%} were asked for: "
        + (_too_many(name, (share - asked) * len(kept), kept, data) if share > asked else few)
        for name, share, asked in shares
        if abs(share - asked) > max(_UNEVEN, 3 * (asked * (1 - asked) / groups) ** 0.5)  # beyond chance
    ]


def _too_many(name: str, surplus: float, kept: Sequence[Row], data: DataOptions) -> str:
    """Why a side has more rows than were asked for: one large group, or many that are near each other."""
    group, size = Counter(row.group for row in kept if row.side == name).most_common(1)[0]
    if size <= surplus:
        return (
            "rows that are near each other, or of groups that share a row, stay together on the most protected side that "
            "one of them drew"
        )
    rows = [row for row in kept if row.group == group]
    one = data.split.group and len({row.own_group for row in rows}) == 1
    which = f"group {shown(group.replace(chr(31), ', '))!r} (split.group)" if one else f"cluster of {rows[0].place}"
    return f"the {which} stays together and has {size:,} rows"


def _remedies(
    clusters: Clusters, oversized: Sequence[int], empty: Sequence[str], groups: int, data: DataOptions
) -> list[str]:
    """What may fill the empty sides; of what ties rows together only that which does so here."""
    found = ["bring more rows" + (" that are less alike" if clusters.near else "")]
    if clusters.near:
        found.append(
            f"set checks.near_duplicates: false, if the {clusters.near:,} rows that are near another one may be on two sides"
        )
    if oversized and groups > 1:
        found.append(
            f"raise checks.max_cluster: of clusters with more than {data.checks.max_cluster:,} rows all rows train, "
            f"{sum(oversized):,} here"
        )
    if clusters.parents:
        columns = sorted({source.columns.get("parent", "parent") for source in data.sources})
        found.append(
            f"rename the column {' or '.join(map(shown, columns))} if it is no parent's id: it ties "
            f"{sum(clusters.parents.values()):,} rows to {len(clusters.parents):,} "
            f"parent{'s' if len(clusters.parents) != 1 else ''}"
        )
    if data.split.group:
        found.append("use a finer split.group")
    if data.split.column:
        found.append(f"name rows of {' and '.join(empty)} in the column {shown(data.split.column)}")
    if groups > 1:
        found.append(f"{'lower' if 'train' in empty else 'raise'} split.validation and split.test")
    return found


def need_both_sides(
    clusters: Clusters, oversized: Sequence[int], data: DataOptions, dropped: Sequence[tuple[Row, str, str]]
) -> None:
    """Every side has rows and, where classes are learned, the training side at least two labels."""
    kept = clusters.kept
    counts = Counter(row.side for row in kept)
    empty = [name for name in ("train", *EVALUATION) if not counts[name]]
    groups = len({row.group for row in kept})
    if empty:
        left_out = Counter(reason for _, reason, _ in dropped)
        why = "".join(f", {amount:,} {reason}" for reason, amount in left_out.items())
        first = f" (the first: {dropped[0][0].place} repeats {dropped[0][2]})" if dropped else ""
        raise DataError(
            f"the {' and '.join(empty)} split{'s are' if len(empty) > 1 else ' is'} empty: {len(kept):,} rows in "
            f"{groups:,} group{'s' if groups != 1 else ''} are left{why}{first}; "
            f"{'; or '.join(_remedies(clusters, oversized, empty, groups, data))}"
        )
    if data.kind in CLASSES:
        train = [row for row in kept if row.side == "train"]
        labels = {label for row in train for label in labels_of(data.kind, row.fields)}
        if len(labels) < 2:
            what, column = ("word", "tags") if data.kind == "tagging" else ("row", "label")
            raise DataError(
                f"every training {what} has the label {shown(next(iter(labels)))!r}: there is nothing to tell apart, and "
                f"accuracy and macro-F1 mean nothing; check the {column} column"
            )
        if data.kind == "tagging" and all(label.removeprefix("-").isdecimal() for label in labels):
            shortest = sorted(labels, key=lambda label: (len(label), label))
            raise DataError(
                f"{train[0].place}: tags must be names, with O for a word that names nothing, but every tag of the training "
                f"rows is a number ({', '.join(shortest[:5])}{', ...' if len(labels) > 5 else ''}), so that no entity can "
                f"be told from what is none; write the names in their place, for example O for 0 and B-PER for 1"
            )
