"""Quorums of a committee of n members, at most f of them faulty, by name.

Assumes n >= 3f + 1. Two Byzantine quorums share an honest member, and the n - f honest ones can always form one.
Source: libocr `internal/byzquorum`; Castro and Liskov, Practical Byzantine Fault Tolerance (1999).
"""

from __future__ import annotations

from collections.abc import Iterable

from oracle.domain.units import NodeId


def observation_quorum(f: int) -> int:
    """Return 2f + 1: a majority of so many observations is honest."""
    return 2 * f + 1


def byzantine_quorum(n: int, f: int) -> int:
    """Return the least size of which any two sets share an honest member."""
    return (n + f) // 2 + 1


def honest_witness_quorum(f: int) -> int:
    """Return f + 1: among so many members one is honest."""
    return f + 1


def is_majority(count: int, total: int, f: int) -> bool:
    """Return whether `count` of `total` observers are a strict majority that holds an honest one."""
    return 2 * count > total and count >= honest_witness_quorum(f)


def bitmap(nodes: Iterable[NodeId]) -> int:
    """Return the bitmap of member ids."""
    bits = 0
    for node in nodes:
        bits |= 1 << node
    return bits


def nth_highest(values: Iterable[int], count: int) -> int | None:
    """Return the largest value that at least `count` of `values` reach, None if there are fewer."""
    ordered = sorted(values, reverse=True)
    return ordered[count - 1] if len(ordered) >= count else None
