"""What is the winner made of, and how did every configuration score that was trained again with fresh seeds?"""

from __future__ import annotations

from seektune.ledger.results import Candidate, ConfirmResult
from seektune.report.blocks import Block, Cell, Section, Table
from seektune.report.facts import Facts
from seektune.report.wording import number


def winner(facts: Facts) -> Section | None:
    blocks = _hyperparameters(facts)
    if facts.confirm is not None:
        blocks += _scores(facts, facts.confirm)
    return Section("Winner", tuple(blocks)) if blocks else None


def _hyperparameters(facts: Facts) -> list[Block]:
    if facts.winner is None:
        return []
    name, params = facts.winner
    default = facts.default
    searched = facts.space()
    keys = [key for key in searched if key in params] + sorted(key for key in params if key not in searched)
    keys += sorted(key for key in default if key not in params)
    rows: list[tuple[Cell, ...]] = [
        (key, _shown(params.get(key)), _shown(default.get(key)), "yes" if key in searched else "") for key in keys
    ]
    return [
        Table(("hyperparameter", f"winner ({name})", "default", "searched"), tuple(rows), "Winner's hyperparameters")
    ]


def _shown(value: object) -> Cell:
    if isinstance(value, float):
        return number(value)
    return value if isinstance(value, str | int | bool) or value is None else str(value)


def _scores(facts: Facts, result: ConfirmResult) -> list[Block]:
    blocks: list[Block] = []
    names: dict[str, dict[str, float]] = {}
    for key, value in result.test_scores.items():
        side, _, metric = key.partition(".")
        names.setdefault(metric, {})[side] = value
    if names:
        scores = tuple((metric, sides.get("challenger"), sides.get("default")) for metric, sides in names.items())
        blocks.append(Table(("on the locked test split", "winner", "default"), scores, "Test scores, means over seeds"))
    groups = (("shortlist", result.shortlist), ("default × factor", result.baselines))
    tried: list[tuple[str, Candidate]] = [(group, one) for group, many in groups for one in many]
    tried.sort(key=lambda pair: (_mean(pair[1], result) is None, facts.minimised(pair[1].mean)))
    rows = tuple(
        (one.name, group, _mean(one, result), ", ".join(number(value) for value in one.values), _rate(one))
        for group, one in tried
    )
    columns = ("configuration", "from", f"mean {facts.metric}", "each seed", "learning rate")
    blocks.append(Table(columns, rows, "Fresh paired seeds on the validation rows, best first"))
    return blocks


def _mean(one: Candidate, result: ConfirmResult) -> float | None:
    """None where a seed was lost: a mean over the others would flatter."""
    return one.mean if len(one.values) >= result.seeds else None


def _rate(one: Candidate) -> str:
    rate = one.params.get("learning_rate")
    return number(float(rate), 3) if rate is not None else "–"
