"""The API over a seeded database and fake ports, asked in-process: no sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from oracle.api.app import create_app
from oracle.api.deps import ApiDeps, ChainStatus, NodeStatus, RateLimit, Trouble
from oracle.api.markets import (
    BorrowerBooks,
    MarketConstants,
    MarketListing,
    MarketState,
    OracleHead,
    PostedBorrower,
    PostedCollateral,
)
from oracle.api.stored import StoredReports
from oracle.api.symbols import FixedSymbols
from oracle.domain.ids import Address, Hash32, keccak256
from oracle.domain.score import CollateralScore
from oracle.domain.units import BlockNumber, Bps, ChainId, Epoch, Margin, NodeId, Ppm, TimestampS
from oracle.errors import MarketNotFoundError
from oracle.storage.engine import open_database
from tests.api.committee_world import (
    CHAINS,
    EPOCH_S,
    LAST_EPOCH,
    NOW_S,
    USDC,
    VALIDITY_S,
    WETH,
    CommitteeWorld,
    seed_world,
)

MARKET = Address(b"\xc1" * 20)
TWIN_MARKET = Address(b"\xc2" * 20)
LISTINGS = (
    MarketListing(chain_id=CHAINS[0], market=MARKET),
    MarketListing(chain_id=CHAINS[0], market=TWIN_MARKET),
    MarketListing(chain_id=CHAINS[1], market=TWIN_MARKET),
)


@dataclass
class FakeClock:
    """Stands still until a test moves it."""

    now: int = NOW_S * 1_000

    def now_ms(self) -> int:
        return self.now


@dataclass
class FakeStatus:
    """The node's health as a test sets it."""

    troubles: tuple[Trouble, ...] = ()

    def status(self) -> NodeStatus:
        chains = (ChainStatus(chain_id=CHAINS[0], indexed_block_number=BlockNumber(1_000), endpoints_count=2),)
        return NodeStatus(node=NodeId(0), version="0.1.0", troubles=self.troubles, chains=chains)


@dataclass
class FakeMarkets:
    """Answers with the state that a test put there."""

    states: dict[tuple[ChainId, Address], MarketState] = field(default_factory=dict)

    async def fetch_state(self, listing: MarketListing, borrower: Address) -> MarketState:
        return self._of(listing)

    async def fetch_constants(self, listing: MarketListing) -> MarketConstants:
        return self._of(listing).constants

    def _of(self, listing: MarketListing) -> MarketState:
        state = self.states.get((listing.chain_id, listing.market))
        if state is None:
            raise MarketNotFoundError("fake", listing.chain_id)
        return state


def make_state(world: CommitteeWorld) -> MarketState:
    """A market on the first chain whose pair is WETH/USD, with 2 WETH of collateral worth 6,000 USDC and no debt."""
    pair = next(p for p in world.config.pairs if p.chain_id == CHAINS[0] and p.token == WETH)
    score = next(s for s in world.scores[LAST_EPOCH] if s.subject == pair.subject)
    assert isinstance(score, CollateralScore)
    return MarketState(
        chain_id=CHAINS[0],
        market=MARKET,
        block_number=BlockNumber(2_100),
        block_hash=Hash32(b"\x77" * 32),
        block_time_s=TimestampS(NOW_S),
        constants=make_constants(world, score),
        head=make_head(world),
        collateral=make_posted(score),
        is_open=True,
        counts_scores=True,
        exposure_cap_amount=10**13,
        cash_amount=10**13,
        total_exposure_amount=0,
        base_rate_wad=10**16,
        borrower=make_books(),
    )


def make_constants(world: CommitteeWorld, score: CollateralScore) -> MarketConstants:
    return MarketConstants(
        oracle=Address(b"\xc0" * 20),
        gate=Address(b"\xc2" * 20),
        loan_token=USDC,
        loan_symbol="USDC",
        loan_decimals=6,
        collateral_token=WETH,
        collateral_subject=score.subject,
        severity_bps=Bps(1_000),
        budget_ppm=Ppm(400),
        floor_premium_bps=Bps(300),
        borrower_limit_amount=10**12,
        exposure_cap_amount=10**13,
        tables_hash=keccak256(world.borrower_bundle.tables_bytes),
    )


def make_head(world: CommitteeWorld) -> OracleHead:
    return OracleHead(
        epoch=LAST_EPOCH,
        previous_epoch=Epoch(LAST_EPOCH - 1),
        scores_root=world.reports[LAST_EPOCH].scores_root,
        landed_at_s=TimestampS(NOW_S - 300),
        epoch_s=EPOCH_S,
        validity_s=VALIDITY_S,
        grace_s=600,
    )


def make_posted(score: CollateralScore) -> PostedCollateral:
    return PostedCollateral(
        epoch=LAST_EPOCH,
        margin=score.margin,
        volatility_ppm=score.volatility_ppm,
        drawdown_bps=score.drawdown_bps,
        gap_ppm=score.gap_ppm,
        ltv_ceiling_bps=score.ltv_ceiling_bps,
        ltv_floor_bps=score.ltv_floor_bps,
        liquidation_threshold_bps=score.liquidation_threshold_bps,
        binding=score.binding,
    )


def make_books() -> BorrowerBooks:
    nothing = PostedBorrower(epoch=Epoch(0), behaviour_margin=Margin(0), grade=0)
    return BorrowerBooks(
        debt_amount=0,
        exposure_amount=0,
        collateral_value_amount=6_000_000_000,
        price_refusal="",
        has_code=False,
        as_account=nothing,
        as_contract=nothing,
    )


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, vectors_dir: Path) -> Iterator[CommitteeWorld]:
    database = open_database(tmp_path_factory.mktemp("api") / "node.db")
    yield seed_world(database, vectors_dir)
    database.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def status() -> FakeStatus:
    return FakeStatus()


@pytest.fixture
def market_state(world: CommitteeWorld) -> MarketState:
    return make_state(world)


@pytest.fixture
def markets(market_state: MarketState) -> FakeMarkets:
    states = {(item.chain_id, item.market): market_state for item in LISTINGS}
    return FakeMarkets(states=states)


@pytest.fixture
def deps(world: CommitteeWorld, clock: FakeClock, status: FakeStatus, markets: FakeMarkets) -> ApiDeps:
    return ApiDeps(
        config=world.config,
        borrower_bundle=world.borrower_bundle,
        collateral_bundle=world.collateral_bundle,
        scores=StoredReports(world.database),
        markets=markets,
        status=status,
        clock=clock,
        listings=LISTINGS,
        symbols=FixedSymbols({(chain, WETH): "WETH" for chain in CHAINS}),
        rate_limit=RateLimit(burst_count=1_000),
    )


@pytest.fixture
async def client(deps: ApiDeps) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(deps) as opened:
        yield opened


def client_of(deps: ApiDeps) -> httpx.AsyncClient:
    """Return a client of the application itself; a bug answers 500 as it would in production."""
    transport = httpx.ASGITransport(app=create_app(deps), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://node")


@pytest.fixture
def empty_deps(deps: ApiDeps, tmp_path: Path) -> Iterator[ApiDeps]:
    """A node that has just started: no report yet."""
    database = open_database(tmp_path / "empty.db")
    yield replace(deps, scores=StoredReports(database))
    database.close()
