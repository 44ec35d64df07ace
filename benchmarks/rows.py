"""Made-up rows for benchmarks: prompts with answers, of lengths as text has them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from seektune.text.store import Row, TokenStore, write_split

PAD = 0


def make_store(
    folder: Path, rows: int, *, answers: float = 1 / 3, vocabulary: int = 2048, median: int = 67, longest: int = 150
) -> TokenStore:
    """Rows around `median` tokens, half as many at least and `longest` at most; their last part, a share `answers`, is learned."""
    generator = np.random.default_rng(0)
    made = []
    for number in range(rows):
        length = int(np.clip(generator.lognormal(np.log(median), 0.35), median // 2, longest))
        ids = (generator.zipf(1.3, length) % (vocabulary - 3) + 3).astype(np.int32)
        labels = np.where(np.arange(length) >= length * (1 - answers), ids, -100).astype(np.int32)
        made.append(Row(f"{number:06d}", f"{number:06d}", ids, labels, -1, "en"))
    folder.mkdir(parents=True)
    for split in ("train", "validation", "test", "base"):
        write_split(folder / f"{split}.arrow", made if split == "train" else made[:200])
    facts = {"vocabulary": vocabulary, "pad_id": PAD, "eos_id": 2, "bos_id": 1, "max_length": longest, "labels": []}
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    return TokenStore(folder)
