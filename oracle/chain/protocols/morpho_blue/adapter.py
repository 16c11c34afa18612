"""The Morpho Blue adapter: rows of one singleton and of its interest rate models become isolated markets and canonical events.

One singleton holds any number of markets, which anyone may create: only those count that the configuration lists (`listing`). A position, an event and a sample
name their market as the configuration does. Every amount and every share count is in the logs; interest up to a moment follows from the last rate a log told
(`state`). Source: morpho-blue 1.0.0, `Morpho`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from oracle.chain.abi import morpho_events as events
from oracle.chain.abi.words import data_address, data_uint, topic_address
from oracle.chain.adapter import PositionState, Prices, ViewCall
from oracle.chain.protocols.morpho_blue.actions import ActionDecoder
from oracle.chain.protocols.morpho_blue.listing import SINGLETON_PROTOCOL, label_of, list_labels
from oracle.chain.protocols.morpho_blue.state import NO_RATE, Loan, Market, list_loans
from oracle.chain.rows import LogRow
from oracle.domain.committee import ChainParams, MarketParams
from oracle.domain.event import LendingEvent
from oracle.domain.ids import Address, Hash32, keccak256, to_hex
from oracle.domain.position import Collateral, Holding, Position, PositionSample
from oracle.domain.units import TimestampS, Wad
from oracle.errors import ConfigurationError, InconsistentLedgerError, UndecodableLogError

PROTOCOL = SINGLETON_PROTOCOL
FEE_RECIPIENT = keccak256(b"feeRecipient()")[:4]

# Bytes of topics and of data of each event of the singleton.
SHAPES: dict[bytes, tuple[int, int]] = {
    events.ENABLE_IRM: (64, 0),
    events.CREATE_MARKET: (64, 160),
    events.SET_FEE: (64, 32),
    events.ACCRUE_INTEREST: (64, 96),
    events.SUPPLY: (128, 64),
    events.WITHDRAW: (128, 96),
    events.SUPPLY_COLLATERAL: (128, 32),
    events.WITHDRAW_COLLATERAL: (128, 64),
    events.BORROW: (128, 96),
    events.REPAY: (128, 64),
    events.LIQUIDATE: (128, 160),
}
# And of its models.
MODEL_SHAPES: dict[bytes, tuple[int, int]] = {events.SET_BORROW_RATE: (64, 32), events.BORROW_RATE_UPDATE: (64, 64)}


async def fetch_anchors(market: Address, call: ViewCall) -> tuple[Address, ...]:
    """Return nothing, since the logs of a singleton name all its models; one call tells whether it is one.

    Raises:
        ConfigurationError: if the market is no Morpho Blue.
    """
    answer = await call(market, FEE_RECIPIENT)
    if len(answer) != 32 or any(answer[:12]):
        raise ConfigurationError(
            f"market {to_hex(market)} answers {to_hex(answer[:64])} instead of a fee recipient: it is no Morpho Blue on this chain"
        )
    return ()


class MorphoBlueAdapter:
    """The listed markets of the Morpho Blue singleton of one chain."""

    topics: frozenset[Hash32] = frozenset(map(Hash32, (*SHAPES, *MODEL_SHAPES)))
    discovery_topics: frozenset[Hash32] = frozenset({events.ENABLE_IRM})

    def __init__(self, params: ChainParams, market: MarketParams, anchors: tuple[Address, ...]) -> None:
        self._params = params
        self._singleton = market.market
        self._listed = list_labels(params)
        self._models: set[Address] = set()
        self._announced: dict[tuple[Address, bytes], Wad] = {}
        """Rates that a model told, by model and market id: before a market is created, too."""
        self._markets: dict[bytes, Market] = {}
        self._debt_markets: dict[Address, set[bytes]] = {}
        """Ids of the markets in which an account owes."""
        self._actions = ActionDecoder(params.chain_id, PROTOCOL)
        self._updates: dict[bytes, Callable[[LogRow, Market], None]] = {
            events.SET_FEE: self._on_fee,
            events.ACCRUE_INTEREST: self._on_accrual,
            events.SUPPLY: self._on_supply,
            events.WITHDRAW: self._on_withdraw,
            events.SUPPLY_COLLATERAL: self._on_supply_collateral,
            events.WITHDRAW_COLLATERAL: self._on_withdraw_collateral,
            events.BORROW: self._on_borrow,
            events.REPAY: self._on_repay,
            events.LIQUIDATE: self._on_liquidate,
        }

    @property
    def addresses(self) -> frozenset[Address]:
        """Return the singleton and the models that its owner has enabled so far."""
        return frozenset((self._singleton, *self._models))

    @property
    def markets(self) -> dict[bytes, Market]:
        """Return every listed market that was created, by its id."""
        return self._markets

    def discover(self, row: LogRow) -> None:
        """Take in only what makes new addresses known."""
        if row.topic == events.ENABLE_IRM and row.address == self._singleton:
            self._check_shape(row, SHAPES[events.ENABLE_IRM])
            self._models.add(topic_address(row, 1))

    def apply(self, row: LogRow, prices: Prices) -> LendingEvent | None:
        """Take one row in, in chain order; return the account's event that it stands for, if any."""
        topic = row.topics[:32]
        if row.address != self._singleton:
            self._on_model_log(row)
            return None
        if topic not in SHAPES:
            return None
        self._check_shape(row, SHAPES[topic])
        if topic == events.ENABLE_IRM:
            self._models.add(topic_address(row, 1))
            return None
        if not self._is_listed(row):
            return None
        if topic == events.CREATE_MARKET:
            self._on_create_market(row)
            return None
        market = self._market(row)
        self._updates[topic](row, market)
        return self._actions.decode(row, market, prices)

    def compute_states(self, prices: Prices, time_s: TimestampS) -> Iterator[PositionState]:
        """Yield every position whose debt has a value, with interest up to `time_s`, ascending by market and account."""
        for market in sorted(self._markets.values(), key=lambda m: m.label):
            for loan in sorted(list_loans(market, prices, time_s), key=lambda one: one.account):
                position = self._to_position(market, loan)
                yield PositionState(position=position, health_factor_wad=loan.health_factor_wad)

    def has_unvalued_debt(self, account: Address, prices: Prices) -> bool:
        """Return whether an account owes in a market whose loan or collateral token has no price."""
        owed = self._debt_markets.get(account, ())
        return any(not self._markets[market_id].is_valued(prices) for market_id in owed)

    def sample(self, prices: Prices, time_s: TimestampS) -> Iterator[tuple[Address, PositionSample]]:
        """Yield the state of every position whose debt has a value at `time_s`; in no order."""
        for market in self._markets.values():
            for loan in list_loans(market, prices, time_s):
                yield (
                    loan.account,
                    PositionSample(
                        time_s=time_s,
                        chain_id=self._params.chain_id,
                        market=market.label,
                        health_factor_wad=loan.health_factor_wad,
                        debt_usd_e8=loan.debt_usd_e8,
                        collateral_usd_e8=loan.collateral_usd_e8,
                    ),
                )

    def _to_position(self, market: Market, loan: Loan) -> Position:
        collateral = Collateral(
            token=market.collateral_token,
            amount=loan.collateral_amount,
            value_usd_e8=loan.collateral_usd_e8,
            liquidation_threshold_bps=market.liquidation_threshold_bps,
        )
        debt = Holding(token=market.loan_token, amount=loan.borrowed_amount, value_usd_e8=loan.debt_usd_e8)
        return Position(
            chain_id=self._params.chain_id,
            protocol=PROTOCOL,
            market=market.label,
            account=loan.account,
            collaterals=(collateral,) if loan.collateral_amount else (),
            debts=(debt,),
        )

    def _check_shape(self, row: LogRow, shape: tuple[int, int]) -> None:
        if (len(row.topics), len(row.data)) != shape:
            reason = f"{len(row.topics)} bytes of topics and {len(row.data)} of data do not fit Morpho Blue"
            raise UndecodableLogError(self._params.chain_id, row.block_number, row.log_index, reason)

    def _is_listed(self, row: LogRow) -> bool:
        return label_of(row.topics[32:64]) in self._listed

    def _market(self, row: LogRow) -> Market:
        market = self._markets.get(row.topics[32:64])
        if market is None:
            reason = f"market {to_hex(row.topics[32:64])} was never created"
            raise InconsistentLedgerError(self._params.chain_id, row.block_number, reason)
        return market

    def _on_model_log(self, row: LogRow) -> None:
        topic, market_id = row.topics[:32], row.topics[32:64]
        if topic not in MODEL_SHAPES:
            return
        self._check_shape(row, MODEL_SHAPES[topic])
        if not self._is_listed(row):
            return
        if topic == events.SET_BORROW_RATE:
            self._announced[(row.address, market_id)] = Wad(data_uint(row, 0))
        market = self._markets.get(market_id)
        if market is None or market.model != row.address:
            return
        if topic == events.SET_BORROW_RATE:
            market.rate_wad = Wad(data_uint(row, 0))
        else:
            market.at_target_wad = Wad(data_uint(row, 1))

    def _on_create_market(self, row: LogRow) -> None:
        market_id, model = row.topics[32:64], data_address(row, 3)
        loan, collateral = (self._params.asset(data_address(row, i)) for i in (0, 1))
        self._markets[market_id] = Market(
            label=label_of(market_id),
            loan_token=data_address(row, 0),
            collateral_token=data_address(row, 1),
            loan_decimals=None if loan is None else loan.decimals,
            collateral_decimals=None if collateral is None else collateral.decimals,
            model=model,
            lltv_wad=Wad(data_uint(row, 4)),
            rate_wad=self._announced.get((model, market_id), NO_RATE),
            accrued_s=row.time_s,
        )

    def _on_fee(self, row: LogRow, market: Market) -> None:
        market.fee_wad = Wad(data_uint(row, 0))

    def _on_accrual(self, row: LogRow, market: Market) -> None:
        market.rate_wad = Wad(data_uint(row, 0))
        market.borrowed_amount += data_uint(row, 1)
        market.supplied_amount += data_uint(row, 1)
        market.supplied_shares += data_uint(row, 2)
        market.accrued_s = row.time_s

    def _on_supply(self, row: LogRow, market: Market) -> None:
        market.supplied_amount += data_uint(row, 0)
        market.supplied_shares += data_uint(row, 1)

    def _on_withdraw(self, row: LogRow, market: Market) -> None:
        market.supplied_amount -= data_uint(row, 1)
        market.supplied_shares -= data_uint(row, 2)

    def _on_supply_collateral(self, row: LogRow, market: Market) -> None:
        self._add(row, market.collaterals, topic_address(row, 3), data_uint(row, 0))

    def _on_withdraw_collateral(self, row: LogRow, market: Market) -> None:
        self._add(row, market.collaterals, topic_address(row, 2), -data_uint(row, 1))

    def _on_borrow(self, row: LogRow, market: Market) -> None:
        market.borrowed_amount += data_uint(row, 1)
        self._add_debt(row, market, topic_address(row, 2), data_uint(row, 2))

    def _on_repay(self, row: LogRow, market: Market) -> None:
        # The amount of the last shares may be larger than the total by one.
        market.borrowed_amount = max(0, market.borrowed_amount - data_uint(row, 0))
        self._add_debt(row, market, topic_address(row, 3), -data_uint(row, 1))

    def _on_liquidate(self, row: LogRow, market: Market) -> None:
        repaid, repaid_shares, seized, bad, bad_shares = (data_uint(row, i) for i in range(5))
        borrower = topic_address(row, 3)
        market.borrowed_amount = max(0, market.borrowed_amount - repaid) - bad
        market.supplied_amount -= bad
        self._add_debt(row, market, borrower, -(repaid_shares + bad_shares))
        self._add(row, market.collaterals, borrower, -seized)

    def _add_debt(self, row: LogRow, market: Market, account: Address, shares: int) -> None:
        market.borrowed_shares += shares
        self._add(row, market.debts, account, shares)
        owed = self._debt_markets.setdefault(account, set())
        if account in market.debts:
            owed.add(row.topics[32:64])
        else:
            owed.discard(row.topics[32:64])

    def _add(self, row: LogRow, balances: dict[Address, int], account: Address, delta: int) -> None:
        """Change a balance of an account. Raises: InconsistentLedgerError below zero."""
        balance = balances.get(account, 0) + delta
        if balance < 0:
            reason = f"a balance of {to_hex(account)} falls below zero"
            raise InconsistentLedgerError(self._params.chain_id, row.block_number, reason)
        if balance:
            balances[account] = balance
        else:
            balances.pop(account, None)
