"""Rules between the parts of a study file: names that must exist, numbers that must fit, paths that must be there.

Each rule is a function from the sound parts of the file to problems; what is not sound is not asked twice. Everything
is answered from the file and the file system alone, in milliseconds. Parameters and space: space_rules.py.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from seektune.errors import DataError, Problem, nearest, nearest_file
from seektune.options import Registry
from seektune.score.options import METRICS, metrics_of
from seektune.search.options import SEARCHES
from seektune.study.machine import cuda_devices
from seektune.study_file.check import Sound
from seektune.study_file.messages import dotted, problems_of
from seektune.study_file.reader import Path_, shown
from seektune.text.augmentation.options import AUGMENTERS, cannot_edit
from seektune.train.presets import PRESETS
from seektune.train.source import HUB_ID, check_base

STAGES = ("lr_range", "coarse", "fine", "augmentation", "confirm")
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):[0-5]\d")

Rule = Callable[[Sound], Iterator[Problem]]


def broken_rules(sound: Sound, now: datetime) -> list[Problem]:
    rules: tuple[Rule, ...] = (
        _name,
        _model,
        _continued_pretraining,
        _data,
        _augmenters,
        _translations,
        _metric,
        _lr_range,
        _searches,
        _confirm,
        _weights,
        _budget,
        _run,
    )
    return [problem for rule in rules for problem in rule(sound)] + list(_deadline(sound, now))


def _name(sound: Sound) -> Iterator[Problem]:
    name = sound.get("study")
    if name is not None and ".." in name:
        yield sound.problem(("study",), f"study: '..' is not allowed in a name, but got {shown(name)}")


def _model(sound: Sound) -> Iterator[Problem]:
    if not isinstance(sound.raw("model"), dict):
        return
    kinds = [name for name in ("config", "folder", "hub", "simulated") if sound.raw("model", name) is not None]
    if len(kinds) != 1:
        found = " and ".join(kinds) or "none of them"
        yield sound.problem(("model",), f"model: give exactly one of config, folder, hub, but got {found}", key=True)
        return
    path, value = ("model", kinds[0]), sound.get("model", kinds[0])
    if value is None:
        return
    if kinds[0] == "config":
        if isinstance(value, str) and value not in PRESETS:
            hint = f"{nearest(value, PRESETS)} (presets: {', '.join(PRESETS)}; or write a mapping with model_type)"
            yield sound.problem(path, f"model.config: unknown preset {shown(value)}{hint}")
        if isinstance(value, dict) and not isinstance(value.get("model_type"), str):
            yield sound.problem(path, "model.config needs model_type, for example llama or deepseek_v3")
    elif kinds[0] == "simulated":
        yield from _simulated(sound, path, value)
    elif wrong := _wrong_base(sound, kinds[0], value):
        pinned = kinds[0] == "hub" and sound.raw("model", "revision") is not None and "revision" in wrong
        yield sound.problem(("model", "revision") if pinned else path, f"{dotted(path)}: {wrong}")


def _simulated(sound: Sound, path: Path_, settings: object) -> Iterator[Problem]:
    from seektune.study.simulated import SimulatedOptions

    try:
        SimulatedOptions.model_validate(settings, strict=True)
    except ValidationError as error:
        yield from problems_of(error.errors(include_url=False), path, SimulatedOptions, sound.document, below=path)


def _wrong_base(sound: Sound, kind: str, base: str) -> str | None:
    revision = sound.get("model", "revision")
    if Path(base).suffix.lower() in _PICKLES:
        return (
            f"{shown(base)} is a pickle checkpoint, which could run code and is refused; give a folder with safetensors"
        )
    if kind == "folder":
        return check_base(base) if _exists(base) else _absent(base)
    if not HUB_ID.fullmatch(base):
        return f"expected a hub id such as deepseek-ai/deepseek-llm-7b-base, but got {shown(base)}"
    if not re.fullmatch(r"[0-9a-f]{40}", revision or ""):
        got = "nothing" if revision is None else shown(revision)
        return f"a hub model is pinned by `revision`, a commit of 40 hex digits, but got {got}"
    return None


def _continued_pretraining(sound: Sound) -> Iterator[Problem]:
    path = ("model", "continued_pretraining")
    given = isinstance(sound.raw("model"), dict) and sound.raw(*path) is not None
    if given and sound.raw("model", "config") is not None:
        text = "a base made from nothing is pre-trained by model.pretrain, on general text and the train split; take it out"
        yield sound.problem(path, f"{dotted(path)}: {text}", key=True)
    if given and sound.simulated:
        text = "the simulated trainer has no text to learn; take it out, or give a folder or hub model"
        yield sound.problem(path, f"{dotted(path)}: {text}", key=True)
    if not given and sound.raw("data", "domain"):
        text = "data.domain is read by continued pre-training only; add `continued_pretraining: {}` to model (folder or hub)"
        yield sound.problem(("data", "domain"), text, key=True)


def _data(sound: Sound) -> Iterator[Problem]:
    if sound.raw("data") is None:
        if not sound.simulated:
            yield sound.problem(
                (), "data is required (the text to learn from); add `data: {kind: ..., sources: [...]}`"
            )
        return
    shares = [sound.get("data", "split", part) for part in ("validation", "test")]
    if None not in shares and sum(shares) > 0.9:
        text = f"data.split: validation and test take {sum(shares):g} of the rows; leave at least 0.1 to train on"
        yield sound.problem(("data", "split"), text)
    for block in ("sources", "general", "domain"):
        for index in range(len(sound.raw("data", block) or []) if isinstance(sound.raw("data", block), list) else 0):
            path: Path_ = ("data", block, index, "path")
            source = sound.raw(*path)
            if isinstance(source, str) and not _exists(source):
                yield replace(sound.problem(path, f"{dotted(path)}: {_absent(source)}"), data=True)


def _exists(path: str) -> bool:
    try:
        return bool(path) and (Path(path).exists() or any(glob.iglob(path, recursive=True)))  # noqa: PTH207 - absolute too
    except (OSError, ValueError, re.error):  # too long, a NUL in it, not a pattern
        return False


def _absent(path: str) -> str:
    return f"no such file or folder: {shown(path)} (seen from {shown(str(Path.cwd()))}){nearest_file(Path(path))}"


def _augmenters(sound: Sound) -> Iterator[Problem]:
    operators, kind = sound.get("data", "augment", "operators"), sound.get("data", "kind")
    seen: set[str] = set()
    for index, operator in enumerate(operators or []):
        path = ("data", "augment", "operators", index)
        name = operator if isinstance(operator, str) else next(iter(operator), "")
        if name in seen:
            yield sound.problem(path, f"{dotted(path)}: {shown(name)} is given twice; keep one")
        seen.add(name)
        wrong = list(_choice(sound, path, operator, AUGMENTERS, "operator"))
        lexicon = sound.raw(*path, "lexicon", "path")
        if isinstance(lexicon, str) and not _exists(lexicon):
            place: Path_ = (*path, "lexicon", "path")
            wrong.append(sound.problem(place, f"{dotted(place)}: {_absent(lexicon)}"))
        for direction in ("forward", "backward"):
            place = (*path, "back_translation", direction, "folder")
            folder = sound.raw(*place)
            if isinstance(folder, str) and (bad := check_base(folder) if _exists(folder) else _absent(folder)):
                wrong.append(sound.problem(place, f"{dotted(place)}: {bad}"))
        if not wrong and (reason := (kind and cannot_edit(name, kind)) or _engine(operator)):
            wrong.append(sound.problem(path, f"{dotted(path)}: {reason}"))
        yield from wrong


def _translations(sound: Sound) -> Iterator[Problem]:
    for index, options in enumerate(sound.get("data", "checks", "translations") or []):
        path: Path_ = ("data", "checks", "translations", index)
        if reason := _engine({"back_translation": options}):
            yield sound.problem(path, f"{dotted(path)}: {reason}")


def _engine(operator: str | dict[str, object]) -> str:
    """What an operator lacks on this machine; it is made, which opens nothing large."""
    name, settings = (operator, {}) if isinstance(operator, str) else next(iter(operator.items()))
    entry = AUGMENTERS[name]
    try:
        entry.load()(entry.settings.model_validate(settings or {}))
    except DataError as error:
        return str(error)
    return ""


def _choice(sound: Sound, path: Path_, choice: object, registry: Registry, word: str) -> Iterator[Problem]:
    """`name` or `{name: settings}`."""
    if isinstance(choice, dict) and len(choice) != 1:
        yield sound.problem(path, f"{dotted(path)}: expected one `name: {{settings}}`, but got {len(choice)} names")
        return
    name, settings = (str(choice), {}) if not isinstance(choice, dict) else next(iter(choice.items()))
    if name not in registry:
        hint = f"{nearest(name, registry)} (known: {', '.join(registry)})"
        yield sound.problem(path, f"{dotted(path)}: unknown {word} {shown(name)}{hint}")
        return
    model = registry[name].settings
    try:
        model.model_validate({} if settings is None else settings, strict=True)
    except ValidationError as error:
        yield from problems_of(
            error.errors(include_url=False), (*path, name), model, sound.document, below=(*path, name)
        )


def _metric(sound: Sound) -> Iterator[Problem]:
    name, direction, kind = (
        sound.get("objective", "metric"),
        sound.get("objective", "direction"),
        sound.get("data", "kind"),
    )
    if name is None:
        return
    metric = METRICS.get(name)
    if metric is None:
        hint = f"{nearest(name, METRICS)} (known: {', '.join(METRICS)})"
        yield sound.problem(("objective", "metric"), f"objective.metric: unknown metric {shown(name)}{hint}")
        return
    if direction is not None and direction != metric.direction:
        better = "smaller" if metric.direction == "minimize" else "larger"
        text = f"objective.direction: {name} is better when {better}; write {metric.direction}, or leave it out"
        yield sound.problem(("objective", "direction"), text)
    if kind is not None and kind not in metric.kinds:
        text = f"objective.metric: kind {kind} has no {name} (it has: {', '.join(metrics_of(kind))})"
        yield sound.problem(("objective", "metric"), text)


def _lr_range(sound: Sound) -> Iterator[Problem]:
    low, high = (sound.get("stages", "lr_range", name) for name in ("low", "high"))
    if low is not None and high is not None and low >= high:
        text = f"stages.lr_range: `low < high` must hold, but got low={low:g}, high={high:g}; swap them"
        yield sound.problem(("stages", "lr_range"), text)


def _searches(sound: Sound) -> Iterator[Problem]:
    for stage in ("coarse", "fine"):
        search = sound.get("stages", stage, "search")
        if search is not None:
            yield from _choice(sound, ("stages", stage, "search"), search, SEARCHES, "search")


def _confirm(sound: Sound) -> Iterator[Problem]:
    seeds, factors = sound.get("stages", "confirm", "seeds"), sound.get("stages", "confirm", "baseline_factors")
    if isinstance(seeds, int) and seeds < 2:
        text = f"stages.confirm.seeds must be >= 2 (a spread needs two), or auto, but got {seeds}"
        yield sound.problem(("stages", "confirm", "seeds"), text)
    if any(factor <= 0 for factor in factors or []):
        yield sound.problem(("stages", "confirm", "baseline_factors"), "stages.confirm.baseline_factors must be > 0")


def _weights(sound: Sound) -> Iterator[Problem]:
    for name, weight in (sound.get("stages", "weights") or {}).items():
        path = ("stages", "weights", name)
        if name not in STAGES:
            hint = nearest(name, STAGES) or f"; known: {', '.join(STAGES)}"
            yield sound.problem(path, f"{dotted(path)}: unknown stage {shown(name)}{hint}", key=True)
        elif weight < 0:
            yield sound.problem(path, f"{dotted(path)} must be >= 0, but got {weight:g}")
    weights = sound.get("stages", "weights")
    if weights is not None and all(weights.get(name) == 0 for name in STAGES if name != "augmentation"):  # optional
        yield sound.problem(("stages", "weights"), "stages.weights are all 0; give at least one stage a share")


def _run(sound: Sound) -> Iterator[Problem]:
    workers, folder = sound.get("run", "workers"), sound.get("run", "folder")
    if isinstance(workers, int) and workers < 1:
        yield sound.problem(("run", "workers"), f"run.workers must be >= 1, or auto, but got {workers}")
    if folder is not None and (wrong := _wrong_folder(folder)):
        yield sound.problem(("run", "folder"), f"run.folder: {wrong}")
    if sound.get("run", "device") == "cuda" and cuda_devices() == 0:
        text = "run.device: cuda, but no CUDA device is found on this machine; write auto or cpu"
        yield sound.problem(("run", "device"), text)


def _wrong_folder(folder: str) -> str | None:
    """It need not exist yet, but it must be possible to make it."""
    if not folder or "\0" in folder:
        return f"expected the path of a folder, but got {shown(folder)}"
    path = Path(folder).absolute()
    try:
        nearest_one = next(one for one in (path, *path.parents) if one.exists())
    except OSError as error:
        return f"{shown(folder)} cannot be a folder ({error.strerror})"
    return None if nearest_one.is_dir() else f"{shown(str(nearest_one))} is a file; give a folder for the runs"


def _budget(sound: Sound) -> Iterator[Problem]:
    money = sound.get("budget", "money")
    if money is not None and not sound.get("budget", "price_per_device_hour"):
        text = "budget.money needs budget.price_per_device_hour (> 0), else it limits nothing"
        yield sound.problem(("budget", "money"), text)
    tokens, most = sound.get("train", "tokens"), sound.get("budget", "tokens")
    if tokens is not None and most is not None and most < tokens:
        text = f"budget.tokens: {most} is less than one full run (train.tokens: {tokens}); raise it, or shorten the run"
        yield sound.problem(("budget", "tokens"), text)


def _deadline(sound: Sound, now: datetime) -> Iterator[Problem]:
    text = sound.get("budget", "deadline")
    if text is None or _CLOCK.fullmatch(text):
        return
    try:
        deadline = datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        expected = f"'06:00' or a date and time such as '{now + timedelta(hours=8):%Y-%m-%dT%H:%M}'"
        yield sound.problem(("budget", "deadline"), f"budget.deadline: expected {expected}, but got {shown(text)}")
        return
    if deadline <= now:
        rule = f"budget.deadline: {shown(text)} is in the past (now {now:%Y-%m-%d %H:%M %z})"
        yield sound.problem(("budget", "deadline"), f"{rule}; give a later one, or a time of day such as '06:00'")
