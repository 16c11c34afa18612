"""A lending market as logs: borrowers of an Aave v3 pool on two chains over months, made from a seed and stored like indexed logs.

Each borrower opens a loan against ether, then tops up, repays or borrows more about twice a month; one in ten is liquidated once. Prices answer hourly.
Nothing here is timed; what is timed starts from the stored rows, as a node does.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field

from oracle.chain.ledger import Ledger
from oracle.chain.rows import RowStore
from oracle.domain.ids import Address, Hash32, keccak256
from oracle.domain.report import ChainCut, Cut
from oracle.domain.units import DAY_S, HOUR_S, BlockNumber, ChainId, Epoch, TimestampS
from tests.chain import aave_logs
from tests.chain.fake_endpoint import CONFIGURATOR, POOL, USDC, WBTC, WETH, WSTETH, FakeLog, address_of, make_params

CHAINS = (ChainId(31_337), ChainId(31_338))
SPARE_HOURS = 8
"""Hours after the history that epochs may advance into."""
FIRST_HOUR_S = 20_000 * DAY_S
ETHER, DOLLAR = 10**18, 10**6
ETHER_USD = 2_000
_STRANGER = address_of("liquidator")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSize:
    """How much happens: `shared_borrowers` are on both chains, the others on one of them."""

    borrowers: int
    shared_borrowers: int
    history_days: int


SMALL = MarketSize(borrowers=1_000, shared_borrowers=300, history_days=180)
LARGE = MarketSize(borrowers=20_000, shared_borrowers=2_000, history_days=90)


@dataclass
class Market:
    """The logs of one chain by hour, and the balances that keep them consistent."""

    rng: random.Random
    logs: dict[int, list[FakeLog]] = field(default_factory=lambda: defaultdict(list))

    def add_prices(self, hours: int) -> None:
        """Add hourly answers of a random walk; wrapped staked ether and bitcoin follow ether loosely."""
        ether, bitcoin = ETHER_USD * 10**8, 60_000 * 10**8
        for hour in range(1, hours):
            ether = ether * (10_000 + round(self.rng.gauss(0, 60))) // 10_000
            bitcoin = bitcoin * (10_000 + round(self.rng.gauss(0, 45))) // 10_000
            staked = ether * (11_500 + self.rng.randrange(-8, 9)) // 10_000
            answers = (
                (WETH, ether),
                (WSTETH, staked),
                (WBTC, bitcoin),
                (USDC, 10**8 + self.rng.randrange(-50_000, 50_000)),
            )
            self.logs[hour] += [aave_logs.answer(token, price) for token, price in answers]

    def add_borrower(self, account: Address, hours: int) -> None:
        """Add a loan and what its owner does with it until the end."""
        opened = self.rng.randrange(24, hours * 3 // 4)
        collateral = self.rng.randrange(1, 60) * ETHER
        debt = collateral // ETHER * ETHER_USD * self.rng.randrange(40, 75) // 100 * DOLLAR
        self.logs[opened] += aave_logs.opened_loan(account, collateral=collateral, debt=debt)
        liquidated = self.rng.randrange(opened, hours) if self.rng.randrange(10) == 0 else -1
        for hour in range(opened + 24, hours, 24):
            if hour <= liquidated < hour + 24:
                debt -= self._liquidate(account, hour, debt // 2)
            elif self.rng.randrange(14) == 0:
                debt += self._act(account, hour + self.rng.randrange(24), debt // 10)

    def _act(self, account: Address, hour: int, amount: int) -> int:
        """Add one action of the owner; return the change of debt."""
        kind = self.rng.randrange(3)
        if kind == 0:
            minted = aave_logs.mint(WETH, account, ETHER)
            self.logs[hour] += [minted, aave_logs.supply(WETH, account, ETHER)]
            return 0
        if kind == 1:
            burned = aave_logs.burn(USDC, account, amount, debt=True)
            self.logs[hour] += [burned, aave_logs.repay(USDC, account, amount, caller=account)]
            return -amount
        minted = aave_logs.mint(USDC, account, amount, debt=True)
        self.logs[hour] += [minted, aave_logs.borrow(USDC, account, amount)]
        return amount

    def _liquidate(self, account: Address, hour: int, repaid: int) -> int:
        """Add a liquidation at about the first price; return what was repaid."""
        seized = repaid * ETHER // (2 * ETHER_USD * DOLLAR)
        self.logs[hour] += [
            aave_logs.burn(USDC, account, repaid, debt=True),
            aave_logs.burn(WETH, account, seized),
            aave_logs.liquidation(WETH, USDC, account, repaid, seized, caller=_STRANGER),
        ]
        return repaid


def store_market(rows: RowStore, chain_id: ChainId, accounts: list[Address], history_days: int) -> int:
    """Store the logs of one chain, one block an hour, and return how many there are."""
    market = Market(rng=random.Random(chain_id))
    market.logs[0] += aave_logs.market_opened()
    for token in (WETH, WSTETH, WBTC, USDC):
        market.logs[0].append(aave_logs.reserve_data(token, supply_rate=10**25, debt_rate=5 * 10**25))
    market.add_prices(history_days * 24 + SPARE_HOURS)
    for account in accounts:
        market.add_borrower(account, history_days * 24)
    stored = [
        row
        for hour in sorted(market.logs)
        for row in aave_logs.to_rows(market.logs[hour], block_number=hour, time_s=FIRST_HOUR_S + hour * HOUR_S)
    ]
    last = stored[-1]
    rows.append(chain_id, stored, mark=(last.block_number, last.block_hash), filter_hash=keccak256(b"bench"))
    return len(stored)


def store_markets(rows: RowStore, size: MarketSize) -> int:
    """Store both chains and return the number of logs."""
    accounts = [address_of(f"borrower {i}") for i in range(size.borrowers)]
    per_chain = (size.borrowers + size.shared_borrowers) // 2
    parts = (accounts[:per_chain], accounts[-per_chain:])
    return sum(store_market(rows, c, part, size.history_days) for c, part in zip(CHAINS, parts, strict=True))


def make_ledgers(rows: RowStore) -> dict[ChainId, Ledger]:
    """Return empty ledgers over the stored rows."""
    return {chain: Ledger(make_params(chain), {POOL: (CONFIGURATOR,)}, rows) for chain in CHAINS}


def cut_at(hour: int) -> Cut:
    """Return the cut of the epoch whose boundary is that hour."""
    block_hash = Hash32(keccak256(b"block %d" % hour))
    chains = (ChainCut(chain_id=c, block_number=BlockNumber(hour), block_hash=block_hash) for c in CHAINS)
    return Cut(epoch=Epoch(FIRST_HOUR_S // HOUR_S + hour), chains=tuple(chains))


def advance(ledgers: dict[ChainId, Ledger], cut: Cut) -> None:
    """Project the ledgers to a cut."""
    time_s = TimestampS(cut.epoch * HOUR_S)
    for chain_cut in cut.chains:
        ledgers[chain_cut.chain_id].advance(chain_cut.block_number, chain_cut.block_hash, time_s, time_s)
