"""`seektune tune` killed with -9 at any moment and started again ends as the undisturbed run: same table, same winner."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest

from seektune.ledger.history import History
from seektune.ledger.journal import records
from seektune.trial import Json
from tests.cli.conftest import ROOT, Desk
from tests.processes import of_session, seconds_until_gone

SAID = "said.jsonl"
TIMES_AND_COST = ["started_at", "ended_at", "seconds", "setup_seconds", "attempts"]

REAL = """\
study: real
seed: 7
model: {config: tiny-deepseek-v3, pretrain: {tokens: 6k, vocabulary: 400}}
data: {kind: instruction, sources: [{path: rows.jsonl}], max_length: 128}
train: {tokens: 6k, eval_rows: 16, eval_every: 2k}
method: lora
space:
  learning_rate: {low: 1e-4, high: 1e-1, log: true}
  effective_batch: {choices: [4, 8]}
stages:
  lr_range: {steps: 20, seeds: 1, probe_rows: 8, probes: false}
  coarse: {trials: 4, rungs: 2}
  fine: {trials: 1, carry: 1}
  confirm: {top: 1, seeds: 2, baseline_factors: [1.0]}
run: {workers: 1}
"""


def simulated(desk: Desk) -> str:
    return desk.simulated(seconds_per_step=0.001)


def real(desk: Desk) -> str:
    sample = (ROOT / "data" / "samples" / "fraud_desk.jsonl").read_text(encoding="utf-8")
    desk.write("rows.jsonl", "".join(sample.splitlines(keepends=True)[:160]))
    return desk.write("real.yaml", REAL)


SIMULATED_KILLS = [
    "prepare", "lr_range", "lr_range", "coarse", "coarse", "coarse", "fine", "fine", "confirm", "confirm", "promote"
]  # fmt: skip
REAL_KILLS = ["prepare", "lr_range", "coarse", "confirm"]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("write", "kills", "studies"),
    [(simulated, SIMULATED_KILLS, 2), (real, REAL_KILLS, 1)],
    ids=["simulated", "real"],
)
def test_killed_anywhere_ends_with_the_same_table_and_winner(
    tmp_path: Path, write: Callable[[Desk], str], kills: Sequence[str], studies: int
) -> None:
    whole = Desk(tmp_path / "whole")
    wanted = finish(whole, write)
    took = seconds_by_stage(whole)
    seed = random.randrange(10**6)
    print(f"moments from seed {seed}; an undisturbed run takes {sum(took.values()):.1f} s: {took}")
    chance, killed, slowest = random.Random(seed), 0, 0.0
    for study in range(studies):
        desk = Desk(tmp_path / f"killed-{study}")
        for stage in kills:
            process = start(desk, write)
            if not kill_in(stage, chance.uniform(0.0, took[stage]), desk, process):
                break
            killed += 1
            slowest = max(slowest, seconds_until_gone(process.pid))
        assert finish(desk, write) == wanted
    print(f"{killed} kills; no worker left after {slowest * 1000:.0f} ms")
    assert killed >= (20 if write is simulated else 3)  # a study may be at its end before its last kill


def start(desk: Desk, write: Callable[[Desk], str]) -> subprocess.Popen[bytes]:
    """In a session of its own, so that none of its processes can be missed; what it says goes to files."""
    desk.folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "seektune.cli.main", "tune", write(desk), "--no-prefect", "--json"]
    with (desk.folder / SAID).open("wb") as said, (desk.folder / "errors").open("wb") as errors:
        return subprocess.Popen(
            command, cwd=desk.folder, env=desk.environment, stdout=said, stderr=errors, start_new_session=True
        )


def kill_in(stage: str, after: float, desk: Desk, process: subprocess.Popen[bytes]) -> bool:
    """Kill so many seconds after this process has come to the stage; False when the run ended before."""
    mark = f'"stage":"{stage}"'.encode()
    known = len(journal(desk))
    while process.poll() is None and mark not in journal(desk)[known:]:
        time.sleep(0.01)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def finish(desk: Desk, write: Callable[[Desk], str]) -> Json:
    """Run to the end."""
    process = start(desk, write)
    assert process.wait(300) == 0, (desk.folder / "errors").read_text()
    assert of_session(process.pid) == []
    return ended(desk)


def ended(desk: Desk) -> Json:
    """What a finished run leaves and says, without what may differ: times, cost, its folder, numbers of attempts."""
    folder = run_folder(desk)
    table = pd.read_csv(folder / "report" / "trials.csv").drop(columns=TIMES_AND_COST)
    history = History.read(folder)
    last = json.loads((desk.folder / SAID).read_text().splitlines()[-1])
    found = {
        "table": json.loads(table.to_json(orient="records", double_precision=15)),
        "curves": {
            row.trial: [[p.tokens, p.step, p.learning_rate, p.train_loss, dict(p.metrics)] for p in row.curve]
            for row in history.trials
        },
        "stages": {stage: row.result for stage, row in history.stages.items()},
        "said": {name: last[name] for name in ("verdict", "sentence", "winner", "default", "interval", "promoted")},
    }
    text = re.sub(r"attempts/[^/\"]+", "attempts/N", json.dumps(found).replace(str(desk.folder), ""))
    bare: Json = json.loads(text)
    return bare


def seconds_by_stage(desk: Desk) -> dict[str, float]:
    """Of an undisturbed run; the last stage's hold the report."""
    began = [(r.data["stage"], r.at) for r in records(run_folder(desk)) if r.kind == "stage_started"]
    ends = [*(at for _, at in began[1:]), (desk.folder / SAID).stat().st_mtime]
    return {stage: end - at for (stage, at), end in zip(began, ends, strict=True)}


def run_folder(desk: Desk) -> Path:
    (folder,) = (desk.folder / "data" / "runs").iterdir()
    return folder


def journal(desk: Desk) -> bytes:
    return b"".join(path.read_bytes() for path in desk.folder.glob("data/runs/*/journal.jsonl"))
