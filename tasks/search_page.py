"""What do coarse and fine show when they end? Who leads, by how much more than the noise, and every learning curve."""

from __future__ import annotations

from seektune.ledger.history import History
from seektune.ledger.results import Leader, SearchResult
from seektune.report import plots
from seektune.study_file import StudyFile
from seektune.trial import Json
from tasks import pages
from tasks.board import rounded
from tasks.watched import WatchedRun

MOST_LEADERS = 10


def search_page(run: WatchedRun, stage: str, result: Json) -> tuple[str, str]:
    """The page, and what it says in one line."""
    found = SearchResult.model_validate(result)
    trials = [trial for trial in History.read(run.folder).trials if trial.stage == stage]
    rungs = sorted({tokens for leader in found.history for tokens in leader.rungs})
    image = plots.learning_curves(trials, run.study.objective.metric, rungs=rungs, best=found.best.trial)
    sentence = summary(found, run.study.objective.metric)
    parts = [f"# {stage.capitalize()} search", pages.picture(image, sentence), pages.table(leaders(found, run.study))]
    return pages.page(parts), sentence


def summary(found: SearchResult, metric: str) -> str:
    """Leader, default, noise, and how the trials ended."""
    best = found.best
    parts = [f"best {metric} {rounded(best.value)} at {best.tokens:,} tokens ({best.trial})"]
    if found.default_value is not None:
        noise = "" if found.noise_sd is None else f" ± {found.noise_sd:.2g}"
        parts.append(f"default at full length {rounded(found.default_value)}{noise}")
    states = ", ".join(f"{count} {state}" for state, count in sorted(found.states.items()))
    parts.append(f"{found.trials} new trials; all so far: {states}")
    if found.ended:
        parts.append(f"ended early: {found.ended}")
    return " · ".join(parts)


def leaders(found: SearchResult, study: StudyFile) -> list[Json]:
    """The best trials by value, with what was searched."""
    sign = 1.0 if study.objective.direction == "minimize" else -1.0

    def place(one: Leader) -> tuple[bool, float]:
        return one.value is None, sign * (one.value or 0.0)

    return [
        {
            "trial": one.trial,
            study.objective.metric: one.value,
            "tokens": one.tokens,
            "state": one.state,
            **{name: one.params.get(name) for name in study.space},
        }
        for one in sorted(found.history, key=place)[:MOST_LEADERS]
    ]
