"""Two real MarianMT models, small ones, trained here on real pairs: there and back, batched, sampled, in the pipeline."""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from seektune.errors import DataError
from seektune.text.augmentation.back_translation import BackTranslation
from seektune.text.augmentation.options import BackTranslationOptions
from seektune.text.rows import RowSet
from tests.text.augmentation.marian import Marian, trained
from tests.text.augmentation.test_back_translation import check_children, draft, mean_shared
from tests.text.conftest import SHARED

PAIRS = SHARED / "par_en_zh_tatoeba/cmn.txt"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200), pytest.mark.xdist_group("marian")]


@pytest.fixture(scope="module")
def marian() -> Marian:
    if not PAIRS.is_file():
        pytest.skip(f"no sentence pairs at {PAIRS}")
    return trained(PAIRS)


def settings(marian: Marian, **other: object) -> dict[str, object]:
    forward, backward = {"folder": str(marian.forward)}, {"folder": str(marian.backward)}
    return {"engine": "seq2seq", "forward": forward, "backward": backward} | other


def operator(marian: Marian, **other: object) -> BackTranslation:
    return BackTranslation(BackTranslationOptions.model_validate(settings(marian, **other)))


@pytest.mark.real
def test_round_trips_keep_the_words_of_learned_sentences_and_some_of_unseen_ones(marian: Marian) -> None:
    one = operator(marian)
    for pairs, least in ((marian.learned[::5], 0.8), (marian.unseen, 0.35)):  # measured: 0.96 and 0.51; by chance 0.1
        english = [source for source, _ in pairs]
        there, back = zip(*one.translations(english), strict=True)
        kept, chance = mean_shared(back, english), mean_shared(back, english[1:] + english[:1])
        assert kept >= least
        assert kept >= 2 * chance
        assert all(any("\u4e00" <= mark <= "\u9fff" for mark in text) for text in there)


@pytest.mark.real
def test_a_batch_is_the_same_one_by_one_greedy_and_sampled(marian: Marian) -> None:
    texts = [source for source, _ in marian.unseen[:24]] + ["I know. " * 30, "Zyx qqq?"]
    for temperature in (0.0, 1.0):
        one = operator(marian, temperature=temperature)
        together = one([draft(text, seed=i) for i, text in enumerate(texts)], 1.0)
        fresh = operator(marian, temperature=temperature)
        apart = [fresh([draft(text, seed=i)], 1.0)[0] for i, text in enumerate(texts)]
        assert together == apart


@pytest.mark.real
def test_sampled_copies_differ_by_seed_and_only_by_seed(marian: Marian) -> None:
    texts = [source for source, _ in marian.unseen]
    one = operator(marian, temperature=1.0)
    first, again, other = (one([draft(text, seed=seed) for text in texts], 1.0) for seed in (1, 1, 2))
    assert first == again
    assert sum(a != b for a, b in zip(first, other, strict=True)) > len(texts) / 2
    assert one.translations(texts) == operator(marian).translations(texts)  # the guard's are the likeliest ones


@pytest.mark.real
def test_chinese_rows_by_the_models_the_other_way_round(marian: Marian) -> None:
    turned = Marian(marian.backward, marian.forward, marian.learned, marian.unseen)
    one = operator(turned, languages=["zh"])
    chinese = [target for _, target in marian.learned[:40]]
    found = one.translations([*chinese, "An English row."])
    assert found[-1] == []
    assert all(there.isascii() for there, _ in found[:-1])
    characters = [" ".join(text) for text in chinese]
    assert mean_shared([" ".join(back) for _, back in found[:-1]], characters) > 0.6


@pytest.mark.real
def test_children_in_the_pipeline_and_a_second_call_from_the_cache(
    marian: Marian, prepare: Callable[..., RowSet], jsonl: Callable[..., Path]
) -> None:
    labelled = [{"text": text, "label": text.split()[0]} for text, _ in marian.learned[:200]]
    augment = {"operators": [{"back_translation": settings(marian, temperature=1.0)}], "copies": 2}
    rows = prepare("classification", jsonl(labelled), augment=augment)
    report = rows.report["augmentation"]["operators"]["back_translation"]
    assert report["asked"] == report["made"] + sum(report["rejected"].values())
    assert report["made"] >= 0.1 * report["asked"]
    check_children(rows, "back_translation")
    assert {row["copy"] for row in rows.rows("train")} == {0, 1}
    begun = time.monotonic()
    assert prepare("classification", jsonl(labelled), augment=augment).fingerprint == rows.fingerprint
    assert time.monotonic() - begun < 5  # no model is loaded again
    assert prepare("classification", jsonl(labelled), augment=augment, cache="b").fingerprint == rows.fingerprint


@pytest.mark.real
def test_the_process_leaves_with_the_operator_and_its_death_is_an_error(marian: Marian) -> None:
    before = {child.pid for child in psutil.Process().children()}
    one = operator(marian)
    assert {child.pid for child in psutil.Process().children()} == before  # nothing is loaded before the first text
    one.translations(["I know."])
    (child,) = [child for child in psutil.Process().children() if child.pid not in before]
    child.kill()
    with pytest.raises(DataError, match="its translator ended with exit code -9"):
        one.translations(["I see."])
    two = operator(marian)
    two.translations(["I know."])
    del one, two
    gc.collect()
    assert {child.pid for child in psutil.Process().children()} == before


@pytest.mark.real
def test_identity_follows_the_files(marian: Marian, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    copied = Marian(tmp_path / "there", tmp_path / "back", [], [])
    shutil.copytree(marian.forward, copied.forward)
    shutil.copytree(marian.backward, copied.backward)
    first = operator(copied).identity
    assert first == operator(marian).identity
    (copied.backward / "config.json").write_text((copied.backward / "config.json").read_text() + "\n")
    assert operator(copied).identity != first


@pytest.mark.real
def test_a_model_that_is_not_there_or_no_translator_is_an_error(marian: Marian, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no translation model is there"):
        operator(Marian(tmp_path / "none", marian.backward, [], []))
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(DataError, match="no translation model is there"):
        operator(Marian(tmp_path, marian.backward, [], []))
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(DataError, match="cannot translate .* must be encoder-decoder models"):
        operator(Marian(tmp_path, marian.backward, [], [])).translations(["I know."])


def test_the_class_is_loaded_without_torch() -> None:
    code = (
        "import sys; from seektune.text.augmentation.back_translation import BackTranslation; import seektune.text.augmentation.seq2seq; "
        "print('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
