"""A whole study on the simulated trainer, run once per test process; the report is looked at after every stage."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from seektune.ledger.history import History
from seektune.report.page import write_report
from seektune.study.run import Run
from seektune.study_file import StudyFile
from seektune.trial import Json

sys.path.insert(0, str(Path(__file__).parent))  # reading.py, beside the tests


@dataclass(frozen=True)
class Told:
    """One run: what the journal holds and the report's folder after each stage."""

    study: Json
    histories: dict[str, History]
    folders: dict[str, Path]
    journal: Path

    @property
    def history(self) -> History:
        return self.histories["confirm"]

    @property
    def folder(self) -> Path:
        return self.folders["confirm"]


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    root = tmp_path_factory.mktemp("report run")
    study = StudyFile.model_validate(
        {
            "study": "sim",
            "seed": 3,
            "model": {"simulated": {}},
            "train": {"tokens": 30_000, "eval_every": 3_000},
            "method": "lora",
            "space": {
                "learning_rate": {"low": 1e-6, "high": 1e-1, "log": True},
                "weight_decay": {"low": 0.0, "high": 0.1},
                "lora_rank": {"choices": [4, 8, 16, 32]},
            },
            "stages": {"coarse": {"trials": 14}, "fine": {"trials": 4}, "confirm": {"seeds": 3, "top": 2}},
            "run": {"executor": "in_process", "workers": 1, "folder": str(root / "runs")},
        }
    )
    description = study.model_dump(mode="json")
    histories, folders = {}, {}
    with Run(study) as run:
        for stage in run.stages:
            if stage in ("promote", "report"):
                continue
            run.run(stage)
            histories[stage] = History.read(run.folder)
            folders[stage] = root / f"after {stage}"
            write_report(histories[stage], folders[stage], description)
    return Told(description, histories, folders, run.folder / "journal.jsonl")
