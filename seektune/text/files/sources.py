"""Where rows come from: a file, a folder, a glob, a pinned hub data set, or a pandas frame.

Raises DataError with the absolute path for what is missing, empty, unreadable, or of a format that is refused: pickles
and scripts, because reading them runs code, and archives, which are unpacked by their owner first.
"""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seektune.errors import DataError, nearest_file
from seektune.text.file_hash import file_hash, file_state
from seektune.text.files.lines import is_gzip, shown
from seektune.text.files.plain_rows import read_conll
from seektune.text.files.readers import READERS
from seektune.text.files.record import Record
from seektune.text.options import SourceOptions

if TYPE_CHECKING:
    import pandas as pd

_RUNS_CODE = {".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib", ".npy", ".npz", ".dill", ".py", ".ipynb", ".sh"}
_ARCHIVE = {".zip", ".tar", ".tgz", ".7z", ".rar", ".xz", ".bz2", ".zst"}
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of `data.sources`, resolved: its name in reports, its files, and what its content is (sha256)."""

    name: str
    options: SourceOptions
    files: tuple[Path, ...]
    identity: str
    states: tuple[tuple[int, ...], ...] = ()  # of the files, before their content was hashed
    notes: tuple[str, ...] = ()  # what a person should know

    def records(self, kind: str) -> Iterator[tuple[str, Record]]:
        """(file or hub split, row) in a fixed order."""
        if self.options.hub is not None:
            yield from _hub_records(self.options)
            for path, state in zip(self.files, self.states, strict=True):
                _same(path, state)
            return
        for path, state in zip(self.files, self.states, strict=True):
            empty = True
            reader = READERS[_format(path)]
            if kind == "tagging" and _format(path) in (".txt", ".text"):
                reader = read_conll
            for record in reader(path):
                empty = False
                yield str(path), record
            _same(path, state)
            if empty:
                raise DataError(f"{path}: the file has no rows")


def resolve(options: SourceOptions) -> Source:
    """Find the files of a source and hash their content."""
    if options.hub is not None:
        name = f"{options.hub}/{options.subset}" if options.subset else options.hub
        pinned = f"{options.hub}@{options.revision}/{options.subset or ''}"
        if not Path(options.hub).is_dir():
            return Source(name, options, (), pinned)
        root = Path(options.hub).absolute()  # no revision holds a local folder still
        files = _visible(root)
        states = tuple(_state(file) for file in files)
        names = [file.relative_to(root).as_posix() for file in files]
        return Source(name, options, tuple(files), f"{pinned} {_hash(files, names)}", states)
    assert options.path is not None
    path = Path(options.path).expanduser()
    notes: tuple[str, ...] = ()
    if path.is_dir():
        there = _visible(path)
        files = [file for file in there if _format(file) in READERS]
        if skipped := [shown(str(file.relative_to(path))) for file in there if _format(file) not in READERS]:
            more = f" and {len(skipped) - _NAMED:,} more" if len(skipped) > _NAMED else ""
            notes = (
                f"{shown(options.path)}: left out, because they have none of the suffixes {', '.join(READERS)}: "
                f"{', '.join(skipped[:_NAMED])}{more}",
            )
        if not files:
            raise DataError(f"{path.absolute()}: the folder has no data file ({', '.join(READERS)})")
    elif path.is_file():
        files = [path]
    elif glob.has_magic(options.path):
        # pathlib's glob takes no absolute pattern
        files = sorted(Path(name) for name in glob.glob(str(path), recursive=True) if Path(name).is_file())  # noqa: PTH207
        if not files:
            raise DataError(f"{path.absolute()}: no file matches this pattern")
    else:
        raise DataError(f"{path.absolute()}: there is no such file or folder{_nearest(path)}")
    for file in files:
        _refuse(file)
    files = [file.absolute() for file in files]
    states = tuple(_state(file) for file in files)
    return Source(options.path, options, tuple(files), _hash(files, [file.name for file in files]), states, notes)


def frame_source(frame: pd.DataFrame, folder: Path, columns: dict[str, str] | None = None) -> SourceOptions:
    """A pandas frame as a source: written once, by content, as a Parquet file in `folder`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, TypeError) as error:
        raise DataError(f"the frame cannot be stored: {error}; give every column one type") from error
    digest = hashlib.sha256(str(table.schema.remove_metadata()).encode())
    for row in table.to_pylist():
        digest.update(repr(row).encode("utf-8", "surrogatepass"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"frame-{digest.hexdigest()[:16]}.parquet"
    if not path.exists():
        partial = path.with_suffix(f".{id(frame):x}.partial")
        pq.write_table(table, partial)
        partial.replace(path)
    return SourceOptions(path=str(path), columns=columns or {})


def _format(path: Path) -> str:
    """The suffix that chooses the reader; `.gz` is looked through."""
    return (Path(path.stem) if is_gzip(path) else path).suffix.lower()


def _refuse(path: Path) -> None:
    suffix = _format(path)
    if suffix in _RUNS_CODE:
        raise DataError(f"{path.absolute()}: refused, because reading a {suffix} file can run code; save it as Parquet")
    if suffix in _ARCHIVE:
        raise DataError(f"{path.absolute()}: refused: unpack the {suffix} archive first and name a file in it")
    if suffix not in READERS:
        raise DataError(f"{path.absolute()}: unknown format {suffix or '(no suffix)'!r}; known: {', '.join(READERS)}")
    if path.stat().st_size == 0:
        raise DataError(f"{path.absolute()}: the file is empty")


def _nearest(path: Path) -> str:
    if not path.parent.is_dir():
        return f"; the folder {shown(str(path.parent.absolute()), 300)} does not exist either"
    return nearest_file(path)


def _state(path: Path) -> tuple[int, ...]:
    try:
        return file_state(path)
    except OSError:
        return ()


def _same(path: Path, state: tuple[int, ...]) -> None:
    if _state(path) != state:  # what was read is not what the cache would call it by
        raise DataError(f"{path}: the file changed while it was read; run again when nobody writes it")


def _visible(folder: Path) -> list[Path]:
    """The files of a folder and its folders, but for names that begin with a dot: half-written and tools' own."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return sorted(file for file in files if not any(part[0] == "." for part in file.relative_to(folder).parts))


def _hash(files: Sequence[Path], names: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for path, name in zip(files, names, strict=True):
        try:
            content = file_hash(path)  # asked for by the stages' keys, and again when the rows are made
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
        digest.update(f"{name}\0{content}\n".encode())
    return digest.hexdigest()


def _hub_records(options: SourceOptions) -> Iterator[tuple[str, Record]]:
    """Rows of all splits of a hub data set; the hub's split stands in a column `split` unless the set has one."""
    from datasets import load_dataset

    assert options.hub is not None
    try:
        splits = load_dataset(options.hub, options.subset, revision=options.revision)
    except Exception as error:  # the library raises many kinds, for network, names and scripts alike
        raise DataError(
            f"{options.hub}@{options.revision}: the hub data set cannot be loaded ({type(error).__name__}: "
            f"{shown(str(error), 200)}); scripts are refused, and without a network a local copy is needed"
        ) from error
    for name, rows in splits.items():
        named = {column: to_names for column, feature in rows.features.items() if (to_names := _class_names(feature))}
        for number, row in enumerate(rows, start=1):
            row |= {column: to_names(row[column]) for column, to_names in named.items()}
            yield f"{options.hub}/{name}", Record(number, {"split": str(name), **row})


def _class_names(feature: object) -> Callable[[Any], Any] | None:
    """What turns the numbers of a class column into their names (a hidden label, -1, into none); None for other columns."""
    from datasets import ClassLabel, LargeList, List

    if isinstance(feature, ClassLabel):
        names = feature.names
        return lambda value: names[value] if value is not None and 0 <= value < len(names) else None
    if isinstance(feature, List | LargeList) and (inner := _class_names(feature.feature)):
        return lambda values: None if values is None else [inner(value) for value in values]
    return None
