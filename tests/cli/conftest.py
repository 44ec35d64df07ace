"""The command line as a user meets it, in a folder of its own.

`desk(...)` calls `main` in this process (imports are paid once); `desk.process(...)` is a process of its own, as a
shell starts it: for exit codes, times, signals and pipes.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from seektune.cli.main import main

ROOT = Path(__file__).parents[2]

SIMULATED = """\
study: sim
seed: 7
model: {simulated: {noise: 0.005, optimum: {learning_rate: 3e-5}, seconds_per_step: SECONDSs}}
train: {tokens: 32k, eval_every: 4k}
space:
  learning_rate: {low: 1e-6, high: 1e-2, log: true}
  weight_decay: {low: 0.0, high: 0.1}
  effective_batch: {choices: [8, 16, 32]}
stages:
  lr_range: {steps: 40, seeds: 2}
  coarse: {trials: 8, rungs: 2}
  fine: {trials: 3}
  confirm: {top: 2, seeds: 2}
budget: {price_per_device_hour: 2.5}
"""


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@dataclass
class Desk:
    """A folder to call `seektune` from."""

    folder: Path
    environment: dict[str, str] = field(
        default_factory=lambda: {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "120"}
    )

    def start(self, *words: str, **more: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "seektune.cli.main", *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.folder, env=self.environment, stdout=pipe, stderr=pipe, text=True, **more
        )

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        out, error, here = io.StringIO(), io.StringIO(), Path.cwd()
        os.chdir(self.folder)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
                code = main(words)
        except SystemExit as left:  # argparse
            code = int(left.code or 0)
        finally:
            os.chdir(here)
        return subprocess.CompletedProcess(words, code, out.getvalue(), error.getvalue())

    def process(self, *words: str) -> subprocess.CompletedProcess[str]:
        with self.start(*words) as process:
            out, error = process.communicate(timeout=200)
        return subprocess.CompletedProcess(words, process.returncode, out, error)

    def events(self, *words: str) -> list[dict[str, Any]]:
        """Of a `--json` call: every line is an object."""
        return lines(self(*words, "--json"))

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    def simulated(self, name: str = "sim.yaml", seconds_per_step: float = 0.0) -> str:
        """A study file on the simulated trainer."""
        return self.write(name, SIMULATED.replace("SECONDS", str(seconds_per_step)))

    @property
    def files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(scope="session")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, list[dict[str, Any]]]:
    """A study that has run completely, and what the run said in JSON. Read only, for all tests."""
    desk = Desk(tmp_path_factory.mktemp("tuned"))
    done = desk.process("tune", desk.simulated(), "--no-prefect", "--json")
    events = lines(done)
    assert done.returncode == 0, done.stderr
    assert events[-1]["event"] == "result", events
    return desk, events
