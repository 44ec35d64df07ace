"""Named places where a test may strike: `SEEKTUNE_FAULT=point:action:nth`; nothing happens when it is not set.

    SEEKTUNE_FAULT=journal.append:kill9:7      SIGKILL to this process the 7th time it comes by `journal.append`

Actions: `kill9`, `enospc` (raises OSError as a full disk does). Children inherit the variable but count for themselves.
"""

from __future__ import annotations

import errno
import os
import signal
from collections import Counter

_passed: Counter[str] = Counter()


def fault(point: str) -> None:
    """Come by `point`."""
    wanted = os.environ.get("SEEKTUNE_FAULT")
    if not wanted:
        return
    place, action, nth = wanted.split(":")
    if place != point:
        return
    _passed[point] += 1
    if _passed[point] != int(nth):
        return
    if action == "kill9":
        os.kill(os.getpid(), signal.SIGKILL)
    raise OSError(errno.ENOSPC, f"no space left on device (fault {wanted})")
