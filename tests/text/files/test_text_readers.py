"""Every format gives the same rows, with places; what is broken is named by place and reason."""

from __future__ import annotations

import gzip
import json
import pickle
import tracemalloc
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, Value

from seektune.errors import DataError
from seektune.text.files import lines, table_rows
from seektune.text.files.readers import READERS
from seektune.text.files.record import Record
from seektune.text.files.sources import frame_source, resolve
from seektune.text.options import SourceOptions

ROWS = [
    {"text": 'He said "yes", twice', "label": "a"},
    {"text": "two\nlines, and 逗号，", "label": "b"},
    {"text": "café ☕", "label": "a"},
]


def records(path: Path, kind: str = "classification") -> list[Record]:
    return [record for _, record in resolve(SourceOptions(path=str(path))).records(kind)]


def write(folder: Path, name: str) -> Path:
    path = folder / name
    frame = pd.DataFrame(ROWS)
    if name.lower().endswith((".jsonl", ".jsonl.gz")):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
        path.write_bytes(gzip.compress(text.encode()) if name.lower().endswith(".gz") else text.encode())
    elif name == "nested.json":
        path.write_text(json.dumps({"version": 1, "data": ROWS}, ensure_ascii=False, indent=2))
    elif name.endswith(".json"):
        path.write_text(json.dumps(ROWS, ensure_ascii=False, indent=2))
    elif name.endswith(".parquet"):
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if name.endswith(".tsv") else ",")
    return path


@pytest.mark.parametrize(
    "name", ["a.jsonl", "a.jsonl.gz", "a.json", "nested.json", "a.csv", "a.tsv", "a.parquet", "bom.csv", "A.JSONL.GZ"]
)
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name)
    if name == "bom.csv":
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert [record.value for record in records(path)] == ROWS


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    assert [record.line for record in records(write(tmp_path, "a.csv"))] == [2, 3, 5]
    assert [record.line for record in records(write(tmp_path, "a.jsonl"))] == [1, 2, 3]
    assert [record.line for record in records(write(tmp_path, "a.json"))] == [2, 6, 10]
    assert [record.line for record in records(write(tmp_path, "nested.json"))] == [4, 8, 12]


def test_folder_and_glob_read_files_in_order_and_skip_the_rest(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl"):
        (tmp_path / name).write_text(json.dumps({"text": name}) + "\n")
    (tmp_path / "README.md").write_text("not data")
    (tmp_path / "old.pkl").write_bytes(pickle.dumps([1]))
    for place in (tmp_path, tmp_path / "*.jsonl"):
        assert [record.value["text"] for record in records(place) if record.value] == ["a.jsonl", "b.jsonl"]


def test_frame_is_stored_once_by_content(tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS)
    first, second = (frame_source(frame, tmp_path / "frames") for _ in range(2))
    assert first == second
    assert [record.value for record in records(Path(str(first.path)))] == ROWS
    assert frame_source(frame.iloc[::-1], tmp_path / "frames") != first
    assert len(list((tmp_path / "frames").iterdir())) == 2


def test_plain_text_becomes_passages_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    paragraphs = [f"Paragraph {i}. " + "word " * 60 + "\n" for i in range(40)]
    path.write_text("\n".join(paragraphs))
    found = records(path, "text")
    passages = [record.value["text"] for record in found if record.value]
    assert all(len(passage) <= 2_000 for passage in passages)
    assert "".join(passages).split() == path.read_text().split()
    lines = path.read_text().splitlines()
    assert all(record.value and lines[record.line - 1] in record.value["text"] for record in found)


def test_conll_sentences(tmp_path: Path) -> None:
    path = tmp_path / "ner.conll"
    path.write_text("# a comment\nAda\tB-PER\nLovelace\tI-PER\n\n北京\tB-LOC\n\nbroken\n\n")
    found = records(path, "tagging")
    assert [record.value for record in found[:2]] == [
        {"tokens": ["Ada", "Lovelace"], "tags": ["B-PER", "I-PER"]},
        {"tokens": ["北京"], "tags": ["B-LOC"]},
    ]
    assert [record.line for record in found] == [2, 5, 7]
    assert found[2].value is None
    assert "line 7 has a token and no tag" in found[2].fault


def test_comments_of_conll_files(tmp_path: Path) -> None:
    path = tmp_path / "ner.conll"
    path.write_text("# newdoc\n# newpar\n# id = 1\nAda\tB-PER\n#\tO\n")
    assert [record.value for record in records(path, "tagging")] == [{"tokens": ["Ada", "#"], "tags": ["B-PER", "O"]}]
    path.write_text("# text is here\nAda B-PER\n# O\n")
    assert [record.value for record in records(path, "tagging")] == [{"tokens": ["Ada", "#"], "tags": ["B-PER", "O"]}]


# name, content, what the message must say
BROKEN = [
    ("empty.csv", b"", ["empty.csv", "empty"]),
    ("empty.jsonl", b"\n\n", ["empty.jsonl", "no rows"]),
    ("header.csv", b"text,label\n", ["header.csv", "text, label", "no rows"]),
    ("latin.csv", "text,label\nok,a\ncaf\xe9,b\n".encode("latin-1"), ["latin.csv:3", "UTF-8", "0xe9", "offset 19"]),
    ("cut.tsv", "text\tlabel\nok\té".encode()[:-1], ["cut.tsv:2", "0xc3", "cut in the middle of a row"]),
    ("gbk.csv", "text,label\n转账失败,b\n".encode("gbk"), ["gbk.csv:2", "GB18030"]),
    ("curly.csv", "text,label\nIt’s fine,b\n".encode("cp1252"), ["curly.csv:2", "for example: iconv -f WINDOWS-1252"]),
    ("french.csv", "text,label\nles données «à jour»,b\n".encode("cp1252"), ["for example: iconv -f WINDOWS-1252"]),
    ("german.csv", "text,label\nGröße der Straße für öß,b\n".encode("latin-1"), ["for example: iconv -f WINDOWS-1252"]),
    ("quoted.csv", "text,label\n他说：“转账失败”。,b\n".encode("gbk"), ["for example: iconv -f GB18030"]),
    ("doubt.csv", "text,label\n(是),b\n".encode("gbk"), ["iconv -f GB18030", "or iconv -f WINDOWS-1252", "look at"]),
    ("wide.csv", "text,label\n".encode("utf-16"), ["wide.csv:1", "UTF-16"]),
    ("cut.csv", b'text,label\nfine,a\n"never clo', ["cut.csv:3", "cut in the middle of a row"]),
    ("twice.csv", b"text,,,text\na,,,b\n", ["twice.csv:1", "'text' stands twice"]),
    ("mac.csv", b"text,label\ra,b\rc,d\r", ["mac.csv:1", "carriage returns alone", "tr '\\r' '\\n' < mac.csv"]),
    ("header.tsv", b'text\t"label" x\na\tb\n', ["header.tsv:1", "malformed header"]),
    ("bad.json", b'[\n {"text": "a"},\n {"text": }\n]', ["bad.json:3:11", "malformed JSON"]),
    ("cut.json", b'[{"text": "a"},\n{"text": "b', ["cut.json:2:10", "cut in the middle of a row"]),
    ("lines.json", b'{"text": "a"}\n{"text": "b"}\n', ["lines.json:2:1", ".jsonl"]),
    ("two.json", b'[{"text": "a"}]\n[{"text": "b"}]', ["two.json:2:1", "extra data"]),
    ("cut_nested.json", b'{"data": [{"text": "a"},\n{"text": "b', ["cut_nested.json:2:10", "cut in the middle"]),
    ("same_name.json", b'{"a": [{"text": "a"}], "a": [{"text": "b"}]}', ["same_name.json", "'a', 'a'", "one list"]),
    ("scalar.json", b"3", ["scalar.json:1:1", "list of rows"]),
    ("cut.parquet", b"PAR1 and then nothing", ["cut.parquet", "not a whole Parquet file"]),
    ("model.pkl", pickle.dumps([{"text": "a"}]), ["model.pkl", "refused", "run code"]),
    ("load.py", b"print('hello')", ["load.py", "refused", "run code"]),
    ("a.zip", b"PK\x03\x04", ["a.zip", "unpack"]),
    ("a.xlsx", b"PK\x03\x04", ["a.xlsx", "unknown format"]),
    ("cut.jsonl.gz", gzip.compress(b'{"text": "a"}\n' * 999)[:40], ["cut.jsonl.gz", "gzip", "cut or damaged"]),
    ("false.jsonl.gz", b'{"text": "a"}\n', ["false.jsonl.gz:1", "gzip"]),
]


@pytest.mark.parametrize(("name", "content", "said"), BROKEN, ids=[name for name, _, _ in BROKEN])
def test_broken_file_is_refused_with_place_and_reason(
    tmp_path: Path, name: str, content: bytes, said: list[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        records(path)
    for words in [str(tmp_path), *said]:
        assert words in str(error.value)
    assert error.value.exit_code == 3


def test_missing_file_says_where_and_what_is_near(tmp_path: Path) -> None:
    (tmp_path / "messages.jsonl").write_text("{}\n")
    with pytest.raises(DataError, match="did you mean 'messages.jsonl'") as error:
        resolve(SourceOptions(path=str(tmp_path / "mesages.jsonl")))
    assert str(tmp_path.absolute()) in str(error.value)
    with pytest.raises(DataError, match="no file matches"):
        resolve(SourceOptions(path=str(tmp_path / "*.csv")))
    with pytest.raises(DataError, match="does not exist either"):
        resolve(SourceOptions(path=str(tmp_path / "nowhere" / "a.csv")))


@pytest.mark.parametrize(
    ("name", "content", "line", "fault"),
    [
        ("a.jsonl", b'{"text": "a"}\n{"text": "b\n{"text": "c"}\n', 2, "malformed JSON"),
        ("a.jsonl", b'{"text": "a"}\n{"text": "b', 2, "cut in the middle of a row"),
        ("a.jsonl", b'{"text": "a"}\n[1, 2]\n', 2, "not an object"),
        ("a.jsonl", b'\n[{"text": "a"}]\n', 2, "a list of rows belongs in a .json file"),
        ("a.jsonl", b'[{"text": "a"},\n', 1, "a list of rows belongs in a .json file"),
        ("a.jsonl", b'{"text": "a"}\n' + b"[" * 100_000 + b"\n", 2, "RecursionError"),
        ("a.jsonl", b'{"text": "a"}\n{"n": ' + b"9" * 5_000 + b"}\n", 2, "ValueError"),
        ("a.csv", b"text,label\na,b\nc\n", 3, "expected 2 fields, but got 1"),
        ("a.csv", b"text,label\na,b\nc", 3, "cut in the middle of a row"),
        ("a.csv", b'text,label\na,b\n"c" d,e\n', 3, "malformed row"),
        ("a.csv", b"text,label\na,b\nc\rd,e\n", 3, "carriage return"),
        ("a.tsv", b"text\tlabel\na\tb\nc\td\te\n", 3, "expected 2 fields, but got 3"),
    ],
)
def test_broken_row_is_a_fault_at_its_line(tmp_path: Path, name: str, content: bytes, line: int, fault: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    bad = [record for record in records(path) if record.value is None]
    assert [record.line for record in bad] == [line]
    assert fault in bad[0].fault
    assert bad[0].text.startswith(content.decode().splitlines()[line - 1][:9])


def table(tmp_path: Path, name: str, **changed: str) -> list[Record]:
    """Rows of a file whose lines 2 to 41 are "words N" and a label, but for those that are changed."""
    mark = "\t" if name.endswith("tsv") else ","
    rows = [changed.get(f"line{n}", f"words {n},a") for n in range(2, 42)]
    (tmp_path / name).write_text("\n".join(row.replace(",", mark) for row in ["text,label", *rows]) + "\n")
    return records(tmp_path / name)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
@pytest.mark.parametrize(
    ("closing", "said"),
    [
        ({"line30": '"quoted" words,a'}, "followed its quote from line 5 to line 30"),
        ({"line30": '"quoted",a'}, "followed its quote from line 5 to line 30"),
        ({"line30": 'words,"a"'}, "followed its quote from line 5 to line 30"),
        ({"line30": '","'}, "followed its quote from line 5 to line 41"),
        ({}, "never closed; the parser followed its quote from line 5 to line 41"),
    ],
)
def test_a_stray_quote_takes_its_own_line_and_no_other(
    tmp_path: Path, name: str, closing: dict[str, str], said: str
) -> None:
    found = table(tmp_path, name, line5='"stray,a', **closing)
    bad = {record.line: record for record in found if record.value is None}
    assert [record.line for record in found] == list(range(2, 42))
    assert set(bad) <= {5, 30} and said in bad[5].fault
    assert bad[5].text.startswith('"stray')


def test_a_stray_quote_that_closes_as_a_field_does(tmp_path: Path) -> None:
    lines = {"line5": 'words,"a', "line30": 'words,a"'}
    tabs = table(tmp_path, "a.tsv", **lines)
    assert [record.line for record in tabs if record.value is None] == [5]
    assert [record.line for record in tabs] == list(range(2, 42))
    commas = table(tmp_path, "a.csv", **lines)
    assert [record.line for record in commas if record.note] == [5]
    assert "runs over lines 5 to 30, most of which look like rows" in commas[3].note
    assert len(commas) == 40 - 25
    letters = table(tmp_path, "b.csv", line5='"Dear all,', line6="see below", line7="and, well, this", line8='Ada",a')
    assert not any(record.note or record.fault for record in letters)


def test_stray_quotes_on_every_line_take_no_quadratic_time(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\n" + 'a","\n' * 20_000 + '"x\n')
    with pytest.raises(DataError, match=r"a.csv:\d+: stray quotes on so many lines.*as .jsonl"):
        records(tmp_path / "a.csv")


@pytest.mark.parametrize("opening", ['"stray,a', 'a","'])
def test_a_row_is_held_up_to_the_longest_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opening: str) -> None:
    monkeypatch.setattr(table_rows, "MAX_LINE_BYTES", 100)
    found = table(tmp_path, "a.csv", line5=opening)
    assert [(record.line, "100" in record.fault) for record in found if record.value is None] == [(5, True)]
    assert len(found) == 40


def test_columns_without_a_name_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(",text,label,,\n0,b,c,,\n")
    assert [record.value for record in records(tmp_path / "a.csv")] == [{"text": "b", "label": "c"}]


def test_two_parquet_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table([["a"], ["b"], ["c"]], names=["text", "label", "text"]), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a.parquet: two columns are named 'text'"):
        records(tmp_path / "a.parquet")


def test_parquet_with_a_string_that_is_not_utf8(tmp_path: Path) -> None:
    table = pa.table({"text": pa.array([b"fine", b"caf\xe9"], pa.binary()).view(pa.string())})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(DataError, match="not a whole Parquet file.*utf-8"):
        records(tmp_path / "a.parquet")


def test_gzip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.jsonl.gz"
    line = json.dumps({"text": "0" * 1_000_000}).encode() + b"\n"
    path.write_bytes(gzip.compress(line * 80))
    with pytest.raises(DataError, match="gzip bomb"):
        records(path)


def test_hub_reads_a_local_data_set_with_its_splits(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for split in ("train", "test"):
        (tmp_path / "set" / f"{split}.jsonl").write_text(json.dumps({"text": f"the {split} row"}) + "\n")
    options = SourceOptions(hub=str(tmp_path / "set"), revision="0" * 40)
    found = [(file.rsplit("/", 1)[1], record.value) for file, record in resolve(options).records("text")]
    assert found == [
        ("train", {"split": "train", "text": "the train row"}),
        ("test", {"split": "test", "text": "the test row"}),
    ]


@pytest.mark.parametrize("revision", [None, "main", "abc123"])
def test_hub_needs_a_pinned_revision(revision: str | None) -> None:
    with pytest.raises(ValueError, match="revision"):
        SourceOptions(hub="someone/something", revision=revision)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
@pytest.mark.parametrize("name", ["rows.json", "rows.json.gz"])
def test_json_is_the_same_wherever_a_block_of_the_file_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, name: str
) -> None:
    rows = [{"text": 'aé漢😀\\"\n', "numbers": [1.5e10, -3, True, None]}, {"text": "", "numbers": []}] * 3
    monkeypatch.setattr(lines, "BLOCK_BYTES", size)
    for content in (
        json.dumps(rows),
        json.dumps(rows, ensure_ascii=False, indent=2),
        json.dumps({"version": 12, "rows": rows, "notes": {"a": [1]}}, ensure_ascii=False),
    ):
        path = tmp_path / name
        path.write_bytes(gzip.compress(content.encode()) if name.endswith("gz") else content.encode())
        assert [record.value for record in READERS[".json"](path)] == rows
    path.write_bytes(b"[" if name.endswith("json") else gzip.compress(b"["))
    with pytest.raises(DataError, match=r":1:2: malformed JSON: expecting value; the file is cut"):
        list(READERS[".json"](path))


def test_a_json_file_is_held_a_few_rows_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    with path.open("w", encoding="utf-8") as file:
        file.write("[" + ",".join(json.dumps({"text": "x" * 1_000}) for _ in range(40_000)) + "]")  # 40 MB, one line
    tracemalloc.start()
    try:
        assert sum(len(record.value["text"]) for record in READERS[".json"](path) if record.value) == 40_000_000
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("end", [". ", "! ", "。", "？", ", ", "，"])
def test_a_line_longer_than_a_passage_is_cut_and_nothing_lost(tmp_path: Path, end: str) -> None:
    path = tmp_path / "long.txt"
    sentence = ("word " * 12 if end.isascii() else "转账失败了" * 12).strip() + end
    path.write_text("First line.\n" + sentence * 200 + "\nLast line.\n", encoding="utf-8")
    found = records(path, "text")
    passages = [record.value["text"] for record in found if record.value]
    assert "".join(passages) == path.read_text(encoding="utf-8")
    assert len(passages) > 5 and all(len(passage) <= 2_000 for passage in passages)
    if end != "，":  # where only a comma is, the cut is anywhere
        assert all(passage.endswith((end, "word ", "\n")) for passage in passages)
    if end.strip() not in (",", "，"):
        assert all(passage.endswith((end, "\n")) for passage in passages)
    assert [record.line for record in found[:3]] == [1, 2, 2]


def test_parquet_in_gzip(tmp_path: Path) -> None:
    plain = write(tmp_path, "a.parquet").read_bytes()
    path = tmp_path / "b.parquet.gz"
    path.write_bytes(gzip.compress(plain))
    assert [record.value for record in records(path)] == ROWS
    path.write_bytes(gzip.compress(plain)[:-20])
    with pytest.raises(DataError, match=r"b.parquet.gz:\d+: the gzip stream is cut or damaged"):
        records(path)
    path.write_bytes(gzip.compress(bytes(80 * 2**20)))
    with pytest.raises(DataError, match="gzip bomb"):
        records(path)
    path.write_bytes(gzip.compress(plain[:-20]))
    with pytest.raises(DataError, match=r"b.parquet.gz: not a whole Parquet file"):
        records(path)


def test_a_hub_folder_on_this_machine_is_what_its_files_say(tmp_path: Path) -> None:
    path = tmp_path / "set" / "train.jsonl"
    path.parent.mkdir()
    path.write_text('{"text": "one"}\n')
    options = SourceOptions(hub=str(path.parent), revision="0" * 40)
    before = resolve(options)
    assert resolve(options).identity == before.identity
    path.write_text('{"text": "two"}\n')
    after = resolve(options)
    assert after.identity != before.identity
    assert [record.value for _, record in after.records("text")] == [{"split": "train", "text": "two"}]
    with pytest.raises(DataError, match=r"train.jsonl: the file changed while it was read"):
        list(before.records("text"))
    path.rename(path.with_name("test.jsonl"))  # a split is called by its file
    assert resolve(options).identity != after.identity


def test_hub_classes_have_their_names(tmp_path: Path) -> None:
    names = ["O", "B-LOC"]
    features = Features(
        {
            "tokens": [Value("string")],
            "ner": [ClassLabel(names=names)],
            "label": ClassLabel(names=["bad", "good"]),
            "number": Value("int64"),
        }
    )
    rows = {"tokens": [["in", "Lyon"], ["a"]], "ner": [[0, 1], [0]], "label": [1, -1], "number": [1, 0]}
    (tmp_path / "set").mkdir()
    Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "set" / "train.parquet")
    found = resolve(SourceOptions(hub=str(tmp_path / "set"), revision="0" * 40)).records("tagging")
    assert [record.value for _, record in found] == [
        {"split": "train", "tokens": ["in", "Lyon"], "ner": ["O", "B-LOC"], "label": "good", "number": 1},
        {"split": "train", "tokens": ["a"], "ner": ["O"], "label": None, "number": 0},
    ]
