"""How does a customer say a case? One message from one case, with slips of the keyboard."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from benchmarks.fraud_desk.desk import AMOUNTS, Case
from benchmarks.fraud_desk.jargon import JARGON
from benchmarks.fraud_desk.phrases import (
    AMOUNT,
    CARD,
    CHANNEL,
    CHINESE_SLIPS,
    CLOSING,
    CORE,
    DIGITS,
    GREETING,
    HISTORY,
    MONEY,
    NAME_HALVES,
    NO_AMOUNT,
    SHOPS,
    TENS,
    UNITS,
)

IN_WORDS = 0.7
"""Share of sums in words; figures are the harder part."""
SIDES = ("train",) * 8 + ("validation", "test")


@dataclass(frozen=True, slots=True)
class Customer:
    """An invented person. All of a person's messages lie on one side of the split."""

    name: str
    language: str
    card: str
    side: str


def customers(language: str, rng: Random) -> list[Customer]:
    firsts, seconds = NAME_HALVES[language]
    names = [f"{a} {b}" if language == "en" else a + b for a in firsts for b in seconds]
    cards = [str(rng.randrange(1000, 10_000)) for _ in names]
    return [Customer(name, language, cards[i], SIDES[i % 10]) for i, name in enumerate(names)]


def shops(template: int, language: str, side: str) -> list[str]:
    """Shops that this template may name on this side: no pair of template and shop is seen on two sides."""
    return [shop for i, shop in enumerate(SHOPS[language]) if SIDES[(i + template) % 10] == side]


def amount(bucket: str, language: str, rng: Random) -> str:
    """The sentence on the sum, mostly in words: "Sum forty pounds.", "About 3400 euros.", "涉及四百元。"."""
    if bucket == "none":
        return rng.choice(NO_AMOUNT[language])
    digit = rng.randrange(9)
    if rng.random() < IN_WORDS:
        figure = (TENS if bucket == "tens" else DIGITS)[language][digit] + UNITS[language][bucket]
    else:
        figure = f"{digit + 1}{rng.randrange(10)}" + "0" * (AMOUNTS.index(bucket) - 1)
    return rng.choice(AMOUNT[language]).format(a=rng.choice(MONEY[language]).format(figure))


def slip(message: str, language: str, rng: Random) -> str:
    """One typing slip; figures and short words are left alone. May return the message unchanged."""
    if language == "zh":
        found = [word for word in CHINESE_SLIPS if word in message]
        word = rng.choice(found) if found else ""
        return message.replace(word, CHINESE_SLIPS[word], 1) if word else message
    words = message.split(" ")
    places = [i for i, word in enumerate(words) if len(word) >= 5 and word.isalpha() and word.islower()]
    if not places:
        return message
    place = rng.choice(places)
    word, cut = words[place], rng.randrange(1, len(words[place]) - 2)
    words[place] = rng.choice(
        (
            word[:cut] + word[cut + 1 :],
            word[:cut] + word[cut] + word[cut:],
            word[:cut] + word[cut + 1] + word[cut] + word[cut + 2 :],
        )
    )
    return " ".join(words)


def message(case: Case, customer: Customer, core: int, template: int, rng: Random) -> tuple[str, str]:
    """(text, shop): the core phrase, then amount, channel and history in any order."""
    language, side = customer.language, customer.side
    shop = rng.choice(shops(template, language, side))
    lead = CORE[case.intent][language][core].format(j=rng.choice(JARGON[case.intent][language]), m=shop)
    facts = [
        amount(case.amount, language, rng),
        rng.choice(CHANNEL[case.channel][language]),
        rng.choice(HISTORY[case.history][language]).format(p=rng.choice(JARGON["passcode"][language])),
    ]
    if rng.random() < 0.15:
        facts.append(rng.choice(CARD[language]).format(c=customer.card))
    rng.shuffle(facts)
    parts = [rng.choice(GREETING[language]), lead[0].upper() + lead[1:], *facts, rng.choice(CLOSING[language])]
    text = (" " if language == "en" else "").join(part for part in parts if part)
    for _ in range(2):
        if rng.random() < 0.1:
            text = slip(text, language, rng)
    return text, shop
