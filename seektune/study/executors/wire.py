"""JSON lines over sockets: how driver, zygote and child speak."""

from __future__ import annotations

import json
import socket
from typing import Any


def line(message: Any) -> bytes:
    """One message."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


class Lines:
    """Messages out of a stream, as they become whole."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, part: bytes) -> list[Any]:
        *lines, self._rest = (self._rest + part).split(b"\n")
        return [json.loads(text) for text in lines]


def receive(pipe: socket.socket) -> bytes | None:
    """What is there now; None: nothing yet; b"": the other end is closed."""
    try:
        return pipe.recv(1 << 20, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    except OSError:
        return b""
