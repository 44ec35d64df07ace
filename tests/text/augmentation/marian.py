"""Two small MarianMT models, English to Chinese and back, trained from nothing on everyday sentences of Tatoeba.

Kept in the cache by the content of this file and of the pairs: the first run takes about a minute of one core.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from seektune.text.stored import stored

CACHE = Path(__file__).parents[3] / "data/cache/tests/marian"
WORDS = 150
LONGEST = 6
VOCABULARY = 800
EPOCHS = 25


@dataclass(frozen=True, slots=True)
class Marian:
    """Folders of both models, the pairs that they learned from, and pairs that they never saw."""

    forward: Path
    backward: Path
    learned: list[tuple[str, str]]
    unseen: list[tuple[str, str]]


def everyday(file: Path) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Short pairs of frequent words, one Chinese sentence per English one; each tenth is never learned from."""
    pairs: dict[str, str] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        english, chinese, _ = line.split("\t")
        pairs.setdefault(english, chinese)
    words = {english: re.findall(r"[a-z']+", english.lower()) for english in pairs}
    counts = Counter(word for found in words.values() for word in found)
    frequent = {word for word, _ in counts.most_common(WORDS)}
    chosen = [
        (english, pairs[english])
        for english, found in words.items()
        if 3 <= len(found) <= LONGEST and frequent.issuperset(found) and english.isascii()
    ]
    return [pair for i, pair in enumerate(chosen) if i % 10], chosen[::10]


def trained(file: Path) -> Marian:
    """The models of the cache, made where they are missing."""
    key = hashlib.sha256(Path(__file__).read_bytes() + file.read_bytes()).hexdigest()[:16]
    learned, unseen = everyday(file)
    folder = stored(CACHE / key, lambda partial: _train_both(partial, learned))
    return Marian(folder / "en-zh", folder / "zh-en", learned, unseen)


def _train_both(folder: Path, pairs: list[tuple[str, str]]) -> None:
    import sentencepiece

    text = folder / "text.txt"
    text.write_text("\n".join(sentence for pair in pairs for sentence in pair), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_prefix=str(folder / "pieces"),
        vocab_size=VOCABULARY,
        character_coverage=1.0,
        hard_vocab_limit=False,
        minloglevel=2,
        num_threads=1,
    )
    _train(folder / "en-zh", folder / "pieces.model", pairs)
    _train(folder / "zh-en", folder / "pieces.model", [(chinese, english) for english, chinese in pairs])


def _train(folder: Path, pieces: Path, pairs: list[tuple[str, str]]) -> None:
    """Teacher forcing with Adam, batches of like lengths."""
    import sentencepiece
    import torch
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer

    folder.mkdir()
    processor = sentencepiece.SentencePieceProcessor(model_file=str(pieces))
    names = ["<pad>", "</s>", "<unk>"]
    names += [piece for i in range(len(processor)) if (piece := processor.id_to_piece(i)) not in (*names, "<s>")]
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({name: i for i, name in enumerate(names)}, ensure_ascii=False), encoding="utf-8")
    tokenizer = MarianTokenizer(str(pieces), str(pieces), str(vocabulary))
    torch.manual_seed(0)
    model = MarianMTModel(
        MarianConfig(
            vocab_size=len(names),
            d_model=128,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            encoder_ffn_dim=512,
            decoder_ffn_dim=512,
            max_position_embeddings=128,
            init_std=0.08,  # with the usual 0.02 so narrow a model never learns to look at its source
            activation_function="swish",
            scale_embedding=True,
            pad_token_id=0,
            eos_token_id=1,
            decoder_start_token_id=0,
            forced_eos_token_id=None,
        )
    )
    sources = [tokenizer(source)["input_ids"] for source, _ in pairs]
    targets = [tokenizer(text_target=target)["input_ids"] for _, target in pairs]
    order = sorted(range(len(pairs)), key=lambda i: (len(targets[i]), len(sources[i])))
    batches = [order[start : start + 16] for start in range(0, len(order), 16)]
    steps = EPOCHS * len(batches)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=steps, pct_start=0.1)
    shuffle = random.Random(0)
    for _ in range(EPOCHS):
        shuffle.shuffle(batches)
        for batch in batches:
            given = tokenizer.pad({"input_ids": [sources[i] for i in batch]}, return_tensors="pt")
            labels = torch.nn.utils.rnn.pad_sequence(
                [torch.tensor(targets[i]) for i in batch], batch_first=True, padding_value=-100
            )
            loss = model(**given, labels=labels).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
