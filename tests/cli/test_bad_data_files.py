"""A data file that is broken, in every format, by the command line: exit code 3, file and line, reason, nothing lost."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pandas as pd
import pytest

STUDY = """\
study: real
model: {config: tiny-llama}
data: {kind: instruction, sources: [{path: FILE}], max_length: 32}
train: {tokens: 4k}
space: {learning_rate: {low: 1e-5, high: 1e-2, log: true}}
stages: {coarse: {trials: 2}}
"""
ROW = json.dumps({"instruction": "say one", "input": "", "output": "one"}, ensure_ascii=False)
CAFE = ROW.replace("one", "café")
TABLE = "instruction,input,output\nsay one,,one\n"
LIST = f"[\n{ROW},\n{ROW}\n]"


def parquet(rows: int) -> bytes:
    file = io.BytesIO()
    pd.DataFrame([json.loads(ROW)] * rows).to_parquet(file)
    return file.getvalue()


# file, content, place after the file's name, reason
BROKEN: list[tuple[str, str | bytes, str, str]] = [
    ("empty.jsonl", b"", ":", "the file is empty"),
    ("blank.jsonl", "\n \n", ":", "no rows"),
    ("header.csv", TABLE.splitlines()[0], ":", "a header (instruction, input, output) and no rows"),
    ("latin.jsonl", f"{ROW}\n{CAFE}\n{ROW}\n".encode("latin-1"), ":2:", "not UTF-8: byte 0xe9 at byte offset 81"),
    ("latin.csv", (TABLE + "say café,,one\n").encode("latin-1"), ":3:", "not UTF-8: byte 0xe9"),
    ("latin.json", LIST.replace("one", "café", 1).encode("latin-1"), ":2:", "not UTF-8: byte 0xe9"),
    ("wide.tsv", TABLE.replace(",", "\t").encode("utf-16"), ":1:", "it looks like UTF-16"),
    ("cut.jsonl", f"{ROW}\n{ROW}\n{ROW[:-9]}", ":3:41:", "the file is cut in the middle of a row"),
    ("cut_character.jsonl", f"{ROW}\n{CAFE}".encode()[:-3], ":2:", "the file is cut in the middle of a row"),
    ("cut.csv", TABLE + "say two,", ":3:", "expected 3 fields, but got 2; the file is cut in the middle of a row"),
    ("cut_quote.csv", TABLE + 'say two,,"tw', ":3:", "a quote opened here is never closed"),
    ("cut.tsv", TABLE.replace(",", "\t") + "say two", ":3:", "the file is cut in the middle of a row"),
    ("cut.json", LIST[:-9], ":3:50:", "the file is cut in the middle of a row"),
    ("cut_nested.json", f'{{"rows": {LIST[:-9]}', ":3:50:", "the file is cut in the middle of a row"),
    ("cut.parquet", parquet(9)[:300], ":", "not a whole Parquet file"),
    ("cut.jsonl.gz", gzip.compress(f"{ROW}\n".encode() * 9)[:-9], ":", "the gzip stream is cut or damaged"),
    ("columns.jsonl", ROW.replace("output", "answer"), ":1:", "needs the column 'output', but the file has"),
    ("columns.csv", TABLE.replace("output", "answer"), ":1:", "did you mean columns: {output: answer}?"),
    ("columns.json", LIST.replace("output", "answer"), ":1:", "needs the column 'output'"),
    ("columns.parquet", pd.DataFrame({"text": ["a"]}).to_parquet(), ":1:", "needs the columns 'instruction', 'output'"),
    ("fields.csv", TABLE + "say two,,two,three\n", ":3:", "expected 3 fields, but got 4"),
]


@pytest.mark.parametrize(("name", "content", "place", "reason"), BROKEN, ids=[case[0] for case in BROKEN])
def test_a_broken_file_is_named_with_its_line(desk, name, content, place, reason):
    path = desk.folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    file = desk.write("real.yaml", STUDY.replace("FILE", name))
    call = desk.process if name == "latin.jsonl" else desk  # one of them as a shell does it
    done = call("tune", file, "--no-prefect")
    assert done.returncode == 3
    assert f"seektune: {path}{place}" in done.stderr
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert path.read_bytes() == (content if isinstance(content, bytes) else content.encode())
    assert not list((desk.folder / "data" / "cache" / "rows").glob("[!.]*"))  # no half of a row set


def test_a_missing_file_is_named_with_the_line_that_names_it(desk):
    done = desk("tune", desk.write("real.yaml", STUDY.replace("FILE", "none.jsonl")), "--no-prefect")
    assert done.returncode == 3
    assert "real.yaml:3:" in done.stderr
    assert f"no such file or folder: 'none.jsonl' (seen from '{desk.folder}')" in done.stderr
    assert desk.files == {"real.yaml"}


def test_bad_rows_are_all_listed_with_their_lines(desk):
    """Too many of them: the counts, the first ones, and the rest in a file."""
    bad = {4: ("empty", ROW.replace('"one"', '""')), 9: ("control character", ROW.replace('"one"', '"\\u0007"'))}
    bad[11] = ("wrong type", ROW.replace('"one"', "1"))
    lines = [bad[line][1] if line in bad else ROW.replace("one", f"word {line}") for line in range(1, 13)]
    desk.write("rows.jsonl", "\n".join(lines))
    done = desk("tune", desk.write("real.yaml", STUDY.replace("FILE", "rows.jsonl")), "--no-prefect")
    assert done.returncode == 3
    assert "3 of 12 rows of data.sources are bad (25.0%), at most 5.0% may be" in done.stderr
    (listed,) = (desk.folder / "data" / "cache" / "quarantine").iterdir()
    assert str(listed) in done.stderr
    for line, (reason, _) in bad.items():
        assert f"{desk.folder / 'rows.jsonl'}:{line}: {reason}" in done.stderr
    found = [json.loads(line) for line in listed.read_text().splitlines()]
    assert [(Path(row["file"]).name, row["line"], row["reason"]) for row in found] == [
        ("rows.jsonl", line, reason) for line, (reason, _) in bad.items()
    ]
