"""From files to rows: nothing lost, places named, the same answer every time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seektune.errors import DataError
from seektune.text.options import DataOptions
from seektune.text.rows import RowSet, prepare_rows

Prepare = Callable[..., RowSet]
Write = Callable[..., Path]
Labelled = list[dict[str, str]]


def accounted(report: dict[str, Any]) -> int:
    return int(report["used"] + sum(report["quarantined"].values()) + sum(report["dropped"].values()))


def test_every_row_is_used_quarantined_or_dropped(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    bad = [{"text": "", "label": "a"}, {"text": "no label"}, {"text": 3, "label": "a"}, {"text": "a\x07", "label": "b"}]
    near = [{**labelled[0], "text": labelled[0]["text"].upper()}, {**labelled[1], "text": labelled[1]["text"] + "!!"}]
    rows = prepare("classification", jsonl([*labelled, *bad, *labelled[:7], *near]))
    report = rows.report
    assert report["rows_in"] == accounted(report) == 313
    assert report["quarantined"] == {"empty": 1, "missing label": 1, "wrong type": 1, "control character": 1}
    assert report["dropped"] == {"exact duplicate": 7, "near duplicate": 2}
    assert report["used"] == sum(split["rows"] for split in report["splits"].values()) == 300
    quarantine = [json.loads(line) for line in (rows.folder / "quarantine.jsonl").read_text().splitlines()]
    assert [(row["line"], row["reason"]) for row in quarantine] == [
        (301, "empty"),
        (302, "missing label"),
        (303, "wrong type"),
        (304, "control character"),
    ]
    dropped = [json.loads(line) for line in (rows.folder / "dropped.jsonl").read_text().splitlines()]
    assert [row["line"] for row in dropped] == list(range(305, 314))
    assert dropped[0]["repeats"] == "rows.jsonl:1"
    assert "\x07" not in (rows.folder / "quarantine.jsonl").read_text()


def places(rows: RowSet) -> list[tuple[str, int]]:
    """(file, line) of every row that ended anywhere: in a split, in general text, in quarantine or among the dropped."""
    stored = [row for name in ("train", "validation", "test", "general") for row in rows.rows(name)]
    left = [json.loads(line) for name in ("quarantine", "dropped") for line in (rows.folder / f"{name}.jsonl").open()]
    return [(Path(row["file"]).name, row["line"]) for row in (*stored, *left)]


FAULTS = {
    "malformed": ['{"text": "never closed, "label": "a"}', "[1, 2]"],
    "empty": ['{"text": " \\n", "label": "a", "who": "1"}'],
    "wrong type": ['{"text": 3, "label": "a", "who": "1"}', '{"text": "b", "label": ["a"], "who": "1"}'],
    "too long": [json.dumps({"text": "word " * 500, "label": "a", "who": "1"})],
    "not text": ['{"text": "?!...", "label": "a", "who": "1"}'],
    "missing label": ['{"text": "A fine question", "who": "1"}'],
    "control character": ['{"text": "a\\u0007b", "label": "a", "who": "1"}', '{"text": "a\\u0000", "label": "a", "who": "1"}'],
    "broken UTF-8": ['{"text": "a\\ud800b", "label": "a", "who": "1"}', '{"text": "caf\ufffd", "label": "a", "who": "1"}'],
    "missing group": ['{"text": "Whose question is this?", "label": "a"}'],
    "unknown split": ['{"text": "Which side is this on?", "label": "a", "who": "1", "split": "hold-out"}'],
}  # fmt: skip


def test_every_line_of_dirty_files_ends_in_one_place(
    prepare: Prepare, jsonl: Write, labelled: Labelled, tmp_path: Path
) -> None:
    good = [json.dumps({**row, "who": str(i), "split": "train"}) for i, row in enumerate(labelled)]
    good[:60] = [line.replace('"train"', '"test"') for line in good[:60]]
    copies = [good[100], good[101].replace("Could", "COULD"), good[102].replace("?", "!")]
    faults = [line for lines in FAULTS.values() for line in lines]
    bad = [line if '"split"' in line else line.replace("{", '{"split": "train", ', 1) for line in faults]
    (tmp_path / "dirty.jsonl").write_text("\n".join([*good[:250], *bad, *copies]) + "\n", encoding="utf-8")
    (tmp_path / "other.jsonl").write_text("\n".join(good[250:]) + "\n", encoding="utf-8")
    essay = "An essay that quotes: "
    general = [{"text": f"{essay}{i} words on something"} for i in ("many", "few", "some", "many")]
    general += [{"text": ""}, {"text": essay + labelled[3]["text"] + " And so on."}]
    rows = prepare(
        "classification",
        {"path": str(tmp_path / "dirty.jsonl"), "weight": 1.0},
        {"path": str(tmp_path / "other.jsonl"), "weight": 1.0},
        general=[{"path": str(jsonl(general, "general.jsonl"))}],
        split={"column": "split", "group": "who"},
        checks={"malformed": "quarantine", "max_bad_share": 0.5, "max_characters": 2_000},
    )
    report = rows.report
    assert report["quarantined"] == {reason: len(lines) for reason, lines in FAULTS.items()}
    assert {"exact duplicate", "near duplicate", "mixing"} == set(report["dropped"])
    for part in (report, report["general"], *report["sources"].values()):
        assert part["rows_in"] == accounted(part)
    assert report["rows_in"] == 300 + len(bad) + len(copies)
    assert report["general"]["quarantined"] == {"empty": 1}
    assert report["general"]["dropped"] == {"exact duplicate": 1, "holds an evaluation row": 1}
    files = {"dirty.jsonl": 253 + len(bad), "other.jsonl": 50, "general.jsonl": 6}
    assert sorted(places(rows)) == sorted((name, line) for name, count in files.items() for line in range(1, count + 1))


@pytest.mark.parametrize(
    ("kind", "faults"),
    [
        (
            "chat",
            {
                "unknown role": {"messages": [{"role": "bot", "content": "hello"}]},
                "no answer": {"messages": [{"role": "user", "content": "hello"}]},
                "no question": {"messages": [{"role": "assistant", "content": "hello"}]},
                "wrong type": {"messages": "hello"},
                "empty": {"messages": []},
            },
        ),
        (
            "tagging",
            {
                "wrong length": {"tokens": ["a", "b"], "tags": ["O"]},
                "missing label": {"tokens": ["a"], "tags": [""]},
                "wrong type": {"tokens": "[1", "tags": ["O"]},
            },
        ),
        ("instruction", {"empty": {"instruction": "", "input": "", "output": "a"}}),
        ("summary", {"empty": {"document": "a", "summary": ""}, "wrong type": {"document": 1, "summary": "a"}}),
    ],
)
def test_faults_of_the_other_kinds_are_counted_by_reason(
    prepare: Prepare, jsonl: Write, labelled: Labelled, kind: str, faults: dict[str, dict[str, Any]]
) -> None:
    def good(row: dict[str, str]) -> dict[str, Any]:
        turns = [{"role": "user", "content": row["text"]}, {"role": "assistant", "content": row["label"]}]
        words = row["text"].split()
        return {
            "chat": {"messages": turns},
            "tagging": {"tokens": words, "tags": ["B-thing"] + ["O"] * (len(words) - 1)},
            "instruction": {"instruction": row["text"], "output": row["label"]},
            "summary": {"document": row["text"], "summary": row["label"]},
        }[kind]

    rows = prepare(kind, jsonl([*map(good, labelled), *faults.values()]))
    assert rows.report["quarantined"] == dict.fromkeys(faults, 1)
    assert rows.report["rows_in"] == accounted(rows.report) == 300 + len(faults)
    assert sorted(line for _, line in places(rows)) == list(range(1, 301 + len(faults)))


def test_too_many_bad_rows_stop_the_run_with_counts(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    path = jsonl([*labelled[:90], *({"text": "", "label": "a"} for _ in range(10))])
    with pytest.raises(
        DataError, match=r"10 of 100 rows of data.sources are bad \(10.0%\), at most 5.0%.*empty 10"
    ) as error:
        prepare("classification", path)
    listed = next(Path(word.rstrip(";")) for word in str(error.value).split() if "quarantine" in word and "/" in word)
    assert len(listed.read_text().splitlines()) == 10
    assert f"{path}:91: empty" in str(error.value)
    assert prepare("classification", path, checks={"max_bad_share": 0.1}).report["quarantined"] == {"empty": 10}


def test_a_bad_general_text_is_not_hidden_by_good_rows_nor_the_reverse(
    prepare: Prepare, jsonl: Write, labelled: Labelled
) -> None:
    good = [{"text": f"An essay on {row['text']} and what came of it in the end."} for row in labelled]
    bad_general = jsonl([*good[:9], {"text": ""}], "bad_general.jsonl")
    with pytest.raises(DataError, match=r"1 of 10 rows of data.general are bad \(10.0%\)"):
        prepare("classification", jsonl(labelled), general=[{"path": str(bad_general)}])
    bad_rows = jsonl([*labelled[:18], {"text": "", "label": "a"}, {"text": "b"}], "bad_rows.jsonl")
    with pytest.raises(DataError, match=r"2 of 20 rows of data.sources are bad \(10.0%\).*missing label 1"):
        prepare("classification", bad_rows, general=[{"path": str(jsonl(good, "good.jsonl"))}])


def test_malformed_line_fails_with_its_place_or_is_quarantined(
    prepare: Prepare, tmp_path: Path, labelled: Labelled
) -> None:
    lines = [json.dumps(row) for row in labelled]
    lines[41] = '{"text": "never closed, "label": "a"}'
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=r"rows.jsonl:42:26: malformed JSON"):
        prepare("classification", path)
    report = prepare("classification", path, checks={"malformed": "quarantine"}).report
    assert report["quarantined"] == {"malformed": 1}
    assert accounted(report) == report["rows_in"] == 300


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (
            {},
            "needs the columns 'text', 'label'.*'Text', 'category'.*did you mean columns: {text: Text, label: category}",
        ),
        ({"text": "Text", "label": "categry"}, "needs the column 'categry'.*{label: category}"),
    ],
)
def test_wrong_columns_name_the_nearest(
    prepare: Prepare, jsonl: Write, labelled: Labelled, columns: dict[str, str], said: str
) -> None:
    path = jsonl({"Text": row["text"], "category": row["label"]} for row in labelled)
    with pytest.raises(DataError, match=said):
        prepare("classification", {"path": str(path), "columns": columns})
    right = {"text": "Text", "label": "category"}
    assert prepare("classification", {"path": str(path), "columns": right}).report["used"] == 300


def test_table_with_another_delimiter_gets_a_hint(prepare: Prepare, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text;label\nhello;a\n")
    with pytest.raises(DataError, match="separated by ';'"):
        prepare("classification", tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text("text;label\nhello, you;a\n")  # more fields than the header has
    for malformed in ("fail", "quarantine"):
        with pytest.raises(DataError, match="separated by ';'"):
            prepare("classification", tmp_path / "a.csv", checks={"malformed": malformed})


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ({"group": "usr"}, r"split.group: 'usr' is no column of the file \(it has .*'user'.*\); did you mean 'user'\?"),
        ({"column": "fold"}, r"split.column: 'fold' is no column of the file \(it has .*'user', 'meta'\)$"),
        ({"group": "meta.id"}, r"split.group: 'meta.id' .*; fields inside 'meta' are not read"),
    ],
)
def test_a_split_by_a_column_that_is_not_there(
    prepare: Prepare, jsonl: Write, labelled: Labelled, split: dict[str, str], said: str
) -> None:
    path = jsonl({**row, "user": str(i), "meta": {"id": str(i)}} for i, row in enumerate(labelled))
    with pytest.raises(DataError, match=said):
        prepare("classification", path, split=split)


def test_a_field_inside_a_column_is_not_read(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    path = jsonl({"meta": {"text": row["text"]}, "label": row["label"]} for row in labelled)
    with pytest.raises(
        DataError, match=r"'meta', 'label'; fields inside 'meta' are not read: write rows in which 'meta.te"
    ):
        prepare("classification", {"path": str(path), "columns": {"text": "meta.text"}})


def test_tagged_words_in_a_table_get_a_hint(prepare: Prepare, tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("Ada\tB-PER\nis\tO\n\nin\tO\nLyon\tB-LOC\n")
    with pytest.raises(DataError, match=r"a token and its tag on each line is named .conll, .bio or .txt"):
        prepare("tagging", tmp_path / "a.tsv")


def test_stray_quotes_in_a_table_are_told(prepare: Prepare, labelled: Labelled, tmp_path: Path) -> None:
    rows = [f"{row['text'].replace(',', ';')},{row['label']}\n" for row in labelled]
    rows[10] = '"' + rows[10]
    rows[210] = f'"An answer, quoted",{labelled[210]["label"]}\n'
    (tmp_path / "a.csv").write_text("text,label\n" + "".join(rows))
    found = prepare("classification", tmp_path / "a.csv", checks={"malformed": "quarantine"})
    assert (found.report["rows_in"], found.report["used"], found.report["quarantined"]) == (300, 299, {"malformed": 1})
    (quarantined,) = (json.loads(line) for line in (found.folder / "quarantine.jsonl").open())
    assert quarantined["line"] == 12 and quarantined["excerpt"].startswith('"Could someone cancel')
    rows[210] = f'An answer,{labelled[210]["label"]}"\n'
    rows[10] = f'text,"{labelled[10]["label"]}\n'
    (tmp_path / "a.csv").write_text("text,label\n" + "".join(rows))
    (note,) = (note for note in prepare("classification", tmp_path / "a.csv").report["notes"] if "quoted field" in note)
    assert note.startswith("a.csv: a quoted field runs over lines 12 to 212, most of which look like rows")


def test_second_call_returns_the_stored_result_and_edits_make_another(
    prepare: Prepare, jsonl: Write, labelled: Labelled, tmp_path: Path
) -> None:
    path = jsonl(labelled)
    first = prepare("classification", path)
    stamp = (first.folder / "report.json").stat().st_mtime_ns
    again = prepare("classification", path, seed=9)  # the seed is that of augmentation, and nothing is augmented
    assert (again.folder, again.fingerprint) == (first.folder, first.fingerprint)
    assert (again.folder / "report.json").stat().st_mtime_ns == stamp
    elsewhere = prepare("classification", path, cache="other")
    assert elsewhere.fingerprint == first.fingerprint
    assert prepare("classification", jsonl(labelled[1:])).fingerprint != first.fingerprint
    assert prepare("classification", path, split={"test": 0.2}).fingerprint != first.fingerprint
    assert not list((tmp_path / "cache" / "rows").glob(".partial-*"))


def test_killed_build_leaves_nothing_that_looks_whole(tmp_path: Path, jsonl: Write, labelled: Labelled) -> None:
    path = jsonl(labelled)
    code = f"""
        import os, signal
        from pathlib import Path
        from seektune.text import rows
        from seektune.text.options import DataOptions
        writes = 0
        write = rows._write_rows
        def killed(*arguments):
            global writes
            writes += 1
            if writes == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            return write(*arguments)
        rows._write_rows = killed
        rows.prepare_rows(DataOptions(kind="classification", sources=[{{"path": {str(path)!r}}}]), Path({str(tmp_path)!r}), 0)
    """
    died = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=Path(__file__).parents[2], check=False)
    assert died.returncode == -signal.SIGKILL
    assert [folder.name[:9] for folder in (tmp_path / "rows").iterdir()] == [".partial-"]
    os.utime(next((tmp_path / "rows").iterdir()), (0, 0))
    rows = prepare_rows(DataOptions(kind="classification", sources=[{"path": str(path)}]), tmp_path, 0)
    assert rows.report["used"] == 300
    assert [folder.name for folder in (tmp_path / "rows").iterdir()] == [rows.folder.name]


def test_columns_and_order_of_the_stored_rows(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    rows = prepare("classification", jsonl(labelled))
    for split in ("train", "validation", "test"):
        table = pq.read_table(rows.folder / f"{split}.parquet")
        assert table.column_names[:4] == ["id", "text", "label", "language"]
        assert {"group", "source", "line", "parent", "operator", "augment_seed"} <= set(table.column_names)
        assert table["id"].to_pylist() == sorted(table["id"].to_pylist())
        for row in table.to_pylist():
            assert labelled[row["line"] - 1] == {"text": row["text"], "label": row["label"]}


def test_weights_give_exact_shares_and_repeat_nothing(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    small, large = jsonl(labelled[:100], "small.jsonl"), jsonl(labelled[100:], "large.jsonl")
    sources = [{"path": str(small), "weight": 1.0}, {"path": str(large), "weight": 1.0}]
    report = prepare("classification", *sources).report
    one, two = (report["sources"][str(path)] for path in (small, large))
    assert one["splits"]["train"] == two["splits"]["train"]
    assert one["share_of_train"] == 0.5
    assert one["dropped"] == {}
    assert two["dropped"]["mixing"] == 200 - sum(two["splits"].values())
    assert accounted(report) == report["rows_in"] == 300
    plain = prepare("classification", small, large).report
    assert plain["dropped"] == {}
    assert plain["used"] == 300
    assert {s: plain["splits"][s]["rows"] for s in ("validation", "test")} == {
        s: report["splits"][s]["rows"] for s in ("validation", "test")
    }


def test_one_file_may_be_two_sources_with_weights_of_their_own(
    prepare: Prepare, jsonl: Write, labelled: Labelled
) -> None:
    path = jsonl({"text": row["text"], "other": f"{row['text'][::-1]} {i}", **row} for i, row in enumerate(labelled))
    columns = [{"text": "text"}, {"text": "other"}]
    sources = [{"path": str(path), "weight": weight, "columns": columns[i]} for i, weight in enumerate((3.0, 1.0))]
    report = prepare("classification", *sources).report
    assert [round(one["share_of_train"], 2) for one in report["sources"].values()] == [0.75, 0.25]
    assert list(report["sources"]) == [str(path), f"{path} (2)"]
    assert accounted(report) == report["rows_in"] == 600


def test_subsets_of_one_hub_data_set_are_sources_of_their_own(tmp_path: Path, labelled: Labelled) -> None:
    lines = [json.dumps(row) + "\n" for row in labelled]
    for subset, part in (("a", lines[:150]), ("b", lines[150:])):
        (tmp_path / f"{subset}.jsonl").write_text("".join(part))
    configs = "".join(f"- {{config_name: {name}, data_files: {name}.jsonl}}\n" for name in "ab")
    (tmp_path / "README.md").write_text(f"---\nconfigs:\n{configs}---\n")
    hub = {"hub": str(tmp_path), "revision": "0" * 40}
    sources = [{**hub, "subset": "a", "weight": 9}, {**hub, "subset": "b", "weight": 1}]
    data = DataOptions(kind="classification", sources=sources)
    report = prepare_rows(data, tmp_path / ".cache", 0).report
    shares = {name: round(one["share_of_train"], 2) for name, one in report["sources"].items()}
    assert shares == {f"{tmp_path}/a": 0.9, f"{tmp_path}/b": 0.1}


def test_too_little_data_says_which_side_is_empty(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    with pytest.raises(DataError, match=r"split.* empty: 1 rows in 1 group.*; bring more rows$"):
        prepare("classification", jsonl(labelled[:1] * 5))
    with pytest.raises(DataError, match="every training row has the label 'card'"):
        prepare("classification", jsonl({**row, "label": "card"} for row in labelled))


def test_a_remedy_for_an_empty_side_fits_what_ties_the_rows(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    words = "abcdefghijklmnopqrstuvwxyz"
    template = jsonl({"text": f"tell me what the code word {c * 3} means", "label": c} for c in words)
    near = r"1 group are left; bring more rows that are less alike; or set checks.near_duplicates: false, .* 26 rows"
    with pytest.raises(DataError, match=near) as error:
        prepare("classification", template)
    assert "split.group" not in str(error.value) and "max_cluster" not in str(error.value)
    assert prepare("classification", template, checks={"near_duplicates": False}).report["used"] == 26
    made = jsonl([{**row, "id": i, "origin": 1} for i, row in enumerate(labelled)], "made.jsonl")
    source = {"path": str(made), "columns": {"parent": "origin"}}
    with pytest.raises(DataError, match="rename the column origin if it is .*: it ties 299 rows to 1 parent$") as error:
        prepare("classification", source)
    assert "near_duplicates" not in str(error.value)
    with pytest.raises(DataError, match=r"; bring more rows; or use a finer split.group$"):
        prepare("classification", jsonl({**row, "who": 1} for row in labelled), split={"group": "who"})


def test_chinese_is_read_and_named(prepare: Prepare, jsonl: Write) -> None:
    acts = "转账汇款 信用卡还款 新开账户 注销旧卡 挂失补办 更换芯片 小额贷款 定期存款 柜台取现 水电缴费"
    ways = (
        "请问在手机上怎样{} 我想知道{}要几天才能完成 昨天{}的时候系统突然报错 {}需要带哪些证件去柜台 周末还可以办理{}吗"
    )
    rows = [{"instruction": way.format(act) + "？", "output": act} for act in acts.split() for way in ways.split()]
    report = prepare("instruction", jsonl(rows), split={"validation": 0.3, "test": 0.3}).report
    assert report["used"] == 50
    assert all(set(split["languages"]) == {"zh"} for split in report["splits"].values())


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
damaged = st.one_of(
    st.fixed_dictionaries({}, optional={"text": json_values, "label": json_values}).map(
        lambda r: json.dumps(r).encode()
    ),
    st.binary(max_size=60).map(lambda b: b.replace(b"\n", b"")),
)


@settings(max_examples=150, deadline=2_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(damaged, min_size=1, max_size=6))
def test_damaged_files_give_an_answer_or_a_data_error(tmp_path: Path, lines: list[bytes]) -> None:
    path = tmp_path / "fuzz.jsonl"
    path.write_bytes(b"\n".join(lines))
    options = DataOptions(
        kind="classification", sources=[{"path": str(path)}], checks={"malformed": "quarantine", "max_bad_share": 1.0}
    )
    try:
        report = prepare_rows(options, tmp_path / "cache", 0).report
    except DataError as error:
        assert str(path) in str(error) or "split" in str(error) or "label" in str(error)
    else:
        assert accounted(report) == report["rows_in"]


def test_group_and_split_columns_may_be_mapped_ones(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    """`label` and `id` are our names; the file calls them otherwise."""
    sides = ("test", "validation", "train", "train")
    rows = [{"text": row["text"], "topic": row["label"], "fold": sides[i % 4]} for i, row in enumerate(labelled)]
    source = {"path": str(jsonl(rows)), "columns": {"label": "topic", "id": "fold"}}
    own = prepare("classification", source, split={"column": "id"}).report
    assert not own["quarantined"]
    assert [own["splits"][side]["rows"] for side in ("train", "validation", "test")] == [150, 75, 75]
    grouped = prepare("classification", source, split={"group": "label", "validation": 0.3, "test": 0.3})
    labels = [{row["label"] for row in grouped.rows(side)} for side in ("train", "validation", "test")]
    assert not grouped.report["quarantined"]
    assert sum(map(len, labels)) == len(set.union(*labels))


def test_what_a_folder_holds_beside_rows_is_told(
    prepare: Prepare, jsonl: Write, labelled: Labelled, tmp_path: Path
) -> None:
    (tmp_path / "set" / ".tool").mkdir(parents=True)
    jsonl(labelled, "set/rows.jsonl")
    for name in (".rows.jsonl", ".tool/rows.jsonl"):
        jsonl([{"text": "never"}], f"set/{name}")
    for name in ("notes.docx", "README.md"):
        (tmp_path / "set" / name).write_text("x")
    report = prepare("classification", tmp_path / "set").report
    assert report["rows_in"] == 300
    (note,) = [note for note in report["notes"] if "left out" in note]
    assert note.startswith(str(tmp_path / "set")) and note.endswith(": README.md, notes.docx")


@pytest.mark.slow
def test_memory_follows_the_number_of_rows_and_not_their_length(tmp_path: Path) -> None:
    code = """
        import random, re, sys
        from pathlib import Path
        from seektune.text.options import DataOptions
        from seektune.text.rows import prepare_rows

        folder, rows = Path(sys.argv[1]), int(sys.argv[2])
        rng = random.Random(1)
        words = ["".join(rng.choices("abcdefghijklmnoprstuvw", k=rng.randint(2, 9))) for _ in range(20_000)]
        path = folder / f"{rows}.jsonl"
        with path.open("w") as file:
            for _ in range(rows):
                text = " ".join(rng.choices(words, k=2_500))
                file.write('{"text": "' + text + '"}\\n')
        prepare_rows(DataOptions(kind="text", sources=[{"path": str(path)}]), folder / "cache", 0)
        print(path.stat().st_size, 1024 * int(re.findall(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[0]))
    """
    measured = []
    for rows in (1_200, 3_600):  # both fill the batches in which rows are written
        command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path), str(rows)]
        done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
        measured.append([int(number) for number in done.stdout.split()])
    (small, least), (large, most) = measured
    assert most - least < (large - small) / 2


def test_labels_that_differ_in_case_alone_are_told(prepare: Prepare, jsonl: Write, labelled: Labelled) -> None:
    first = labelled[0]["label"]
    rows = [{**row, "label": first.upper()} if i % 3 else row for i, row in enumerate(labelled)]
    (note,) = [note for note in prepare("classification", jsonl(rows)).report["notes"] if "case alone" in note]
    assert f"{first.upper()} / {first}" in note
