"""Where is WordNet? `python -m seektune.text.augmentation.wordnet` fetches or copies it once (the tagger too) and says where it is.

Looked for in this order: where NLTK's data lies (nltk_data.py); NLTK's downloader, in set-up only; Debian's wordnet-base
in /usr/share/wordnet. NLTK 3.10 reads only below `nltk.data.path`, and Debian's package has no `lexnames`: so its files
are copied, with the missing ones added, to the first such folder that can be written. Where none is found, a study that
asks for the operator `synonym` or `insertion` is refused.
"""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from typing import Any

from seektune.text.augmentation import nltk_data
from seektune.text.augmentation.tagger import describe_tagger, find_tagger

DEBIAN = Path("/usr/share/wordnet")
OMW = "omw-2.0"
"""Open Multilingual Wordnet, by the name that NLTK 3.10 reads."""

_NEEDED = [f"{part}.{pos}" for part in ("data", "index") for pos in ("noun", "verb", "adj", "adv")]

_LEXNAMES = (
    "adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact noun.attribute "
    "noun.body noun.cognition "
    "noun.communication noun.event noun.feeling noun.food noun.group noun.location noun.motive noun.object noun.person "
    "noun.phenomenon noun.plant noun.possession noun.process noun.quantity noun.relation noun.shape noun.state "
    "noun.substance noun.time verb.body verb.change verb.cognition verb.communication verb.competition "
    "verb.consumption verb.contact verb.creation verb.emotion verb.motion verb.perception verb.possession verb.social "
    "verb.stative verb.weather adj.ppl"
)
"""The lexicographer files of WordNet 3.0, by number (lexnames(5WN))."""

_PART_OF_SPEECH = {"noun": 1, "verb": 2, "adj": 3, "adv": 4}


def find_wordnet(*, download: bool = False, debian: Path = DEBIAN) -> Path | None:
    """The nltk_data folder that holds WordNet; None where there is none."""
    for folder in nltk_data.folders():
        if _holds(folder):
            return folder
    at_debian = all((debian / name).is_file() for name in _NEEDED)
    target = nltk_data.target() if download or at_debian else None
    if target is None:
        return None
    packages = ("wordnet", OMW)  # the second is for Chinese, and may be missing
    got = (download and nltk_data.download("WordNet", packages, target, _holds)) or (
        at_debian and _copy_debian(debian, target)
    )
    return target if got else None


def open_wordnet(folder: Path) -> Any:
    """NLTK's reader on the WordNet that was found, without its map from each synset to itself (half of the time)."""
    nltk_data.on_path(folder)
    from nltk.corpus.reader import CorpusReader, WordNetCorpusReader
    from nltk.corpus.util import LazyCorpusLoader

    class Reader(WordNetCorpusReader):
        def map_wn(self, version: str = "wordnet") -> None:
            """Synsets of the Chinese wordnet are numbered as those beside it."""

    omw = LazyCorpusLoader(OMW, CorpusReader, r".*/wn-data-.*\.tab", encoding="utf8")
    return LazyCorpusLoader("wordnet", Reader, omw)


def describe(folder: Path | None) -> str:
    """One line for people."""
    if folder is None:
        return (
            "WordNet: not found; the operators synonym and insertion need it (bring it by `python -m "
            "seektune.text.augmentation.wordnet` with a network, or by Debian's package wordnet-base)"
        )
    return f"WordNet: {folder / 'corpora'}"


def has_chinese(folder: Path) -> bool:
    """Whether the Chinese Open Wordnet lies beside it."""
    return any((folder / "corpora").glob(f"{OMW}*"))


def identity(folder: Path) -> str:
    """Name and size of what lies there: enough to tell two editions apart without reading 30 MB."""
    corpora = folder / "corpora"
    found = sorted([*corpora.glob("wordnet*"), *corpora.glob(f"{OMW}*"), *corpora.glob("wordnet/data.*")])
    return " ".join(f"{path.name}:{path.stat().st_size}" for path in found if path.is_file())


def _holds(folder: Path) -> bool:
    corpora = folder / "corpora"
    unpacked = corpora / "wordnet"
    return (corpora / "wordnet.zip").is_file() or (
        (unpacked / "lexnames").is_file() and all((unpacked / name).is_file() for name in _NEEDED)
    )


def _copy_debian(source: Path, target: Path) -> bool:
    """A complete copy of Debian's files: lexnames, index.sense and cntlist.rev are added where it has none."""
    partial = target / "corpora" / f".wordnet-{uuid.uuid4().hex[:8]}"
    shutil.copytree(source, partial)
    if not (partial / "lexnames").exists():
        lines = (
            f"{number:02d}\t{name}\t{_PART_OF_SPEECH[name.split('.')[0]]}\n"
            for number, name in enumerate(_LEXNAMES.split())
        )
        (partial / "lexnames").write_text("".join(lines), encoding="ascii")
    for name in ("index.sense", "cntlist.rev", "noun.exc", "verb.exc", "adj.exc", "adv.exc"):
        (partial / name).touch()
    try:
        partial.rename(target / "corpora" / "wordnet")
    except OSError:  # another process was faster
        shutil.rmtree(partial, ignore_errors=True)
    return _holds(target)


if __name__ == "__main__":
    print(describe(find_wordnet(download=True)))
    print(describe_tagger(find_tagger(download=True)))
