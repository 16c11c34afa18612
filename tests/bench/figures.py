"""Figures: one measured value beside one named peer, and the ratio between them.

A ratio above 1 is always good for Assay: faster or cheaper than the peer, or inside the limit.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """What a value is held against: another system, another way to compute the same, or a limit. `source` says where its figure is from."""

    name: str
    value: float
    source: str = "measured in this run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the bench; `more_is_better` for rates, else costs."""

    name: str
    value: float
    unit: str
    peer: Peer
    more_is_better: bool = False

    @property
    def ratio(self) -> float:
        """Return how many times better than the peer the value is.

        Raises:
            ValueError: if value or peer is not positive: nothing was measured.
        """
        if self.value <= 0 or self.peer.value <= 0:
            raise ValueError(f"{self.name}: {self.value} against {self.peer.value} is no measurement")
        return self.value / self.peer.value if self.more_is_better else self.peer.value / self.value

    def to_json(self) -> dict[str, str | float]:
        """Return the line as `build/bench.json` holds it."""
        return {
            "name": self.name,
            "value": round_digits(self.value),
            "unit": self.unit,
            "peer": f"{self.peer.name} ({self.peer.source})",
            "peer_value": round_digits(self.peer.value),
            "ratio": round_digits(self.ratio),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Medians over runs, in seconds. On a busy machine only the CPU time means something."""

    cpu_s: float
    wall_s: float


def round_digits(value: float) -> float:
    """Return a value with four significant digits, and whole numbers of five or more digits whole."""
    if abs(value) >= 10**DIGITS:
        return float(round(value))
    return float(f"{value:.{DIGITS}g}")


def measure(work: Callable[[], object], *, runs: int) -> Cost:
    """Return the median cost of `work`, after one run that is not counted."""
    work()
    return median_cost([time_once(work) for _ in range(runs)])


def time_once(work: Callable[[], object]) -> Cost:
    """Return what one run costs."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    work()
    return Cost(cpu_s=time.process_time() - cpu_s, wall_s=time.perf_counter() - wall_s)


def median_cost(costs: list[Cost]) -> Cost:
    """Return the medians of CPU time and of wall time."""
    return Cost(cpu_s=statistics.median(c.cpu_s for c in costs), wall_s=statistics.median(c.wall_s for c in costs))
