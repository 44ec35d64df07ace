"""Bad study files: each is refused with place, rule, value and remedy; nothing runs, nothing is written."""

# ruff: noqa: E501  (a table of one case per line)

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from seektune.errors import StudyFileError
from seektune.study_file import load_study
from seektune.text.augmentation import nltk_data
from tests.study_file.conftest import NOW, STUDY, Complain, replaced

ONE_LINE = {
    # what stands in the sound file, what a user wrote instead, place, words of the message
    "misspelt key": ("seed: 42", "sed: 42", "2:1", "unknown key 'sed'; did you mean 'seed'?"),
    "misspelt option": ("eval_every", "evl_every", "9:22", "unknown key 'train.evl_every'; did you mean 'eval_every'?"),
    "unlike any key": ("seed: 42", "zzz: 42", "2:1", "unknown key 'zzz'; known here: study, seed, model"),
    "interpolation": ("seed: 42", "_target_: os.system", "2:1", "unknown key '_target_'"),
    "text for a number": ("top: 3", 'top: "ten"', "24:18", "stages.confirm.top: expected a whole number, but got 'ten'"),
    "quoted number": ("top: 3", 'top: "3"', "24:18", "expected a whole number, but got '3'"),
    "boolean for a number": ("top: 3", "top: true", "24:18", "expected a whole number, but got true"),
    "boolean for a count": ("40k", "yes please", "9:17", "train.tokens: expected a whole number"),
    "boolean for tokens": ("40k", "false", "9:17", "expected a whole number such as 40000 or 40k"),
    "boolean for a bound": ("low: 0.0, high: 0.2", "low: false, high: 0.2", "16:23", "expected a number, but got false"),
    "word for a boolean": ("log: true", "log: yes", "13:47", "space.learning_rate.log: expected true or false, but got 'yes'; write true"),
    "fraction for a whole number": ("top: 3", "top: 3.5", "24:18", "expected a whole number, but got 3.5"),
    "fraction of a count": ("40k", "1.0005k", "9:17", "expected a whole number such as 40000 or 40k, but got '1.0005k'"),
    "number for a name": ("study: fraud-desk", "study: 7", "1:8", "study: expected a text, but got 7"),
    "null": ("seed: 42", "seed:", "2:6", "seed: expected a whole number, but got nothing"),
    "list for a mapping": ("model: {config: tiny-deepseek-v3}", "model: [a]", "3:8", "model: expected a mapping, but got a list"),
    "zero trials": ("trials: 24", "trials: 0", "22:36", "stages.coarse.trials must be >= 1, but got 0"),
    "negative trials": ("trials: 12", "trials: -1", "23:31", "stages.fine.trials must be >= 0, but got -1"),
    "a billion trials": ("trials: 24", "trials: 1000000000", "22:36", "must be <= 100000, but got 1000000000"),
    "misspelt word": ("best", "bset", "9:50", "expected 'last' or 'best' (did you mean 'best'?), but got 'bset'"),
    "bad duration": ("'04:00:00'", "soon", "25:21", "expected a duration such as '04:00:00', '90s' or '2h', but got 'soon'"),
    "continued from nothing": ("{config: tiny-deepseek-v3}", "{config: tiny-deepseek-v3, continued_pretraining: {}}", "3:35", "model.continued_pretraining: a base made from nothing is pre-trained by model.pretrain"),
    "continued simulation": ("{config: tiny-deepseek-v3}", "{simulated: {}, continued_pretraining: {}}", "3:24", "the simulated trainer has no text to learn"),
    "domain text for nobody": ("kind: instruction", "domain: [{path: data/samples/fraud_desk.jsonl}]\n  kind: instruction", "5:3", "data.domain is read by continued pre-training only; add `continued_pretraining: {}`"),
    # the space
    "low over high": ("low: 0.0, high: 0.1", "low: 0.2, high: 0.1", "15:17", "space.weight_decay: `low <= high` must hold, but got low=0.2, high=0.1; swap them"),
    "log of zero": ("low: 1e-6", "low: 0", "13:18", "a log scale needs low > 0, but got low=0"),
    "nan": ("low: 0.0, high: 0.1", "low: .nan, high: 0.1", "15:23", "space.weight_decay.low: expected a finite number, but got nan"),
    "infinite": ("high: 0.2", "high: .inf", "16:34", "space.warmup_ratio.high: expected a finite number, but got inf"),
    "overflow": ("high: 0.2", "high: 1e999", "16:34", "expected a finite number, but got inf"),
    "no choices": ("[8, 16, 32, 64]", "[]", "14:20", "space.effective_batch: choices must not be empty"),
    "equal choices": ("[8, 16, 32, 64]", "[8, 16, 8]", "14:20", "choices must differ, but 8 is given twice"),
    "nested choices": ("[8, 16, 32, 64]", "[[8], 16]", "14:31", "space.effective_batch.choices[0]: expected true or false or a whole number or a number or a text, but got a list"),
    "no kind": ("{low: 0.0, high: 0.1}", "{log: true}", "15:17", "give exactly one of low/high, choices, value, derive"),
    "step does not divide": ("high: 0.1}", "high: 0.1, step: 0.03}", "15:17", "the last value would be 0.09; write high: 0.09"),
    "unknown parameter": ("weight_decay:", "weight_decoy:", "15:3", "unknown parameter 'weight_decoy'; did you mean 'weight_decay'?"),
    "trainer's limit": ("high: 0.2", "high: 1.2", "16:34", "space.warmup_ratio.high must be < 1, but got 1.2"),
    "trainer's type": ("[8, 16, 32, 64]", "[8, 16.5]", "14:34", "space.effective_batch.choices[1]: expected a whole number, but got 16.5"),
    "unknown schedule": ("weight_decay: {low: 0.0, high: 0.1}", "schedule: {choices: [cosine, liner]}", "15:32", "unknown schedule 'liner'; did you mean 'linear'?"),
    "unknown optimizer": ("seed: 42", "optimizer: adamv", "2:12", "unknown optimizer 'adamv'; did you mean 'adamw'?"),
    "unknown method": ("method: lora ", "method: lroa ", "10:9", "unknown method 'lroa'; did you mean 'lora'?"),
    "unknown fixed": ("seed: 42", "fixed: {schdule: cosine}", "2:9", "unknown parameter 'schdule'; did you mean 'schedule'?"),
    "fixed out of limits": ("seed: 42", "beta1: 1.0", "2:8", "beta1 must be < 1, but got 1"),
    "fixed and searched": ("seed: 42", "weight_decay: 0.0", "2:1", "weight_decay is both fixed and in the space; keep one"),
    "fixed twice": ("seed: 42", "fixed: {method: full}", "10:1", "method is given at the top level and under fixed; keep one"),
    "no learning rate": ("learning_rate: {low: 1e-6, high: 1e-1, log: true}", "beta1: {low: 0.8, high: 0.95}", "12:1", "learning_rate is required"),
    # expressions
    "condition on an unknown": ("when: 'method ==", "when: 'metod ==", "17:46", "space.lora_rank.when: 'metod' is not a parameter; did you mean 'method'?"),
    "constraint on an unknown": ("and learning_rate > 3e-3", "and learning_rte > 3e-3", "19:13", "constraints[0].forbid: 'learning_rte' is not a parameter; did you mean 'learning_rate'?"),
    "condition on itself": ("when: 'method == \"lora\"'", "when: 'lora_rank > 4'", "17:46", "depends on itself: lora_rank -> lora_rank"),
    "circle": ("weight_decay: {low: 0.0, high: 0.1}\n  warmup_ratio: {low: 0.0, high: 0.2}", "weight_decay: {derive: warmup_ratio}\n  warmup_ratio: {derive: weight_decay / 2}", "15:26", "depends on itself: weight_decay -> warmup_ratio -> weight_decay"),
    "not an expression": ("'effective_batch > 32 and", "'effective_batch > and", "19:32", "constraints[0].forbid: not an expression"),
    "call": ("'effective_batch > 32 and", "'exit() and", "19:13", "only these functions can be called"),
    "attribute": ("'effective_batch > 32 and", "'method.__class__ and", "19:13", "Attribute is not allowed"),
    "order of texts": ("'effective_batch > 32 and", "'method > 32 and", "19:13", "'lora' and 32 have no order"),
    "forbids everything": ("'effective_batch > 32 and learning_rate > 3e-3'", "'learning_rate > 0'", "19:3", "the constraints forbid all of 1000 draws; relax one of: learning_rate > 0"),
    # names, paths, models
    "name that climbs": ("study: fraud-desk", "study: ../../etc/cron.d/x", "1:8", "study must look like"),
    "name with dots": ("study: fraud-desk", "study: a..b", "1:8", "'..' is not allowed in a name"),
    "name with a slash": ("study: fraud-desk", "study: a/b", "1:8", "study must look like"),
    "name with a newline": ("study: fraud-desk", 'study: "a\\nb"', "1:8", "but got 'a\\nb'"),
    "name too long": ("study: fraud-desk", "study: " + "x" * 65, "1:8", "study must look like"),
    "name with a colon": ("study: fraud-desk", "study: 'a:b'", "1:8", "study must look like"),
    "right-to-left name": ("study: fraud-desk", 'study: "a\\u202Eb"', "1:8", "a\\u202eb"),
    "no such data": ("data/samples/fraud_desk.jsonl", "data/nope.jsonl", "6:20", "data.sources[0].path: no such file or folder: 'data/nope.jsonl' (seen from"),
    "a mistyped data file": ("data/samples/fraud_desk.jsonl", "data/samples/frod_desk.jsonl", "6:20", "; did you mean 'fraud_desk.jsonl'?"),
    "no such glob": ("data/samples/fraud_desk.jsonl", "data/*.csv", "6:20", "no such file or folder: 'data/*.csv'"),
    "no such lexicon": ("data/samples/lexicon.csv", "lexicon.csv", "8:51", "no such file or folder: 'lexicon.csv'"),
    "no such translator": ("lexicon: {path: data/samples/lexicon.csv}", "back_translation: {engine: seq2seq, forward: {folder: en-zh}, backward: {hub: a/c, revision: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}}", "8:89", "no such file or folder: 'en-zh'"),
    "half a translator": ("lexicon: {path: data/samples/lexicon.csv}", "back_translation: {engine: seq2seq}", "8:53", "needs forward and backward"),
    "unpinned translator": ("lexicon: {path: data/samples/lexicon.csv}", "back_translation: {engine: seq2seq, forward: {hub: a/b}, backward: {hub: a/c, revision: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}}", "8:80", "needs its revision"),
    "no place of data": ("path: data/samples/fraud_desk.jsonl, ", "", "6:13", "data.sources[0]: a source needs exactly one of path and hub"),
    "no data": ("data:\n  kind: instruction\n  sources: [{path: data/samples/fraud_desk.jsonl, weight: 1.0}]\n  split: {validation: 0.1, test: 0.1, group: customer}\n  augment: {operators: [synonym, {lexicon: {path: data/samples/lexicon.csv}}], copies: 1}\n", "", "1:1", "data is required"),
    "unknown operator": ("[synonym,", "[synonim,", "8:25", "data.augment.operators[0]: unknown operator 'synonim'; did you mean 'synonym'?"),
    "operator without its file": ("{lexicon: {path: data/samples/lexicon.csv}}", "lexicon", "8:13", "data.augment.operators[1].path is required"),
    "operator's settings": ("[synonym,", "[{synonym: {rate: 2}},", "8:42", "data.augment.operators[0].synonym.rate must be <= 1, but got 2"),
    "nothing left to train": ("{validation: 0.1, test: 0.1, group: customer}", "{validation: 0.49, test: 0.49}", "7:10", "leave at least 0.1 to train on"),
    "unknown preset": ("tiny-deepseek-v3}", "tiny-deepseek-v4}", "3:17", "unknown preset 'tiny-deepseek-v4'; did you mean 'tiny-deepseek-v3'?"),
    "two models": ("{config: tiny-deepseek-v3}", "{config: tiny-llama, hub: a/b}", "3:1", "exactly one of config, folder, hub, but got config and hub"),
    "no model": ("{config: tiny-deepseek-v3}", "{}", "3:1", "exactly one of config, folder, hub, but got none of them"),
    "no such model": ("{config: tiny-deepseek-v3}", "{folder: models/base}", "3:17", "model.folder: no such file or folder: 'models/base'"),
    "pickle": ("{config: tiny-deepseek-v3}", "{folder: model.ckpt}", "3:17", "'model.ckpt' is a pickle checkpoint, which could run code and is refused"),
    "pickle of a hub": ("{config: tiny-deepseek-v3}", "{hub: a/pytorch_model.bin}", "3:14", "is a pickle checkpoint"),
    "hub without revision": ("{config: tiny-deepseek-v3}", "{hub: deepseek-ai/deepseek-llm-7b-base}", "3:14", "pinned by `revision`, a commit of 40 hex digits, but got nothing"),
    "hub at a branch": ("{config: tiny-deepseek-v3}", "{hub: deepseek-ai/deepseek-llm-7b-base, revision: main}", "3:58", "40 hex digits, but got 'main'"),
    "not a hub id": ("{config: tiny-deepseek-v3}", "{hub: 'https://x.org/a'}", "3:14", "expected a hub id such as"),
    "model code of others": ("{config: tiny-deepseek-v3}", "{config: tiny-llama, trust_remote_code: true}", "3:29", "unknown key 'model.trust_remote_code'"),
    # objective, stages, budget
    "unknown metric": ("metric: validation_loss", "metric: acuracy", "11:21", "unknown metric 'acuracy'; did you mean 'accuracy'? (known: loss"),
    "wrong direction": ("direction: minimize", "direction: maximize", "11:49", "loss is better when smaller; write minimize"),
    "metric of another kind": ("validation_loss, direction: minimize", "macro_f1", "11:21", "kind instruction has no macro_f1 (it has: loss"),
    "unknown search": ("search: random", "search: randm", "22:20", "stages.coarse.search: unknown search 'randm'; did you mean 'random'?"),
    "search's settings": ("search: tpe", "search: {tpe: {candidats: 3}}", "23:25", "unknown key 'stages.fine.search.tpe.candidats'; did you mean 'candidates'?"),
    "two searches": ("search: tpe", "search: {tpe: {}, random: {}}", "23:18", "expected one `name: {settings}`, but got 2 names"),
    "grid without end": ("search: random", "search: {grid: {points: 100}}", "22:20", "at most 100000 combinations"),
    "ramp upside down": ("{steps: 120}", "{low: 1.0, high: 1e-6}", "21:13", "`low < high` must hold, but got low=1, high=1e-06"),
    "one seed": ("seeds: auto", "seeds: 1", "24:28", "must be >= 2"),
    "misspelt auto": ("seeds: auto", "seeds: atuo", "24:28", "expected a whole number or 'auto' (did you mean 'auto'?), but got 'atuo'"),
    "unknown stage weight": ("confirm: {top: 3, seeds: auto}", "weights: {corse: 1.0}", "24:13", "unknown stage 'corse'; did you mean 'coarse'?"),
    "no stage weighs": ("confirm: {top: 3, seeds: auto}", "weights: {lr_range: 0, coarse: 0, fine: 0, confirm: 0}", "24:12", "stages.weights are all 0; give at least one stage a share"),
    "negative weight": ("confirm: {top: 3, seeds: auto}", "weights: {fine: -1}", "24:19", "stages.weights.fine must be >= 0, but got -1"),
    "budget under one trial": ("device_hours: 8", "tokens: 39k", "25:41", "budget.tokens: 39000 is less than one full run (train.tokens: 40000)"),
    "wall time far under one run": ("'04:00:00'", "'0.2s'", "25:21", "budget.wall_time: 0.2 s is far less than one full run, estimated at 4 s; raise it, or make the run shorter"),
    "device hours far under one run": ("device_hours: 8", "device_hours: 1e-5", "25:47", "budget.device_hours: 1e-05 h is far less than one full run, estimated at 4 s"),
    "money far under one run": ("money: 20.0", "money: 0.0001", "25:57", "budget.money: 0.0001 at 2.5 an hour is far less than one full run"),
    "epochs without a step": ("tokens: 40k", "epochs: 0.0001", "9:17", "train.epochs: 0.0001 gives 0 optimizer steps: the files hold about 16 training rows, one batch is 64"),
    "deadline in the past": ("device_hours: 8", "deadline: 2030-01-15T21:59+00:00", "25:43", "is in the past"),
    "not a deadline": ("device_hours: 8", "deadline: tomorrow", "25:43", "expected '06:00' or a date and time such as '2030-01-16T06:00', but got 'tomorrow'"),
    "half a price": (", price_per_device_hour: 2.5", "", "25:57", "budget.money needs budget.price_per_device_hour"),
    "folder with a NUL": ("workers: auto", 'folder: "a\\0b"', "26:15", "run.folder: expected the path of a folder, but got 'a\\x00b'"),
    "folder that is a file": ("workers: auto", "folder: study.yaml/runs", "26:15", "is a file; give a folder for the runs"),
    "no CUDA": ("device: auto", "device: cuda", "26:30", "run.device: cuda, but no CUDA device is found on this machine; write auto or cpu"),
    "no workers": ("workers: auto", "workers: 0", "26:16", "run.workers must be >= 1"),
    "tokens and epochs": ("tokens: 40k", "tokens: 40k, epochs: 2", "9:22", "give tokens or epochs, but got both"),
    "no optimizer step": ("tokens: 40k", "tokens: 63", "9:17", "63 gives 0 optimizer steps: one batch is 64 rows (space.effective_batch)"),
    # what could hurt
    "tag": ("seed: 42", "seed: !!python/object/apply:os.system [echo pwned]", "2:7", "tag 'tag:yaml.org,2002:python/object/apply:os.system' not allowed"),
    "harmless tag": ("seed: 42", "seed: !!int 42", "2:7", "tag 'tag:yaml.org,2002:int' not allowed"),
    "anchor": ("seed: 42", "seed: &s 42", "2:7", "anchor &s not allowed"),
    "alias": ("seed: 42", "seed: *s", "2:7", "alias *s not allowed"),
    "secret": ("seed: 42", "fixed: {method: hf_abcdefghijklmnopqrstuvwxyzABCD}", "2:17", "looks like a secret ('hf_***')"),
    "password": ("workers: auto", "folder: 'postgres://u:pa55word@db/x'", "26:15", "looks like a secret"),
}  # fmt: skip


@pytest.mark.parametrize("case", ONE_LINE)
def test_one_mistake(complain: Complain, case: str) -> None:
    old, new, place, words = ONE_LINE[case]
    problems = complain(replaced(old, new))
    ours = [problem for problem in problems if problem.startswith(f"study.yaml:{place}: ") and words in problem]
    assert ours, problems


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in ONE_LINE
        if case not in ("fixed twice", "no learning rate", "fixed and searched", "secret", "two models", "not a hub id")
    ],
)
def test_one_mistake_makes_one_message(complain: Complain, case: str) -> None:
    """No chain of further complaints behind the first."""
    old, new, *_ = ONE_LINE[case]
    assert len(complain(replaced(old, new))) == 1


@pytest.mark.parametrize(
    ("block", "domain", "message"),
    [
        (
            "{domain_share: 1.5}",
            "fraud_desk.jsonl",
            "3:116: model.continued_pretraining.domain_share must be <= 1, but got 1.5",
        ),
        (
            "{domain_share: 0}",
            "fraud_desk.jsonl",
            "3:116: model.continued_pretraining.domain_share must be > 0, but got 0",
        ),
        ("{}", "nowhere.txt", "5:19: data.domain[0].path: no such file or folder: 'data/samples/nowhere.txt'"),
    ],
)
def test_continued_pretraining(complain: Complain, block: str, domain: str, message: str) -> None:
    hub = f"{{hub: some/model, revision: {'a' * 40}, continued_pretraining: {block}}}"
    text = replaced("{config: tiny-deepseek-v3}", hub)
    (problem,) = complain(text.replace("kind: inst", f"domain: [{{path: data/samples/{domain}}}]\n  kind: inst"))
    assert problem.startswith(f"study.yaml:{message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "study.yaml: empty; `seektune init` writes a study file to start from"),
        ("# only\n\n# comments\n", "study.yaml: empty; "),
        ("---\n...\n", "study.yaml: empty; "),
        ("- study: x\n", "study.yaml:1:1: expected a mapping (`study: name`, `model: ...`), but got a list"),
        ("just words", "study.yaml:1:1: expected a mapping (`study: name`, `model: ...`), but got 'just words'"),
        ("study: x\nmodel:\n\tconfig: y\n", "study.yaml:3:1: tab not allowed in indentation; use spaces"),
        ("study: x\n  seed: 1\n", "study.yaml:2:7: not readable as YAML (mapping values are not allowed"),
        ("study: [x\n", "study.yaml:2:1: not readable as YAML ("),
        ("study: x\n---\nstudy: y\n", "study.yaml:2:1: a second document starts here"),
        ("study: x\n[a]: 1\n", "study.yaml:2:1: a key must be a plain word"),
        ("study: x\x07\n", "study.yaml: not readable as YAML ("),
        (b"study: caf\xe9\n", "study.yaml:1: not UTF-8 at byte 10 (0xe9); save the file as UTF-8"),
        ("study: x".encode("utf-16"), "study.yaml:1: not UTF-8 at byte 0 (0xff)"),
        (b"\x00\x01\x02" * 100, "study.yaml: not readable as YAML ("),
        ("x: " + "y" * 1_000_001, "study.yaml: more than 1,000,000 bytes"),
        ("x: " + "[" * 60 + "]" * 60, "study.yaml:1:53: more than 10,000 values or 50 levels"),
        ("x: [" + "1," * 20_000 + "]", "study.yaml:1:19999: more than 10,000 values or 50 levels"),
    ],
)
def test_not_a_study_at_all(complain: Complain, text: str | bytes, message: str) -> None:
    problems = complain(text)
    assert len(problems) == 1
    assert problems[0].startswith(message), problems


def test_a_deadline_too_near_for_one_run(complain: Complain) -> None:
    text = STUDY.replace("device_hours: 8", "deadline: 2030-01-15T22:01+00:00").replace("40k", "40M")
    (problem,) = complain(text)
    assert problem.startswith(
        "study.yaml:25:43: budget.deadline: '2030-01-15T22:01+00:00' is 60 s away; that is far less"
    )
    assert "estimated at 3,573 s" in problem


def test_an_estimate_refuses_only_what_is_far_too_little(folder: Path) -> None:
    """40k tokens are estimated at 4 seconds; what is not known is not refused."""
    (folder / "study.yaml").write_text(replaced("'04:00:00'", "'0.5s'"))
    assert load_study("study.yaml", NOW).budget.wall_time == 0.5
    hub = f"{{hub: a/b, revision: {'ab' * 20}}}"
    (folder / "study.yaml").write_text(replaced("'04:00:00'", "'0.01s'").replace("{config: tiny-deepseek-v3}", hub))
    assert load_study("study.yaml", NOW).budget.wall_time == 0.01


def test_alias_bomb(complain: Complain) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    started = time.process_time()
    problems = complain("\n".join(lines))
    assert time.process_time() - started < 2
    assert any("alias *a not allowed" in problem for problem in problems)


def test_python_code_in_a_tag_does_not_run(complain: Complain, folder: Path) -> None:
    for tag in ("!!python/object/apply:os.system", "!!python/object/new:os.system", "!!python/name:os.system"):
        complain(replaced("seed: 42", f"seed: {tag} ['touch pwned']"))
    assert not (folder / "pwned").exists()


def test_missing_parts(complain: Complain) -> None:
    problems = complain("seed: 1\n")
    assert [problem for problem in problems if "study is required (Name of the study" in problem]
    assert [problem for problem in problems if "model is required" in problem]
    assert [problem for problem in problems if "space is required" in problem]
    assert [problem for problem in problems if "data is required" in problem]
    assert complain(replaced("  kind: instruction\n", "")) == [
        "study.yaml:4:1: data.kind is required (What a row is: text, instruction, chat, classification, tagging, "
        "summary); add `kind: ...`"
    ]


def test_a_misspelt_required_key_is_one_problem(complain: Complain) -> None:
    assert complain(replaced("kind: instruction", "knd: instruction")) == [
        "study.yaml:5:3: unknown key 'data.knd'; did you mean 'kind'?"
    ]


def test_text_blocks_make_the_batch_known(complain: Complain) -> None:
    text = replaced("kind: instruction", "kind: text\n  max_length: 1024").replace("group: customer", "")
    text = text.replace("operators: [synonym, {lexicon: {path: data/samples/lexicon.csv}}]", "operators: []")
    problems = complain(text.replace("40k", "60k"))
    assert "60000 gives 0 optimizer steps" in problems[0]
    assert "1024 tokens (blocks of data.max_length)" in problems[0]


def test_a_repeated_key_names_both_places(complain: Complain) -> None:
    problems = complain(STUDY + "seed: 43\n")
    assert problems == ["study.yaml:27:1: key 'seed' is given twice (first at line 2); keep one"]
    problems = complain(replaced("low: 1e-6,", "low: 1e-6, low: 1e-5,"))
    assert problems == ["study.yaml:13:30: key 'space.learning_rate.low' is given twice (first at line 13); keep one"]


def test_augmentation_of_a_kind_that_has_no_inputs(complain: Complain) -> None:
    problems = complain(replaced("kind: instruction", "kind: text"))
    assert [problem.split(" ")[0] for problem in problems] == ["study.yaml:8:25:", "study.yaml:8:34:"]
    assert all("augmentation edits inputs only, and a row of kind text has none" in problem for problem in problems)


def test_an_operator_that_is_not_for_tagged_rows(complain: Complain) -> None:
    text = replaced("kind: instruction", "kind: tagging").replace("[synonym,", "[synonym, deletion,")
    said = [problem for problem in complain(text) if "operators" in problem]
    assert len(said) == 1 and said[0].startswith("study.yaml:8:34: data.augment.operators[1]: deletion would change")


def test_a_missing_engine_is_told_before_anything_runs(complain: Complain, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("folders", "own_folders"):
        monkeypatch.setattr(nltk_data, name, list)
    problems = complain(replaced("[synonym,", "[synonym, insertion: {rate: 0.2},"))
    assert [problem.split(" ")[0] for problem in problems] == ["study.yaml:8:25:", "study.yaml:8:34:"]
    assert all(
        "WordNet: not found" in problem and "python -m seektune.text.augmentation.wordnet" in problem
        for problem in problems
    )


def test_limits_of_the_filter(complain: Complain) -> None:
    problems = complain(replaced("copies: 1}", "filter: {length_ratio: [1.2, 1.5]}}"))
    assert len(problems) == 1 and problems[0].startswith("study.yaml:8:")
    assert "`0 <= least <= 1 <= most` must hold for length_ratio" in problems[0]


def test_all_problems_of_a_file_in_its_order(complain: Complain) -> None:
    text = STUDY
    chosen = [
        "misspelt key", "hub at a branch", "no such data", "operator's settings", "misspelt word", "unknown method",
        "wrong direction", "low over high", "trainer's limit", "condition on an unknown", "constraint on an unknown",
        "unknown search", "search's settings", "one seed", "half a price", "no workers",
    ]  # fmt: skip
    for case in chosen:
        old, new, *_ = ONE_LINE[case]
        text = text.replace(old, new)
    problems = complain(text)
    for case in chosen:
        assert any(ONE_LINE[case][3] in problem for problem in problems), case
    assert len(problems) == len(chosen)
    lines = [int(problem.split(":")[1]) for problem in problems]
    assert lines == sorted(lines)


def test_values_are_short_printable_and_no_secrets(complain: Complain) -> None:
    secret = "hf_" + "aB3" * 12
    for text in (
        replaced("top: 3", "top: '" + "9" * 5000 + "'"),
        replaced("40k", "'" + "9" * 5000 + "k'"),
        replaced("top: 3", 'top: "a\\u0007\\e[31m\\u2028b"'),
        replaced("'04:00:00'", secret),
        replaced("40k", f"'{secret}'"),
        replaced("learning_rate > 3e-3'", f'method == "{secret}"' + "'"),
        replaced("seed: 42", f"{secret}: 1"),
        replaced("data/samples/fraud_desk.jsonl", f"/{secret}"),
        replaced("trials: 24", f"trials: {secret}"),
        replaced("kind: instruction", f"kind: {secret}"),
        replaced("search: random", f"search: {{{secret}: {{}}}}"),
    ):
        for problem in complain(text):
            assert secret[6:] not in problem
            assert problem.isprintable()
            assert len(problem) < 700
            assert all(len(quoted) <= 82 for quoted in re.findall(r"got '([^']*)'", problem))


@pytest.mark.parametrize(
    ("path", "words"), [("nowhere.yaml", "does not exist"), (".", "is a folder"), ("\0", "cannot be read")]
)
def test_no_file(folder: Path, path: str, words: str) -> None:
    with pytest.raises(StudyFileError, match=words):
        load_study(path, NOW)


def test_a_pickle_beside_nothing_else(complain: Complain, folder: Path) -> None:
    model = folder / "base"
    model.mkdir()
    (model / "config.json").write_text("{}")
    (model / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    problems = complain(replaced("{config: tiny-deepseek-v3}", "{folder: base}"))
    assert "only a pickle checkpoint (pytorch_model.bin)" in problems[0]


def test_settings_of_the_simulated_trainer(complain: Complain) -> None:
    problems = complain(replaced("{config: tiny-deepseek-v3}", "{simulated: {nois: 0.1}}"))
    assert problems == ["study.yaml:3:21: unknown key 'model.simulated.nois'; did you mean 'noise'?"]
