"""Rows of tokens -> tensors for one forward pass, with as little padding as pays.

Whatever the kind, a batch asks the same question: at these positions, which of these classes? Language kinds ask at
every position before a target token (classes: the vocabulary), classification at the last token of each row, tagging
at the last token of each word. So hidden states are taken at `positions` only, and the output layer never sees the rest.

Rows are padded on the right. Under causal attention no real token ever sees the padding after it, so no attention
mask is needed at all and the fastest kernel runs. Packing lays several rows end to end: position ids start over at
each row, from which transformers derives attention that does not cross rows.

Splitting an effective batch into micro-batches of similar length is a shortest-path problem over the rows sorted by
length: cost = padded tokens + what one more pass costs. The loss does not depend on the split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

PASS_COST_TOKENS = {"cpu": 200, "cuda": 20_000}
"""Fixed cost of one more forward and backward pass, in tokens, by device. CPU: best from 160 to 400 (tiny-deepseek-v3).
CUDA: with 200, many small passes left an H200 waiting for its launches (bf16, 100M parameters: 2.4 steps/s, 7.2 with
20,000)."""


@dataclass(frozen=True, slots=True)
class Batch:
    """R rows as laid out (documents, or packs of them), S tokens wide; T targets."""

    input_ids: Tensor  # [R, S] int64
    position_ids: Tensor | None  # [R, S] int64 when packed; None: 0..S-1
    positions: Tensor  # [T] int64, into the flattened R * S
    targets: Tensor  # [T] int64, token or class
    owners: Tensor  # [T] int64: index of the target's row in the sequence that was laid out


def split(
    lengths: Sequence[int], *, micro_batch: int | None, micro_tokens: int, device: str = "cpu"
) -> list[list[int]]:
    """Indices of rows per micro-batch, shortest first; at most `micro_tokens` padded tokens, or `micro_batch` rows."""
    order = sorted(range(len(lengths)), key=lambda index: (lengths[index], index))
    if micro_batch is not None:
        return [order[start : start + micro_batch] for start in range(0, len(order), micro_batch)]
    pass_cost = PASS_COST_TOKENS.get(device, PASS_COST_TOKENS["cuda"])
    cheapest, first = [0.0], [0]  # of the leading rows: best cost, and where its last micro-batch begins
    for end in range(1, len(order) + 1):
        width = lengths[order[end - 1]]
        best, begin = float("inf"), end - 1
        for start in range(end - 1, -1, -1):
            if (end - start) * width > micro_tokens and end - start > 1:
                break
            cost = cheapest[start] + (end - start) * width + pass_cost
            if cost < best:
                best, begin = cost, start
        cheapest.append(best)
        first.append(begin)
    groups, end = [], len(order)
    while end:
        groups.append(order[first[end] : end])
        end = first[end]
    return groups[::-1]


def pack(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Bins of rows, none longer than `capacity` (a longer row has a bin of its own): best fit, longest first."""
    bins: list[list[int]] = []
    room: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        fits = [(free, place) for place, free in enumerate(room) if free >= lengths[index]]
        if fits:
            place = min(fits)[1]
            bins[place].append(index)
            room[place] -= lengths[index]
        else:
            bins.append([index])
            room.append(capacity - lengths[index])
    return bins


def lay_out(rows: Sequence[Any], bins: Sequence[Sequence[int]], *, kind: str, packed: bool, pad_id: int) -> Batch:
    """`rows[index]` has input_ids, labels, label; each bin becomes one row of the batch."""
    width = max(sum(len(rows[index].input_ids) for index in members) for members in bins)
    input_ids = np.full((len(bins), width), pad_id, dtype=np.int64)
    position_ids = np.zeros((len(bins), width), dtype=np.int64) if packed else None
    positions, targets, owners = [], [], []
    for place, members in enumerate(bins):
        offset = 0
        for index in members:
            row = rows[index]
            length = len(row.input_ids)
            input_ids[place, offset : offset + length] = row.input_ids
            if position_ids is not None:
                position_ids[place, offset : offset + length] = np.arange(length)
            at, wanted = _asked(row, kind)
            positions.append(at + place * width + offset)
            targets.append(wanted)
            owners.append(np.full(len(at), index))
            offset += length
        if position_ids is not None:
            position_ids[place, offset:] = np.arange(width - offset)  # the padding is a document of its own
    return Batch(
        input_ids=torch.from_numpy(input_ids),
        position_ids=None if position_ids is None else torch.from_numpy(position_ids),
        positions=torch.from_numpy(np.concatenate(positions).astype(np.int64)),
        targets=torch.from_numpy(np.concatenate(targets).astype(np.int64)),
        owners=torch.from_numpy(np.concatenate(owners).astype(np.int64)),
    )


def _asked(row: Any, kind: str) -> tuple[Any, Any]:
    """(positions in the row, the class that is right at each)."""
    if kind == "classification":
        return np.array([len(row.input_ids) - 1]), np.array([row.label])
    labels = row.labels if kind == "tagging" else row.labels[1:]
    at = np.flatnonzero(labels != -100)
    return at, labels[at]


def moved(batch: Batch, device: torch.device) -> Batch:
    """The same batch on another device."""
    if device.type == "cpu":
        return batch
    position_ids = None if batch.position_ids is None else batch.position_ids.to(device, non_blocking=True)
    input_ids, positions, targets, owners = (
        tensor.to(device, non_blocking=True)
        for tensor in (batch.input_ids, batch.positions, batch.targets, batch.owners)
    )
    return Batch(input_ids, position_ids, positions, targets, owners)
