"""Which stages there are: what each needs, what of the study file it depends on, and its code. One entry a stage."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from seektune.study.caps import trial_caps
from seektune.study.context import Context
from seektune.study.machine import choose_device, choose_workers
from seektune.study.model_files import model_files
from seektune.study.stage import StageRun
from seektune.study_file import StudyFile
from seektune.text import rows, tokens
from seektune.text.augmentation.augment import augmenter_identity
from seektune.text.files.sources import resolve
from seektune.text.translations import Translations
from seektune.trial import Json

SCHEMA = 3
"""Raised when the code's answer to the same inputs changes: finished stages of older code then run again."""


@dataclass(frozen=True, slots=True)
class StageKind:
    """A stage: what must have finished before it, what of the study file it depends on, and its code."""

    needs: tuple[str, ...]
    settings: Callable[[StudyFile], object]
    target: str
    planned: Callable[[StudyFile], int | None] = lambda study: None

    def start(self, context: Context) -> StageRun:
        module, attribute = self.target.split(":")
        run: StageRun = getattr(importlib.import_module(module), attribute)(context)
        return run


def content(study: StudyFile) -> list[object]:
    """What the study reads, by content, and the versions of the code that makes rows and tokens of it."""
    found: list[object] = [rows.SCHEMA, tokens.SCHEMA, model_files(study)]
    if data := study.data:
        found += [resolve(source).identity for source in (*data.sources, *data.domain, *data.general)]
        found += [augmenter_identity(data)] if data.augment.operators else []
        found += Translations(data).identity
    return found


def _training(study: StudyFile) -> Json:
    return {
        "train": study.train.model_dump(mode="json", exclude={"save_every"}),
        "fixed": dict(study.fixed_params()),
        "objective": study.objective.model_dump(mode="json"),
        "seed": study.seed,
    }


def _ramps(study: StudyFile) -> int | None:
    options = study.stages.lr_range
    return options.seeds + 3 * options.probes if options else None


def _fine_trials(study: StudyFile) -> int | None:
    options = study.stages.fine
    return (trial_caps(study)[1] + options.carry) * study.objective.runs if options else None


def fine_batch(study: StudyFile) -> int:
    """Trials that fine proposes at once. It decides what each of them knows, so with other workers fine runs anew."""
    options = study.stages.fine
    return (options.batch if options else None) or choose_workers(study.run.workers, choose_device(study.run.device))


def _arms(study: StudyFile) -> int | None:
    options = study.augmentation
    if options is None or options.seeds == "auto":
        return None
    return 2 * (len(options.learning_rate_factors) + options.seeds)


STAGES: Mapping[str, StageKind] = {
    "prepare": StageKind(
        (),
        lambda study: {
            "data": study.data.model_dump(mode="json") if study.data else None,
            "content": content(study),
            "model": study.model.model_dump(mode="json"),
            "length": [study.train.tokens, study.train.epochs, study.train.eval_rows],
            "fixed": dict(study.fixed_params()),
            "seed": study.seed,
        },
        "seektune.study.stages.prepare:prepare",
        lambda study: None,
    ),
    "lr_range": StageKind(
        ("prepare",),
        lambda study: [study.stages.lr_range and study.stages.lr_range.model_dump(mode="json"), _training(study)],
        "seektune.study.stages.lr_range:lr_range",
        _ramps,
    ),
    "coarse": StageKind(
        ("prepare", "lr_range"),
        lambda study: [
            study.stages.coarse.model_dump(mode="json"),
            trial_caps(study)[0],
            study.make_space().describe(),
            _training(study),
        ],
        "seektune.study.stages.coarse:coarse",
        lambda study: (trial_caps(study)[0] + 3) * study.objective.runs,
    ),
    "fine": StageKind(
        ("prepare", "coarse"),
        lambda study: [
            study.stages.fine and study.stages.fine.model_dump(mode="json"),
            trial_caps(study)[1],
            fine_batch(study),
        ],
        "seektune.study.stages.fine:fine",
        _fine_trials,
    ),
    "augmentation": StageKind(
        ("prepare", "coarse", "fine"),
        lambda study: [
            study.augmentation and study.augmentation.model_dump(mode="json"),
            study.stages.confirm.model_dump(mode="json", include={"alpha", "minimum_effect"}),
        ],
        "seektune.study.stages.augmentation:augmentation",
        _arms,
    ),
    "confirm": StageKind(
        ("prepare", "coarse", "fine"),
        lambda study: study.stages.confirm.model_dump(mode="json"),
        "seektune.study.stages.confirm:confirm",
    ),
    "promote": StageKind(("prepare", "confirm"), lambda study: None, "seektune.study.stages.promote:promote"),
}


def stages_of(study: StudyFile, kinds: Mapping[str, StageKind] = STAGES) -> tuple[str, ...]:
    """The stages of this study in order, the report last."""
    left_out = {name for name in ("lr_range", "fine") if getattr(study.stages, name) is None}
    left_out |= {"augmentation"} if study.augmentation is None else set()
    return (*(name for name in kinds if name not in left_out), "report")
