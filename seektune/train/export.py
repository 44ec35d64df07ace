"""The trained model as a folder that `from_pretrained` (or, for adapters, `PeftModel.from_pretrained`) opens.

Weights are those that were measured (the moving average, or the best point), in safetensors; the tokenizer lies
beside, and beside an adapter the names of its classes (labels.json), which a whole model has in its config. Written to
a temporary folder and renamed, so that a model folder is whole or not there.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from peft import TaskType

from seektune.adapt.lora import loadable


def export(model: Any, folder: Path, base: str, revision: str | None, tokenizer: str | None) -> None:
    """`base` is written into an adapter's config as the model it belongs to; `tokenizer` is a folder or hub id."""
    temporary = folder.with_name(f".{folder.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    configs = getattr(model, "peft_config", {})
    for name, config in configs.items():
        configs[name] = loadable(config, model.get_base_model())
        configs[name].base_model_name_or_path = base
        configs[name].revision = revision
        if config.task_type != TaskType.CAUSAL_LM:
            names = json.dumps(list(model.config.id2label.values()), ensure_ascii=False)
            (temporary / "labels.json").write_text(names, encoding="utf-8")
    model.save_pretrained(temporary)
    (temporary / "README.md").unlink(missing_ok=True)  # peft's empty model card
    if tokenizer is not None:
        _copy_tokenizer(tokenizer, revision, temporary)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)


def _copy_tokenizer(tokenizer: str, revision: str | None, folder: Path) -> None:
    if not Path(tokenizer).is_dir():
        from transformers import AutoTokenizer

        AutoTokenizer.from_pretrained(tokenizer, revision=revision).save_pretrained(folder)
        return
    for path in Path(tokenizer).iterdir():
        if path.name.startswith(("tokenizer", "special_tokens", "vocab", "merges", "added_tokens", "chat_template")):
            shutil.copy2(path, folder / path.name)
