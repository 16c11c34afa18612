"""The common form of everything that is replayed: labelled transactions at a time, from several sources, merged into blocks.

A source of another protocol yields `ReplayStep`s too; within a block steps stand in the order of their sources, prices first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from oracle.sandbox.jsonrpc import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledTransaction:
    """A transaction and whose it is: `label` for counting, `row_number` and `owner_id` of the data where it stands for a row."""

    label: str
    transaction: Transaction
    owner_id: int | None = None
    row_number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayStep:
    """Transactions that belong into one block, in order. Times are the data's, not shifted yet."""

    time_s: int
    transactions: tuple[LabelledTransaction, ...]


def merge_steps(*sources: Iterable[ReplayStep]) -> Iterator[ReplayStep]:
    """Yield one step per time, ascending; equal times keep the order of the sources, and the order inside each."""
    ordered = sorted((step for source in sources for step in source), key=lambda step: step.time_s)
    for time_s, group in groupby(ordered, key=lambda step: step.time_s):
        yield ReplayStep(time_s=time_s, transactions=tuple(t for step in group for t in step.transactions))
