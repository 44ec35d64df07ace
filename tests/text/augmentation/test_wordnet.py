"""WordNet is found where it lies, and Debian's copy is completed so that NLTK reads it."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nltk
import nltk.pathsec
import pytest
from nltk.downloader import Downloader

from seektune.text.augmentation import nltk_data, wordnet
from seektune.text.augmentation.tagger import TAGGER, find_tagger

BESIDE = nltk_data.PROJECT.parent / "shared" / "data" / "nltk_data" / "corpora" / "wordnet.zip"


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No data anywhere, and an own folder that can be written and is on NLTK's path."""
    own = tmp_path / "own"
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path / "empty"), str(own)])
    monkeypatch.setattr(nltk_data, "PROJECT", tmp_path / "checkout" / "project")
    monkeypatch.setattr(nltk_data, "own_folders", lambda: [own])
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


def test_the_path_is_nltks_although_nltk_is_not_imported(tmp_path: Path) -> None:
    code = "import sys; from seektune.text.augmentation.nltk_data import folders; found = folders(); assert 'nltk' not in sys.modules; "
    code += "import nltk; assert list(map(str, found[:-1])) == nltk.data.path, found; assert folders() == found"
    environment = {**os.environ, "NLTK_DATA": f"{tmp_path}{os.pathsep}~/mine"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.filterwarnings("ignore:Security Violation:RuntimeWarning")  # NLTK, of the server's address
def test_a_trained_tagger_is_fetched_in_set_up_only(nowhere: Path, nltk_server: Path) -> None:
    publish(nltk_server, TAGGER, "taggers")
    assert find_tagger() is None
    assert find_tagger(download=True) == nowhere
    assert (nowhere / "taggers" / f"{TAGGER}.zip").is_file()
    assert find_tagger() == nowhere


def test_the_shared_folder_is_put_on_nltks_path(nowhere: Path, tmp_path: Path) -> None:
    beside = tmp_path / "checkout" / "shared" / "data" / "nltk_data"
    (beside / "corpora").mkdir(parents=True)
    (beside / "corpora" / "wordnet.zip").write_bytes(b"")
    assert wordnet.find_wordnet(debian=tmp_path / "none") == beside
    wordnet.open_wordnet(beside)
    assert str(beside) in nltk.data.path


@pytest.fixture
def nltk_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """NLTK's index on this machine: a folder whose files its downloader is served, at first without any package."""
    served = tmp_path / "served"
    served.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(served)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(Downloader, "DEFAULT_URL", f"http://127.0.0.1:{server.server_port}/index.xml")
    monkeypatch.setattr(nltk.pathsec, "ENFORCE", False)  # it would refuse an address of this machine
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


private = pytest.mark.filterwarnings("ignore:Security Violation:RuntimeWarning")  # NLTK, of the address


def publish(served: Path, name: str = "wordnet", folder: str = "corpora") -> None:
    """A package of one file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{name}/README", "from the network")
    data = packed.getvalue()
    (served / f"{name}.zip").write_bytes(data)
    (served / "index.xml").write_text(
        f'<nltk_data><packages><package id="{name}" name="{name}" subdir="{folder}" unzip="0" size="{len(data)}" '
        f'unzipped_size="16" checksum="{hashlib.md5(data).hexdigest()}" '
        f'sha256_checksum="{hashlib.sha256(data).hexdigest()}" '
        f'url="{Downloader.DEFAULT_URL.replace("index.xml", f"{name}.zip")}"/></packages><collections/></nltk_data>'
    )


def debian_stub(folder: Path) -> Path:
    """As much of Debian's files as the search looks at."""
    folder.mkdir()
    for part in ("data", "index"):
        for pos in ("noun", "verb", "adj", "adv"):
            (folder / f"{part}.{pos}").write_text("from the package")
    return folder


@private
def test_the_downloader_comes_before_debians_files(nowhere: Path, nltk_server: Path, tmp_path: Path) -> None:
    publish(nltk_server)
    assert wordnet.find_wordnet(download=True, debian=debian_stub(tmp_path / "debian")) == nowhere
    with zipfile.ZipFile(nowhere / "corpora" / "wordnet.zip") as archive:
        assert archive.read("wordnet/README") == b"from the network"
    assert not (nowhere / "corpora" / "wordnet" / "data.noun").exists()


@private
def test_where_the_downloader_gives_nothing_debians_files_are_taken(
    nowhere: Path, nltk_server: Path, tmp_path: Path
) -> None:
    assert wordnet.find_wordnet(download=True, debian=debian_stub(tmp_path / "debian")) == nowhere
    assert (nowhere / "corpora" / "wordnet" / "data.noun").read_text() == "from the package"
    assert not (nowhere / "corpora" / "wordnet.zip").exists()


@private
def test_a_run_does_not_wait_for_a_network(nowhere: Path, nltk_server: Path, tmp_path: Path) -> None:
    publish(nltk_server)
    assert wordnet.find_wordnet(debian=tmp_path / "none") is None
    assert wordnet.find_wordnet(debian=debian_stub(tmp_path / "debian")) == nowhere
    assert not (nowhere / "corpora" / "wordnet.zip").exists()


def reads(folder: Path) -> None:
    """NLTK opens what lies there: words, sense and the name of the lexicographer's file."""
    code = (
        f"import nltk; nltk.data.path[:] = [{str(folder)!r}]\n"
        "from nltk.corpus import wordnet\n"
        "print(wordnet.synsets('purchase', 'v')[0].lemma_names(), wordnet.synsets('purchase', 'v')[0].lexname())"
    )
    read = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "'buy'" in read.stdout and "verb.possession" in read.stdout, read.stderr


@pytest.mark.real
def test_debians_own_package(nowhere: Path) -> None:
    if not (wordnet.DEBIAN / "data.noun").is_file():
        pytest.skip(f"Debian's wordnet-base is not installed: nothing in {wordnet.DEBIAN}")
    assert wordnet.find_wordnet() == nowhere
    reads(nowhere)


@pytest.mark.real
def test_debians_files_are_copied_whole_and_nltk_reads_them(nowhere: Path, tmp_path: Path) -> None:
    source = debian_copy(tmp_path / "usr")
    assert wordnet.find_wordnet(debian=source) == nowhere
    assert wordnet.find_wordnet(debian=tmp_path / "none") == nowhere  # found again without Debian's folder
    reads(nowhere)


def test_set_up_says_where_and_never_fails() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "seektune.text.augmentation.wordnet"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0
    assert [line.split(":")[0] for line in ran.stdout.splitlines()] == ["WordNet", "Tagger"]
