"""Which hyperparameters mattered?

PED-ANOVA (Watanabe et al. 2023, arXiv 2304.10255) through Optuna, over an in-memory study: how differently are a
parameter's values spread among the best quarter of the trials and among all of them? It needs the order of the trials
only, so that a trial that diverged can count as the worst instead of being left out. All trials are compared at the
first rung, the longest run that every one of them made.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from seektune.ledger.history import TrialRow
from seektune.report.blocks import Figure, Section, Text
from seektune.report.chart import BLUE, axis, layout
from seektune.report.facts import Facts
from seektune.report.safe import figure
from seektune.report.wording import count, plural, share
from seektune.trial import State

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

FEWEST = 12
"""Below this the best quarter holds fewer than three trials."""


def importances(facts: Facts) -> Section | None:
    if not facts.searched:
        return None
    names = facts.searched_params()
    rung = facts.rungs[0] if facts.rungs else None
    scored = _scored(facts, rung)
    if len(names) < 2 or len(scored) < FEWEST:
        why = (
            f"only {plural(len(scored), 'trial')} can be compared"
            if len(names) > 1
            else "fewer than two parameters varied"
        )
        text = f"Too little to say which hyperparameters mattered: {why} (at least {FEWEST} trials are needed)."
        return Section("Importances", (Text(text, "muted"),))
    found = ped_anova([(row.params, value) for row, value in scored], names)
    if not found:
        return Section(
            "Importances", (Text("No hyperparameter stood out: good and bad trials had alike values.", "muted"),)
        )
    ordered = sorted(found.items(), key=lambda item: item[1])
    total = sum(found.values())
    first, weight = ordered[-1]
    at = f" at the first rung, {count(rung)} tokens" if rung else ""
    sentence = (
        f"{first} mattered most ({share(weight, total)} of what tells the best quarter from all {len(scored)} trials"
        f"{at})" + (f", then {ordered[-2][0]} ({share(ordered[-2][1], total)})." if len(ordered) > 1 else ".")
    )
    spec = {
        "data": [
            {"type": "bar", "orientation": "h", "x": [weight / total for _, weight in ordered],
             "y": [figure(name) for name, _ in ordered], "marker": {"color": BLUE},
             "hovertext": [f"{figure(name)}: {share(weight, total)}" for name, weight in ordered], "hoverinfo": "text"}
        ],
        "layout": layout(axis("share of the importance (PED-ANOVA)", tickformat=".0%"), axis("", type="category")),
    }  # fmt: skip
    caption = "Learned from few trials: take the order as a hint, and the small shares as noise."
    return Section(
        "Importances", (Text(sentence), Figure("importances", spec, caption, height=110 + 34 * len(ordered)))
    )


def _scored(facts: Facts, rung: int | None) -> list[tuple[TrialRow, float]]:
    """Trials with their minimised objective; a diverged one is worse than all."""
    values: list[tuple[TrialRow, float | None]] = []
    for row in facts.searched:
        value = facts.value_at(row, rung) if rung else facts.value(row)
        if row.state is State.DIVERGED:
            values.append((row, None))
        elif value is not None:
            values.append((row, facts.minimised(value)))
    measured = [value for _, value in values if value is not None]
    worst = max(measured, default=0.0)
    return [(row, worst + 1.0 if value is None else value) for row, value in values] if measured else []


def ped_anova(trials: Sequence[tuple[Mapping[str, object], float]], names: Sequence[str]) -> dict[str, float]:
    """Importance of each parameter that all `trials` (params, minimised value) have; {} when nothing stands out."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions: dict[str, optuna.distributions.BaseDistribution] = {}
    for name in names:
        values = [params.get(name) for params, _ in trials]
        if any(value is None for value in values):
            continue  # a conditional parameter
        distributions[name] = _distribution(values)
    study = optuna.create_study()
    for params, value in trials:
        study.add_trial(
            optuna.trial.create_trial(
                params={name: _as(distribution, params[name]) for name, distribution in distributions.items()},
                distributions=distributions,
                value=value,
            )
        )
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.25)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = optuna.importance.get_param_importances(study, evaluator=evaluator)
        except (ValueError, RuntimeError):
            return {}
    return {str(name): float(value) for name, value in found.items()} if sum(found.values()) > 0 else {}


def _distribution(values: Sequence[object]) -> BaseDistribution:
    import optuna

    numbers = [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) < len(values) or len(set(numbers)) < 2:
        return optuna.distributions.CategoricalDistribution(sorted({str(value) for value in values}))
    low, high = min(numbers), max(numbers)
    return optuna.distributions.FloatDistribution(low, high, log=low > 0 and high / low >= 8)


def _as(distribution: BaseDistribution, value: object) -> object:
    return float(value) if hasattr(distribution, "low") else str(value)  # type: ignore[arg-type]
