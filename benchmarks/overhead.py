"""What a trial costs beside its training: the way into a warm child or a fresh process, the driver's own work and memory.

(a) proposal to first optimizer step (warm.py)
(b) driver time per trial over 1,000 and 10,000 simulated trials, without and with the Optuna mirror (driver_cost.py);
    the two run side by side, each on a core, because ten thousand trials take minutes
(c) memory of the driver that `seektune tune` is, Prefect and its embedded server included; of mapped training data none

    python -m benchmarks.overhead            # about 8 minutes on two idle cores
    python -m benchmarks.overhead --quick    # about 2 minutes: 200 and 400 trials, writes nothing
"""

from __future__ import annotations

import argparse
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

from benchmarks import driver_cost, warm
from benchmarks.record import record


def measure(small: int, large: int, repeats: int, fresh: int, trials: int, rows: int) -> dict[str, float]:
    """All figures."""
    figures: dict[str, float] = {}
    with ProcessPoolExecutor(2, get_context("spawn")) as cores:  # fresh ones: a driver's memory and modules are its own
        for found in cores.map(driver_cost.times, (small, small), (large, large), (False, True)):
            figures |= found
    figures |= driver_cost.memory(trials)
    figures |= driver_cost.mapped(rows)
    with tempfile.TemporaryDirectory() as folder:
        figures |= warm.measure(Path(folder), repeats, fresh)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    if parser.parse_args().quick:
        figures = measure(200, 400, repeats=5, fresh=1, trials=20, rows=5_000)
    else:
        figures = measure(1_000, 10_000, repeats=15, fresh=4, trials=100, rows=50_000)
        print(record("overhead", figures))
        return
    for key, value in figures.items():
        print(f"{key:50s} {value:10.3f}")


if __name__ == "__main__":
    main()
