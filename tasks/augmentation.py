"""Stage: does augmentation help? The sentence first, then the interval, then with and without."""

from __future__ import annotations

from seektune.ledger.results import AugmentationResult
from seektune.report import plots
from seektune.report.safe import markdown as escape
from seektune.report.sections.augmentation import NAMES, differences, words
from seektune.trial import Json
from tasks import pages
from tasks.holding import hold
from tasks.watched import WatchedRun


@hold("augmentation", retries=1)
def augmentation(run: WatchedRun) -> tuple[Json, str]:
    """The leading configuration with and without augmented rows, learning rate retuned, fresh paired seeds."""
    result = run.run("augmentation")
    found = AugmentationResult.model_validate(result)
    run.show("augmentation", page(found, run.study.objective.metric), found.sentence)
    return result, found.sentence


def page(result: AugmentationResult, metric: str) -> str:
    picture = ""
    if result.interval is not None:
        drawn = plots.intervals(differences(result, result.interval), result.minimum_effect, words(metric))
        picture = pages.picture(drawn, result.sentence)
    arms = {"augmented": result.augmented, "original": result.original}
    return pages.page(
        [
            f"# Augmentation: {result.effect}",
            escape(result.sentence),
            picture,
            pages.table(
                [
                    {"": NAMES[name], **pages.scores(one, metric), "learning rate": one.params["learning_rate"]}
                    for name, one in arms.items()
                    if one is not None
                ]
            ),
        ]
    )
