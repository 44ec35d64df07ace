"""The architecture, held: imports point down only, the engine never imports Prefect, study never imports train."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LAYERS: list[set[str]] = [  # top to bottom; rooms of one line do not import each other
    {"flows"},
    {"tasks"},
    {"cli"},
    {"study"},
    {"report"},
    {"train"},
    {"search", "stop"},
    {"ledger"},
    {"space"},
    {"schedule", "optim", "adapt"},
    {"text"},
    {"score"},
]
NOUNS = {"trial", "errors", "options", "expression"}
"""Modules that everybody may import."""
STUDY_FILE = {"study_file"}
"""Put together from the rooms' options: imports options modules and space only; usable by study and above."""
CHECKS = {
    *("seektune.train.presets", "seektune.train.source"),
    *("seektune.study.simulated", "seektune.study.machine", "seektune.study.sizes"),
}
"""Torch-free modules that the study file asks besides: is this model or device there, may these settings be, does one
run fit the budget?"""


def level(room: str) -> int:
    return next(i for i, rooms in enumerate(LAYERS) if room in rooms)


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1] if parts[0] == "seektune" else parts[0]


SOURCES = sorted(path for top in ("seektune", "flows", "tasks") for path in (ROOT / top).rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    room = room_of(path)
    if room in NOUNS | {"__init__"}:
        inside = [name for name in imports(path) if name.startswith("seektune.")]
        assert all(name.split(".")[1] in NOUNS for name in inside), f"{path}: a noun imports {inside}"
        return
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "prefect":
            assert room in ("flows", "tasks"), f"{path}: the engine never imports Prefect"
        if parts[0] in ("flows", "tasks") and parts[0] != room:
            assert level(room) < level(parts[0]), f"{path} imports {name}, which lies above it"
        if parts[0] != "seektune" or len(parts) < 2 or parts[1] in NOUNS:
            continue
        target = parts[1]
        if room in STUDY_FILE:
            allowed = parts[-1] == "options" or target == "space" or target in STUDY_FILE or name in CHECKS
            assert allowed, f"{path}: the study file imports options only, not {name}"
        elif target in STUDY_FILE:
            assert level(room) <= level("study") or room == "report", f"{path} imports the study file"
        elif target != room:
            assert level(room) < level(target), f"{path} imports {name}, which lies above it or beside it"
            assert not (room == "study" and target == "train" and parts[-1] != "options"), (
                f"{path}: study is handed a trainer"
            )


def loaded(statement: str) -> set[str]:
    """Modules in a fresh interpreter after one statement."""
    code = f"{statement}\nimport sys\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import seektune.trial, seektune.errors, seektune.options, seektune.expression",
        "import seektune.study_file",
        "import seektune.study.driver, seektune.study.simulated",
        "import seektune.study.run",
        "import seektune.cli.main",
        "import seektune.text.store",
    ],
)
def test_light_doors_stay_light(statement: str) -> None:
    heavy = {"torch", "transformers", "prefect", "datasets", "peft", "optuna", "plotly", "matplotlib"}
    assert not heavy & loaded(statement)


def test_no_shapeless_rooms() -> None:
    shapeless = {"utils", "util", "helpers", "common", "base", "manager", "misc"}
    assert not [path for path in SOURCES if path.stem in shapeless]


def test_files_stay_short() -> None:
    """None that must be scrolled long to be held in the head."""
    long = {str(path.relative_to(ROOT)): n for path in SOURCES if (n := len(path.read_text().splitlines())) > 330}
    assert not long
