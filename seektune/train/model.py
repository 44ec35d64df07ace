"""From a base (folder, hub id, or a config and nothing) to a fresh model for one trial.

The base is opened once and never changed. A trial's model is a copy of its modules whose parameters share the base's
memory; only what a method trains gets memory of its own (weights.py). So a forked trial pays for what moves, and
trials in one process cannot see each other.

A model is asked for hidden states, and its output layer is applied where the loss is (layout.py). Whether that equals
the model's own answer is checked once on real weights; models that do more between hidden state and logits (scaling,
soft caps) are asked for all their logits instead.

Classes are chosen by transformers' own linear head on the last hidden state of the row (classification) or of each
word (tagging). Its dropout is left out, and so in the saved config.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seektune.adapt.head import head_of
from seektune.adapt.options import METHODS
from seektune.errors import Problem, StudyFileError
from seektune.score.options import CLASSES
from seektune.train.layout import Batch
from seektune.train.source import check_base, split_revision
from seektune.trial import Json, Params


class Base:
    """A base model in memory, and how to make trials of it."""

    def __init__(
        self,
        base: str,
        revision: str | None,
        config: Json | None,
        kind: str,
        labels: Sequence[str],
        pad_id: int,
        precision: str,
    ) -> None:
        self._base, self._revision = split_revision(base, revision)
        self._config, self._kind, self._labels, self._pad_id = config, kind, labels, pad_id
        self._dtype: Any = torch.float32 if precision == "fp32" else "auto"
        self._pristine: Any = None
        self._fresh_head = False
        self.direct_head: bool | None = None
        """May the output layer be applied to the hidden states where the loss is? Asked of one model, true of all."""

    def open(self, *, forward: bool = True) -> None:
        """Load the weights (or, with a config, nothing yet) and check the short cut to the loss.

        Without `forward` the check is left to the first trial: a forward pass asks CUDA, even on the CPU, whether a graph
        is being captured, and whoever has asked CUDA anything cannot fork children that use it (seen on an H200).
        """
        from transformers.utils import logging

        logging.disable_progress_bar()
        if self._config is not None:
            if forward:
                self._look_at_head(self._from_config(seed=0))
            return
        if problem := check_base(self._base, self._revision):
            raise StudyFileError([Problem(self._base, problem)])
        import transformers

        where: dict[str, Any] = {
            "revision": None if Path(self._base).is_dir() else self._revision,
            "local_files_only": Path(self._base).is_dir(),
            "trust_remote_code": False,
        }
        extra: dict[str, Any] = {}
        if self._kind in CLASSES:
            config = self._with_classes(transformers.AutoConfig.from_pretrained(self._base, **where))
            extra = {"config": config, "ignore_mismatched_sizes": True}
        level = logging.get_verbosity()
        logging.set_verbosity_error()  # a fresh classification head is no news
        try:
            model, info = self._loader().from_pretrained(
                self._base,
                use_safetensors=True,
                dtype=self._dtype,
                attn_implementation="sdpa",
                output_loading_info=True,
                **where,
                **extra,
            )
        finally:
            logging.set_verbosity(level)
        self._fresh_head = self._kind in CLASSES and bool(info["missing_keys"] or info["mismatched_keys"])
        self._pristine = _prepared(model)
        if forward:
            self._look_at_head(self._pristine)

    def _loader(self) -> Any:
        import transformers

        if self._kind == "tagging":
            import seektune.train.deepseek_v2  # noqa: F401 - known to the loader from then on

            return transformers.AutoModelForTokenClassification
        if self._kind == "classification":
            return transformers.AutoModelForSequenceClassification
        return transformers.AutoModelForCausalLM

    def _with_classes(self, config: Any) -> Any:
        config.id2label = dict(enumerate(self._labels))
        config.label2id = {name: number for number, name in enumerate(self._labels)}
        config.pad_token_id = self._pad_id
        if self._kind == "tagging":
            config.classifier_dropout = 0.0
        return config

    def _look_at_head(self, model: Any) -> None:
        if self.direct_head is None:
            self.direct_head = _head_is_direct(model, self._kind)

    def trial(self, params: Params, seed: int, device: torch.device) -> Any:
        """A fresh model on `device`: random parts (whole model, head, adapters) are functions of `seed`."""
        if self._config is not None:
            model = self._from_config(seed)
        else:
            model = _copied(self._pristine)
            torch.manual_seed(seed)
            if self._fresh_head:
                nn.init.normal_(head_of(model, self._kind).weight, std=getattr(model.config, "initializer_range", 0.02))
        self._look_at_head(model)
        torch.manual_seed(seed + 1)
        method = METHODS[str(params["method"])]
        settings = method.settings(**{name: params[name] for name in method.settings.model_fields})
        model.requires_grad_(False)
        model = method.load()(model, self._kind, settings)
        return model.to(device)

    def _from_config(self, seed: int) -> Any:
        import transformers

        config = transformers.AutoConfig.for_model(**dict(self._config or {}))
        if self._kind in CLASSES:
            config = self._with_classes(config)
        torch.manual_seed(seed)
        return _prepared(self._loader().from_config(config, attn_implementation="sdpa", dtype=torch.float32))


def _prepared(model: Any) -> Any:
    model.config.use_cache = False
    return model.train()


def _copied(model: Any) -> Any:
    """The same modules anew; parameters are new objects on the old memory."""
    shared = {id(tensor): nn.Parameter(tensor.detach(), requires_grad=False) for tensor in model.parameters()}
    return copy.deepcopy(model, shared)


def _bare(model: Any) -> Any:
    """Without peft's wrapper (its adapters stay inside)."""
    return model.get_base_model() if hasattr(model, "peft_config") else model


def logits_at(model: Any, batch: Batch, kind: str, direct: bool) -> Tensor:
    """[T, classes or vocabulary]: the model's answer at each of the batch's positions."""
    bare = _bare(model)
    inputs = {"input_ids": batch.input_ids, "position_ids": batch.position_ids}
    if direct:
        hidden = getattr(bare, bare.base_model_prefix)(**inputs).last_hidden_state
        return head_of(bare, kind)(hidden.flatten(0, 1)[batch.positions])
    if kind == "classification":
        mask = (torch.arange(batch.input_ids.shape[1]) <= (batch.positions % batch.input_ids.shape[1])[:, None]).long()
        return bare(input_ids=batch.input_ids, attention_mask=mask.to(batch.input_ids.device)).logits
    return bare(**inputs).logits.flatten(0, 1)[batch.positions]


def _head_is_direct(model: Any, kind: str) -> bool:
    """Does head(hidden states) equal what the model itself answers?"""
    if not hasattr(model, model.base_model_prefix):
        return False
    input_ids = torch.arange(3, 11)[None] % model.config.vocab_size
    positions = torch.tensor([7])
    batch = Batch(input_ids, None, positions, positions, positions)
    model.eval()
    try:
        with torch.no_grad():
            short, long = (logits_at(model, batch, kind, direct) for direct in (True, False))
    except (AttributeError, TypeError):
        return False
    finally:
        model.train()
    rough = 4 * torch.finfo(short.dtype).eps  # one row or eight: sums of another order, which low precision shows
    return short.shape == long.shape and torch.allclose(short, long, rtol=max(1e-5, rough), atol=max(1e-6, rough))
