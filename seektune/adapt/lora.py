"""LoRA by peft: adapters on all linear layers, the base frozen (a fresh classification head moves with them).

Source: Hu et al. 2022. All linear layers means every `nn.Linear` but the output layer: attention, dense and shared-
expert layers. The routed experts of a mixture are 3-D tensors and no `nn.Linear`; like the router they stay as they
are.

A trap in peft 0.21 under transformers 5: for mixtures it rewrites `gate_proj`, `up_proj` and `down_proj` to the
routed experts' tensors. Asked for "all-linear" it leaves dense and shared layers out without a word, trains at half
the speed and refuses dropout. So the adapters are placed past that rewriting; and since whoever opens the saved
adapter cannot get past it, it is saved with those layers named as parameters, which is the same function of the same
tensors.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from peft import LoraConfig, TaskType, get_peft_model
from peft.utils import transformers_weight_conversion as conversion
from torch import nn

from seektune.adapt.head import head_of
from seektune.adapt.options import LoraOptions


def lora(model: Any, kind: str, options: LoraOptions) -> Any:
    """The model wrapped by peft. A initialised from torch's generator, B zero: at the start it equals the base."""
    output = head_of(model, kind)
    tasks = {"classification": TaskType.SEQ_CLS, "tagging": TaskType.TOKEN_CLS}
    config = LoraConfig(
        task_type=tasks.get(kind, TaskType.CAUSAL_LM),
        r=options.lora_rank,
        lora_alpha=options.lora_alpha,
        lora_dropout=options.lora_dropout,
        target_modules=[
            name for name, module in model.named_modules() if isinstance(module, nn.Linear) and module is not output
        ],
    )
    with names_kept():
        return get_peft_model(model, config)


def loadable(config: Any, model: Any) -> Any:
    """The adapter's config as it must be saved for `PeftModel.from_pretrained` to find the same layers."""
    saved, probe = copy.deepcopy(config), copy.deepcopy(config)
    conversion.convert_peft_config_for_transformers(probe, model=model, conversions=None)
    kept = set(probe.target_modules)
    saved.target_modules = sorted(kept & set(config.target_modules))
    moved = sorted(set(config.target_modules) - kept)
    if moved:
        saved.target_parameters = [f"{name}.weight" for name in moved]
        saved.lora_dropout = 0.0  # peft has none on parameters, and a finished adapter needs none
    return saved


@contextmanager
def names_kept() -> Iterator[None]:
    """peft targets the modules that were named, not what it rewrites the names to."""
    rewrite = conversion.convert_peft_config_for_transformers
    conversion.convert_peft_config_for_transformers = lambda *args, **kwargs: None
    try:
        yield
    finally:
        conversion.convert_peft_config_for_transformers = rewrite
