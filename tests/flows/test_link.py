"""A silent, slow or missing API costs training nothing; what was said is caught up or counted as lost."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID, uuid4

import pytest
from prefect import settings as prefect_settings
from prefect.settings import temporary_settings

from tasks import link as link_module
from tasks.link import ApiLink

RUN = UUID("0195a6a6-0000-7000-8000-000000000001")


def a_flow_run(state: str) -> bytes:
    return json.dumps(
        {"id": str(RUN), "flow_id": str(uuid4()), "name": "x", "state": {"type": state, "message": "by a test"}}
    ).encode()


@contextmanager
def api(answer: Callable[[], bytes], delay_seconds: float = 0.0, port: int = 0) -> Iterator[int]:
    """A web server that knows one thing: the state of a flow run."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(delay_seconds)
            body = answer() if "/flow_runs/" in self.path else b"{}"
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def line_to(port: int) -> Iterator[ApiLink]:
    url = f"http://127.0.0.1:{port}/api"
    with temporary_settings({prefect_settings.PREFECT_API_URL: url}):
        line = ApiLink(RUN)
    yield line
    line.close(timeout_seconds=0.2)


def tick_until(line: ApiLink, done: Callable[[], bool], seconds: float = 10.0) -> float:
    """Ticks until `done`; returns the longest single tick."""
    longest, ends = 0.0, time.monotonic() + seconds
    while not done():
        assert time.monotonic() < ends, "it never came"
        began = time.monotonic()
        line.tick()
        longest = max(longest, time.monotonic() - began)
        time.sleep(0.01)
    return longest


def test_says_things_in_order_and_only_the_latest_of_a_place() -> None:
    said: list[str] = []
    with api(lambda: a_flow_run("RUNNING")) as port, line_to(port) as line:
        line.say(lambda _: said.append("first"))
        line.say(lambda _: said.append("second"))
        line.show("table", lambda _: said.append("old table"))
        line.show("table", lambda _: said.append("new table"))
        tick_until(line, lambda: len(said) == 3)
        assert line.cancelled == ""
    assert said == ["first", "second", "new table"]
    assert (line.errors, line.lost) == (0, 0)


@pytest.mark.parametrize("state", ["CANCELLING", "CANCELLED"])
def test_hears_that_the_run_was_cancelled(state: str) -> None:
    with api(lambda: a_flow_run(state)) as port, line_to(port) as line:
        tick_until(line, lambda: bool(line.cancelled))
        assert line.cancelled == "by a test"


def test_a_slow_api_never_holds_the_driver() -> None:
    with api(lambda: a_flow_run("RUNNING"), delay_seconds=0.6) as port, line_to(port) as line:
        said: list[int] = []
        line.say(lambda _: said.append(1))
        assert tick_until(line, lambda: bool(said)) < 0.2


def test_a_missing_api_is_counted_and_then_caught_up_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "POLL_SECONDS", 0.05)
    port = free_port()
    said: list[int] = []
    with line_to(port) as line:
        for number in range(3):
            line.say(lambda _, number=number: said.append(number))
        assert tick_until(line, lambda: line.errors >= 1) < 0.2
        assert said == []
        with api(lambda: a_flow_run("RUNNING"), port=port):
            tick_until(line, lambda: len(said) == 3)
    assert said == [0, 1, 2]
    assert line.lost == 0


def test_a_call_that_fails_does_not_stop_the_others() -> None:
    said: list[int] = []

    def fails(_: object) -> None:
        raise RuntimeError("the server said no")

    with api(lambda: a_flow_run("RUNNING")) as port, line_to(port) as line:
        line.say(fails)
        line.say(lambda _: said.append(1))
        tick_until(line, lambda: bool(said))
    assert line.errors == 1


def test_the_outbox_is_bounded_and_what_was_never_said_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "OUTBOX_CALLS", 10)
    with line_to(free_port()) as line:
        for _ in range(25):
            line.say(lambda _: None)
        assert line.lost == 15
        began = time.monotonic()
        line.close(timeout_seconds=20)
        assert time.monotonic() - began < 10, "a silent API holds up the end of the run"
    assert line.lost == 25
