"""The sections of a report, in their order. A new section is one file and one line here."""

from __future__ import annotations

from collections.abc import Mapping

SECTIONS: Mapping[str, str] = {
    "verdict": "seektune.report.sections.verdict:verdict",
    "warnings": "seektune.report.sections.warnings:warnings",
    "winner": "seektune.report.sections.winner:winner",
    "stages": "seektune.report.sections.stages:stages",
    "lr_range": "seektune.report.sections.lr_range:lr_range",
    "curves": "seektune.report.sections.curves:curves",
    "parallel": "seektune.report.sections.parallel:parallel",
    "importances": "seektune.report.sections.importances:importances",
    "trials": "seektune.report.sections.trials:trials",
    "pretraining": "seektune.report.sections.pretraining:pretraining",
    "data": "seektune.report.sections.data:data",
    "augmentation": "seektune.report.sections.augmentation:augmentation",
    "environment": "seektune.report.sections.environment:environment",
}
