"""How fast is data prepared, in how much memory, and what does the leak guard find?

Rows are walks from word to word as real sentences have them (bank questions, translated sentences, school problems, a
novel), so that any number of different ones can be made that share no more in a million than in ten thousand; one in 50
repeats an earlier row, one in 50 is such a row with one word changed.

(a) 10,000, 100,000 and 1,000,000 rows read, checked, deduplicated, split and guarded, each in a process of its own; the
    second call, with nothing changed
(b) synonym replacement of 10,000 real questions, filter included
(c) leaks planted in a split of real questions (planted_leaks.py)

    python -m benchmarks.data            # about 15 minutes on two idle cores, most of it for a million rows
    python -m benchmarks.data --quick    # without the million rows; writes nothing
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from benchmarks.planted_leaks import figures_of_leaks
from benchmarks.record import record
from seektune.text.options import DataOptions

SHARED = Path(__file__).parents[1] / "../shared/data"
REPEATED, CHANGED = 0.02, 0.04
REMEMBERED = 5_000
LEAST_WORDS = 10


def sentences() -> list[str]:
    """Different real sentences of 16 to 300 characters."""
    with (SHARED / "cls_banking77/banking77.csv").open(encoding="utf-8", newline="") as file:
        found = [row["text"] for row in csv.DictReader(file)]
    with (SHARED / "par_en_zh_tatoeba/cmn.txt").open(encoding="utf-8") as file:
        found += [line.split("\t")[0] for line in file]
    with (SHARED / "sft_en_gsm8k/gsm8k.jsonl").open(encoding="utf-8") as file:
        found += [part for line in file for part in re.split(r"(?<=[.?!]) ", json.loads(line)["question"])]
    novel = (SHARED / "base_en_books/pride_and_prejudice.txt").read_text(encoding="utf-8")
    found += re.split(r"(?<=[.?!])\s", novel)
    return [text for text in dict.fromkeys(" ".join(text.split()) for text in found) if 15 < len(text) < 300]


def made_rows(count: int) -> Iterator[dict[str, str]]:
    rng, earlier = random.Random(7), list[dict[str, str]]()
    follows: dict[str, list[str]] = defaultdict(list)
    for sentence in sentences():
        words = sentence.split(" ")
        for one, other in pairwise(["", *words, ""]):
            follows[one].append(other)
    for number in range(count):
        kind = rng.random()
        row = {"text": _walk(follows, rng), "label": f"topic {number % 20}"}
        if kind < CHANGED and earlier:
            row = dict(rng.choice(earlier))
            if kind >= REPEATED:
                words = row["text"].split(" ")
                words[rng.randrange(len(words))] = "other"
                row["text"] = " ".join(words)
        if len(earlier) < REMEMBERED:
            earlier.append(row)
        yield row


def _walk(follows: dict[str, list[str]], rng: random.Random) -> str:
    """Sentences until there are LEAST_WORDS words."""
    words: list[str] = []
    last = ""
    while len(words) < LEAST_WORDS or last:
        last = rng.choice(follows[last])  # "": the sentence ends, another begins
        words += [last] if last else []
    return " ".join(words)


def prepare(path: Path, cache: Path, operators: list[str]) -> dict[str, float]:
    """Seconds, peak memory and rows of one call; run in a process of its own."""
    from seektune.text.rows import prepare_rows

    options = DataOptions.model_validate(
        {"kind": "classification", "sources": [{"path": str(path)}], "augment": {"operators": operators}}
    )
    start = time.perf_counter()
    rows = prepare_rows(options, cache, 0)
    seconds = time.perf_counter() - start
    status = Path("/proc/self/status").read_text(encoding="ascii")  # getrusage would count the parent's memory too
    peak_mb = int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024
    train = rows.report["splits"]["train"]
    return {
        "seconds": seconds,
        "peak_mb": peak_mb,
        "rows_in": rows.report["rows_in"],
        "used": rows.report["used"],
        "train": train["rows"] - train["augmented"],
    }


def prepared(path: Path, cache: Path, *operators: str) -> dict[str, float]:
    """`prepare` in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.data", "--prepare", str(path), str(cache), *operators]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def size_of(count: int) -> str:
    return f"{count // 1_000_000}m" if count >= 1_000_000 else f"{count // 1_000}k"


def measure(folder: Path, counts: list[int], num_questions: int = 10_000) -> dict[str, float]:
    figures: dict[str, float] = {}
    for count in counts:
        path = folder / f"rows{count}.jsonl"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in made_rows(count))
        first, second = prepared(path, folder / "cache"), prepared(path, folder / "cache")
        size = size_of(count)
        figures[f"seconds_{size}_rows"] = first["seconds"]
        figures[f"peak_mb_{size}_rows"] = first["peak_mb"]
        figures[f"dropped_{size}_rows"] = first["rows_in"] - first["used"]
        figures["seconds_cached" if count == 100_000 else f"seconds_cached_{size}"] = second["seconds"]
        print(figures, file=sys.stderr)
    questions = folder / "questions.jsonl"
    with (SHARED / "cls_banking77/banking77.csv").open(encoding="utf-8", newline="") as file:
        rows = [{"text": row["text"], "label": row["category"]} for row in csv.DictReader(file)][:num_questions]
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    without, augmented = prepared(questions, folder / "cache"), prepared(questions, folder / "cache", "synonym")
    figures["seconds_synonym_10k"] = (augmented["seconds"] - without["seconds"]) * 10_000 / without["train"]
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--prepare", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.prepare:
        path, cache, *operators = arguments.prepare
        print(json.dumps(prepare(Path(path), Path(cache), operators)))
        return
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), [10_000, 100_000] if arguments.quick else [10_000, 100_000, 1_000_000])
    figures |= figures_of_leaks(SHARED)
    if not arguments.quick:
        print(record("data", figures))
        return
    for key, value in figures.items():
        print(f"{key:50s} {value:10.3f}")


if __name__ == "__main__":
    main()
