"""Rewrites data/samples, byte for byte the same each time: `python -m benchmarks.fraud_desk.generate [folder]`.

Standard library only. README.md in that folder is written by hand; everything else there comes from here.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.fraud_desk.desk import FIELDS, VALUES, Case, answers, entropy
from benchmarks.fraud_desk.general import text
from benchmarks.fraud_desk.jargon import JARGON
from benchmarks.fraud_desk.rows import BROKEN, NOISE_SHARE, Sample, samples

SEED = 20_240_501
ROWS = 4_000
GENERAL_BYTES = 520_000
FOLDER = Path(__file__).resolve().parents[2] / "data" / "samples"


def trained_odds(case: Case) -> dict[tuple[str, ...], float]:
    """Odds of each answer in the train split, wrong labels included."""
    odds = {values: (1 - NOISE_SHARE) * p for values, p in answers(case).items()}
    for values, p in answers(case).items():
        for place, field in enumerate(FIELDS):
            others = [value for value in VALUES[field] if value != values[place]]
            for other in others:
                wrong = (*values[:place], other, *values[place + 1 :])
                odds[wrong] = odds.get(wrong, 0.0) + p * NOISE_SHARE / len(FIELDS) / len(others)
    return odds


def irreducible(cases: list[Case]) -> dict[str, float]:
    """Nats per row that no model can remove, and the loss of one that has learned the train split perfectly."""
    crossed = [-sum(p * math.log(trained_odds(case)[v]) for v, p in answers(case).items()) for case in cases]
    certain = [max(answers(case).values()) for case in cases]
    return {
        "irreducible_nats_per_row": round(math.fsum(map(entropy, cases)) / len(cases), 6),
        "perfect_student_of_noisy_labels_nats_per_row": round(math.fsum(crossed) / len(cases), 6),
        "best_exact_match": round(math.fsum(certain) / len(cases), 6),
    }


def facts(rows: list[Sample]) -> dict[str, Any]:
    """What the generator knows of its rows."""
    good = [sample for sample in rows if sample.origin not in BROKEN]
    sides = {side: [s for s in good if s.row["split"] == side] for side in ("train", "validation", "test")}
    return {
        "seed": SEED,
        "rows": len(rows),
        "origins": dict(sorted(Counter(sample.origin for sample in rows).items())),
        "languages": dict(sorted(Counter(sample.row["language"] for sample in good).items())),
        "splits": {side: len(members) for side, members in sides.items()},
        "customers": len({sample.row["customer"] for sample in good}),
        "templates": len({sample.row["template"] for sample in good}),
        "vocabularies": {field: list(values) for field, values in VALUES.items()},
        "irreducible": {side: irreducible([s.case for s in members]) for side, members in sides.items()},
        "noisy_ids": sorted(sample.row["id"] for sample in good if sample.noisy),
        "broken_ids": sorted(sample.row["id"] for sample in rows if sample.origin in BROKEN),
    }


def files() -> dict[str, str]:
    """Name -> content of every generated file."""
    rows = samples(SEED, ROWS)
    lexicon = [
        f"{head},{variant},{language}\n"
        for concept in JARGON.values()
        for language, (head, *variants) in concept.items()
        for variant in variants
    ]
    return {
        "fraud_desk.jsonl": "".join(json.dumps(sample.row, ensure_ascii=False) + "\n" for sample in rows),
        "fraud_desk.facts.json": json.dumps(facts(rows), indent=2, ensure_ascii=False) + "\n",
        "lexicon.csv": "term,variant,language\n" + "".join(sorted(lexicon)),
        "general_en_zh.txt": text(SEED, GENERAL_BYTES),
    }


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files().items():
        (folder / name).write_bytes(content.encode())
        print(f"{folder / name}: {len(content.encode())} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
