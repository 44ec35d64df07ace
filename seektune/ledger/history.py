"""What happened in a study, for people and reports: a pure function of the journal.

    history = History.read(folder)      # also while a driver is writing; JournalError when the journal is damaged
    history.trials[0].curve             # one row per trial, its segments joined
    history.stages["coarse"].result     # the stages as they stand now
    history.frame()                     # pandas

Stages count under the key with which they were last run or asked for: after an edit of the study the trials of the old
keys are still in the journal and in the total spend, but not in the tables.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seektune.ledger.index import Index, Spend
from seektune.ledger.journal import FILE, Record, records
from seektune.ledger.rows import Look, StageRow, TrialRow, go_on, join
from seektune.trial import Json, Params, Segment, State, TrainerSpec

__all__ = ["History", "Look", "StageRow", "TrialRow"]

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class History:
    """See the module's docstring."""

    trials: list[TrialRow] = field(default_factory=list)
    stages: dict[str, StageRow] = field(default_factory=dict)
    spend: Spend = field(default_factory=Spend)
    looks: list[Look] = field(default_factory=list)
    trainers: dict[str, TrainerSpec] = field(default_factory=dict)
    sessions: list[Json] = field(default_factory=list)
    """`opened` records: at, pid, host, seektune, environment (versions, commit, machine), and how many `attempts`."""

    @staticmethod
    def read(folder: str | Path) -> History:
        """Empty when the folder has no journal yet."""
        reader = _Reader()
        if (Path(folder) / FILE).exists():
            for record in records(Path(folder)):
                reader.take(record)
        return reader.history()

    def trial(self, name: str) -> TrialRow | None:
        return next((row for row in self.trials if row.trial == name), None)

    def frame(self) -> pd.DataFrame:
        """One row per trial; parameters as `params.NAME`, metrics as `metrics.NAME`."""
        import pandas as pd

        plain = ("trial", "stage", "origin", "state", "reason", "tokens", "seed", "attempts", "started_at", "ended_at")
        table = [
            {name: _plain(getattr(row, name)) for name in plain}
            | {"seconds": row.cost.seconds, "setup_seconds": row.cost.setup_seconds, "stage_key": row.stage_key}
            | {f"params.{name}": value for name, value in row.params.items()}
            | {f"metrics.{name}": value for name, value in row.metrics.items()}
            for row in self.trials
        ]
        return pd.DataFrame(table)


class _Reader:
    """Rows by stage key first; which of them are shown is known at the end only."""

    def __init__(self) -> None:
        self.index = Index()
        self.rows: dict[str, dict[str, TrialRow]] = {}
        self.current: dict[str, str] = {}
        self.times: dict[str, list[float | None]] = {}
        self.reopened: dict[str, float] = {}
        self.cut: dict[str, list[tuple[TrialRow, TrialRow]]] = {}
        self.out = History()
        self.attempts: dict[int, tuple[TrialRow, Segment]] = {}

    def take(self, record: Record) -> None:
        data, key = record.data, self.index.active.key if self.index.active else ""
        self.index.fold(record)
        if record.kind == "opened":
            self.out.sessions.append({"at": record.at, "attempts": 0, **data})
        elif record.kind in ("stage_started", "stage_reused"):
            self.current[data["stage"]] = data["key"]
            self.times.setdefault(data["key"], [record.at, None])
        elif record.kind == "stage_reopened":
            self.reopened[data["key"]] = record.at
            self.times[data["key"]][1] = None
            for row, before in self.cut.pop(data["key"], []):  # what was cut short goes on, and is told once
                for one in fields(TrialRow):
                    setattr(row, one.name, getattr(before, one.name))
        elif record.kind == "stage_finished":
            self.times[key][1] = record.at
        elif record.kind == "look":
            self.out.looks.append(Look(data["split"], self.index.stages[key].stage, key, record.at))
        elif record.kind == "trainer":
            self.out.trainers[data["identity"]] = TrainerSpec(data["target"], data["settings"])
        elif record.kind == "proposed":
            self._row(key, data["trial"], data["params"], data["origin"], data["seed"])
        elif record.kind == "dispatched":
            self._dispatched(key, record)
        elif record.kind in ("died", "result"):
            row, segment = self.attempts[data["attempt"]]
            row.ended_at = record.at
            if record.kind == "died":
                row.state = "waiting"
                return
            if data["identity"] in self.index.stages[key].cut:
                self.cut.setdefault(key, []).append((row, replace(row, state="waiting")))
            join(row, segment, data["result"])

    def _row(self, key: str, trial: str, params: Params, origin: str, seed: int) -> TrialRow:
        stage = self.index.stages[key].stage
        return self.rows.setdefault(key, {}).setdefault(trial, TrialRow(trial, stage, key, params, origin, seed))

    def _dispatched(self, key: str, record: Record) -> None:
        self.out.sessions[-1]["attempts"] += 1
        segment = Segment.from_json(record.data["segments"][0])
        row = self._row(key, segment.trial, segment.params, "", segment.seed)
        row.state, row.attempts, row.trainer = "running", row.attempts + 1, record.data["trainer"]
        row.started_at = record.at if row.started_at is None else row.started_at
        self.attempts[record.data["attempt"]] = (row, segment)

    def _since(self, above: str, key: str) -> bool:
        """Was the upstream stage reopened after this one had begun?"""
        reopened = self.reopened.get(above)
        return reopened is not None and reopened > (self.times[key][0] or 0.0)

    def history(self) -> History:
        out, shown = self.out, set(self.current.values())
        for stage, key in self.current.items():
            past = self.index.stages[key]
            stale = any(above not in shown or self._since(above, key) for above in past.upstream)
            status: Any = "stale" if stale else "finished" if past.finished is not None else "unfinished"
            started, ended = self.times[key]
            assert started is not None
            out.stages[stage] = StageRow(
                stage, key, past.upstream, status, past.finished, past.exhausted, started, ended, past.spend
            )
        rows: dict[tuple[str, str], TrialRow] = {}
        for row in out.stages.values():
            if row.status == "stale":
                continue
            for trial, found in self.rows.get(row.key, {}).items():
                if found.state in ("waiting", "running") and row.exhausted:
                    found.state, found.reason = State.STOPPED, row.exhausted
                begun = next((rows[above, trial] for above in row.upstream if (above, trial) in rows), None)
                if begun is None:
                    out.trials.append(found)
                else:
                    go_on(begun, found)
                rows[row.key, trial] = begun or found
        for past in self.index.stages.values():
            for one in fields(Spend):
                setattr(out.spend, one.name, getattr(out.spend, one.name) + getattr(past.spend, one.name))
        return out


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, State) else value
