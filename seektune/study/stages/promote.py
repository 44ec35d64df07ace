"""Stage: does the confirmed winner become the champion?

Only when confirm called it better on the locked test split, and the lower bound at the level of one look in twenty
clears zero too. A champion that already stands is not replaced by a winner that was compared with the default only:
then it stays, and the reason is written down.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from seektune.ledger.champion import crown, current
from seektune.ledger.results import ConfirmResult, PromoteResult
from seektune.study.context import Context
from seektune.study.stage import Round
from seektune.trial import Json, Result, fingerprint


def promote(context: Context) -> Generator[Round, tuple[Result, ...], Json]:
    """PromoteResult."""
    found = ConfirmResult.model_validate(context.upstream["confirm"])
    root = context.champions / context.study.study
    standing = current(root)
    version = fingerprint({**context.upstream["confirm"], "model": None})[:12]  # what was found, wherever it lies

    def answer(promoted: bool, reason: str, folder: Path | None) -> Json:
        return PromoteResult(promoted=promoted, reason=reason, champion=str(folder) if folder else None).model_dump()

    stands = standing.folder if standing else None
    if found.verdict != "better" or found.test is None or found.model is None:
        return answer(False, f"nothing to promote: {found.sentence}", stands)
    if found.test.low_per_look <= 0:
        return answer(
            False,
            f"the lead is real at the {found.test.level:.0%} interval, but its lower bound at the level of one look in "
            f"twenty is {found.test.low_per_look:+.4g}: more seeds or more test rows would decide",
            stands,
        )
    if standing is not None and standing.folder.name != version:
        return answer(False, "a champion stands already, and this winner was compared with the default only", stands)
    about = {
        "study": context.study.study,
        "params": dict(found.challenger.params),
        "sentence": found.sentence,
        "test": found.test.model_dump(mode="json"),
        "test_scores": dict(found.test_scores),
        "data_fingerprint": context.prepared.data_fingerprint,
        "base": context.prepared.base,
    }
    champion = crown(root, Path(found.model), about, version)
    return answer(True, found.sentence, champion.folder)
    yield  # a stage is a generator of rounds; this one trains nothing
