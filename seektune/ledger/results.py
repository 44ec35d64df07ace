"""What each stage hands on: small, frozen, JSON. The next stage, the report and the Prefect artifacts read these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from seektune.trial import Scalar


class Handed(BaseModel):
    """A stage's result."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


FORGETTING_RATIO = 1.1
"""A general perplexity that rose by more than a tenth is told as forgetting."""


class ContinuedPretraining(Handed):
    """What a base learned of the domain and forgot of general text before tuning."""

    key: str
    """Of the adapted base in the cache: base, text and settings by content."""
    tokens: int
    """Trained on."""
    mix_tokens: int
    domain_share: float
    """Of the mix's tokens."""
    learning_rate: float
    before: Mapping[str, float]
    """Perplexity on held-out text: "domain", and "general" where the study has general text."""
    after: Mapping[str, float]
    notes: list[str] = []
    """What a reader should know of the mix."""

    @property
    def forgot(self) -> float | None:
        """General perplexity after, as a multiple of that before, where it rose too far."""
        if "general" not in self.before:
            return None
        ratio = self.after["general"] / self.before["general"]
        return ratio if ratio > FORGETTING_RATIO else None


class RowBalance(Handed):
    """Every row that was read is in exactly one place: `rows_in == used + quarantined + dropped`."""

    rows_in: int
    used: int
    quarantined: Mapping[str, int]
    """Bad rows, by reason."""
    dropped: Mapping[str, int]
    """Good rows that are one too many (duplicates, mixing), or that cannot be tokenised, by reason."""

    @staticmethod
    def of(report: Mapping[str, Any]) -> RowBalance:
        """From the report of a row set (after tokenising), or of one of its sources."""
        return RowBalance(**{name: report[name] for name in RowBalance.model_fields})


class PrepareResult(Handed):
    """Data and base model, ready to train on."""

    rows: str
    """Folder of the prepared rows (train/validation/test Parquet, quarantine, report.json)."""
    store: str
    """Folder of the token store."""
    base: str
    """Base model folder (or `hub@revision`) that every trial starts from."""
    data_fingerprint: str
    test_fingerprint: str
    """Version of the locked test split: looks at it are counted by this."""
    base_fingerprint: str
    kind: str
    hidden_size: int
    parameters: int
    train_rows: int
    train_tokens: int
    horizon_tokens: int
    """Length of a full run."""
    default: Mapping[str, Scalar]
    """The default hyperparameters to beat, scaled to the model's size."""
    metrics: list[str] = []
    """Metrics this kind of data has."""
    balance: RowBalance | None = None
    """Where the rows that were read went; None: simulated, or written before this was kept."""
    base_losses: Mapping[str, float] = {}
    """Loss of the base on the validation rows before tuning, where measured."""
    continued_pretraining: ContinuedPretraining | None = None

    @property
    def tokens_per_row(self) -> float:
        """Mean over the train split."""
        return self.train_tokens / max(self.train_rows, 1)


class RangePoint(Handed):
    learning_rate: float
    loss: float
    smoothed: float


class RangeResult(Handed):
    """What the LR range test found. LR values are peak learning rates; decades are log10 units."""

    usable: bool
    reason: str
    """Why it is (not) usable, in words."""
    low: float | None
    high: float | None
    """None: the curve never turned up."""
    suggestion: float | None
    prior_decades: float
    """Standard deviation of the log-normal prior around the suggestion, in decades."""
    spread_decades: float | None
    curves: list[list[RangePoint]]
    """One curve per seed."""
    probes: list[tuple[float, float | None]]
    """(learning rate, loss) of the short confirming runs; None: diverged."""
    default_learning_rate: float


class LeaderRun(Handed):
    """One training run of a configuration: one fold and seed."""

    trial: str
    seed: int
    fold: int | None
    tokens: int
    state: str
    rungs: Mapping[int, float]


class Leader(Handed):
    """A trial in a ranking, at the longest fidelity it reached."""

    trial: str
    params: Mapping[str, Scalar]
    seed: int
    tokens: int
    state: str
    value: float | None
    """Objective at `tokens`, on averaged weights, validation rows; None: diverged or failed before a measurement."""
    rungs: Mapping[int, float] = {}
    """Objective at each rung position (tokens) that it passed."""
    runs: list[LeaderRun] = []
    """Its training runs: one, or one per fold and repeat; the values above are their means."""

    @property
    def usable(self) -> bool:
        """Was measured, and did not break."""
        return self.value is not None and self.state in ("paused", "complete", "stopped")


class SearchResult(Handed):
    """Coarse or fine."""

    best: Leader
    history: list[Leader]
    """Every trial of this stage and the ones it went on from, best first: longer ones before shorter ones."""
    default_value: float | None
    """Mean objective of the default configuration over its seeds, at full length."""
    default_rungs: Mapping[int, float] = {}
    """The same at each rung."""
    noise_sd: float | None
    """Seed spread of the default at full length (the noise floor)."""
    trials: int
    """Trials proposed in this stage."""
    states: Mapping[str, int]
    """How many trials ended in which state."""
    box: Mapping[str, Any]
    """Where the best trials are (space/narrow.py, Box.to_json); the next stage looks there first, softly."""
    rank_correlation: float | None = None
    """Spearman correlation between the first and the last rung, over trials that reached both."""
    ended: str = ""
    """Why the stage ended early, if it did (budget, deadline)."""


Verdict = Literal["better", "not shown", "underpowered", "worse", "default stays"]


class Candidate(Handed):
    """A configuration in confirm with its fresh-seed scores on validation."""

    name: str
    params: Mapping[str, Scalar]
    values: list[float]
    mean: float


class Interval(Handed):
    """A difference challenger minus reference, signed so that positive is better."""

    mean: float
    low: float
    high: float
    level: float
    low_per_look: float
    """Lower bound at the stricter level of one of 20 looks at a test split (alpha / 20): what promotion goes by."""
    degrees_of_freedom: float
    smallest_visible: float
    """The smallest true difference that this many seeds and rows could have shown."""
    seed_sd: float
    example_sd: float


class Agreement(Handed):
    """Does augmentation keep labels? What a model trained without it says of pairs of a row and one made from it."""

    pairs: int
    agree: float
    """Share of the pairs with the same predicted label, mean over seeds."""
    original_right: float
    """Share of the pairs' original rows (which it was trained on) whose label it predicts."""


Effect = Literal["helps", "hurts", "not seen", "not measured"]


class AugmentationResult(Handed):
    """Does augmentation help? One configuration with and without augmented rows, at equal trained tokens."""

    trial: str
    """Whose configuration."""
    effect: Effect
    sentence: str
    """The effect in one sentence for people."""
    minimum_effect: float
    augmented: Candidate | None = None
    original: Candidate | None = None
    """With and without augmented rows, each at its own best learning rate; None: not trained with fresh seeds."""
    learning_rates: Mapping[str, list[tuple[float, float | None]]] = {}
    """For `augmented` and `original`: (learning rate, objective of one run); None: it did not end with a value."""
    interval: Interval | None = None
    """Augmented over original on validation, positive is better; None: not compared."""
    seeds: int = 0
    agreement: Agreement | None = None
    """Classification only."""


class ConfirmResult(Handed):
    """Does the winner beat the default on rows nobody looked at?"""

    challenger: Candidate
    reference: Candidate
    shortlist: list[Candidate]
    baselines: list[Candidate]
    """The default with its learning rate times each factor (validation)."""
    validation: Interval | None
    """None: a configuration lost a seed, so nothing is claimed."""
    test: Interval | None
    """None: not looked at, because validation already said no."""
    against_best_baseline: Interval | None
    minimum_effect: float
    verdict: Verdict
    sentence: str
    """The verdict in one sentence for people."""
    looks: int
    """How often this test split has been looked at."""
    seeds: int
    test_scores: Mapping[str, float] = {}
    """Challenger's and reference's metrics on the test split (`challenger.loss`, `default.loss`, ...)."""
    model: str | None = None
    """Winner's folder: `from_pretrained` opens it."""


class PromoteResult(Handed):
    """Whether the winner became the champion, and why (not)."""

    promoted: bool
    reason: str
    champion: str | None
    """Folder of the champion that stands now."""
