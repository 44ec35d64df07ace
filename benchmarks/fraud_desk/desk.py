"""What should the desk answer? The rules behind every sample row, and how much of an answer is chance.

A case is four facts that stand in the message: intent, amount, channel, history. Fields by rising difficulty: `intent`
from jargon and phrases, `amount` from a number, `risk` from a sum over amount, channel and history, `next` from intent
and risk with exceptions. Two places are left to the officer's judgement, at known odds; their entropy is the
irreducible loss, in nats per row: no model reads it from the text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

INTENTS = (
    "cnp",
    "stolen",
    "skimming",
    "takeover",
    "phishing",
    "scam",
    "dispute",
    "decline",
)
AMOUNTS = ("none", "tens", "hundreds", "thousands")
CHANNELS = {"shop": 0, "web": 1, "phone": 1, "abroad": 2}
HISTORIES = {"unstated": 0, "loyal": -1, "repeat": 1, "code_given": 2}
RISKS = ("low", "medium", "high")
FIELDS = ("intent", "amount", "risk", "next")
JUDGEMENT = 0.8  # odds of the usual choice where the officer decides

# next step at low, medium and high risk
STEPS = {
    "cnp": ("dispute", "block", "block"),
    "stolen": ("block", "block", "block"),
    "skimming": ("form", "block", "block"),
    "takeover": ("call", "freeze", "freeze"),
    "phishing": ("close", "call", "freeze"),
    "scam": ("call", "recall", "recall"),
    "dispute": ("form", "dispute", "dispute"),
    "decline": ("unblock", "unblock", "call"),
}
VALUES = {
    "intent": INTENTS,
    "amount": AMOUNTS,
    "risk": RISKS,
    "next": tuple(sorted({step for steps in STEPS.values() for step in steps})),
}


@dataclass(frozen=True, slots=True)
class Case:
    """The facts that the message states."""

    intent: str
    amount: str
    channel: str
    history: str


CASES = tuple(Case(*facts) for facts in product(INTENTS, AMOUNTS, CHANNELS, HISTORIES))


def risks(case: Case) -> dict[str, float]:
    """Odds of each risk: points over amount, channel and history; at 3 points the officer decides."""
    points = AMOUNTS.index(case.amount) + CHANNELS[case.channel] + HISTORIES[case.history]
    if points == 3:
        return {"medium": JUDGEMENT, "high": 1 - JUDGEMENT}
    return {"low" if points <= 1 else "medium" if points <= 3 else "high": 1.0}


def steps(case: Case, risk: str) -> dict[str, float]:
    """Odds of each next step, exceptions first."""
    if case.history == "code_given" and risk == "high":
        return {"freeze": 1.0}  # a code is out: the account, not only the card
    if case.intent == "dispute" and case.amount == "thousands":
        return {"call": 1.0}  # large disputes are talked through
    usual = STEPS[case.intent][RISKS.index(risk)]
    if risk == "medium" and case.history == "repeat" and usual != "call":
        return {usual: JUDGEMENT, "call": 1 - JUDGEMENT}
    return {usual: 1.0}


def answers(case: Case) -> dict[tuple[str, ...], float]:
    """Odds of each whole answer, as values in the order of FIELDS."""
    return {
        (case.intent, case.amount, risk, step): first * second
        for risk, first in risks(case).items()
        for step, second in steps(case, risk).items()
    }


def entropy(case: Case) -> float:
    """Nats in the answer once the case is known."""
    return -sum(odds * math.log(odds) for odds in answers(case).values())


def write(values: tuple[str, ...]) -> str:
    """The answer as the desk writes it, in English for both languages."""
    return "; ".join(f"{field}={value}" for field, value in zip(FIELDS, values, strict=True))
