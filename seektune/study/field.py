"""The trials of a search stage and how far each has come: rungs are prefixes of one full run.

Coarse and fine share this: it names trials, makes the next segment of each, and keeps what came back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from seektune.ledger.results import Leader, LeaderRun
from seektune.search.observation import Observation, ObservedState, ranked
from seektune.space.narrow import Box, narrow
from seektune.study.context import Context, gave_up
from seektune.study.stage import Round
from seektune.study.tried import BROKEN, Course, Tried, is_default
from seektune.trial import Evaluate, Params, Result, Segment, Start, State, View, derive_seed


def name_of(search: str | Mapping[str, object]) -> str:
    """`tpe` from `tpe` or `{tpe: {...}}`."""
    return search if isinstance(search, str) else next(iter(search))


def best_of(leaders: Sequence[Leader]) -> Leader:
    """The first that has a value, of the search's own trials where there is one: a stage always ends with a usable
    best."""
    searched = [leader for leader in leaders if not is_default(leader.trial)]
    return next((leader for leader in (*searched, *leaders) if leader.usable), leaders[0])


class Field:
    """Configurations by name, in the order in which they were proposed."""

    def __init__(self, context: Context, stage: str) -> None:
        self.context = context
        self.stage = stage
        self.trials: dict[str, Tried] = {}
        self.origins: dict[str, str] = {}
        self.ended = ""

    def enter(self, trial: str, params: Params, seed: int, origin: str) -> None:
        objective = self.context.study.objective
        courses = []
        for fold in range(objective.folds) if objective.folds else [None]:
            for repeat in range(objective.repeats):
                name = trial + ("" if fold is None else f"·fold{fold}")
                name += f"·repeat{repeat}" if objective.repeats > 1 else ""
                courses.append(Course(name, derive_seed(seed, repeat) if repeat else seed, fold))
        self.trials[trial] = Tried(trial, dict(params), courses)
        self.origins[trial] = origin

    def take_over(self, leaders: Iterable[Leader]) -> None:
        """Trials of an earlier stage come along at their own fidelity."""
        sign = 1.0 if self.context.study.objective.direction == "minimize" else -1.0
        for leader in leaders:
            courses = [
                Course(
                    run.trial,
                    run.seed,
                    run.fold,
                    run.tokens,
                    State(run.state),
                    {int(tokens): sign * value for tokens, value in run.rungs.items()},
                )
                for run in leader.runs
            ]
            self.trials[leader.trial] = Tried(leader.trial, dict(leader.params), courses)

    def cut_back(self, name: str, tokens: int) -> None:
        """Forget what a trial did beyond `tokens`, so that it is compared with trials of that length."""
        for course in self.trials[name].courses:
            course.rungs = {rung: value for rung, value in course.rungs.items() if rung <= tokens}
            if course.tokens > tokens and course.rungs:
                course.tokens, course.state = max(course.rungs), State.PAUSED

    def courses(self, names: Iterable[str]) -> list[str]:
        """The training runs of configurations, as the journal knows them."""
        return [course.trial for name in names for course in self.trials[name].courses]

    def round(self, names: Sequence[str], to_tokens: int, *, done: Sequence[str] = ()) -> Round:
        """The next segments of each named trial."""
        context = self.context
        folds = context.study.objective.folds
        segments = []
        for name in names:
            tried = self.trials[name]
            for course in tried.courses:
                segments.append(
                    Segment(
                        trial=course.trial,
                        params=tried.params,
                        seed=course.seed,
                        from_tokens=course.tokens,
                        to_tokens=to_tokens,
                        horizon_tokens=context.prepared.horizon_tokens,
                        start=Start(course.trial, course.tokens) if course.tokens else None,
                        view=View(fold=course.fold, folds=folds),
                        evaluate=Evaluate(
                            split="validation" if course.fold is None else "fold",
                            every_tokens=context.eval_every,
                            rows=context.study.train.eval_rows,
                        ),
                    )
                )
        return Round(
            trainer=context.trainer(),
            segments=tuple(segments),
            origins={
                trial: self.origins[name] for name in names if name in self.origins for trial in self.courses([name])
            },
            done=tuple(self.courses(done)),
        )

    def record(self, results: Iterable[Result]) -> None:
        courses = {course.trial: course for tried in self.trials.values() for course in tried.courses}
        for result in results:
            course = courses[result.trial]
            course.state = result.state
            value = self.context.minimised(result.metrics)
            if gave_up(result):
                self.ended = result.reason
            if result.tokens > course.tokens or value is not None:
                course.tokens = result.tokens
                if value is not None and result.state not in BROKEN:
                    course.rungs[result.tokens] = value

    def at(self, tokens: int) -> dict[str, float]:
        """Minimised objective of every trial that was measured at exactly this rung."""
        return {name: tried.rungs[tokens] for name, tried in self.trials.items() if tokens in tried.rungs}

    def ranking(self) -> list[Tried]:
        """Longer trials before shorter ones, then by value; those without a value last."""
        return sorted(
            self.trials.values(),
            key=lambda t: (t.value is None, not t.alive, -t.tokens, t.value if t.value is not None else 0.0, t.trial),
        )

    def observed(self) -> dict[str, Observation]:
        """What a sampler may learn from, each trial at its own fidelity (index of the last rung it passed)."""
        ladder = sorted({tokens for tried in self.trials.values() for tokens in tried.rungs})
        horizon = self.context.prepared.horizon_tokens
        words: dict[State, ObservedState] = {
            State.PAUSED: "paused",
            State.DIVERGED: "diverged",
            State.INFEASIBLE: "infeasible",
        }
        observations: dict[str, Observation] = {}
        for tried in self.trials.values():
            if tried.state is State.FAILED or (tried.value is None and tried.state in (State.PAUSED, State.STOPPED)):
                continue
            complete = tried.state is State.COMPLETE and tried.tokens >= horizon
            state: ObservedState = "complete" if complete else words.get(tried.state, "stopped")
            rung = ladder.index(tried.tokens) if tried.tokens in ladder else 0
            observations[tried.trial] = Observation(self.context.searched(tried.params), state, tried.value, rung)
        return observations

    def box(self, share: float) -> Box:
        """Where the best share of the trials is."""
        return narrow(self.context.space, [o.params for o in ranked(list(self.observed().values()))], share)

    def leaders(self) -> list[Leader]:
        shown = self.context.shown
        return [
            Leader(
                trial=tried.trial,
                params=tried.params,
                seed=tried.seed,
                tokens=tried.tokens,
                state=tried.state.value,
                value=None if tried.value is None else shown(tried.value),
                rungs={tokens: shown(value) for tokens, value in tried.rungs.items()},
                runs=[
                    LeaderRun(
                        trial=course.trial,
                        seed=course.seed,
                        fold=course.fold,
                        tokens=course.tokens,
                        state=course.state.value,
                        rungs={tokens: shown(value) for tokens, value in course.rungs.items()},
                    )
                    for course in tried.courses
                ],
            )
            for tried in self.ranking()
        ]

    def states(self) -> dict[str, int]:
        counted: dict[str, int] = {}
        for tried in self.trials.values():
            counted[tried.state.value] = counted.get(tried.state.value, 0) + 1
        return counted

    def rank_correlation(self, first: int, last: int) -> float | None:
        """Spearman correlation between two rungs, over trials measured at both (at least 5)."""
        short, long = self.at(first), self.at(last)
        both = [name for name in short if name in long]
        if first == last or len(both) < 5:
            return None
        from scipy.stats import spearmanr

        correlation = float(spearmanr([short[n] for n in both], [long[n] for n in both]).statistic)
        return correlation if np.isfinite(correlation) else None
