"""The study file as one validated, frozen model, put together from the rooms' options.

    study = load_study("deployments/studies/fraud_desk.yaml")     # StudyFileError with all problems at once
    study.train.tokens, study.stages.coarse.trials, study.method  # typed, immutable
    study.make_space()       # Space over `space` and `constraints`; fixed and default parameters can be named in them
    study.fixed_params()     # {"method": "lora", ...}: parameters given at the top level or under `fixed`
    study.largest_batch()    # largest effective batch that a trial may have
    json_schema()            # for editors
    template()               # the commented file that `seektune init` writes

Any parameter of a trial (train/options.py, TrialParams) may stand at the top level with a value: `method: lora` is
short for `fixed: {method: lora}`. `model: {simulated: {...}}` runs on the simulated trainer and needs no `data`; its
parameters may have any names. Nothing of torch, transformers or a search library is imported, nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from seektune.errors import StudyFileError
from seektune.options import Options
from seektune.score.options import METRICS
from seektune.space.options import ConstraintOptions, ParameterOptions
from seektune.space.space import Space
from seektune.study.options import AugmentationOptions, BudgetOptions, ObjectiveOptions, RunOptions, StagesOptions
from seektune.text.options import DataOptions
from seektune.train.options import ModelOptions, TrainOptions, TrialParams
from seektune.trial import Json, Scalar

AUGMENT = "augment_"
"""How the names of the parameters begin that choose among augmented rows."""


class StudyModelOptions(ModelOptions):
    """Which base model; exactly one of config, folder, hub (or simulated)."""

    simulated: dict[str, Any] | None = None
    """Settings of the simulated trainer (study/simulated.py), for trying the machinery without a model."""


class StudyFile(Options):
    """One study."""

    study: str = Field(pattern=r"^[a-z0-9_][a-z0-9._-]{0,63}$")
    """Name of the study, and of its folder: a-z, 0-9, dot, underscore, hyphen; at most 64 characters."""
    seed: int = Field(default=42, ge=0, le=2**31 - 1)
    """Fixes everything that is drawn: data split, trials, model initialisation, order of rows."""
    model: StudyModelOptions
    """The base model that is fine-tuned."""
    data: DataOptions | None = None
    """The text that it learns from."""
    train: TrainOptions = TrainOptions()
    """One full run: its length, when it is measured, how it is computed."""
    fixed: dict[str, bool | int | float | str] = Field(default={})
    """Parameters of every trial that are not searched, for example `{schedule: cosine}`."""
    objective: ObjectiveOptions = ObjectiveOptions()
    """What is best."""
    space: dict[str, ParameterOptions] = Field(min_length=1)
    """What is searched: parameter -> range or choices."""
    constraints: list[ConstraintOptions] = Field(default=[])
    """Configurations that are never tried."""
    stages: StagesOptions = StagesOptions()
    """What runs, in order: learning-rate range test, coarse search, fine search, augmentation on and off, confirmation."""
    budget: BudgetOptions = BudgetOptions()
    """What the run may use; it ends before that, with the best it has."""
    run: RunOptions = RunOptions()
    """Where and how trials run."""

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, data: Any) -> Any:
        """`method: lora` at the top level -> `fixed: {method: lora}`."""
        if not isinstance(data, Mapping):
            return data
        short = {name: data[name] for name in data if name in TrialParams.model_fields}
        rest = {name: value for name, value in data.items() if name not in short}
        return {**rest, "fixed": {**short, **(rest.get("fixed") or {})}} if short else rest

    @field_validator("objective", mode="before")
    @classmethod
    def _known_direction(cls, value: Any) -> Any:
        return complete_objective(value)

    @property
    def cache(self) -> Path:
        """Where what is made of content is kept, beside the folder of the runs."""
        return Path(self.run.folder).absolute().parent / "cache"

    def fixed_params(self) -> dict[str, Scalar]:
        return dict(self.fixed)

    @property
    def method(self) -> str:
        """Fine-tuning method of the default configuration; where it is searched, the first choice."""
        searched = self.space.get("method")
        if searched is not None:
            return str(searched.value if searched.value is not None else (searched.choices or ["full"])[0])
        return str(self.fixed.get("method", TrialParams.model_fields["method"].default))

    @property
    def augmentation(self) -> AugmentationOptions | None:
        """The stage that trains with and without augmentation; None: left out."""
        if self.stages.augmentation != "auto":
            return self.stages.augmentation
        searched = [name for name, parameter in self.space.items() if parameter.value is None]
        return AugmentationOptions() if any(name.startswith(AUGMENT) for name in searched) else None

    def largest_batch(self) -> int:
        return int(self.largest("effective_batch"))

    def largest(self, name: str) -> float:
        """Of the values that a trial parameter may have (a derived one counts with its default)."""
        given = self.fixed.get(name, TrialParams.model_fields[name].default)
        searched = self.space.get(name)
        found = [searched.high, searched.value, *(searched.choices or [])] if searched is not None else []
        return max((float(value) for value in found if value is not None), default=float(given))

    def make_space(self) -> Space:
        return self._made_space

    @cached_property
    def _made_space(self) -> Space:
        """Integer parameters of the trainer are whole numbers whether the file says so or not."""
        parameters = {name: whole_numbers(name, parameter) for name, parameter in self.space.items()}
        return Space(parameters, [c.forbid for c in self.constraints], {**expression_defaults(), **self.fixed})


def whole_numbers(name: str, parameter: ParameterOptions) -> ParameterOptions:
    field = TrialParams.model_fields.get(name)
    if field is None or field.annotation is not int or parameter.low is None or parameter.integer:
        return parameter
    return parameter.model_copy(update={"integer": True})


def expression_defaults() -> dict[str, Scalar]:
    """What an expression may name though the study does not mention it."""
    return {name: f.default for name, f in TrialParams.model_fields.items() if not f.is_required()}


def complete_objective(value: Any) -> Any:
    """`validation_loss` is `loss` (trials are ranked on validation rows); the direction follows from the metric."""
    if not isinstance(value, Mapping) or not isinstance(value.get("metric", "loss"), str):
        return value
    metric = value.get("metric", "loss").removeprefix("validation_")
    known = {"direction": METRICS[metric].direction} if metric in METRICS else {}
    return {**known, **value, "metric": metric}


def load_study(path: str | Path, now: datetime | None = None) -> StudyFile:
    """Raises StudyFileError with every problem of the file. `now` decides whether a deadline has passed."""
    from seektune.study_file.check import checked
    from seektune.study_file.reader import read

    document = read(path)
    study, problems = checked(document, now or datetime.now().astimezone())
    if study is None or problems:
        raise StudyFileError(problems)
    return study


def json_schema() -> Json:
    """JSON schema of the file, for editors; trial parameters stand at the top level too."""
    from seektune.study_file.space_rules import NAMED

    schema = StudyFile.model_json_schema()
    for name, field in StudyFile.model_fields.items():  # pydantic leaves out a help text that equals the block's own
        schema["properties"][name]["description"] = field.description
    for name, rule in TrialParams.model_json_schema()["properties"].items():
        schema["properties"][name] = rule | ({"enum": list(NAMED[name])} if name in NAMED else {})
    return schema


def template() -> str:
    """The commented study file that `seektune init` writes."""
    from seektune.study_file.commented import template as written

    return written()
