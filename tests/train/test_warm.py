"""A warm trainer has imported what its trials need: a forked child that imports again pays for it in every trial."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import sys, threading
from pathlib import Path
from seektune.train.trainer import LanguageTrainer
from tests.train.tiny import run, segment

base, store, kind, method, folder = sys.argv[1:]
trainer = LanguageTrainer(base=base, store=store, kind=kind)
trainer.warm()
assert threading.active_count() == 1
before = set(sys.modules)
run(trainer, Path(folder), segment("t", 900, 900, params={"method": method}))
print(*(set(sys.modules) - before), sep="\\n")
print("pandas" in sys.modules)
"""


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("kind", ["instruction", "classification", "tagging"])
def test_a_trial_imports_nothing_after_warm(
    store_of: Callable[[str], Path], base_of: Callable[[str], Path], tmp_path: Path, kind: str, method: str
) -> None:
    words = [
        sys.executable,
        "-c",
        SCRIPT,
        str(base_of("deepseek_v3")),
        str(store_of(kind)),
        kind,
        method,
        str(tmp_path),
    ]
    root = Path(__file__).parents[2]
    *imported, pandas = subprocess.run(words, capture_output=True, text=True, check=True, cwd=root).stdout.split()
    assert pandas == "False"  # half a second and 50 MB that no trial needs
    assert {name for name in imported if not name.startswith(("torch.", "encodings."))} == set()
    assert len(imported) < 5, imported
