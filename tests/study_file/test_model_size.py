"""Parameters counted without torch are those that transformers makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seektune.study_file.model_size import in_config, parameters
from seektune.train.options import ModelOptions
from seektune.train.presets import PRESETS

DEEPSEEK_7B = {  # sizes of deepseek-llm-7b-base
    "model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 30,
    "num_attention_heads": 32, "num_key_value_heads": 32,
}  # fmt: skip
CONFIGS = {
    **PRESETS,
    "grouped queries": {**PRESETS["tiny-llama"], "num_key_value_heads": 2, "tie_word_embeddings": False},
    "wide heads": {**PRESETS["tiny-llama"], "head_dim": 40},
    "queries not compressed": {**PRESETS["tiny-deepseek-v2"], "q_lora_rank": None},
    "7B": DEEPSEEK_7B,
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_is_counted_as_transformers_makes_it(name: str) -> None:
    import torch
    import transformers

    config: dict[str, Any] = {**CONFIGS[name], "vocab_size": 3000}
    with torch.device("meta"):
        made = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.for_model(**config))
    assert in_config(CONFIGS[name], 3000) == sum(one.numel() for one in made.parameters())


def test_a_folder_is_counted_from_the_headers_of_all_its_files(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(3, 5), "b": torch.zeros(7)}, tmp_path / "one.safetensors", {"format": "pt"})
    save_file({"c": torch.zeros(2, 2, 2, dtype=torch.bfloat16), "d": torch.tensor(1.0)}, tmp_path / "two.safetensors")
    assert parameters(ModelOptions(folder=str(tmp_path))) == 15 + 7 + 8 + 1


@pytest.mark.parametrize(
    "model", [{"hub": "a/b"}, {"config": {"model_type": "llama"}}, {"config": {**DEEPSEEK_7B, "hidden_size": "wide"}}]
)
def test_what_cannot_be_counted_is_unknown(model: dict[str, Any]) -> None:
    assert parameters(ModelOptions(**model)) is None


def test_damaged_files_are_unknown_not_an_error(tmp_path: Path) -> None:
    assert parameters(ModelOptions(folder=str(tmp_path))) is None
    for content in (b"", b"\xff" * 20, (2).to_bytes(8, "little") + b"[]"):
        (tmp_path / "model.safetensors").write_bytes(content)
        assert parameters(ModelOptions(folder=str(tmp_path))) is None
