"""A Prefect server for one command, where none is configured: Prefect's own app and database, in a process beside it.

Prefect itself would start the same server, but for that it imports all its server code into the caller (60 MB), and a
caller that is killed leaves it running. This one ends when its standard input closes: whoever started it is gone.

    python -m tasks.server      prints the address of its API once it answers, or nothing where one is configured
"""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import threading
import time

from seektune.study.machine import child_environment
from tasks.settings import set_defaults

STOPS_WITHIN_SECONDS = 10.0
SETTINGS = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
"""As Prefect sets them for its own temporary server."""


def use_own_server() -> None:
    """Sets PREFECT_API_URL. Call it before anything imports Prefect, which reads its settings once, and leaves its last
    words to the server when the process ends: this server is stopped after that."""
    server = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the caller, which still has things to tell it
        env=child_environment(),
    )
    atexit.register(_stop, server)
    assert server.stdout is not None
    if address := server.stdout.readline().strip():
        os.environ["PREFECT_API_URL"] = address


def _stop(server: subprocess.Popen[str]) -> None:
    assert server.stdin is not None
    server.stdin.close()
    try:
        server.wait(STOPS_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()


def main() -> None:
    from prefect.settings import PREFECT_API_URL

    if PREFECT_API_URL.value():
        return
    os.environ.update(SETTINGS)
    import uvicorn
    from prefect.server.api.server import create_app

    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(), log_level="error", lifespan="on"))
    threading.Thread(target=_tell, args=(server, listener.getsockname()[1]), daemon=True).start()
    threading.Thread(target=_leave, args=(server,), daemon=True).start()
    server.run([listener])


def _tell(server: object, port: int) -> None:
    while not getattr(server, "started", False):
        time.sleep(0.05)
    print(f"http://127.0.0.1:{port}/api", flush=True)


def _leave(server: object) -> None:
    sys.stdin.read()
    server.should_exit = True  # type: ignore[attr-defined]
    time.sleep(STOPS_WITHIN_SECONDS / 2)
    os._exit(0)


if __name__ == "__main__":
    set_defaults()
    main()
