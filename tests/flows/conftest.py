"""One Prefect server for all flow tests of a process; its start costs about 20 seconds, so tests ask for it by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect import settings as prefect_settings
from prefect.settings import temporary_settings
from prefect.testing.utilities import prefect_test_harness


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """A temporary server and database. No heartbeats: each sync flow would wait a second for its heartbeat thread."""
    quick = {
        prefect_settings.PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        prefect_settings.PREFECT_SERVER_ANALYTICS_ENABLED: False,
    }
    with temporary_settings(quick), prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def simulated_study(tmp_path: Path) -> Path:
    """A study of a few seconds: the simulated trainer knows its best point and needs neither data nor torch."""
    file = tmp_path / "my study.yaml"
    file.write_text(
        f"""
study: night
model:
  simulated: {{noise: 0.02}}
train: {{tokens: 30k, eval_every: 5k}}
space:
  learning_rate: {{low: 1e-6, high: 1e-1, log: true}}
  effective_batch: {{choices: [8, 16]}}
stages:
  lr_range: {{steps: 40, seeds: 2}}
  coarse: {{trials: 6, rungs: 2}}
  fine: {{trials: 2, carry: 1}}
  confirm: {{top: 1, seeds: 3}}
run:
  folder: "{tmp_path / "runs"}"
""",
        "utf-8",
    )
    return file
