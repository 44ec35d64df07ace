"""Flow: the whole pipeline, from a text file to a confirmed winner and a report.

    seektune tune STUDY      python -m flows.tune STUDY      deployment `tune` (deployments/prefect.yaml)

A stage that has finished before with the same inputs returns at once, so a run that was stopped is simply run again.
"""

from __future__ import annotations

import sys

from prefect import flow

from flows.chain import StageName, run_name, run_stages
from seektune.trial import Json


@flow(name="tune", flow_run_name=run_name, persist_result=False)
def tune(study_file: str, stages: list[StageName] | None = None) -> Json:
    """Prepare data, find the learning-rate range, search coarse then fine, measure augmentation where it is searched,
    confirm the winner, promote it, report.

    Args:
        study_file: Path of the study file (YAML), seen from where the flow runs.
        stages: Only these; the stages before them must have finished. Empty: all that the study has.
    """
    return run_stages(study_file, stages)


if __name__ == "__main__":
    tune(sys.argv[1])
