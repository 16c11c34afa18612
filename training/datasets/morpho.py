"""Two Morpho Blue markets on Base as a canonical dataset: cbBTC and WETH against USDC, 86 % LLTV, from borrow, collateral and liquidation events.

Known: what was borrowed and put up since the first borrow in the file, and every liquidation of the market's life. Unknown: repayments, withdrawals of
collateral, and positions opened earlier. Debt is held in shares, so interest is in it: assets per share are those of the market's last event. A level
counts as known if the position's first event in the file is a deposit, nothing was liquidated before, and the health factor right after the borrow is at
least one, which Morpho demands; even then what left unseen makes debt and collateral upper bounds. Daily samples exist for such positions only.
Other markets of the file have no tokens named, and are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from oracle.domain.canonical import PositionAt
from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.ids import BTC, ETH, USD, Address, SubjectId, borrower_subject, parse_address
from oracle.domain.market import AssetFacts
from oracle.domain.position import Collateral, Holding, PositionSample
from oracle.domain.units import DAY_S, WAD, BlockNumber, Bps, TimestampS, UsdE8, Wad
from training.datasets.borrows import BorrowMoment, Borrows
from training.datasets.canonical import Borrower, Dataset, list_midnights, place_position
from training.datasets.morpho_prices import Answers, implied_answers, liquidation_columns, read_answers
from training.datasets.morpho_tables import BORROW_EVENTS, CHAIN, EVENTS, LIQUIDATE, MARKETS, PROTOCOL
from training.datasets.schema import read_table
from training.errors import DatasetError

USDC = Address(b"\x83" + bytes(19))
_NUMERAIRES = {"cbBTC": ("BTC", BTC), "WETH": ("ETH", ETH)}
_KINDS = {"supply_collateral": EventKind.SUPPLY, "borrow": EventKind.BORROW, LIQUIDATE: EventKind.LIQUIDATION}
_UNSEEN = frozenset({"repaid_share", "unanswered_low_health", "liquidated_share"})
"""Without repayments nobody is seen to repay or to answer; what was liquidated before the file has no debt to be a share of."""
_UNSEEN_WITHOUT_LEVEL = frozenset(
    "debt_age low_health_share risk_raised_low_health lowest_health low_health_days stress_days borrowed_after_rally".split()
)
_LEAST_DEBT_USD_E8 = 10**8
_E8 = 10**8


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One identified market; addresses stand for the market id and its collateral."""

    address: Address
    token: Address
    symbol: str
    collateral_decimals: int
    loan_decimals: int
    threshold_bps: Bps
    answers: Answers


@dataclass(slots=True)
class _Account:
    """One position, walked event by event; `is_seen_whole` while nothing shows that part of it is older than the file."""

    collateral: int = 0
    shares: int = 0
    is_seen_whole: bool | None = None


@dataclass(slots=True)
class _Walk:
    """All positions of one borrower, walked in chain order."""

    subject: SubjectId
    account: Address
    markets: Mapping[str, Market]
    accounts: dict[str, _Account] = field(default_factory=dict)
    events: list[LendingEvent] = field(default_factory=list)
    samples: list[PositionSample] = field(default_factory=list)
    positions: list[PositionAt] = field(default_factory=list)
    moments: list[BorrowMoment] = field(default_factory=list)

    def add(self, row: dict[str, Any], rates: Mapping[str, float]) -> None:
        """Apply one event; `rates` hold each market's assets per share at it."""
        market, kind = self.markets[row["market"]], _KINDS[row["event"]]
        account = self.accounts.setdefault(row["market"], _Account())
        if account.is_seen_whole is None:
            account.is_seen_whole = kind is EventKind.SUPPLY
        self.events.append(_event(row, kind, market, self.account))
        shares = int(row["shares_raw"] or 0)
        if kind is EventKind.SUPPLY:
            account.collateral += int(row["assets_raw"])
        elif kind is EventKind.BORROW:
            account.shares += shares
            self._note(row, rates)
        else:
            account.collateral = max(0, account.collateral - int(row["seized_assets_raw"]))
            account.shares = 0 if int(row["bad_debt_assets_raw"]) else max(0, account.shares - shares)
            account.is_seen_whole = False

    def sample(self, time_s: int, rates: Mapping[str, float]) -> None:
        """Note the state of every position that is seen whole at a midnight."""
        for name, account in self.accounts.items():
            if account.is_seen_whole and account.shares:
                at, sample = self._state(name, time_s, rates)
                if sample.debt_usd_e8 > _LEAST_DEBT_USD_E8 and sample.health_factor_wad >= WAD:
                    self.samples.append(sample)
                    self.positions.append(at)

    def _note(self, row: dict[str, Any], rates: Mapping[str, float]) -> None:
        states = {n: self._state(n, row["time_s"], rates) for n, a in self.accounts.items() if a.shares}
        is_known = all(
            bool(self.accounts[n].is_seen_whole) and s.health_factor_wad >= WAD for n, (_, s) in states.items()
        )
        self.moments.append(
            BorrowMoment(
                subject=self.subject,
                n_events=len(self.events),
                positions=tuple(at for at, _ in states.values()),
                is_first=is_known and not self.moments,
                is_level_known=is_known,
            )
        )

    def _state(self, name: str, time_s: int, rates: Mapping[str, float]) -> tuple[PositionAt, PositionSample]:
        market, account = self.markets[name], self.accounts[name]
        debt = int(account.shares * rates[name])
        debt_e8 = debt * _E8 // 10**market.loan_decimals
        value_e8 = account.collateral * market.answers.price_e8(time_s) // 10**market.collateral_decimals
        sample = PositionSample(
            time_s=TimestampS(time_s),
            chain_id=CHAIN,
            market=market.address,
            health_factor_wad=Wad(value_e8 * market.threshold_bps * WAD // (10_000 * max(1, debt_e8))),
            debt_usd_e8=UsdE8(debt_e8),
            collateral_usd_e8=UsdE8(value_e8),
        )
        held = Collateral(
            token=market.token,
            amount=account.collateral,
            value_usd_e8=sample.collateral_usd_e8,
            liquidation_threshold_bps=market.threshold_bps,
        )
        owed = Holding(token=USDC, amount=debt, value_usd_e8=sample.debt_usd_e8)
        at = place_position(sample, protocol=PROTOCOL, account=self.account, collateral=held, debt=owed)
        return at, sample


def read_morpho(data: Path) -> Borrows:
    """Return the two markets and their borrow events.

    Raises:
        DatasetError: if a file is absent, lacks a column, or names no market that this adapter knows.
    """
    table = _read_events(data)
    markets = _read_markets(data, table)
    table = table.filter(pl.col("market").is_in(list(markets))).sort("block", "log_index")
    window = table.filter(pl.col("event") != LIQUIDATE)
    if len(window) == 0:
        raise DatasetError(str(data), f"{EVENTS.file} holds no borrow or deposit of an identified market")
    start_s, end_s = (int(str(value)) for value in (window["time_s"].min(), table["time_s"].max()))
    walks = _walk_all(table, markets, start_s, end_s)
    borrowers = [
        Borrower(subject=w.subject, events=tuple(w.events), samples=tuple(w.samples), positions=tuple(w.positions))
        for w in walks.values()
    ]
    moments = sorted(
        (m for w in walks.values() for m in w.moments), key=lambda m: (m.positions[0].as_of_s, m.subject, m.n_events)
    )
    tokens = {m.token: (m, _NUMERAIRES[m.symbol][1]) for m in markets.values()}
    facts = {
        (CHAIN, token): _facts(token, numeraire, m.collateral_decimals) for token, (m, numeraire) in tokens.items()
    }
    dataset = Dataset(
        name="morpho-base",
        borrowers=tuple(sorted(borrowers, key=lambda b: b.subject)),
        prices={(CHAIN, m.token): m.answers.series(end_s) for m in markets.values()},
        assets=facts | {(CHAIN, USDC): _facts(USDC, USD, 6)},
        cuts_s=list_midnights(start_s, end_s),
        start_s=TimestampS(start_s),
        end_s=TimestampS(end_s),
    )
    return Borrows(dataset=dataset, moments=tuple(moments), unseen=_UNSEEN, unseen_without_level=_UNSEEN_WITHOUT_LEVEL)


def _walk_all(table: pl.DataFrame, markets: Mapping[str, Market], start_s: int, end_s: int) -> dict[str, _Walk]:
    """Walk the whole file once; a midnight's state comes before the events later than it."""
    walks: dict[str, _Walk] = {}
    rates = dict.fromkeys(markets, 0.0)
    midnight = -(-start_s // DAY_S) * DAY_S
    for row in table.iter_rows(named=True):
        while midnight < row["time_s"] and midnight <= end_s:
            for walk in walks.values():
                walk.sample(midnight, rates)
            midnight += DAY_S
        if row["borrower"] not in walks:
            account = parse_address(row["borrower"])
            walks[row["borrower"]] = _Walk(borrower_subject(account), account, markets)
        assets, shares = int(row["repaid_assets_raw"] or row["assets_raw"] or 0), int(row["shares_raw"] or 0)
        # Dust rounds too coarsely to tell what a share is worth.
        if assets >= 10 ** markets[row["market"]].loan_decimals and shares:
            rates[row["market"]] = assets / shares
        walks[row["borrower"]].add(row, rates)
    return walks


def _read_events(data: Path) -> pl.DataFrame:
    return read_table(data, BORROW_EVENTS).frame.filter(pl.col("event").is_in(list(_KINDS)))


def _read_markets(data: Path, events: pl.DataFrame) -> dict[str, Market]:
    markets: dict[str, Market] = {}
    for row in read_table(data, MARKETS).frame.to_dicts():
        if row["collateral"] not in _NUMERAIRES:
            continue
        decimals = (row["loan_decimals"], row["collateral_decimals"])
        name, lltv = str(row["market"]), float(row["lltv"])
        liquidations = events.filter((pl.col("market") == name) & (pl.col("event") == LIQUIDATE)).sort(
            "block", "log_index"
        )
        implied = implied_answers(*liquidation_columns(liquidations), lltv=lltv, decimals=decimals)
        markets[name] = Market(
            address=Address(bytes.fromhex(name[2:42])),
            token=Address(b"\xcb" + bytes(18) + bytes([len(markets)])),
            symbol=row["collateral"],
            collateral_decimals=decimals[1],
            loan_decimals=decimals[0],
            threshold_bps=Bps(round(lltv * 10_000)),
            answers=read_answers(data, _NUMERAIRES[row["collateral"]][0], implied),
        )
    if not markets:
        raise DatasetError(str(data), f"{MARKETS.file} names none of {', '.join(_NUMERAIRES)}")
    return markets


def _event(row: dict[str, Any], kind: EventKind, market: Market, account: Address) -> LendingEvent:
    is_liquidation, is_supply = kind is EventKind.LIQUIDATION, kind is EventKind.SUPPLY
    amount = int(row["repaid_assets_raw"] if is_liquidation else row["assets_raw"])
    seized = int(row["seized_assets_raw"] or 0)
    price, unit = market.answers.price_e8(row["time_s"]), 10**market.collateral_decimals
    value = amount * price // unit if is_supply else amount * _E8 // 10**market.loan_decimals
    return LendingEvent(
        chain_id=CHAIN,
        block_number=BlockNumber(row["block"]),
        log_index=row["log_index"],
        time_s=TimestampS(row["time_s"]),
        protocol=PROTOCOL,
        market=market.address,
        kind=kind,
        account=account,
        caller=parse_address(row["caller"]),
        token=market.token if is_supply else USDC,
        amount=amount,
        value_usd_e8=UsdE8(value),
        seized_token=market.token if is_liquidation else None,
        seized_amount=seized,
        seized_value_usd_e8=UsdE8(seized * price // unit),
    )


def _facts(token: Address, numeraire: Address, decimals: int) -> AssetFacts:
    return AssetFacts(
        token=token, price_feed=token, numeraire=numeraire, decimals=decimals, issuer_risk=0, bridge_risk=0
    )
