"""WordNet is found where it lies, and Debian's copy is completed so that NLTK reads it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import nltk
import pytest

from seektune.text import wordnet

BESIDE = wordnet.PROJECT.parent / "shared" / "data" / "nltk_data" / "corpora" / "wordnet.zip"


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No WordNet anywhere, and an own folder that can be written."""
    own = tmp_path / "own"
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path / "empty")])
    monkeypatch.setattr(wordnet, "PROJECT", tmp_path / "checkout" / "project")
    monkeypatch.setattr(wordnet, "_own_folders", lambda: [str(own)])
    return own


def debian_copy(folder: Path) -> Path:
    """What Debian's wordnet-base holds: no lexnames, no index.sense."""
    if not BESIDE.is_file():
        pytest.skip(f"no WordNet to make a copy from at {BESIDE}")
    with zipfile.ZipFile(BESIDE) as packed:
        packed.extractall(folder)
    for name in ("lexnames", "index.sense"):
        (folder / "wordnet" / name).unlink()
    return folder / "wordnet"


def test_nowhere_is_none_and_one_line(nowhere: Path, tmp_path: Path) -> None:
    assert wordnet.find_wordnet(debian=tmp_path / "none") is None
    line = wordnet.describe(None)
    assert "\n" not in line
    assert "not found" in line
    assert "wordnet-base" in line


def test_nltks_own_path_comes_first(nowhere: Path, tmp_path: Path) -> None:
    (tmp_path / "empty" / "corpora").mkdir(parents=True)
    (tmp_path / "empty" / "corpora" / "wordnet.zip").write_bytes(b"")
    assert wordnet.find_wordnet(debian=tmp_path / "none") == tmp_path / "empty"


def test_the_shared_folder_is_put_on_nltks_path(nowhere: Path, tmp_path: Path) -> None:
    beside = tmp_path / "checkout" / "shared" / "data" / "nltk_data"
    (beside / "corpora").mkdir(parents=True)
    (beside / "corpora" / "wordnet.zip").write_bytes(b"")
    assert wordnet.find_wordnet(debian=tmp_path / "none") == beside
    assert str(beside) in nltk.data.path


@pytest.mark.real
def test_debians_files_are_copied_whole_and_nltk_reads_them(nowhere: Path, tmp_path: Path) -> None:
    source = debian_copy(tmp_path / "usr")
    assert wordnet.find_wordnet(debian=source) == nowhere
    assert wordnet.find_wordnet(debian=tmp_path / "none") == nowhere  # found again without Debian's folder
    code = (
        f"import nltk; nltk.data.path[:] = [{str(nowhere)!r}]\n"
        "from nltk.corpus import wordnet\n"
        "print(wordnet.synsets('purchase', 'v')[0].lemma_names(), wordnet.synsets('purchase', 'v')[0].lexname())"
    )
    read = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "'buy'" in read.stdout and "verb.possession" in read.stdout, read.stderr


def test_set_up_says_where_and_never_fails() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "seektune.text.wordnet"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0
    assert ran.stdout.startswith("WordNet: ")
    assert len(ran.stdout.splitlines()) == 1
