"""Where NLTK's data lies, and how a missing part is fetched: in set-up only, for a run must not wait for a network.

Looked for on NLTK's own path, then in `shared/data/nltk_data` beside the project's folder. NLTK itself is imported only
where something of it is read: that takes two seconds, and a study file is checked in less.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
_DOWNLOAD_SECONDS = 15.0


def folders() -> list[Path]:
    """NLTK's path (as `nltk.data` sets it up, or has it by now), and the folder beside the project's."""
    if "nltk.data" in sys.modules:
        path = list(sys.modules["nltk.data"].path)
    else:
        path = [str(Path(one).expanduser()) for one in os.environ.get("NLTK_DATA", "").split(os.pathsep) if one]
        path += [str(one) for one in own_folders()[::-1]]
        path += [f"{sys.prefix}/{name}/nltk_data" for name in ("share", "lib")]
        path += [f"/usr/{name}/nltk_data" for name in ("share", "local/share", "lib", "local/lib")]
    return [*map(Path, path), PROJECT.parent / "shared" / "data" / "nltk_data"]


def own_folders() -> list[Path]:
    """Of the environment, then of the user: where data may be put. NLTK looks in both."""
    return [Path(sys.prefix) / "nltk_data", Path.home() / "nltk_data"]


def on_path(folder: Path) -> None:
    """NLTK reads only below its path."""
    import nltk

    if str(folder) not in nltk.data.path:
        nltk.data.path.append(str(folder))


def target() -> Path | None:
    """The first own folder that can be written."""
    return next((folder for folder in own_folders() if _writable(folder)), None)


def download(what: str, packages: Sequence[str], folder: Path, holds: Callable[[Path], bool]) -> bool:
    """Fetch packages by NLTK's downloader, as far as they come; whether `folder` then holds what is needed."""
    from nltk.downloader import Downloader

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_DOWNLOAD_SECONDS)
    try:
        for name in packages:
            if not Downloader().download(name, download_dir=str(folder), quiet=True, raise_on_error=False):
                break
        return holds(folder)
    except Exception as error:  # no network is the usual case, and no error
        print(f"{what}: NLTK's downloader gave nothing ({type(error).__name__}: {error})", file=sys.stderr)
        return False
    finally:
        socket.setdefaulttimeout(before)


def _writable(folder: Path) -> bool:
    try:
        (folder / "corpora").mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder / "corpora", os.W_OK)
