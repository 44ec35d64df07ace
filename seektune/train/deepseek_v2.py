"""Token classification for DeepSeek-V2 types: transformers has it for Llama and DeepSeek-V3 types, not for these.

Its weights are those of `DeepseekV2ForSequenceClassification` (so no bias), which therefore opens the exported folder where
seektune is not; `model.score(model.model(input_ids).last_hidden_state)` are then the logits of every token.
"""

from __future__ import annotations

from typing import Any

from transformers import AutoModelForTokenClassification, DeepseekV2Config, DeepseekV2PreTrainedModel
from transformers.modeling_layers import GenericForTokenClassification


class DeepseekV2ForTokenClassification(GenericForTokenClassification, DeepseekV2PreTrainedModel):
    """[R, S, classes] logits."""

    def __init__(self, config: Any) -> None:
        config.token_classification_bias = False
        super().__init__(config)


AutoModelForTokenClassification.register(DeepseekV2Config, DeepseekV2ForTokenClassification, exist_ok=True)
