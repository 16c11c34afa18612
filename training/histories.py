"""Histories and vectors of a dataset at a cut: the node's values, put together as the node does, from rows that may also hold the future.

A snapshot is what all borrowers of a cut share: prices up to it, and the volatility of every pair. From a node's export the vectors equal the node's
own, bit for bit: events and samples at or before the boundary, positions of that very cut, and the same feature code and volatility rule.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from oracle.domain.canonical import PositionAt
from oracle.domain.committee import ChainParams
from oracle.domain.event import EventKind
from oracle.domain.history import BorrowerHistory, CollateralHistory, PositionRisk
from oracle.domain.ids import USD, SubjectId
from oracle.domain.market import HourlySeries, Pair, cross_series
from oracle.domain.units import HOUR_S, ChainId, Ppm, TimestampS
from oracle.features.borrower import compute_borrower_vector
from oracle.features.collateral import compute_collateral_vector, known_volatility_ppm
from oracle.features.volatility import compute_position_risk
from training.datasets.canonical import Borrower, Dataset, Token

type Vector = tuple[int, ...]

_MONTH_SLOT = 1


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What is known of prices at a cut: USD series up to it, vectors of pairs by subject, volatility of pairs."""

    as_of_s: TimestampS
    prices: Mapping[Token, HourlySeries]
    collateral_vectors: Mapping[SubjectId, Vector]
    sigmas: Mapping[Pair, Ppm | None]
    chains: Mapping[ChainId, ChainParams]

    def history(self, borrower: Borrower) -> BorrowerHistory:
        """Return what the node would have known of a borrower at the cut."""
        as_of_s = self.as_of_s
        times = borrower.position_times
        positions = borrower.positions[bisect_left(times, as_of_s) : bisect_right(times, as_of_s)]
        n_events = bisect_right(borrower.event_times, as_of_s)
        return self.history_of(borrower, as_of_s, positions, n_events=n_events)

    def history_of(
        self, borrower: Borrower, as_of_s: TimestampS, positions: tuple[PositionAt, ...], *, n_events: int
    ) -> BorrowerHistory:
        """Return what is known right after `n_events` of a borrower's events, at a moment within an hour of the snapshot's prices."""
        events = borrower.events[:n_events]
        supplied = sorted({(e.chain_id, e.token) for e in events if e.kind is EventKind.SUPPLY})
        return BorrowerHistory(
            subject=borrower.subject,
            as_of_s=as_of_s,
            positions=tuple(
                compute_position_risk(self.chains[at.position.chain_id], at.position, at.health_factor_wad, self.sigmas)
                for at in positions
            ),
            events=events,
            samples=borrower.samples[: bisect_right(borrower.sample_times, as_of_s)],
            token_prices=tuple((token, self.prices[token]) for token in supplied if token in self.prices),
        )

    def month_volatility_ppm(self, risk: PositionRisk) -> Ppm:
        """Return the largest volatility of a month among the pairs whose volatility of a year is the position's; 0 if none is known. For baselines."""
        pairs = [
            pair
            for pair, sigma in self.sigmas.items()
            if pair.chain_id == risk.chain_id and sigma == risk.volatility_ppm
        ]
        vectors = (self.collateral_vectors[pair.subject] for pair in pairs)
        return max((Ppm(max(0, v[_MONTH_SLOT] - 1) * 100) for v in vectors), default=Ppm(0))


def take_snapshot(dataset: Dataset, as_of_s: TimestampS) -> Snapshot:
    """Return the prices of a cut and what follows from them; once per cut, so that borrowers share them."""
    prices = dict(_cut_off(dataset.prices, as_of_s))
    vectors, sigmas = {}, {}
    for history in list_collaterals(dataset, prices, as_of_s):
        vector = compute_collateral_vector(history)
        vectors[history.pair.subject] = vector
        sigmas[history.pair] = known_volatility_ppm(vector)
    return Snapshot(
        as_of_s=as_of_s,
        prices=prices,
        collateral_vectors=vectors,
        sigmas=sigmas,
        chains={chain.chain_id: chain for chain in dataset.chains},
    )


def list_collaterals(
    dataset: Dataset, prices: Mapping[Token, HourlySeries], as_of_s: TimestampS
) -> Iterator[CollateralHistory]:
    """Yield the history of every pair that has a price."""
    for chain in dataset.chains:
        for pair in chain.pairs:
            series = _pair_series(chain, pair, prices)
            if series is not None:
                facts = dataset.assets[(chain.chain_id, pair.token)]
                yield CollateralHistory(pair=pair, as_of_s=as_of_s, series=series, facts=facts)


def compute_vectors(dataset: Dataset, as_of_s: TimestampS) -> dict[SubjectId, Vector]:
    """Return the vector of every subject that is scored at a cut, borrowers and collaterals."""
    snapshot = take_snapshot(dataset, as_of_s)
    borrowers = {
        borrower.subject: compute_borrower_vector(snapshot.history(borrower))
        for borrower in dataset.borrowers
        if as_of_s in borrower.listed_times
    }
    return borrowers | dict(snapshot.collateral_vectors)


def _cut_off(prices: Mapping[Token, HourlySeries], as_of_s: TimestampS) -> Iterator[tuple[Token, HourlySeries]]:
    for token, series in prices.items():
        hours = (as_of_s - series.first_hour_s) // HOUR_S + 1
        if hours >= 1:
            yield token, HourlySeries(first_hour_s=series.first_hour_s, prices_e8=series.prices_e8[:hours])


def _pair_series(chain: ChainParams, pair: Pair, prices: Mapping[Token, HourlySeries]) -> HourlySeries | None:
    series = prices.get((chain.chain_id, pair.token))
    if series is None or pair.numeraire == USD:
        return series
    wrapped = chain.wrapped_token(pair.numeraire)
    base = None if wrapped is None else prices.get((chain.chain_id, wrapped))
    return None if base is None else cross_series(series, base)
