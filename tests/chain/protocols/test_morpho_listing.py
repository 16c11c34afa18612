"""Only markets of Morpho Blue that the committee lists count: what a borrower creates for himself gives him nothing and adds no subject."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oracle.chain.address_book import AddressBook
from oracle.chain.checked import CheckedChain
from oracle.chain.indexer import Indexer
from oracle.chain.prices import PriceBook
from oracle.chain.protocols import fetch_anchors, list_contracts, make_adapters
from oracle.chain.reader import ChainReader, fetch_histories
from oracle.chain.rows import MemoryRows
from oracle.domain.committee import ChainParams, CommitteeConfig, MarketParams, Params
from oracle.domain.ids import ZERO_HASH, Address, borrower_subject
from oracle.domain.report import Cut
from oracle.domain.units import BlockNumber, Epoch, TimestampS
from oracle.errors import ConfigurationError
from tests.chain import morpho_logs as logs
from tests.chain.aave_logs import answer, market_opened
from tests.chain.fake_endpoint import CHAIN_ID, USDC, WETH, FakeChain, FakeEndpoint, FakeLog, address_of, make_params
from tests.chain.morpho_logs import BITCOIN_MARKET, ETHER_MARKET, MORPHO, SHARES
from tests.chain.morpho_market import PRICES, apply, make_market, states_of

pytestmark = pytest.mark.anyio
BORROWER, OTHER = address_of("borrower"), address_of("other")
NO_MODEL = Address(bytes(20))
ETHER, DOLLAR = 10**18, 10**6
EPOCH_S, OPENED_S = 3_600, 1_728_000_000
OWN_MARKET = logs.market_id_of(USDC, WETH, model=NO_MODEL)
LISTED = (ETHER_MARKET, BITCOIN_MARKET)


def own_market_used(account: Address) -> list[FakeLog]:
    """Return the logs of an account that creates a market, lends to it, borrows what it lent, and repays half."""
    return [
        logs.market_created(USDC, WETH, model=NO_MODEL),
        logs.fee_set(OWN_MARKET, 10**17),
        logs.supplied(OWN_MARKET, account, 10_000 * DOLLAR, 10_000 * DOLLAR * SHARES),
        logs.collateral_supplied(OWN_MARKET, account, 10 * ETHER),
        logs.borrowed(OWN_MARKET, account, 10_000 * DOLLAR, 10_000 * DOLLAR * SHARES),
        logs.accrued(OWN_MARKET, 0, 0),
        logs.rate_announced(OWN_MARKET, 10**10),
        logs.repaid(OWN_MARKET, account, 5_000 * DOLLAR, 5_000 * DOLLAR * SHARES),
        logs.collateral_withdrawn(OWN_MARKET, account, ETHER),
        logs.liquidated(OWN_MARKET, account, OTHER, DOLLAR, DOLLAR * SHARES, 1, 0, 0),
        logs.withdrawn(OWN_MARKET, account, DOLLAR, DOLLAR * SHARES),
    ]


def make_chain(*emitted: FakeLog) -> FakeChain:
    """Return a chain with a pool and a singleton that logs `emitted` two hours after it was opened, and its finality an hour later."""
    chain = FakeChain(first_time_s=OPENED_S - 1)
    chain.mine(OPENED_S, [*market_opened(), *logs.singleton_opened()])
    chain.mine(OPENED_S + 12, [answer(WETH, 2_000 * 10**8), answer(USDC, 10**8)])
    chain.mine(OPENED_S + 2 * EPOCH_S, list(emitted))
    chain.mine(OPENED_S + 3 * EPOCH_S + 1)
    return chain


async def subjects_of(chain: FakeChain, params: ChainParams) -> set[bytes]:
    endpoints = [FakeEndpoint("a", chain), FakeEndpoint("b", chain)]
    reader = ChainReader(params, CheckedChain(CHAIN_ID, endpoints), MemoryRows())
    scored = Params(
        chains=(params,), borrower_model_id=ZERO_HASH, collateral_model_id=ZERO_HASH, epoch_seconds=EPOCH_S,
        validity_seconds=3 * EPOCH_S,
    )  # fmt: skip
    members = tuple(address_of(f"member {i}") for i in range(4))
    config = CommitteeConfig(
        prev_digest=ZERO_HASH, seq=0, members=members, f=1, q=3, params=scored, from_epoch=Epoch(0)
    )
    epoch = Epoch(OPENED_S // EPOCH_S + 3)
    found = await reader.derive_cut(TimestampS(epoch * EPOCH_S))
    assert found is not None
    histories = await fetch_histories(config, {CHAIN_ID: reader}, Cut(epoch=epoch, chains=(found,)))
    return {history.subject for history in histories.borrowers}


def params_of(*places: tuple[str, Address, int]) -> ChainParams:
    markets = (MarketParams(protocol=name, market=where, start_block=BlockNumber(at)) for name, where, at in places)
    return replace(make_params(), markets=tuple(sorted(markets, key=lambda m: m.market)))


def test_apply__market_that_a_borrower_created_himself__gives_no_event_no_position_and_no_sample() -> None:
    market = make_market(listed=LISTED)

    events = apply(market, *own_market_used(BORROWER))

    assert events == []
    assert list(market.compute_states(PRICES, TimestampS(0))) == []
    assert list(market.sample(PRICES, TimestampS(0))) == []
    assert set(market.markets) == set(LISTED)


def test_apply__market_that_is_listed__is_read_as_if_no_other_were_there() -> None:
    loan = logs.opened_loan(OTHER, collateral=ETHER, debt=1_000 * DOLLAR)
    alone, beside = make_market(listed=LISTED), make_market(listed=LISTED)

    apply(beside, *own_market_used(BORROWER))
    apply(beside, *own_market_used(OTHER))
    found = (apply(alone, *loan), apply(beside, *loan))

    assert [(e.kind, e.account, e.value_usd_e8) for e in found[1]] == [
        (e.kind, e.account, e.value_usd_e8) for e in found[0]
    ]
    assert len(found[1]) == 2
    assert states_of(beside, OTHER) == states_of(alone, OTHER) != []
    assert list(beside.sample(PRICES, TimestampS(0))) == list(alone.sample(PRICES, TimestampS(0)))


def test_has_unvalued_debt__own_market_in_a_token_without_a_price__blocks_nobody() -> None:
    token = address_of("a token of nobody")
    market_id = logs.market_id_of(token, WETH)
    market = make_market(listed=LISTED)

    apply(market, logs.market_created(token, WETH), logs.borrowed(market_id, BORROWER, 1, SHARES))

    assert not market.has_unvalued_debt(BORROWER, PRICES)


async def test_histories__borrower_of_his_own_market__is_a_subject_only_if_the_committee_lists_it() -> None:
    loan = logs.opened_loan(OTHER, collateral=ETHER, debt=1_000 * DOLLAR)
    chain = make_chain(*own_market_used(BORROWER), *loan)
    markets = make_params().markets

    given = await subjects_of(chain, replace(make_params(), markets=(*markets, *logs.params_listing())))
    listed = logs.params_listing([*LISTED, OWN_MARKET])

    assert given == {borrower_subject(OTHER)}
    assert await subjects_of(chain, replace(make_params(), markets=(*markets, *listed))) == {
        borrower_subject(OTHER),
        borrower_subject(BORROWER),
    }


LISTING = ("morpho_blue_market", logs.label_of(ETHER_MARKET), 5)


@pytest.mark.parametrize(
    ("places", "words"),
    [
        (
            [("morpho_blue", MORPHO, 5)],
            "lists none of its markets: add .*morpho_blue_market.* first 20 bytes of its id",
        ),
        ([LISTING], "no singleton: add .*'morpho_blue'"),
        ([("morpho_blue", MORPHO, 5), ("morpho_blue", OTHER, 5), LISTING], "one Morpho Blue"),
        ([("morpho_blue", MORPHO, 6), LISTING], "starts at block 5, before the singleton at 6"),
    ],
)
async def test_list_contracts__listing_that_is_read_by_nobody_or_missing__says_what_to_add(
    places: list[tuple[str, Address, int]], words: str
) -> None:
    params = params_of(*places)

    with pytest.raises(ConfigurationError, match=words):
        list_contracts(params)
    with pytest.raises(ConfigurationError, match=words):
        make_adapters(params, {})
    with pytest.raises(ConfigurationError, match=words):
        ChainReader(params, CheckedChain(CHAIN_ID, [FakeEndpoint("a", FakeChain())]), MemoryRows())


async def test_fetch_anchors__listed_markets__are_no_contracts_to_call() -> None:
    called = []

    async def answer_an_address(to: Address, data: bytes) -> bytes:
        called.append(to)
        return bytes(32)

    params = params_of(("morpho_blue", MORPHO, 5), LISTING)
    anchors = await fetch_anchors(params, answer_an_address)

    assert called == [MORPHO]
    assert anchors == {MORPHO: ()}
    assert [adapter.addresses for adapter in make_adapters(params, anchors)] == [{MORPHO}]


def test_filter_hash__one_more_market_listed__keeps_the_rows_that_are_stored() -> None:
    def compute(*market_ids: bytes) -> bytes:
        params = replace(make_params(), markets=logs.params_listing(market_ids))
        indexer = Indexer(params, CheckedChain(CHAIN_ID, [FakeEndpoint("a", FakeChain())]), MemoryRows())
        return indexer.compute_filter_hash(AddressBook(make_adapters(params, {MORPHO: ()}), PriceBook(params)))

    # Rows are filtered by contract and topic: those of a further market are there already.
    assert compute(ETHER_MARKET) == compute(*LISTED)
