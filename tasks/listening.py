"""Who hears that the flow run was cancelled while nobody asks?

While trials run, the driver asks once a second (`tick`). A stage that reads data, fits a surrogate or writes the report
asks nobody. So a small thread keeps the line to Prefect awake, and where a cancel is not heard soon, it interrupts the
main thread as Ctrl-C would: a driver ends its stage cleanly, anything else is left by KeyboardInterrupt, once. A flow
that runs in another thread cannot be interrupted and hears the cancel when its next trial runs.
"""

from __future__ import annotations

import signal
import threading

from tasks.link import POLL_SECONDS, ApiLink

HEARD_WITHIN_SECONDS = 2.5
"""What a driver needs at most to hear it by itself: its own tick, and a round of the line."""


class Listening:
    """From construction to `close`."""

    def __init__(self, link: ApiLink) -> None:
        self._link = link
        self._heard = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="prefect-listening", daemon=True)
        self._in_main = threading.current_thread() is threading.main_thread()
        self._before = signal.getsignal(signal.SIGINT)
        if self._in_main:
            if self._before is signal.SIG_IGN:  # as a shell starts what it runs in the background
                signal.signal(signal.SIGINT, signal.default_int_handler)
            self._thread.start()

    def heard(self) -> None:
        """The run is being stopped; or it is over."""
        self._heard.set()

    def close(self) -> None:
        self._heard.set()
        if self._in_main:
            self._thread.join(2 * POLL_SECONDS)
            if self._before is signal.SIG_IGN:
                signal.signal(signal.SIGINT, self._before)

    def _listen(self) -> None:
        while not self._heard.wait(POLL_SECONDS):
            self._link.tick()
            if self._link.cancelled and not self._heard.wait(HEARD_WITHIN_SECONDS):
                main = threading.main_thread().ident
                assert main is not None
                signal.pthread_kill(main, signal.SIGINT)
                return
