"""Which rows make the sample set? Clean ones, near duplicates, noisy labels and broken ones, each of them known.

The split is decided here, by pairs: a customer, and a (template, shop) pair, lie on one side only. Duplicates stay on
the side of their original. Labels are wrong in train only. Broken rows are what the checks must quarantine.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any

from benchmarks.fraud_desk.desk import CASES, FIELDS, HISTORIES, INTENTS, VALUES, Case, answers, write
from benchmarks.fraud_desk.jargon import LANGUAGES
from benchmarks.fraud_desk.messages import Customer, customers, message, slip
from benchmarks.fraud_desk.phrases import CORE, INSTRUCTION

ENGLISH_SHARE = 0.6
NEAR_SHARE = 0.025
EXACT_SHARE = 0.005
NOISE_SHARE = 0.03
BROKEN = ("empty_prompt", "missing_output", "control_character", "wrong_type")
BROKEN_EACH = 5
HISTORY_ODDS = (0.4, 0.2, 0.2, 0.2)
TEMPLATES = {
    (intent, language, core): number
    for number, (intent, language, core) in enumerate(
        (intent, language, core)
        for intent in INTENTS
        for language in LANGUAGES
        for core in range(len(CORE[intent][language]))
    )
}


@dataclass(slots=True)
class Sample:
    """A row as it is written, and what the generator knows of it."""

    row: dict[str, Any]
    case: Case
    clean: str
    origin: str = "fresh"  # fresh, near, exact, or one of BROKEN
    noisy: bool = False


def tokens(text: str) -> list[str]:
    """Words, numbers and single Chinese characters."""
    return re.findall(r"[\u4e00-\u9fff]|\d+|[a-z]+", text.lower())


def near(a: list[str], b: list[str]) -> bool:
    """Whether two messages of one template could pass for near duplicates (a tenth of the tokens differ, generously).

    Such pairs arise by chance in a small grammar; they would join customers whom the split keeps apart.
    """
    common = (Counter(a) & Counter(b)).total()
    return max(len(a), len(b)) - common <= max(2, max(len(a), len(b)) // 8)


def fresh(rng: Random, people: dict[str, list[Customer]], seen: dict[int, list[list[str]]]) -> Sample:
    language = "en" if rng.random() < ENGLISH_SHARE else "zh"
    customer = rng.choice(people[language])
    while True:
        history = rng.choices(tuple(HISTORIES), HISTORY_ODDS)[0]
        drawn = rng.choice(CASES)
        case = Case(drawn.intent, drawn.amount, drawn.channel, history)
        core = rng.randrange(len(CORE[case.intent][language]))
        template = TEMPLATES[case.intent, language, core]
        text, shop = message(case, customer, core, template, rng)
        words = tokens(text)
        if not any(near(words, other) for other in seen.setdefault(template, [])):
            break
    seen[template].append(words)
    odds = answers(case)
    clean = write(rng.choices(tuple(odds), tuple(odds.values()))[0])
    row = {
        "instruction": INSTRUCTION[language],
        "input": text,
        "output": clean,
        "language": language,
        "customer": customer.name,
        "shop": shop,
        "template": f"{case.intent}-{language}-{core}",
        "split": customer.side,
    }
    return Sample(row, case, clean)


def duplicate(original: Sample, exact: bool, rng: Random) -> Sample:
    """The same message sent twice, the second time with one more slip."""
    row = dict(original.row)
    if not exact:
        row["input"] = slip(row["input"], row["language"], rng)
        if row["input"] == original.row["input"]:
            row["input"] = row["input"].rstrip("。.") + ("！" if row["language"] == "zh" else "!")
    return Sample(row, original.case, original.clean, "exact" if exact else "near", original.noisy)


def mislabel(sample: Sample, rng: Random) -> None:
    """One field gets another value of its vocabulary."""
    values = [part.split("=")[1] for part in sample.clean.split("; ")]
    place = rng.randrange(len(FIELDS))
    values[place] = rng.choice([value for value in VALUES[FIELDS[place]] if value != values[place]])
    sample.row["output"], sample.noisy = write(tuple(values)), True


def spoil(original: Sample, kind: str, number: int) -> Sample:
    """A row that no check may let through."""
    row = dict(original.row)
    if kind == "empty_prompt":
        row["instruction"], row["input"] = "", " " * (number % 2)
    elif kind == "missing_output":
        del row["output"]
    elif kind == "control_character":
        row["input"] = row["input"][:9] + "\x00\x07" + row["input"][9:]
    else:
        row["input"] = [row["input"]] if number % 2 else 4711
    return Sample(row, original.case, original.clean, kind)


def samples(seed: int, rows: int) -> list[Sample]:
    """All rows of the sample set, in file order; `rows` counts the fresh ones."""
    rng = Random(seed)
    people = {language: customers(language, rng) for language in LANGUAGES}
    seen: dict[int, list[list[str]]] = {}
    made = [fresh(rng, people, seen) for _ in range(rows)]
    train = [sample for sample in made if sample.row["split"] == "train"]
    for sample in rng.sample(train, round(NOISE_SHARE * len(train))):
        mislabel(sample, rng)
    broken = [spoil(fresh(rng, people, seen), kind, n) for kind in BROKEN for n in range(BROKEN_EACH)]
    twice = rng.sample(made, round((NEAR_SHARE + EXACT_SHARE) * rows))
    exact = round(EXACT_SHARE * rows)
    made += [duplicate(sample, n < exact, rng) for n, sample in enumerate(twice)]
    made += broken
    rng.shuffle(made)
    for number, sample in enumerate(made, start=1):
        sample.row = {"id": f"fd-{number:05d}", **sample.row}
    return made
