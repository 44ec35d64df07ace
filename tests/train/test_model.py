"""Where a model comes from, what is refused, and what is written for others to open."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)

from seektune.errors import StudyFileError
from seektune.train.presets import PRESETS, model_config
from seektune.train.source import base_fingerprint, check_base, split_revision
from seektune.train.trainer import LanguageTrainer
from tests.train.tiny import run, segment

Trainers = Callable[..., LanguageTrainer]
TOKENS = {"vocabulary": 2048, "pad_id": 0, "eos_id": 2, "bos_id": 1}


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_small_members_of_their_family(name: str) -> None:
    config = AutoConfig.for_model(**model_config(name, TOKENS))
    model = AutoModelForCausalLM.from_config(config)
    assert 0.5e6 < sum(parameter.numel() for parameter in model.parameters()) < 1e6
    assert config.vocab_size == 2048
    assert (config.pad_token_id, config.eos_token_id, config.bos_token_id) == (0, 2, 1)
    names = {name for name, _ in model.named_modules()}
    if "deepseek" in name:
        assert "model.layers.1.self_attn.kv_a_proj_with_mqa" in names  # latent attention
        assert "model.layers.1.mlp.experts" in names
        assert "model.layers.1.mlp.shared_experts" in names
        assert "model.layers.0.mlp.gate_proj" in names  # the first layer is dense
    if name == "tiny-deepseek-v3":
        assert type(model).__name__ == "DeepseekV3ForCausalLM"
        assert "model.layers.1.mlp.gate.e_score_correction_bias" in dict(model.named_buffers())


@pytest.mark.parametrize("kind", ["instruction", "classification", "tagging"])
@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("family", ["llama", "deepseek_v2", "deepseek_v3"])
def test_exported_folder_opens_and_gives_the_same_numbers(
    trainer_of: Trainers, base_of: Callable[[str], Path], tmp_path: Path, family: str, method: str, kind: str
) -> None:
    from peft import PeftModel

    from seektune.train.evaluate import Evaluation
    from seektune.train.model import logits_at

    trainer = trainer_of(family, kind)
    params = {"method": method, "lora_dropout": 0.1 if method == "lora" else 0.0}
    result = run(trainer, tmp_path, segment("trial", 900, 900, params=params, export=True))
    assert result.model is not None
    loader: Any = {
        "instruction": AutoModelForCausalLM,
        "classification": AutoModelForSequenceClassification,
        "tagging": AutoModelForTokenClassification,
    }[kind]
    if (family, kind) == ("deepseek_v2", "tagging"):  # of which transformers has no token classifier
        loader = AutoModelForSequenceClassification
    names = trainer.store.facts["labels"]
    if method == "full":
        model, info = loader.from_pretrained(result.model, output_loading_info=True)
        assert not any(info.values())
        assert kind == "instruction" or list(model.config.id2label.values()) == names
    else:
        labels = {"num_labels": len(names)} if names else {}
        assert not names or json.loads((Path(result.model) / "labels.json").read_text()) == names
        model = PeftModel.from_pretrained(loader.from_pretrained(base_of(family), **labels), result.model)
        assert json.loads((Path(result.model) / "adapter_config.json").read_text())["base_model_name_or_path"] == str(
            base_of(family)
        )
    evaluation = Evaluation(
        trainer.store, "validation", 12, kind=kind, pad_id=0, micro_tokens=512, device=torch.device("cpu"),
        stop_asked=lambda: False,
    )  # fmt: skip
    scores = evaluation.scores(lambda batch: logits_at(model, batch, kind, True), model)
    assert evaluation.metrics(scores)["loss"] == pytest.approx(result.metrics["loss"], rel=1e-5)
    files = {path.name for path in Path(result.model).iterdir()}
    assert "tokenizer_config.json" in files
    assert not [name for name in files if name.endswith((".bin", ".pt", ".pkl"))]


@pytest.mark.parametrize("family", ["llama", "deepseek_v3"])
def test_lora_adapts_every_linear_layer_but_the_output(trainer_of: Trainers, family: str) -> None:
    from seektune.train.setup import Setup

    setup = Setup(trainer_of(family), segment("t", 1, 1, params={"method": "lora"}), lambda: False)
    base = AutoModelForCausalLM.from_pretrained(trainer_of(family).base)
    linear = {name for name, module in base.named_modules() if isinstance(module, torch.nn.Linear)} - {"lm_head"}
    adapted = {name.removeprefix("base_model.model.").split(".lora_")[0] for name in setup.weights.parameters}
    assert adapted == linear
    assert any("shared_experts.down_proj" in name for name in adapted) is (family == "deepseek_v3")


def test_pickle_checkpoints_are_refused(
    base_of: Callable[[str], Path], store_of: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text((base_of("llama") / "config.json").read_text())
    model = AutoModelForCausalLM.from_pretrained(base_of("llama"))
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    assert "pickle checkpoint (pytorch_model.bin)" in str(check_base(str(folder)))
    trainer = LanguageTrainer(base=str(folder), store=str(store_of("text")), kind="text")
    with pytest.raises(StudyFileError, match="refused; convert it once"):
        trainer.warm()


def test_bases_that_cannot_be_opened_say_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "config.json").write_text("{}")
    wrong = {
        "./nowhere": "does not exist",
        str(tmp_path / "file"): "is a file",
        str(tmp_path / "empty"): "no config.json",
        str(tmp_path / "broken"): "is not JSON",
        str(tmp_path / "bare"): "no *.safetensors",
        "deepseek-ai/deepseek-llm-7b-base": "needs `revision`",
        "deepseek-ai/deepseek-llm-7b-base@main": "40 hex digits",
    }
    for base, words in wrong.items():
        assert words in str(check_base(base)), base
    assert check_base("deepseek-ai/deepseek-llm-7b-base", "a" * 40) is None
    assert split_revision(f"org/model@{'a' * 40}", None) == ("org/model", "a" * 40)


def test_fingerprint_follows_the_bytes(base_of: Callable[[str], Path], tmp_path: Path) -> None:
    import shutil

    copy = shutil.copytree(base_of("llama"), tmp_path / "copy")
    assert base_fingerprint(str(copy)) == base_fingerprint(str(base_of("llama")))
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert base_fingerprint(str(copy)) != base_fingerprint(str(base_of("llama")))


def test_heads_that_are_not_plain_are_asked_for_all_logits(store_of: Callable[[str], Path], tmp_path: Path) -> None:
    """Cohere scales its logits after the output layer: the short cut must be found wrong, and the loss be right."""
    config = {
        "model_type": "cohere", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 2, "logit_scale": 0.25,
    }  # fmt: skip
    trainer = LanguageTrainer(base="", store=str(store_of("instruction")), kind="instruction", config=config)
    result = run(trainer, tmp_path, segment("trial", 300, 300, export=True))
    assert trainer.model.direct_head is False
    model = AutoModelForCausalLM.from_pretrained(str(result.model)).eval()
    total = count = 0.0
    for index in range(12):
        row = trainer.store.row("validation", index)
        ids, labels = torch.tensor(row.input_ids.astype("int64"))[None], torch.tensor(row.labels.astype("int64"))[None]
        targets = int((labels[:, 1:] != -100).sum())
        with torch.no_grad():
            total += float(model(input_ids=ids, labels=labels).loss) * targets
        count += targets
    assert result.metrics["loss"] == pytest.approx(total / count, rel=1e-5)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_heads_of_another_name_tag_words_too(store_of: Callable[[str], Path], tmp_path: Path, method: str) -> None:
    """GPT-NeoX types call it `classifier`."""
    config = {
        "model_type": "gpt_neox", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1,
        "num_attention_heads": 2, "vocab_size": 96, "max_position_embeddings": 64,
    }  # fmt: skip
    base = LanguageTrainer(base="", store=str(store_of("text")), kind="text", config=config)
    folder = run(base, tmp_path / "base", segment("base", 0, 1, export=True)).model
    trainer = LanguageTrainer(base=str(folder), store=str(store_of("tagging")), kind="tagging")
    before = run(trainer, tmp_path / "before", segment("trial", 0, 3_000))
    after = run(trainer, tmp_path / "after", segment("trial", 3_000, 3_000, params={"method": method}))
    assert trainer.model.direct_head
    assert after.metrics["loss"] < before.metrics["loss"]


def test_warm_leaves_a_process_that_can_fork(base_of: Callable[[str], Path], store_of: Callable[[str], Path]) -> None:
    """No Python thread is left after warm(), and a forked child trains (after a parallel region it would hang)."""
    script = f"""
import os, threading, signal, sys
from seektune.train.trainer import LanguageTrainer
from seektune.trial import Dispatch, Segment
trainer = LanguageTrainer(base={str(base_of("deepseek_v3"))!r}, store={str(store_of("text"))!r}, kind="text")
trainer.warm()
threads = threading.active_count()
class Report:
    def __call__(self, progress): pass
    def stop_asked(self): return False
child = os.fork()
if child == 0:
    signal.alarm(60)
    segment = Segment("t", {{"learning_rate": 1e-3}}, 0, 0, 300, 300, keep=False)
    print(trainer.train(Dispatch(1, (segment,), "unused"), Report())[0].state.value, flush=True)
    os._exit(0)
status = os.waitpid(child, 0)[1]
print(threads, status)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=200, check=False)
    assert done.stdout.split() == ["complete", "1", "0"], done.stderr[-2000:]


def test_source_presets_and_options_need_no_torch() -> None:
    script = (
        "import sys, seektune.train.source, seektune.train.presets, seektune.train.options, seektune.score.options\n"
        "print([name for name in ('torch', 'transformers', 'peft') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
