"""On CUDA what tests/train and tests/study hold on the CPU. Needs neither Prefect nor Optuna.

python -m pytest tests/gpu                            # without a CUDA device: skipped, with the reason
SEEKTUNE_GPU_TESTS_ON=cpu python -m pytest tests/gpu  # the same bodies, rehearsed on a machine without one
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seektune.train.trainer import LanguageTrainer
from tests.train.conftest import base_of, store_of  # noqa: F401  (fixtures)

os.environ.setdefault(
    "CUBLAS_WORKSPACE_CONFIG", ":4096:8"
)  # read when CUDA starts: matrix products that repeat exactly


@pytest.fixture(scope="session")
def device() -> str:
    wanted = os.environ.get("SEEKTUNE_GPU_TESTS_ON", "cuda")
    if wanted == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    return wanted


@pytest.fixture(scope="session")
def trainer_on(store_of: Callable[[str], Path], base_of: Callable[[str], Path]) -> Callable[..., LanguageTrainer]:  # noqa: F811
    """(device, family, **TrainOptions) -> a trainer."""

    def get(device: str, family: str, **train: Any) -> LanguageTrainer:
        base, store = str(base_of(family)), str(store_of("instruction"))
        return LanguageTrainer(base=base, store=store, kind="instruction", train=train, device=device)

    return get
