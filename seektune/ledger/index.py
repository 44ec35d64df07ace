"""What a driver must remember of its journal, folded record by record: O(1) per record, small per trial.

Results stay on disk; the index knows at which byte. `Index.fold` is the only place that interprets records for the
driver, live and after a restart alike, so that both see the same study. A driver runs one stage at a time: records
between `stage_started` and `stage_finished` (or the next `stage_started`) belong to that stage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from seektune.ledger.journal import Record
from seektune.trial import Json, Params, Segment, Start, State, fingerprint


@dataclass
class Spend:
    """What a stage has used, all its sessions together."""

    wall_seconds: float = 0.0
    device_seconds: float = 0.0  # sum over attempts
    lost_seconds: float = 0.0  # part of it: attempts that died (their checkpoints may still have saved some of it)
    tokens: int = 0  # positions advanced; work done twice after a crash is in the seconds only
    trials: int = 0
    segments: int = 0
    attempts: int = 0
    deaths: int = 0


@dataclass
class Attempt:
    """A dispatch whose result is not journaled."""

    attempt: int
    folder: str
    started_at: float
    session: int
    from_tokens: int  # where the worker began; 0 when it had to run from the beginning again
    died: str | None = None  # cause


@dataclass
class StagePast:
    """Everything known about one stage under one key."""

    stage: str
    key: str
    upstream: tuple[str, ...] = ()
    results: dict[str, int] = field(default_factory=dict)  # segment identity -> byte of its result record
    cut: dict[str, tuple[Attempt, int]] = field(default_factory=dict)  # those that the budget ended, and their tokens
    attempts: dict[str, list[Attempt]] = field(
        default_factory=dict
    )  # identity -> unfinished and dead ones, oldest first
    proposed: dict[str, str] = field(default_factory=dict)  # trial -> fingerprint of what it is
    checkpoints: dict[str, dict[int, str]] = field(default_factory=dict)  # trial -> tokens -> folder
    looks: set[str] = field(default_factory=set)  # versions of the test split that were read
    earlier_looks: list[str] = field(default_factory=list)  # by what the stage was before it was reopened
    allowance: Json = field(default_factory=dict)  # what it was last given
    exhausted: str | None = None
    limit: str = ""  # the field of the allowance that ended it
    finished: Json | None = None
    reopened: int = 0  # times that it was given more after its budget had ended it
    spend: Spend = field(default_factory=Spend)

    def deaths(self, identity: str, cause: str) -> int:
        """How often a segment died of `cause`."""
        return sum(attempt.died == cause for attempt in self.attempts.get(identity, ()))


def trial_fingerprint(params: Params, seed: int) -> str:
    """Two segments of one trial with the same one are prefixes of the same full run."""
    return fingerprint(dict(params), seed)


class Index:
    """Fold of the journal."""

    def __init__(self) -> None:
        self.stages: dict[str, StagePast] = {}
        self.active: StagePast | None = None
        self.session = 0
        self.last_attempt = 0
        self.last_at = 0.0
        self.alive_until = 0.0
        """When the previous session ended, as far as anybody can tell."""

    def fold(self, record: Record) -> None:
        """Take one record in. Unknown kinds are passed over."""
        if self.active is not None:
            until = record.data["alive_until"] if record.kind == "opened" else record.at
            self.active.spend.wall_seconds += max(0.0, until - self.last_at)
        self.last_at = record.at
        handler: Callable[[Record], None] | None = getattr(self, f"_{record.kind}", None)
        if handler is not None:
            handler(record)

    def checkpoint(self, past: StagePast, start: Start) -> str | None:
        """Where `start` lies: this stage first, then the stages above it."""
        for key in (past.key, *past.upstream):
            if key in self.stages and (path := self.stages[key].checkpoints.get(start.trial, {}).get(start.tokens)):
                return path
        return None

    def checkpoints(self, past: StagePast, trial: str) -> list[str]:
        """All that a trial wrote in this stage and the stages above it."""
        keys = (past.key, *past.upstream)
        return [
            path for key in keys if key in self.stages for path in self.stages[key].checkpoints.get(trial, {}).values()
        ]

    def is_prefix(self, past: StagePast, segment: Segment) -> bool:
        """Was the trial of this segment proposed with the same parameters and seed all along?"""
        wanted = trial_fingerprint(segment.params, segment.seed)
        keys = (past.key, *past.upstream)
        known = [self.stages[key].proposed.get(segment.trial) for key in keys if key in self.stages]
        return all(value in (None, wanted) for value in known)

    def is_proposed(self, past: StagePast, segment: Segment) -> bool:
        """Is its trial in the journal, here or, for a trial that goes on, above?"""
        keys = (past.key, *past.upstream) if segment.start is not None else (past.key,)
        return any(segment.trial in self.stages[key].proposed for key in keys if key in self.stages)

    def _opened(self, record: Record) -> None:
        self.session += 1
        self.alive_until = record.data["alive_until"]
        self.active = None

    def _stage_started(self, record: Record) -> None:
        key = record.data["key"]
        past = self.stages.setdefault(key, StagePast(record.data["stage"], key))
        past.upstream = tuple(record.data["upstream"])
        past.allowance = record.data["allowance"]
        self.active = past

    def _stage_reopened(self, record: Record) -> None:
        past = self.stages[record.data["key"]]
        for identity, (attempt, tokens) in past.cut.items():  # they go on from where they were stopped
            del past.results[identity]
            attempt.died = "stopped"
            past.attempts.setdefault(identity, []).append(attempt)
            past.spend.tokens -= tokens
            past.spend.segments -= 1
        past.cut.clear()
        past.earlier_looks += sorted(past.looks)
        past.looks.clear()
        past.exhausted = past.finished = None
        past.reopened += 1

    def _proposed(self, record: Record) -> None:
        past = self._stage()
        past.proposed[record.data["trial"]] = trial_fingerprint(record.data["params"], record.data["seed"])
        past.spend.trials += 1

    def _look(self, record: Record) -> None:
        self._stage().looks.add(record.data["split"])

    def _dispatched(self, record: Record) -> None:
        past, data = self._stage(), record.data
        begins = data["segments"][0]["from_tokens"]
        attempt = Attempt(data["attempt"], data["folder"], record.at, self.session, begins)
        for identity in data["identities"]:
            past.attempts.setdefault(identity, []).append(attempt)
        past.spend.attempts += 1
        self.last_attempt = max(self.last_attempt, attempt.attempt)

    def _result(self, record: Record) -> None:
        past, identity, result = self._stage(), record.data["identity"], record.data["result"]
        past.results[identity] = record.offset
        attempt = self._charge(past, record)
        if result["checkpoint"]:
            past.checkpoints.setdefault(result["trial"], {})[result["tokens"]] = result["checkpoint"]
        tokens = max(0, result["tokens"] - record.data["from_tokens"])
        past.spend.tokens += tokens
        if past.exhausted and result["state"] == State.STOPPED and result["reason"] == past.exhausted:
            past.cut[identity] = (attempt, tokens)
        past.spend.segments += 1
        past.attempts[identity] = [other for other in past.attempts[identity] if other is not attempt]
        if not past.attempts[identity]:
            del past.attempts[identity]

    def _died(self, record: Record) -> None:
        past = self._stage()
        attempt = self._charge(past, record)
        attempt.died = record.data["cause"]
        past.spend.deaths += 1
        past.spend.lost_seconds += max(0.0, self._ended(attempt, record.at) - attempt.started_at)

    def _exhausted(self, record: Record) -> None:
        past = self._stage()
        past.exhausted, past.limit = record.data["reason"], record.data["limit"]

    def _stage_finished(self, record: Record) -> None:
        self._stage().finished = record.data["result"]
        self.active = None

    def _stage(self) -> StagePast:
        assert self.active is not None, "a record outside any stage"
        return self.active

    def _charge(self, past: StagePast, record: Record) -> Attempt:
        data: Any = record.data
        attempt = next(a for a in past.attempts[data["identity"]] if a.attempt == data["attempt"])
        if attempt.died is None:  # a result may be recorded for an attempt that has died (its last word)
            past.spend.device_seconds += max(0.0, self._ended(attempt, record.at) - attempt.started_at)
        return attempt

    def _ended(self, attempt: Attempt, at: float) -> float:
        """An attempt of an earlier session ended with that session, not when its end was noticed."""
        return at if attempt.session == self.session else min(at, self.alive_until)
