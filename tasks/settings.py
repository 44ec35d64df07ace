"""Which Prefect settings make the flows work out of the box, on a bare machine and without a server running?

Prefect reads its settings once, when it is imported, so these must be in the environment before that:
`tasks/__init__.py` calls `set_defaults` and imports nothing of Prefect. What is already set (by a shell, a worker,
deployments/server.env) wins.
"""

from __future__ import annotations

import os

DEFAULTS = {
    # The embedded server needs 12-22 s for its first start (database migrations); Prefect gives up after 20.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # Nothing is sent to third parties.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    # An automation for lost runs needs a heartbeat well inside its window (60 s, within 240 s).
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "60",
    # The engine logs by `logging` alone; its lines and Optuna's show in the run's log, and nowhere outside of runs.
    "PREFECT_LOGGING_EXTRA_LOGGERS": "seektune,optuna",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}


def set_defaults() -> None:
    """Put every default into the environment that is not there yet."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
