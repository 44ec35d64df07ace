"""The trainer that the driver is handed: segments in, results out.

`warm()` loads once what all trials share; `train()` runs each segment from fresh weights or a checkpoint. Usually
every call is in a forked child of a warm process, but calls in one process do not see each other either.
"""

from __future__ import annotations

import time
from pathlib import Path

import torch

from seektune.adapt.options import METHODS
from seektune.errors import SeektuneError
from seektune.optim.options import OPTIMIZERS
from seektune.schedule.options import SCHEDULES
from seektune.text.options import COLUMNS
from seektune.text.selection import EVERYTHING
from seektune.text.store import TokenStore
from seektune.train.facts import versions
from seektune.train.model import Base
from seektune.train.options import TrainOptions
from seektune.train.presets import model_config
from seektune.train.segment_run import SegmentRun
from seektune.train.setup import Setup
from seektune.train.source import base_fingerprint
from seektune.trial import Dispatch, Json, Report, Result, Segment, State, fingerprint


class LanguageTrainer:
    """Trains causal language models, and classifiers of rows or words, on a token store.

    base: folder, or hub id with `revision` (or `hub@revision`). With `config` (preset or transformers config) every
    trial starts from random weights of its own seed instead, and `base` only says where the tokenizer lies.
    """

    def __init__(
        self,
        *,
        base: str,
        store: str,
        kind: str,
        train: Json | None = None,
        device: str = "cpu",
        threads: int = 1,
        revision: str | None = None,
        config: str | Json | None = None,
        tokenizer: str | None = None,
    ) -> None:
        if kind not in COLUMNS:
            raise SeektuneError(f"unknown kind {kind!r}; one of {', '.join(COLUMNS)} is trained")
        self.base, self.revision, self.tokenizer, self.kind = base, revision, tokenizer or base or None, kind
        self.device, self.threads, self.options = device, threads, TrainOptions(**(train or {}))
        self.store = TokenStore(store)
        self._config = config
        self._warm = False

    def warm(self) -> None:
        """Load imports, data and weights. Touches no accelerator and leaves no thread behind: forks are safe."""
        if self._warm:
            return
        torch.set_num_threads(self.threads)
        facts = self.store.facts
        config = self._config and model_config(self._config, facts)
        self.model = Base(
            self.base,
            self.revision,
            config or None,
            self.kind,
            labels=facts.get("labels") or (),
            pad_id=facts["pad_id"],
            precision=self.options.precision,
        )
        self.model.open(forward=self.device == "cpu")
        self.base_fingerprint = fingerprint("config", config) if config else base_fingerprint(self.base, self.revision)
        self.data_fingerprint = fingerprint(facts)
        for registry in (METHODS, OPTIMIZERS, SCHEDULES):
            for entry in registry.values():
                entry.load()  # what a trial may name is imported once, not in every child
        for split in ("train", "validation"):
            self.store.selected(split, EVERYTHING)  # mapped, and what made its rows is counted
        versions()  # read once, for all forks
        self._warm = True

    def train(self, dispatch: Dispatch, report: Report) -> list[Result]:
        """Run the segments in order. A trial's own fault (divergence, memory) is a state; a bad checkpoint raises."""
        self.warm()
        torch.set_num_threads(self.threads)
        results = []
        reached: dict[tuple[str, int], tuple[str, ...]] = {}  # a later segment may go on from an earlier one
        for index, segment in enumerate(dispatch.segments):
            candidates = dispatch.checkpoints[index] if index < len(dispatch.checkpoints) else ()
            if segment.start is not None and not candidates:
                candidates = reached.get((segment.start.trial, segment.start.tokens), ())
            result = self._segment(segment, Path(dispatch.folder) / segment.trial, candidates, report)
            if result.checkpoint is not None:
                reached[(segment.trial, result.tokens)] = (result.checkpoint,)
            results.append(result)
        return results

    def _segment(self, segment: Segment, folder: Path, candidates: tuple[str, ...], report: Report) -> Result:
        started = time.monotonic()
        accelerators = [self.device] if self.device.startswith("cuda") else []
        try:
            with torch.random.fork_rng(accelerators):  # the caller's random state is not ours to move
                return SegmentRun(Setup(self, segment, report.stop_asked), folder, report, started).result(candidates)
        except torch.OutOfMemoryError as error:
            reason = f"out of device memory: {str(error).splitlines()[0]}"
            return Result(segment.trial, State.INFEASIBLE, segment.from_tokens, reason=reason)
