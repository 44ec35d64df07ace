"""Flows: each stage by itself, on top of what the stages before it left in the study's folder.

A stage whose upstream result is missing, or stale because the study was edited, says which one and runs nothing.
"""

from __future__ import annotations

from prefect import flow

from flows.chain import run_name, run_stages
from seektune.trial import Json


@flow(name="prepare", flow_run_name=run_name, persist_result=False)
def prepare(study_file: str) -> Json:
    """Check, split and tokenise the rows; make or fetch the base model.

    Args:
        study_file: Path of the study file (YAML), seen from where the flow runs.
    """
    return run_stages(study_file, ["prepare"])


@flow(name="lr-range", flow_run_name=run_name, persist_result=False)
def lr_range(study_file: str) -> Json:
    """Find the range of usable learning rates. Needs prepare.

    Args:
        study_file: Path of the study file (YAML), seen from where the flow runs.
    """
    return run_stages(study_file, ["lr_range"])


@flow(name="coarse", flow_run_name=run_name, persist_result=False)
def coarse(study_file: str) -> Json:
    """Wide random search under successive halving. Needs prepare and lr-range.

    Args:
        study_file: Path of the study file (YAML), seen from where the flow runs.
    """
    return run_stages(study_file, ["coarse"])


@flow(name="fine", flow_run_name=run_name, persist_result=False)
def fine(study_file: str) -> Json:
    """Model-based search near the best, at full length. Needs coarse.

    Args:
        study_file: Path of the study file (YAML), seen from where the flow runs.
    """
    return run_stages(study_file, ["fine"])


@flow(name="augmentation", flow_run_name=run_name, persist_result=False)
def augmentation(study_file: str) -> Json:
    """Train the leading configuration with and without augmented rows: does augmentation help? Needs fine (or coarse).

    Args:
        study_file: Path of the study file (YAML), seen from where the flow runs.
    """
    return run_stages(study_file, ["augmentation"])


@flow(name="confirm", flow_run_name=run_name, persist_result=False)
def confirm(study_file: str) -> Json:
    """Compare winner and default with fresh seeds, then once on the locked test split. Needs fine (or coarse).

    Args:
        study_file: Path of the study file (YAML), seen from where the flow runs.
    """
    return run_stages(study_file, ["confirm"])


@flow(name="promote", flow_run_name=run_name, persist_result=False)
def promote(study_file: str) -> Json:
    """Make the confirmed winner the champion, or say why not. Needs confirm.

    Args:
        study_file: Path of the study file (YAML), seen from where the flow runs.
    """
    return run_stages(study_file, ["promote"])


@flow(name="report", flow_run_name=run_name, persist_result=False)
def report(study_file: str) -> Json:
    """Write the report from whatever has finished so far.

    Args:
        study_file: Path of the study file (YAML), seen from where the flow runs.
    """
    return run_stages(study_file, ["report"])
