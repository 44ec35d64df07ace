"""Small models to make from nothing, as transformers configs: name -> sizes. Torch-free.

Each is a true member of its family: DeepSeek-V2 and V3 with latent attention (compressed queries and keys/values,
split rotary part) and a mixture of experts with a shared one after a dense first layer; V3 with sigmoid routing and
its correction bias. Sizes are chosen by what one CPU core trains in minutes (about 0.6M parameters at a vocabulary of
2,048).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seektune.trial import Json

_ATTENTION = {
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": True,
    "attention_dropout": 0.0,
    "initializer_range": 0.05,  # about 1 / sqrt(hidden size) / 2: 0.02 is made for wide models
}
_LATENT = {
    "hidden_size": 96,
    "intermediate_size": 256,
    "q_lora_rank": 48,
    "kv_lora_rank": 32,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 8,
    "v_head_dim": 24,
}
_EXPERTS = {
    "moe_intermediate_size": 48,
    "n_routed_experts": 4,
    "n_shared_experts": 1,
    "num_experts_per_tok": 2,
    "first_k_dense_replace": 1,
    "routed_scaling_factor": 1.0,
}

PRESETS: Mapping[str, Json] = {
    "tiny-llama": {
        "model_type": "llama",
        "hidden_size": 96,
        "intermediate_size": 256,
        **_ATTENTION,
    },
    "tiny-deepseek-v2": {
        "model_type": "deepseek_v2",
        **_ATTENTION,
        **_LATENT,
        **_EXPERTS,
        "topk_method": "greedy",
    },
    "tiny-deepseek-v3": {
        "model_type": "deepseek_v3",
        **_ATTENTION,
        **_LATENT,
        **_EXPERTS,
        "n_group": 1,
        "topk_group": 1,
        "norm_topk_prob": True,
        "num_nextn_predict_layers": 0,
    },
}


def model_config(config: str | Mapping[str, Any], tokens: Mapping[str, Any]) -> Json:
    """A preset's or user's config, completed with what the tokenizer decides (vocabulary, pad_id, eos_id, bos_id)."""
    sizes = PRESETS[config] if isinstance(config, str) else config
    ids = {f"{name}_token_id": tokens.get(f"{name}_id") for name in ("pad", "eos", "bos")}
    return {**sizes, "vocab_size": tokens["vocabulary"], **ids}
