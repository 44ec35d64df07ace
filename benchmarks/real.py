"""Does the whole pipeline beat the defaults on real text? A study for each kind of data, from file to verdict.

Instructions, classification, summaries and plain text (English), chat and tagging (Chinese), on a tiny DeepSeek-V3 type
with LoRA, at sizes that two cores train in minutes. A figure is the winner's lead over the default on the locked test
split in loss (nats per target), with its 90% interval; where confirm did not look at the test split, it is the lead on
validation.

    python -m benchmarks.real                # or some sets by name; 6 to 10 minutes each on two cores; needs ../shared/data
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.record import record
from seektune.ledger.results import ConfirmResult
from seektune.study.run import run_all
from seektune.study_file import load_study
from tests.real.studies import DATA, study, write

SPACE = {
    "learning_rate": {"low": 1e-5, "high": 1e-1, "log": True},
    "effective_batch": {"choices": [4, 8, 16]},
    "lora_rank": {"choices": [4, 8, 16, 32]},
}
STAGES = {
    "lr_range": {"seeds": 2},
    "coarse": {"trials": 10, "rungs": 2, "reduction": 2.0, "max_share": 0.5},
    "fine": {"trials": 4, "carry": 2, "reduction": 2.0},
    "confirm": {"top": 1, "seeds": 3, "baseline_factors": [1.0, 3.0]},
}


def main() -> None:
    figures: dict[str, float] = {}
    for name in sys.argv[1:] or list(DATA):
        content = study(name, tokens=80_000, pretrain=300_000)
        content["train"] |= {"eval_every": 20_000, "eval_rows": 150}
        with tempfile.TemporaryDirectory() as folder:
            file = write({**content, "space": SPACE, "stages": STAGES}, Path(folder))
            found = ConfirmResult.model_validate(run_all(load_study(file))["confirm"])
        print(f"{name:16} {found.verdict:14} {found.sentence}", flush=True)
        interval = found.test or found.validation
        if interval is not None:
            figures |= {f"{name}_{key}": getattr(interval, key) for key in ("mean", "low", "high")}
        figures[f"{name}_on_test"] = float(found.test is not None)
        if best := found.against_best_baseline:
            figures |= {f"{name}_best_default_{key}": getattr(best, key) for key in ("mean", "low", "high")}
        path = record("real", figures, ["python", "-m", "benchmarks.real"])  # after each: a run takes long
    print(path)


if __name__ == "__main__":
    main()
