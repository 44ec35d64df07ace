"""How many parameters has the base model? Told from the study file and the headers of its files, without torch.

A config is counted by the shapes of its family (llama-like blocks; DeepSeek-V2 and V3: latent attention, a mixture of
experts after the first dense layers); a folder by the shapes in its safetensors headers. None where neither says.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seektune.train.options import ModelOptions
from seektune.train.presets import PRESETS

_LONGEST_HEADER = 100_000_000
"""Bytes; what the safetensors format itself allows."""


def parameters(model: ModelOptions) -> int | None:
    """None: unknown before the model has been loaded (a hub id, a config that leaves sizes to transformers)."""
    if model.folder is not None:
        return in_folder(Path(model.folder))
    if model.config is None:
        return None
    config = PRESETS[model.config] if isinstance(model.config, str) else model.config
    try:
        return in_config(config, model.pretrain.vocabulary)
    except (KeyError, TypeError, ZeroDivisionError):
        return None


def in_folder(folder: Path) -> int | None:
    """A file starts with the length of its header (8 bytes, little endian), then the header as JSON."""
    total = 0
    try:
        for path in folder.glob("*.safetensors"):
            with path.open("rb") as file:
                length = int.from_bytes(file.read(8), "little")
                header = json.loads(file.read(min(length, _LONGEST_HEADER)))
            total += sum(math.prod(one["shape"]) for name, one in header.items() if name != "__metadata__")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return total or None


def in_config(config: Mapping[str, Any], vocabulary: int) -> int:
    """Raises KeyError when the config does not name a size."""
    hidden, layers = config["hidden_size"], config["num_hidden_layers"]
    embeddings = vocabulary * hidden * (1 if config.get("tie_word_embeddings") else 2)
    dense = layers
    experts = 0
    if "n_routed_experts" in config:
        dense = min(layers, config["first_k_dense_replace"])
        one = 3 * hidden * config["moe_intermediate_size"]
        routed = config["n_routed_experts"]
        experts = (layers - dense) * ((routed + config["n_shared_experts"]) * one + routed * hidden)
    attention = _latent(config) if "kv_lora_rank" in config else _grouped(config)
    feed_forward = dense * 3 * hidden * config["intermediate_size"] + experts
    return int(embeddings + layers * (attention + 2 * hidden) + feed_forward + hidden)


def _grouped(config: Mapping[str, Any]) -> int:
    """Queries and output over all heads, keys and values over their groups."""
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    width = config.get("head_dim") or hidden // heads
    return int(2 * hidden * width * (heads + (config.get("num_key_value_heads") or heads)))


def _latent(config: Mapping[str, Any]) -> int:
    """Queries (compressed or not), compressed keys and values with the rotary part, output; norms inside."""
    hidden, heads, kv_rank = config["hidden_size"], config["num_attention_heads"], config["kv_lora_rank"]
    rotary, rest, value = config["qk_rope_head_dim"], config["qk_nope_head_dim"], config["v_head_dim"]
    q_rank, queries = config["q_lora_rank"], heads * (rest + rotary)
    query = hidden * queries if q_rank is None else hidden * q_rank + q_rank + q_rank * queries
    keys_values = hidden * (kv_rank + rotary) + kv_rank + kv_rank * heads * (rest + value)
    return int(query + keys_values + heads * value * hidden)
