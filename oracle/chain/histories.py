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
from oracle.domain.market import HourlySeries
from oracle.domain.position import PositionSample
from oracle.domain.report import Cut
from oracle.domain.units import YEAR_S, ChainId, Ppm, TimestampS
from oracle.features.collateral import compute_collateral_vector, known_volatility_ppm
from oracle.features.health import DUST_USD_E8
from oracle.features.volatility import compute_position_risk

type Place = tuple[ChainId, Address]
type VolatilityOf = Callable[[CollateralHistory], Ppm | None]
"""None where too little is known of a pair; a price that never moved has volatility 0."""


@dataclass(frozen=True, kw_only=True)
class Histories:
    """Everything that is scored at one cut, ascending by subject; `accounts` tells where each borrower subject lives."""

    borrowers: tuple[BorrowerHistory, ...]
    collaterals: tuple[CollateralHistory, ...]
    accounts: Mapping[SubjectId, tuple[Place, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A borrower that is scored at a cut: the accounts that are it, and its positions with debt there."""

    subject: SubjectId
    places: tuple[Place, ...]
    states: tuple[PositionState, ...]


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

    `code` has every candidate on every chain. A borrower is listed with debt at the cut, or with a borrow of at least
    `DUST_USD_E8` in the last 365 days.
    """
    as_of_s = boundary_of(config, cut)
    stalled = list_stalled(config, cut)
    collaterals = [
        history
        for chain in config.params.chains
        if chain.chain_id not in stalled
        for history in list_collateral_histories(chain, ledgers[chain.chain_id], as_of_s)
    ]
    sigmas = {h.pair: volatility_of(h) for h in collaterals}
    params = {chain.chain_id: chain for chain in config.params.chains}
    borrowers, accounts = [], {}
    for listed in list_borrowers(config, ledgers, cut, code):
        risks = tuple(
            compute_position_risk(params[s.position.chain_id], s.position, s.health_factor_wad, sigmas)
            for s in listed.states
        )
        borrowers.append(_to_history(listed, as_of_s, risks, ledgers))
        accounts[listed.subject] = listed.places
    return Histories(
        borrowers=tuple(sorted(borrowers, key=lambda h: h.subject)),
        collaterals=tuple(sorted(collaterals, key=lambda h: h.pair.subject)),
        accounts=accounts,
    )


def list_borrowers(
    config: CommitteeConfig, ledgers: Mapping[ChainId, Ledger], cut: Cut, code: Mapping[Place, bool]
) -> Iterator[Listed]:
    """Yield every borrower that is scored at the cut, ascending by address; the ledgers stand at its blocks."""
    as_of_s, stalled = boundary_of(config, cut), list_stalled(config, cut)
    states = _group_states(ledgers)
    for subject, places in _list_subjects(config, ledgers, cut, code):
        own = tuple(s for place in places for s in states.get(place, ()))
        if any(s.position.chain_id in stalled for s in own):
            continue
        if any(ledgers[chain].has_unvalued_debt(address) for chain, address in places):
            continue
        if own or any(_has_recent_borrow(ledgers[c].get_events(a), as_of_s) for c, a in places):
            yield Listed(subject=subject, places=places, states=own)


def list_stalled(config: CommitteeConfig, cut: Cut) -> set[ChainId]:
    """Return the chains that had no block to be cut at."""
    return {c.chain_id for i, c in enumerate(config.params.chains) if cut.stalled_chains >> i & 1}


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
    """Return whether more than dust was borrowed in the last 365 days: else gas alone, in a market of unpriced tokens, would list an address."""
    return any(_is_borrow(e) and e.time_s >= as_of_s - YEAR_S for e in reversed(events))


def _is_borrow(event: LendingEvent) -> bool:
    return event.kind is EventKind.BORROW and event.value_usd_e8 >= DUST_USD_E8


def _to_history(
    listed: Listed, as_of_s: TimestampS, positions: tuple[PositionRisk, ...], ledgers: Mapping[ChainId, Ledger]
) -> BorrowerHistory:
    events, samples = gather_rows(listed.places, ledgers)
    return BorrowerHistory(
        subject=listed.subject,
        as_of_s=as_of_s,
        positions=positions,
        events=events,
        samples=samples,
        token_prices=_list_token_prices(events, ledgers),
    )


def gather_rows(
    places: Sequence[Place], ledgers: Mapping[ChainId, Ledger]
) -> tuple[tuple[LendingEvent, ...], tuple[PositionSample, ...]]:
    """Return all events and samples of a subject's places, in canonical order."""
    events: list[LendingEvent] = []
    samples: list[PositionSample] = []
    for chain, address in places:
        events += ledgers[chain].get_events(address)
        samples += ledgers[chain].get_samples(address)
    if len(places) > 1:
        events.sort(key=lambda e: e.order)
    samples.sort(key=lambda s: (s.time_s, s.chain_id, s.market))
    return tuple(events), tuple(samples)


def _list_token_prices(
    events: Sequence[LendingEvent], ledgers: Mapping[ChainId, Ledger]
) -> tuple[tuple[Place, HourlySeries], ...]:
    supplied = sorted({(e.chain_id, e.token) for e in events if e.kind is EventKind.SUPPLY})
    priced = ((place, ledgers[place[0]].prices.get_series(place[1])) for place in supplied)
    return tuple((place, series) for place, series in priced if series is not None)
