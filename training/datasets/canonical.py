"""The canonical dataset in memory: events, daily samples and positions at cuts of many borrowers, hourly USD prices and facts of tokens.

Every source becomes one of these, so that training computes features by the node's code from the node's values. Rows may lie in the future of a cut:
`training.histories` alone decides what is known when. `training.datasets.folder` reads and writes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from oracle.domain.canonical import PositionAt
from oracle.domain.committee import ChainParams
from oracle.domain.event import LendingEvent
from oracle.domain.ids import Address, SubjectId
from oracle.domain.market import AssetFacts, HourlySeries, ParameterChange
from oracle.domain.position import Collateral, Holding, Position, PositionSample
from oracle.domain.units import DAY_S, ChainId, TimestampS

type Token = tuple[ChainId, Address]


@dataclass(frozen=True, kw_only=True)
class Borrower:
    """One subject's events, samples and positions at cuts, all ascending; `listed_s` are further cuts at which it is scored."""

    subject: SubjectId
    events: tuple[LendingEvent, ...]
    samples: tuple[PositionSample, ...]
    positions: tuple[PositionAt, ...] = ()
    listed_s: tuple[TimestampS, ...] = ()

    @cached_property
    def event_times(self) -> list[int]:
        """Return the times of the events, ascending."""
        return [e.time_s for e in self.events]

    @cached_property
    def sample_times(self) -> list[int]:
        """Return the times of the samples, ascending."""
        return [s.time_s for s in self.samples]

    @cached_property
    def position_times(self) -> list[int]:
        """Return the cuts of the positions, ascending."""
        return [p.as_of_s for p in self.positions]

    @cached_property
    def listed_times(self) -> frozenset[TimestampS]:
        """Return the cuts at which the borrower is scored: those named, and those with a position."""
        return frozenset((*self.listed_s, *(p.as_of_s for p in self.positions)))


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Borrowers ascending by subject, USD prices and facts of the tokens, the cuts that histories can be taken at, and the span that labels may use."""

    name: str
    borrowers: tuple[Borrower, ...]
    prices: Mapping[Token, HourlySeries]
    assets: Mapping[Token, AssetFacts]
    cuts_s: tuple[TimestampS, ...]
    start_s: TimestampS
    end_s: TimestampS
    parameters: tuple[ParameterChange, ...] = ()

    @cached_property
    def chains(self) -> tuple[ChainParams, ...]:
        """Return the tokens of each chain as the committee's parameters hold them, ascending."""
        return tuple(
            ChainParams(
                chain_id=chain_id,
                markets=(),
                assets=tuple(facts for (chain, _), facts in sorted(self.assets.items()) if chain == chain_id),
            )
            for chain_id in sorted({chain for chain, _ in self.assets})
        )


def list_midnights(start_s: int, end_s: int) -> tuple[TimestampS, ...]:
    """Return every 00:00 UTC in start..end: the cuts of a source that has a state for each day."""
    first = -(-start_s // DAY_S) * DAY_S
    return tuple(TimestampS(time_s) for time_s in range(first, end_s + 1, DAY_S))


def place_position(
    sample: PositionSample, *, protocol: str, account: Address, collateral: Collateral, debt: Holding
) -> PositionAt:
    """Return the position behind a daily sample, for a source of one collateral and one debt."""
    position = Position(
        chain_id=sample.chain_id,
        protocol=protocol,
        market=sample.market,
        account=account,
        collaterals=(collateral,),
        debts=(debt,),
    )
    return PositionAt(as_of_s=sample.time_s, position=position, health_factor_wad=sample.health_factor_wad)


def collect_borrowers(
    events: Iterable[tuple[SubjectId, LendingEvent]],
    samples: Iterable[tuple[SubjectId, PositionSample]],
    positions: Iterable[tuple[SubjectId, PositionAt]],
    listed: Iterable[tuple[SubjectId, TimestampS]] = (),
) -> tuple[Borrower, ...]:
    """Return borrowers ascending by subject, their rows in canonical order."""
    events_of, samples_of = _group(events), _group(samples)
    positions_of, listed_of = _group(positions), _group(listed)
    return tuple(
        Borrower(
            subject=subject,
            events=tuple(sorted(events_of.get(subject, ()), key=lambda e: e.order)),
            samples=tuple(sorted(samples_of.get(subject, ()), key=lambda s: (s.time_s, s.chain_id, s.market))),
            positions=tuple(sorted(positions_of.get(subject, ()), key=lambda p: p.as_of_s)),
            listed_s=tuple(sorted(listed_of.get(subject, ()))),
        )
        for subject in sorted(events_of.keys() | samples_of.keys() | positions_of.keys() | listed_of.keys())
    )


def _group[T](rows: Iterable[tuple[SubjectId, T]]) -> dict[SubjectId, list[T]]:
    grouped: dict[SubjectId, list[T]] = {}
    for subject, row in rows:
        grouped.setdefault(subject, []).append(row)
    return grouped
