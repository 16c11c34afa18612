"""Histories at a cut: the ledgers of all chains become the input of every feature vector, and nothing later than the boundary.

Positions are those at the cut block, priced at the last answer at or before it, with interest up to its time. An address without code on every
configured chain is one subject over all of them; any other is one subject per chain. On a stalled chain nothing is scored that depends on it:
borrowers with debt there and its collaterals are left out. A borrower whose debt cannot be valued is left out as well, which gives the floor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from oracle.chain.adapter import PositionState
from oracle.chain.ledger import Ledger
from oracle.domain.committee import ChainParams, CommitteeConfig
from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.history import BorrowerHistory, CollateralHistory, PositionRisk
from oracle.domain.ids import Address, SubjectId, borrower_subject, contract_borrower_subject
from oracle.domain.market import HourlySeries, Pair
from oracle.domain.position import Collateral, Position, PositionSample
from oracle.domain.report import Cut
from oracle.domain.units import BPS, YEAR_S, ChainId, Ppm, TimestampS, mul_div_up
from oracle.features.collateral import compute_collateral_vector, known_volatility_ppm

COUNTED_SHARE_BPS = 100
"""Collateral below this share of a position's collateral does not set its sigma: anyone can send an account dust that turns into collateral."""

type Place = tuple[ChainId, Address]
type VolatilityOf = Callable[[CollateralHistory], Ppm | None]
"""None where too little is known of a pair; a price that never moved has volatility 0."""


@dataclass(frozen=True, kw_only=True)
class Histories:
    """Everything that is scored at one cut, ascending by subject; `accounts` tells where each borrower subject lives."""

    borrowers: tuple[BorrowerHistory, ...]
    collaterals: tuple[CollateralHistory, ...]
    accounts: Mapping[SubjectId, tuple[Place, ...]]


def list_candidates(config: CommitteeConfig, ledgers: Mapping[ChainId, Ledger], cut: Cut) -> tuple[Address, ...]:
    """Return, ascending, every address that is listed on some chain: its code has to be known on all of them."""
    as_of_s = boundary_of(config, cut)
    found: set[Address] = set()
    for ledger in ledgers.values():
        found.update(state.position.account for state in ledger.compute_states())
        found.update(a for a in ledger.list_accounts() if _has_recent_borrow(ledger.get_events(a), as_of_s))
    return tuple(sorted(found))


def build_histories(
    config: CommitteeConfig,
    ledgers: Mapping[ChainId, Ledger],
    cut: Cut,
    code: Mapping[Place, bool],
    *,
    volatility_of: VolatilityOf = lambda history: known_volatility_ppm(compute_collateral_vector(history)),
) -> Histories:
    """Return the histories of every subject at the cut; each ledger stands at its chain's cut block.

    `code` has every candidate on every chain. A borrower is listed with debt at the cut, or with a borrow in the last 365 days.
    """
    as_of_s = boundary_of(config, cut)
    stalled = {c.chain_id for i, c in enumerate(config.params.chains) if cut.stalled_chains >> i & 1}
    collaterals = [
        history
        for chain in config.params.chains
        if chain.chain_id not in stalled
        for history in list_collateral_histories(chain, ledgers[chain.chain_id], as_of_s)
    ]
    sigmas = {h.pair: volatility_of(h) for h in collaterals}
    states = _group_states(ledgers)
    borrowers, accounts = [], {}
    for subject, places in _list_subjects(config, ledgers, cut, code):
        positions = [s for place in places for s in states.get(place, ())]
        if any(s.position.chain_id in stalled for s in positions):
            continue
        if any(ledgers[chain].has_unvalued_debt(address) for chain, address in places):
            continue
        if not positions and not any(_has_recent_borrow(ledgers[c].get_events(a), as_of_s) for c, a in places):
            continue
        risks = tuple(_to_risk(config, s, sigmas) for s in positions)
        borrowers.append(_to_history(subject, as_of_s, risks, places, ledgers))
        accounts[subject] = places
    return Histories(
        borrowers=tuple(sorted(borrowers, key=lambda h: h.subject)),
        collaterals=tuple(sorted(collaterals, key=lambda h: h.pair.subject)),
        accounts=accounts,
    )


def boundary_of(config: CommitteeConfig, cut: Cut) -> TimestampS:
    """Return the boundary of an epoch."""
    return TimestampS(cut.epoch * config.params.epoch_seconds)


def list_collateral_histories(params: ChainParams, ledger: Ledger, as_of_s: TimestampS) -> Iterator[CollateralHistory]:
    """Yield the history of every pair of a chain that has a price, in config order."""
    for pair in params.pairs:
        series = ledger.prices.get_pair_series(pair)
        facts = params.asset(pair.token)
        if series is not None and facts is not None:
            yield CollateralHistory(pair=pair, as_of_s=as_of_s, series=series, facts=facts)


def _group_states(ledgers: Mapping[ChainId, Ledger]) -> dict[Place, list[PositionState]]:
    grouped: dict[Place, list[PositionState]] = {}
    for chain_id in sorted(ledgers):
        for state in ledgers[chain_id].compute_states():
            grouped.setdefault((chain_id, state.position.account), []).append(state)
    return grouped


def _list_subjects(
    config: CommitteeConfig, ledgers: Mapping[ChainId, Ledger], cut: Cut, code: Mapping[Place, bool]
) -> Iterator[tuple[SubjectId, tuple[Place, ...]]]:
    """Yield each candidate's subjects with the places that belong to them."""
    chains = [c.chain_id for c in config.params.chains]
    for address in list_candidates(config, ledgers, cut):
        if not any(code[(chain, address)] for chain in chains):
            yield borrower_subject(address), tuple((chain, address) for chain in chains)
        else:
            for chain in chains:
                yield contract_borrower_subject(chain, address), ((chain, address),)


def _has_recent_borrow(events: Sequence[LendingEvent], as_of_s: TimestampS) -> bool:
    return any(e.kind is EventKind.BORROW and e.time_s >= as_of_s - YEAR_S for e in reversed(events))


def _to_risk(config: CommitteeConfig, state: PositionState, sigmas: Mapping[Pair, Ppm | None]) -> PositionRisk:
    position = state.position
    chain = next(c for c in config.params.chains if c.chain_id == position.chain_id)
    return PositionRisk(
        chain_id=position.chain_id,
        market=position.market,
        health_factor_wad=state.health_factor_wad,
        debt_usd_e8=position.debt_usd_e8,
        volatility_ppm=_find_volatility(chain, position, sigmas),
    )


def _find_volatility(chain: ChainParams, position: Position, sigmas: Mapping[Pair, Ppm | None]) -> Ppm:
    """Return the largest sigma of a position's pairs, 0 (unknown) if one is not known: a calm token beside a young one must not hide it."""
    pairs = (
        Pair(chain_id=chain.chain_id, token=collateral.token, numeraire=facts.numeraire)
        for collateral in _list_counted(position)
        for debt in position.debts
        if (facts := chain.asset(debt.token)) is not None
    )
    found = [sigmas.get(pair) for pair in pairs if chain.wrapped_token(pair.numeraire) != pair.token]
    known = [sigma for sigma in found if sigma is not None]
    return max(known, default=Ppm(0)) if len(known) == len(found) else Ppm(0)


def _list_counted(position: Position) -> list[Collateral]:
    least = mul_div_up(position.collateral_usd_e8, COUNTED_SHARE_BPS, BPS)
    return [c for c in position.collaterals if c.value_usd_e8 >= max(1, least)]


def _to_history(
    subject: SubjectId,
    as_of_s: TimestampS,
    positions: tuple[PositionRisk, ...],
    places: Sequence[Place],
    ledgers: Mapping[ChainId, Ledger],
) -> BorrowerHistory:
    events: list[LendingEvent] = []
    samples: list[PositionSample] = []
    for chain, address in places:
        events += ledgers[chain].get_events(address)
        samples += ledgers[chain].get_samples(address)
    if len(places) > 1:
        events.sort(key=lambda e: e.order)
    samples.sort(key=lambda s: (s.time_s, s.chain_id, s.market))
    return BorrowerHistory(
        subject=subject,
        as_of_s=as_of_s,
        positions=positions,
        events=tuple(events),
        samples=tuple(samples),
        token_prices=_list_token_prices(events, ledgers),
    )


def _list_token_prices(
    events: Sequence[LendingEvent], ledgers: Mapping[ChainId, Ledger]
) -> tuple[tuple[Place, HourlySeries], ...]:
    supplied = sorted({(e.chain_id, e.token) for e in events if e.kind is EventKind.SUPPLY})
    priced = ((place, ledgers[place[0]].prices.get_series(place[1])) for place in supplied)
    return tuple((place, series) for place, series in priced if series is not None)
