"""No file of any kind makes load_study do anything but load or raise StudyFileError, soon, with places in the file."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from seektune.errors import StudyFileError
from seektune.study_file import StudyFile, load_study, template
from tests.study_file.conftest import NOW, STUDY

FUZZ = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SCRAPS = st.sampled_from(
    [
        "null", "~", "true", "no", "-1", "0", "1e309", "-0.0", ".nan", "-.inf", "9" * 50, "0x10", "1e-4", "''", "'a'",
        "{}", "[]", "[[]]", "{a: 1}", "{low: 1}", "{? a : b}", "!!int 3", "&a b", "*a", "|\n  text", ">", "#", "- x",
        "中文", "\u202e", "é", '"\\0"', '"\\ud800"', "tpe", "lora", "40k", "04:00:00", "2020-01-01", ": :", "%", "@",
    ]
)  # fmt: skip


def attempt(path: Path, data: bytes) -> StudyFile | None:
    path.write_bytes(data)
    started = time.process_time()
    try:
        return load_study(path, NOW)
    except StudyFileError as error:
        assert error.problems
        for problem in error.problems:
            assert problem.place.startswith(str(path))
            assert problem.message.isprintable()
        return None
    finally:
        assert time.process_time() - started < 2


@FUZZ
@given(st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes(folder: Path, data: bytes) -> None:
    attempt(folder / "study.yaml", data)


@FUZZ
@given(
    st.sampled_from([STUDY, template()]),
    st.lists(
        st.tuples(st.integers(0, 10_000), st.integers(0, 30), SCRAPS | st.text(max_size=8)), min_size=1, max_size=4
    ),
)
def test_a_study_with_pieces_replaced(folder: Path, text: str, edits: list[tuple[int, int, str]]) -> None:
    for start, length, scrap in edits:
        start %= len(text)
        text = text[:start] + scrap + text[start + length :]
    attempt(folder / "study.yaml", text.encode("utf-8", "surrogatepass"))


@FUZZ
@given(st.data())
def test_a_study_with_values_exchanged(folder: Path, data: st.DataObject) -> None:
    """Stays YAML more often: one value after a colon or in a list becomes something else."""
    places = [i for i, c in enumerate(STUDY) if c in ":,[" and STUDY[i + 1] == " "]
    text = STUDY
    for place in sorted(data.draw(st.sets(st.sampled_from(places), min_size=1, max_size=4)), reverse=True):
        end = min((text.find(c, place + 2) for c in ",}]\n" if text.find(c, place + 2) > 0), default=place + 2)
        text = text[: place + 2] + data.draw(SCRAPS) + text[end:]
    study = attempt(folder / "study.yaml", text.encode("utf-8", "surrogatepass"))
    if study is not None:
        study.make_space()


_LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | SCRAPS
_TREE = st.recursive(
    _LEAF,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*StudyFile.model_fields, "low", "high", "path", "tokens", "x"]), inner, max_size=5
        )
    ),
    max_leaves=20,
)


@FUZZ
@given(st.dictionaries(st.sampled_from([*StudyFile.model_fields, "method", "learning_rate"]), _TREE, max_size=8))
@example({"space": {"learning_rate": {"low": 1, "high": 2, "log": True}}, "stages": {"coarse": {"search": {}}}})
@example({"data": {"augment": {"operators": [{}]}}})
@example({"space": {"a": {"choices": [float("nan")]}}, "constraints": {"forbid": "a"}})
@example({"stages": {"coarse": {"search": {"grid": [1]}}, "weights": {"x": "y"}}})
@example({"model": {"folder": "\x00"}, "data": {"sources": [{"path": "\x00"}, {"path": "[" * 999}]}})
def test_any_tree(folder: Path, tree: dict[str, object]) -> None:
    import yaml

    with contextlib.suppress(UnicodeEncodeError):
        attempt(folder / "study.yaml", yaml.safe_dump(tree, allow_unicode=True).encode())


@pytest.mark.parametrize(
    "text",
    [
        "a: " * 5000,
        "[" * 100_000,
        "{a: " * 100_000,
        "- " * 100_000,
        "x: '" + "\\" * 500_000,
        "? " * 50_000,
        "!" * 100_000,
        "&a " * 50_000,
        "x: |\n" + " " * 900_000 + "y",
        "space: {" + ",".join(f"p{i}: {{low: 0, high: 1, when: 'p{i - 1} > 0'}}" for i in range(1, 900)) + "}",
        "constraints: [" + ",".join("{forbid: '" + "+".join("a" * 90) + " > 1'}" for _ in range(1500)) + "]",
    ],
)
def test_large_and_deep_files_end_soon(folder: Path, text: str) -> None:
    attempt(folder / "study.yaml", text.encode())


def test_many_problems_end_soon(folder: Path) -> None:
    """Nearest names are looked for each time: still quick."""
    text = STUDY + "".join(f"unknown_key_{i}: {{a: 1}}\n" for i in range(3000))
    assert attempt(folder / "study.yaml", text.encode()) is None
