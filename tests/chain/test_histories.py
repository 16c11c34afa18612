"""Histories at a cut: who is listed, under which subject, and with what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from oracle.chain.histories import Histories, VolatilityOf, build_histories, list_candidates
from oracle.chain.ledger import Ledger
from oracle.chain.rows import MemoryRows
from oracle.domain.committee import CommitteeConfig, Params
from oracle.domain.history import CollateralHistory
from oracle.domain.ids import (
    ETH,
    USD,
    ZERO_HASH,
    Address,
    Hash32,
    borrower_subject,
    contract_borrower_subject,
    keccak256,
)
from oracle.domain.market import Pair
from oracle.domain.report import ChainCut, Cut
from oracle.domain.units import DAY_S, WAD, YEAR_S, BlockNumber, ChainId, Epoch, Ppm, TimestampS
from tests.chain.aave_logs import (
    borrow,
    burn,
    collateral_enabled,
    market_opened,
    mint,
    opened_loan,
    reserve_initialised,
    supply,
    to_rows,
)
from tests.chain.fake_endpoint import CONFIGURATOR, POOL, USDC, WBTC, WETH, WSTETH, FakeLog, address_of, make_params

LEFT, RIGHT = ChainId(31337), ChainId(31338)
ETHER, DOLLAR, BITCOIN = 10**18, 10**6, 10**8
EPOCH_S = 3_600
BOUNDARY_S = 20_000 * DAY_S + 2 * EPOCH_S
OPENED_S = BOUNDARY_S - 2 * DAY_S
SIGMAS = {WETH: 700_000, WBTC: 500_000, WSTETH: 710_000, USDC: 10_000}
BOTH, SINGLE, CONTRACT = address_of("on both chains"), address_of("on the left"), address_of("a contract")

CONFIG = CommitteeConfig(
    prev_digest=ZERO_HASH,
    seq=0,
    members=tuple(address_of(f"member {i}") for i in range(4)),
    f=1,
    q=3,
    params=Params(
        chains=(make_params(LEFT), make_params(RIGHT)),
        borrower_model_id=ZERO_HASH,
        collateral_model_id=ZERO_HASH,
        epoch_seconds=EPOCH_S,
        validity_seconds=3 * EPOCH_S,
    ),
    from_epoch=Epoch(0),
)


def sigma_of(history: CollateralHistory) -> Ppm:
    """Stand in for the volatility feature: by token, and 1 ppm more against ETH."""
    return Ppm(SIGMAS[history.pair.token] + (history.pair.numeraire == ETH))


def make_ledger(chain_id: ChainId, emitted: Sequence[FakeLog], *, opened_s: int = OPENED_S) -> Ledger:
    rows = MemoryRows()
    block = to_rows([*market_opened(), *emitted], block_number=1, time_s=opened_s)
    rows.append(chain_id, block, mark=(1, b"1"), filter_hash=b"")
    ledger = Ledger(make_params(chain_id), {POOL: (CONFIGURATOR,)}, rows)
    ledger.advance(BlockNumber(1), Hash32(keccak256(b"1")), TimestampS(opened_s), TimestampS(BOUNDARY_S))
    return ledger


def build(
    left: Sequence[FakeLog],
    right: Sequence[FakeLog] = (),
    *,
    contracts: Sequence[tuple[ChainId, Address]] = (),
    stalled_chains: int = 0,
    opened_s: int = OPENED_S,
    volatility_of: VolatilityOf = sigma_of,
) -> Histories:
    ledgers = {LEFT: make_ledger(LEFT, left, opened_s=opened_s), RIGHT: make_ledger(RIGHT, right, opened_s=opened_s)}
    cuts = tuple(
        ChainCut(chain_id=c, block_number=BlockNumber(1), block_hash=Hash32(keccak256(b"1"))) for c in (LEFT, RIGHT)
    )
    cut = Cut(epoch=Epoch(BOUNDARY_S // EPOCH_S), chains=cuts, stalled_chains=stalled_chains)
    candidates = list_candidates(CONFIG, ledgers, cut)
    code = {(chain, a): (chain, a) in contracts for chain in ledgers for a in candidates}
    return build_histories(CONFIG, ledgers, cut, code, volatility_of=volatility_of)


def loan(account: Address, *, collateral: int = ETHER) -> list[FakeLog]:
    return opened_loan(account, collateral=collateral, debt=1_000 * DOLLAR)


def test_borrowers__on_two_chains_without_code__are_one_subject() -> None:
    histories = build(loan(BOTH), loan(BOTH, collateral=2 * ETHER))

    (history,) = histories.borrowers
    assert history.subject == borrower_subject(BOTH)
    assert [(p.chain_id, p.health_factor_wad) for p in history.positions] == [
        (LEFT, WAD * 166 // 100),
        (RIGHT, WAD * 332 // 100),
    ]
    assert [e.chain_id for e in history.events] == [LEFT, LEFT, RIGHT, RIGHT]
    assert [(s.time_s, s.chain_id) for s in history.samples] == [
        (BOUNDARY_S - 2 * EPOCH_S - DAY_S, LEFT),
        (BOUNDARY_S - 2 * EPOCH_S - DAY_S, RIGHT),
        (BOUNDARY_S - 2 * EPOCH_S, LEFT),
        (BOUNDARY_S - 2 * EPOCH_S, RIGHT),
    ]
    assert [place for place, _ in history.token_prices] == [(LEFT, WETH), (RIGHT, WETH)]
    assert histories.accounts[history.subject] == ((LEFT, BOTH), (RIGHT, BOTH))


def test_borrowers__with_code_on_one_chain__are_one_subject_per_chain() -> None:
    histories = build(loan(CONTRACT), loan(CONTRACT), contracts=[(RIGHT, CONTRACT)])

    expected = {contract_borrower_subject(LEFT, CONTRACT), contract_borrower_subject(RIGHT, CONTRACT)}
    assert {h.subject for h in histories.borrowers} == expected
    assert {len(h.positions) for h in histories.borrowers} == {1}


def test_borrowers__any_number__ascend_by_subject() -> None:
    accounts = [address_of(f"borrower {i}") for i in range(9)]

    subjects = [h.subject for h in build([log for a in accounts for log in loan(a)]).borrowers]

    assert subjects == sorted(borrower_subject(a) for a in accounts)


def test_borrowers__repaid_with_a_borrow_in_the_last_year__stay_listed_without_positions() -> None:
    repaid = [*loan(SINGLE), burn(USDC, SINGLE, 1_000 * DOLLAR, debt=True)]

    (history,) = build(repaid).borrowers
    longer_ago = build(repaid, opened_s=BOUNDARY_S - YEAR_S - 1)
    a_year_ago = build(repaid, opened_s=BOUNDARY_S - YEAR_S)

    assert history.positions == ()
    assert longer_ago.borrowers == ()
    assert len(a_year_ago.borrowers) == 1


@pytest.mark.parametrize(("debt_dollars", "is_listed"), [(0, False), (99, False), (100, True)])
def test_borrowers__repaid_a_borrow_of_less_than_100_dollars__are_not_listed(
    debt_dollars: int, is_listed: bool
) -> None:
    debt = debt_dollars * DOLLAR
    repaid = [*opened_loan(SINGLE, collateral=ETHER, debt=debt), burn(USDC, SINGLE, debt, debt=True)]

    assert bool(build(repaid).borrowers) == is_listed


def test_borrowers__borrowed_a_token_without_a_price__are_not_listed_once_it_is_repaid() -> None:
    worthless = address_of("unpriced token")
    borrowed = [mint(worthless, BOTH, ETHER, debt=True), borrow(worthless, BOTH, ETHER)]
    repaid = burn(worthless, BOTH, ETHER, debt=True)

    assert build([reserve_initialised(worthless), *borrowed, repaid]).borrowers == ()


def test_borrowers__suppliers_only__are_not_listed() -> None:
    supplier = [mint(WETH, SINGLE, ETHER), collateral_enabled(WETH, SINGLE), supply(WETH, SINGLE, ETHER)]

    assert build(supplier).borrowers == ()


def test_borrowers__debt_on_a_stalled_chain__are_left_out_with_its_collaterals() -> None:
    histories = build([*loan(BOTH), *loan(SINGLE)], loan(BOTH), stalled_chains=0b10)

    assert [h.subject for h in histories.borrowers] == [borrower_subject(SINGLE)]
    assert {h.pair.chain_id for h in histories.collaterals} == {LEFT}


def test_borrowers__debt_that_has_no_price__are_left_out() -> None:
    unknown = address_of("unpriced token")
    hidden = [reserve_initialised(unknown), mint(unknown, BOTH, 1, debt=True)]

    assert build(loan(BOTH), hidden).borrowers == ()


def test_volatility__several_pairs__is_the_largest() -> None:
    mixed = [*loan(SINGLE), mint(WBTC, SINGLE, BITCOIN), collateral_enabled(WBTC, SINGLE)]

    (history,) = build(mixed).borrowers

    assert history.positions[0].volatility_ppm == SIGMAS[WETH]


def test_volatility__dust_of_a_third_party__does_not_count() -> None:
    dust = [*loan(SINGLE), mint(WSTETH, SINGLE, ETHER // 1_000), collateral_enabled(WSTETH, SINGLE)]

    (history,) = build(dust).borrowers

    assert history.positions[0].volatility_ppm == SIGMAS[WETH]


def test_volatility__one_pair_not_known_yet__is_not_that_of_the_calmer_one() -> None:
    mixed = [*loan(SINGLE), mint(USDC, SINGLE, 60 * DOLLAR), collateral_enabled(USDC, SINGLE)]
    young = {WETH: None, USDC: Ppm(1_000)}

    (history,) = build(mixed, volatility_of=lambda h: young.get(h.pair.token, Ppm(0))).borrowers

    assert history.positions[0].volatility_ppm == 0


def test_volatility__numeraire_without_price__is_not_that_of_the_calmer_pair() -> None:
    coin = [mint(WBTC, SINGLE, BITCOIN), mint(USDC, SINGLE, DOLLAR)]
    owed = [collateral_enabled(t, SINGLE) for t in (WBTC, USDC)] + [mint(WETH, SINGLE, ETHER, debt=True)]
    known = {USDC: Ppm(1_000)}

    (history,) = build([*coin, *owed], volatility_of=lambda h: known.get(h.pair.token)).borrowers

    assert history.positions[0].volatility_ppm == 0


def test_volatility__constant_price__is_known_and_leaves_the_larger_one() -> None:
    mixed = [*loan(SINGLE), mint(USDC, SINGLE, 60 * DOLLAR), collateral_enabled(USDC, SINGLE)]
    sigmas = {WETH: Ppm(700_000), USDC: Ppm(0)}

    (history,) = build(mixed, volatility_of=lambda h: sigmas.get(h.pair.token, Ppm(0))).borrowers

    assert history.positions[0].volatility_ppm == 700_000


def test_volatility__own_numeraire_beside_another__is_that_of_the_other() -> None:
    ether_debt = [
        mint(WSTETH, SINGLE, ETHER),
        mint(WETH, SINGLE, ETHER),
        *(collateral_enabled(token, SINGLE) for token in (WSTETH, WETH)),
        mint(WETH, SINGLE, ETHER // 2, debt=True),
    ]

    (history,) = build(ether_debt).borrowers

    assert history.positions[0].volatility_ppm == SIGMAS[WSTETH] + 1


def test_volatility__debt_in_another_numeraire__uses_that_pair() -> None:
    ether_debt = [
        mint(WSTETH, SINGLE, ETHER),
        collateral_enabled(WSTETH, SINGLE),
        mint(WETH, SINGLE, ETHER // 2, debt=True),
    ]

    (history,) = build(ether_debt).borrowers

    assert history.positions[0].volatility_ppm == SIGMAS[WSTETH] + 1


def test_volatility__collateral_in_its_own_numeraire__is_unknown() -> None:
    loop = [mint(WETH, SINGLE, ETHER), collateral_enabled(WETH, SINGLE), mint(WETH, SINGLE, ETHER // 2, debt=True)]

    (history,) = build(loop).borrowers

    assert history.positions[0].volatility_ppm == 0


def test_collaterals__every_pair_with_prices__has_its_series_and_facts() -> None:
    histories = build([])

    pairs = {h.pair: h for h in histories.collaterals}
    assert set(pairs) == set(CONFIG.pairs)
    staked = pairs[Pair(chain_id=LEFT, token=WSTETH, numeraire=ETH)]
    dollars = pairs[Pair(chain_id=LEFT, token=WSTETH, numeraire=USD)]
    assert set(staked.series.prices_e8) == {120_000_000}
    assert set(dollars.series.prices_e8) == {2_400 * 10**8}
    assert staked.series.last_hour_s == BOUNDARY_S
    assert staked.facts.token == WSTETH


def test_histories__everything_in_them__is_at_or_before_the_boundary() -> None:
    histories = build([*loan(BOTH), *loan(SINGLE)], loan(BOTH))

    for borrower in histories.borrowers:
        assert max(e.time_s for e in borrower.events) <= borrower.as_of_s == BOUNDARY_S
        assert max(s.time_s for s in borrower.samples) <= BOUNDARY_S
        assert max(series.last_hour_s for _, series in borrower.token_prices) <= BOUNDARY_S
    assert max(c.series.last_hour_s for c in histories.collaterals) <= BOUNDARY_S


def test_build__same_chains_twice__gives_equal_histories() -> None:
    first, second = (build([*loan(BOTH), *loan(SINGLE)], loan(BOTH)) for _ in range(2))

    assert first == second
    assert replace(first, borrowers=()) != second
