"""AdamW on flat tensors, by torch's fused kernel (one call per group instead of one per parameter).

Being elementwise, it gives the same numbers on the flat tensor as on the parameters one by one.
"""

from __future__ import annotations

import torch

from seektune.optim.options import AdamWOptions


def adamw(decayed: list[torch.Tensor], plain: list[torch.Tensor], options: AdamWOptions) -> torch.optim.Optimizer:
    """`decayed` tensors get weight decay, `plain` ones (norms, biases) do not. Each step sets its learning rate."""
    groups = [
        {"params": decayed, "weight_decay": options.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=0.0,
        betas=(options.beta1, options.beta2),
        eps=options.epsilon,
        fused=True,
    )
