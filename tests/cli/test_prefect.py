"""`tune` as it is called by default: through the Prefect flow, with its embedded server, in a home of its own."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.flow, pytest.mark.slow]


def test_tune_through_prefect_shows_the_same_progress_and_nothing_of_prefect(desk):
    desk.environment |= {"PREFECT_HOME": str(desk.folder / "home"), "HOME": str(desk.folder)}
    desk.environment.pop("PREFECT_API_URL", None)
    file = desk.simulated()
    done = desk.process("tune", file)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "stage 3 of 7: coarse, 11 trials planned" in done.stdout
    assert "coarse-000" in done.stdout
    assert "index.html" in done.stdout
    [status] = desk.events("status", "sim")
    assert {row["status"] for row in status["stages"].values()} == {"finished"}

    desk.write("rows.jsonl", "")
    broken = desk.write("broken.yaml", BROKEN)
    done = desk.process("tune", broken, "--json")
    assert done.returncode == 3
    assert done.stderr.startswith("seektune: ")
    assert "rows.jsonl: the file is empty" in done.stderr
    assert "Traceback" not in done.stderr


BROKEN = """\
study: broken
model: {config: tiny-llama}
data: {kind: instruction, sources: [{path: rows.jsonl}]}
train: {tokens: 4k}
space: {learning_rate: {low: 1e-5, high: 1e-2, log: true}}
stages: {coarse: {trials: 2}}
"""
