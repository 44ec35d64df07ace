"""A small study on the simulated trainer, for tests of the driver: two stages, rungs, a look at the test split.

python small_study.py FOLDER EXECUTOR SETTINGS      runs it; prints its results as one JSON line
python small_study.py sweep FOLDER                  kills it at every write, restarts it, compares
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from seektune.ledger import fault
from seektune.ledger.history import History
from seektune.study.driver import Driver
from seektune.study.executors.executor import Executor
from seektune.study.executors.in_process import InProcess
from seektune.study.executors.pool import Pool
from seektune.study.stage import Round, StageRun
from seektune.trial import Evaluate, Json, Params, Result, Segment, Start, State, TrainerSpec, derive_seed, to_json

SIMULATED = "seektune.study.simulated:SimulatedTrainer"
HORIZON = 20_000
COARSE, FINE = "c" * 64, "f" * 64
VOLATILE = ["started_at", "ended_at", "attempts", "seconds", "setup_seconds"]


def spec(target: str = SIMULATED, **settings: Any) -> TrainerSpec:
    return TrainerSpec(target, {"save_every_steps": 3, **settings})


def segment(trial: str, params: Params, to_tokens: int, start: Start | None = None, **more: Any) -> Segment:
    return Segment(
        trial=trial,
        params=params,
        seed=derive_seed(trial),
        from_tokens=start.tokens if start else 0,
        to_tokens=to_tokens,
        horizon_tokens=HORIZON,
        start=start,
        **{"evaluate": Evaluate(every_tokens=2_000), **more},
    )


def one_round(trainer: TrainerSpec, segments: Sequence[Segment], seen: list[Result] | None = None) -> StageRun:
    """A stage of a single round; the results as JSON."""
    results = yield Round(trainer, tuple(segments), {s.trial: "test" for s in segments})
    if seen is not None:
        seen.extend(results)
    return {"results": [to_json(result) for result in results]}


def rates(count: int) -> list[float]:
    return [10 ** (-5 + 4 * index / count) for index in range(count)]


def best_of(results: Sequence[Result], count: int) -> list[Result]:
    scored = [result for result in results if result.metrics and result.state is not State.DIVERGED]
    return sorted(scored, key=lambda result: result.metrics["loss"])[:count]


def coarse(trainer: TrainerSpec, trials: int = 6) -> StageRun:
    """Successive halving over two rungs."""
    first, second = HORIZON // 8, HORIZON // 4
    wave = [segment(f"coarse-{i}", {"learning_rate": rate}, first) for i, rate in enumerate(rates(trials))]
    results = yield Round(trainer, tuple(wave), {s.trial: "grid" for s in wave})
    kept = best_of(results, max(1, trials // 2))
    going = {result.trial for result in kept}
    again = [
        dataclasses.replace(s, from_tokens=first, to_tokens=second, start=Start(s.trial, first))
        for s in wave
        if s.trial in going
    ]
    dropped = tuple(s.trial for s in wave if s.trial not in going)
    results = yield Round(trainer, tuple(again), done=dropped)
    best = best_of(results, 2)
    return {"best": [[result.trial, result.metrics["loss"]] for result in best], "keep": [r.trial for r in best]}


def fine(trainer: TrainerSpec, before: Json, trials: int = 6) -> StageRun:
    """The best goes on to full length, beside two new ones; then one look at the test split."""
    best = before["best"][0][0]
    rate = rates(trials)[int(best.removeprefix("coarse-"))]
    going = segment(best, {"learning_rate": rate}, HORIZON, Start(best, HORIZON // 4))
    new = [segment(f"fine-{i}", {"learning_rate": rate * factor}, HORIZON) for i, factor in enumerate((0.7, 1.4))]
    results = yield Round(trainer, (going, *new), {s.trial: "near the best" for s in new})
    winner = best_of(results, 1)[0]
    full = next(s for s in (going, *new) if s.trial == winner.trial)
    test = dataclasses.replace(
        full, from_tokens=HORIZON, start=Start(full.trial, HORIZON), keep=False, evaluate=Evaluate(split="test")
    )
    (seen,) = yield Round(trainer, (test,), look="rows-1")
    return {
        "winner": winner.trial,
        "loss": winner.metrics["loss"],
        "test": seen.metrics["loss"],
        "keep": [winner.trial],
    }


def run(folder: Path, executor: Executor, trainer: TrainerSpec, trials: int = 6, **driver: Any) -> Json:
    with Driver(folder, executor, **driver) as study:
        before = study.run("coarse", COARSE, coarse(trainer, trials))
        return study.run("fine", FINE, fine(trainer, before, trials), upstream=(COARSE,))


def table(folder: Path) -> list[Json]:
    """Everything about the trials but times, cost and attempt numbers."""
    history = History.read(folder)
    rows = json.loads(history.frame().drop(columns=VOLATILE).to_json(orient="records", double_precision=15))
    for row, trial in zip(rows, history.trials, strict=True):
        row["curve"] = [[p.tokens, p.step, p.learning_rate, p.train_loss, dict(p.metrics)] for p in trial.curve]
    return list(rows)


def in_child(work: Callable[[], object]) -> int:
    """Fork, work, and the exit status."""
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def sweep(folder: Path) -> Json:
    """Every write of a run's journal (killed before, in the middle, after) and of its results; one restart each."""
    trainer = spec(save_every_steps=20)

    def go(place: Path) -> None:
        run(place, InProcess(), trainer, trials=2)

    go(folder / "undisturbed")
    wanted = table(folder / "undisturbed")
    kills, wrong = 0, []
    for point in ("journal.before", "journal.torn", "journal.after", "result.before", "result.after"):
        nth, killed = 1, True
        while killed:
            place = folder / f"{point}-{nth}"
            os.environ["SEEKTUNE_FAULT"] = f"{point}:kill9:{nth}"
            fault._passed.clear()
            killed = in_child(lambda place=place: go(place)) == signal.SIGKILL
            del os.environ["SEEKTUNE_FAULT"]
            status = in_child(lambda place=place: go(place))
            if status != 0 or table(place) != wanted:
                wrong.append(place.name)
            kills += killed
            nth += 1
    return {"kills": kills, "wrong": wrong}


if __name__ == "__main__":
    if sys.argv[1] == "sweep":
        print(json.dumps(sweep(Path(sys.argv[2]))))
    else:
        place, kind, settings = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
        made: Executor = Pool(2) if kind == "pool" else InProcess()
        print(json.dumps(run(place, made, spec(**settings))))
