"""A base from the hub by its pinned commit, through the command line and the pool; a LoRA trial is trained again exactly;
a base that goes on with domain text, killed and started again.

The hub is an offline cache in its own layout, so that no network is needed: huggingface_hub reads its settings once per
process, hence child processes throughout.
"""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from seektune.ledger.history import History
from seektune.ledger.results import ConfirmResult, PrepareResult
from tests.cli.conftest import ROOT, Desk, lines

HUB, COMMIT = "someone/tiny-llama", "0123456789abcdef0123456789abcdef01234567"

STUDY = f"""\
study: hub
seed: 7
model: {{hub: {HUB}, revision: {COMMIT}}}
data: {{kind: instruction, sources: [{{path: rows.jsonl}}], max_length: 128}}
train: {{tokens: 3k, eval_rows: 8}}
method: lora
space:
  learning_rate: {{low: 1e-3, high: 1e-1, log: true}}
stages:
  lr_range: null
  coarse: {{trials: 3, rungs: 2, reduction: 2}}
  fine: null
  confirm: {{top: 1, seeds: 2, baseline_factors: [1.0]}}
"""


def save_model(folder: Path, texts: list[str]) -> None:
    """A tiny Llama with random weights, and a byte-level tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<s>", "</s>", "<pad>"]
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
    )
    words = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **words).save_pretrained(folder)
    torch.manual_seed(1)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    ids = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=400, max_position_embeddings=256, **sizes, **ids)).save_pretrained(folder)


def put_into_cache(model: Path, cache: Path) -> None:
    """As a download leaves it: blobs by hash, a snapshot of links to them, and the branch's commit."""
    place = cache / f"models--{HUB.replace('/', '--')}"
    snapshot = place / "snapshots" / COMMIT
    for folder in (place / "blobs", place / "refs", snapshot):
        folder.mkdir(parents=True)
    (place / "refs" / "main").write_text(COMMIT)
    for file in model.iterdir():
        name = hashlib.sha256(file.read_bytes()).hexdigest()
        file.rename(place / "blobs" / name)
        (snapshot / file.name).symlink_to(Path("../../blobs") / name)


@pytest.fixture(scope="module")
def tuned_hub(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, dict[str, Any]]:
    """A whole run; the command's last word."""
    folder = tmp_path_factory.mktemp("hub")
    desk = Desk(folder)
    desk.environment |= {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hf"), "HF_HUB_CACHE": str(folder / "hf/hub")}
    sample = (ROOT / "data" / "samples" / "fraud_desk.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    desk.write("rows.jsonl", "".join(sample[:120]))
    save_model(folder / "model", sample[:120])
    put_into_cache(folder / "model", folder / "hf" / "hub")
    done = desk.process("tune", desk.write("hub.yaml", STUDY), "--no-prefect", "--json")
    assert done.returncode == 0, done.stderr
    return desk, lines(done)[-1]


@pytest.mark.slow
def test_a_hub_id_with_its_commit_is_trained_and_exported(tuned_hub: tuple[Desk, dict[str, Any]]) -> None:
    desk, said = tuned_hub
    history = History.read(desk.folder / "data" / "runs" / "hub")
    prepared = PrepareResult.model_validate(history.stages["prepare"].result)
    assert prepared.base == HUB
    assert prepared.hidden_size == 32
    assert {spec.settings["revision"] for spec in history.trainers.values()} == {COMMIT}
    confirmed = ConfirmResult.model_validate(history.stages["confirm"].result)
    assert confirmed.model == said["model"]
    adapter = json.loads((Path(said["model"]) / "adapter_config.json").read_text())
    assert (adapter["base_model_name_or_path"], adapter["revision"]) == (HUB, COMMIT)
    opened = f"""
from peft import AutoPeftModelForCausalLM
from transformers import AutoTokenizer

folder = {said["model"]!r}
model, tokenizer = AutoPeftModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
there = AutoTokenizer.from_pretrained({HUB!r}, revision={COMMIT!r})
assert tokenizer.get_vocab() == there.get_vocab()
assert model(**tokenizer("hello", return_tensors="pt")).logits.isfinite().all()
"""
    subprocess.run([sys.executable, "-c", opened], env=desk.environment, check=True, timeout=120)


@pytest.mark.slow
def test_a_commit_that_is_not_there_is_the_users_error(tuned_hub: tuple[Desk, dict[str, Any]]) -> None:
    desk, _ = tuned_hub
    other = STUDY.replace(COMMIT, "f" * 40).replace("study: hub", "study: other")
    done = desk.process("prepare", desk.write("other.yaml", other))
    assert done.returncode == 3
    assert HUB in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_lora_trial_of_the_pool_is_trained_again_exactly(tuned_hub: tuple[Desk, dict[str, Any]]) -> None:
    """One that was paused at a rung and went on to the end, and a run of confirm."""
    desk, said = tuned_hub
    history = History.read(desk.folder / "data" / "runs" / "hub")
    paused = history.trial("default-1")
    assert paused is not None
    assert len(paused.segments) > 1
    for trial in ("default-1", f"{said['winner']['trial']}·seed1"):
        done = desk.process("rerun", "hub", trial, "--json")
        assert done.returncode == 0, done.stderr
        [told] = lines(done)
        assert told["reproduced"]
        assert told["max_difference"] == 0.0
        assert told["missing"] == 0
        assert told["measurements"] > 1


GOING_ON = STUDY.replace(COMMIT, f"{COMMIT}, continued_pretraining: {{epochs: 12, learning_rate: 3e-3}}").replace(
    "eval_rows: 8", "eval_rows: 8, save_every: 0.2s"
)


def adapted(desk: Desk) -> Path:
    result = History.read(desk.folder / "data" / "runs" / "hub").stages["prepare"].result
    return Path(PrepareResult.model_validate(result).base)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_hub_model_goes_on_with_domain_text(tuned_hub: tuple[Desk, dict[str, Any]], tmp_path: Path) -> None:
    """Killed in the middle of it and started again: the same base. Its adapters name the folder, and no commit."""
    known, _ = tuned_hub
    bases = []
    for name in ("whole", "killed"):
        desk = Desk(tmp_path / name, known.environment)
        desk.folder.mkdir()
        desk.write("rows.jsonl", (known.folder / "rows.jsonl").read_text(encoding="utf-8"))
        desk.write("hub.yaml", GOING_ON)
        assert "tokens of domain text and 0 of general text" in desk.process("data", "hub.yaml").stdout
        if name == "killed":
            kill_while_going_on(desk)
        done = desk.process(
            "prepare" if name == "killed" else "tune", "hub.yaml", *["--no-prefect"] * (name == "whole")
        )
        assert done.returncode == 0, done.stderr
        assert "Continued pre-training on" in done.stdout + done.stderr
        bases.append(adapted(desk))
    contents = [{path.name: path.read_bytes() for path in base.iterdir()} for base in bases]
    assert contents[0] == contents[1]
    assert {"model.safetensors", "tokenizer.json", "continued_pretraining.json"} <= contents[0].keys()
    confirmed = History.read(tmp_path / "whole" / "data" / "runs" / "hub").stages["confirm"].result
    adapter = json.loads(
        (Path(ConfirmResult.model_validate(confirmed).model or "") / "adapter_config.json").read_text()
    )
    assert (adapter["base_model_name_or_path"], adapter["revision"]) == (str(bases[0]), None)


def kill_while_going_on(desk: Desk) -> None:
    """As soon as a checkpoint inside the segment is written."""
    process = desk.start("prepare", "hub.yaml")
    patience = time.monotonic() + 200
    while not (found := list(desk.folder.glob("data/runs/hub/**/continued-pretraining/partial-*"))):
        assert process.poll() is None
        assert time.monotonic() < patience
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert found
    assert not list(desk.folder.glob("data/cache/bases/*")), "nothing that looks whole"
