"""Maker ETH-B vaults as they would have been on Aave v3, in its integers: what the sandbox's replay of the same rows puts on a chain.

For the proof that training and node see the same numbers, not for training: debts carry no stability fee, so nothing repays more than was drawn, and a vault
ends with its first liquidation. Written apart from the replay: the two share the data and the rules below, and no code.

Rules: amounts are the decimal text of the file in units of 10^-18, cut off. Rows of one block go in the order deposit, repay, borrow, withdraw, liquidation.
A repayment is at most the debt, a withdrawal at most the collateral. A liquidation repays the amount auctioned, at most the debt, at the feed's
price or, if lower, at the highest price at which Aave lets so much be repaid. What Aave would refuse at the feed's price did not happen: a borrowing without
cover, a withdrawal that leaves a health factor below 1. Source: Aave v3 core 1.19, `PercentageMath`, `WadRayMath`, `GenericLogic`, `ValidationLogic`,
`LiquidationLogic`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from oracle.domain.canonical import PositionAt
from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.ids import ETH, USD, SubjectId, address_word
from oracle.domain.market import AssetFacts, HourlySeries
from oracle.domain.position import Collateral, Holding, PositionSample
from oracle.domain.units import BPS, DAY_S, HOUR_S, WAD, BlockNumber, Bps, TimestampS, UsdE8, Wad
from training.datasets.canonical import Borrower, Dataset, list_midnights, place_position
from training.datasets.files import data_file
from training.datasets.maker import CHAIN, DAI, FOLDER, MARKET, WETH, read_eth_series, vault_address

PROTOCOL = "maker on aave"
_KINDS = {
    "deposit": EventKind.SUPPLY,
    "repay": EventKind.REPAY,
    "borrow": EventKind.BORROW,
    "withdraw": EventKind.WITHDRAW,
    "liquidation": EventKind.LIQUIDATION,
}
_E8 = 10**8


@dataclass(frozen=True, slots=True, kw_only=True)
class AaveTerms:
    """Terms of the pool: threshold, liquidation bonus, the share of a debt that may be repaid, and the health up to which all of it may be."""

    liquidation_threshold_bps: Bps = Bps(7_692)
    liquidation_bonus_bps: Bps = Bps(11_300)
    close_factor_bps: Bps = Bps(5_000)
    whole_debt_health_wad: Wad = Wad(95 * WAD // 100)

    def health_wad(self, collateral_usd_e8: int, debt_usd_e8: int) -> int:
        """Return the health factor; both steps round half up."""
        weighted = (collateral_usd_e8 * self.liquidation_threshold_bps + BPS // 2) // BPS
        return (weighted * WAD + debt_usd_e8 // 2) // debt_usd_e8


REPLAY_TERMS = AaveTerms()


def read_maker_on_aave(data: Path, terms: AaveTerms = REPLAY_TERMS) -> Dataset:
    """Return every vault of a data folder under the rules above; times are the data's own.

    Raises:
        DatasetError: if the folder does not hold them.
    """
    series = read_eth_series(data)
    rows = pl.read_parquet(data_file(data, FOLDER / "events.parquet")).with_row_index("row")
    rows = rows.with_columns(pl.col("event").cast(pl.String), pl.col("time").dt.epoch("s").alias("time_s")).filter(
        pl.col("event").is_in(list(_KINDS))
    )
    rank = {kind: place for place, kind in enumerate(_KINDS)}
    rows = rows.with_columns(pl.col("event").replace_strict(rank).alias("rank")).sort("vault", "block", "rank", "row")
    start_s, end_s = int(str(rows["time_s"].min())), int(str(rows["time_s"].max()))
    borrowers = [
        _Vault(vault=int(str(vault)), series=series, terms=terms, end_s=end_s).borrower(part.to_dicts())
        for (vault,), part in rows.group_by(["vault"], maintain_order=True)
    ]
    assets = {
        (CHAIN, token): AssetFacts(
            token=token, price_feed=token, numeraire=numeraire, decimals=18, issuer_risk=0, bridge_risk=0
        )
        for token, numeraire in ((WETH, ETH), (DAI, USD))
    }
    return Dataset(
        name="maker-eth-b on aave",
        borrowers=tuple(sorted(borrowers, key=lambda b: b.subject)),
        prices={(CHAIN, WETH): series},
        assets=assets,
        cuts_s=list_midnights(start_s, end_s),
        start_s=TimestampS(start_s),
        end_s=TimestampS(end_s),
    )


@dataclass(slots=True, kw_only=True)
class _Vault:
    """Walks the rows of one vault in Aave's integers and looks at it each midnight."""

    vault: int
    series: HourlySeries
    terms: AaveTerms
    end_s: int
    collateral: int = 0
    debt: int = 0
    events: list[LendingEvent] = field(default_factory=list)
    samples: list[PositionSample] = field(default_factory=list)
    positions: list[PositionAt] = field(default_factory=list)

    def borrower(self, rows: list[dict[str, Any]]) -> Borrower:
        """Return the vault's events, and its state at each midnight after a row while it owes something."""
        next_midnight_s = -(-rows[0]["time_s"] // DAY_S) * DAY_S
        is_over = False
        for row in rows:
            # A row at midnight itself belongs to that midnight's state.
            next_midnight_s = self._look(next_midnight_s, row["time_s"] - 1)
            if not is_over:
                self._take(row, _KINDS[row["event"]])
            is_over = is_over or row["event"] == "liquidation"
        self._look(next_midnight_s, self.end_s)
        return Borrower(
            subject=SubjectId(address_word(vault_address(self.vault))),
            events=tuple(self.events),
            samples=tuple(self.samples),
            positions=tuple(self.positions),
        )

    def _take(self, row: dict[str, Any], kind: EventKind) -> None:
        eth, dai = _to_units(row["eth"]), _to_units(row["dai"])
        if kind is EventKind.SUPPLY:
            self.collateral += eth
            self._add(row, kind, eth)
        elif kind is EventKind.WITHDRAW:
            eth = min(eth, self.collateral)
            if self._stays_healthy(eth, row["time_s"]):
                self.collateral -= eth
                self._add(row, kind, eth)
        elif kind is EventKind.BORROW:
            if self._is_covered(dai, row["time_s"]):
                self.debt += dai
                self._add(row, kind, dai)
        elif kind is EventKind.REPAY:
            dai = min(dai, self.debt)
            self.debt -= dai
            self._add(row, kind, dai)
        else:
            self._liquidate(row, min(dai, self.debt))

    def _stays_healthy(self, eth: int, time_s: int) -> bool:
        """Return whether the pool lets `eth` go."""
        debt_e8 = self.debt * _E8 // WAD
        left_e8 = (self.collateral - eth) * self._price_e8(time_s) // WAD
        return debt_e8 == 0 or self.terms.health_wad(left_e8, debt_e8) >= WAD

    def _is_covered(self, dai: int, time_s: int) -> bool:
        """Return whether the pool lends `dai` more: healthy before, and covered after at an LTV equal to the threshold."""
        debt_e8, threshold = self.debt * _E8 // WAD, self.terms.liquidation_threshold_bps
        collateral_e8 = self.collateral * self._price_e8(time_s) // WAD
        is_healthy = debt_e8 == 0 or self.terms.health_wad(collateral_e8, debt_e8) > WAD
        needed_e8 = ((debt_e8 + dai * _E8 // WAD) * BPS + threshold // 2) // threshold
        return is_healthy and 0 < collateral_e8 >= needed_e8

    def _liquidate(self, row: dict[str, Any], dai: int) -> None:
        if dai == 0 or self.collateral == 0:
            return
        price = min(self._price_e8(row["time_s"]), self._implied_price_e8(dai))
        bonus = self.terms.liquidation_bonus_bps
        seized = (_E8 * dai // price * bonus + BPS // 2) // BPS
        if seized > self.collateral:
            seized = self.collateral
            dai = (price * seized // _E8 * BPS + bonus // 2) // bonus
        self.collateral -= seized
        self.debt -= dai
        self._add(row, EventKind.LIQUIDATION, dai, seized=seized, seized_price_e8=price)

    def _implied_price_e8(self, dai: int) -> int:
        """Return the highest price at which so much may be repaid, by steps from the price that is exact without rounding."""
        half = (self.debt * self.terms.close_factor_bps + BPS // 2) // BPS
        highest_health = WAD - 1 if dai <= half else self.terms.whole_debt_health_wad
        debt_e8 = self.debt * _E8 // WAD
        price = debt_e8 * highest_health * BPS // (self.terms.liquidation_threshold_bps * self.collateral)
        while self.terms.health_wad(self.collateral * (price + 1) // WAD, debt_e8) <= highest_health:
            price += 1
        while self.terms.health_wad(self.collateral * price // WAD, debt_e8) > highest_health:
            price -= 1
        return price

    def _look(self, midnight_s: int, until_s: int) -> int:
        """Add the state at each midnight up to `until_s`; return the next midnight."""
        while midnight_s <= until_s:
            if self.debt * _E8 // WAD:
                self._sample(midnight_s)
            midnight_s += DAY_S
        return midnight_s

    def _sample(self, time_s: int) -> None:
        collateral_e8 = UsdE8(self.collateral * self._price_e8(time_s) // WAD)
        debt_e8 = UsdE8(self.debt * _E8 // WAD)
        sample = PositionSample(
            time_s=TimestampS(time_s),
            chain_id=CHAIN,
            market=MARKET,
            health_factor_wad=Wad(self.terms.health_wad(collateral_e8, debt_e8)),
            debt_usd_e8=debt_e8,
            collateral_usd_e8=collateral_e8,
        )
        threshold = self.terms.liquidation_threshold_bps
        held = Collateral(
            token=WETH, amount=self.collateral, value_usd_e8=collateral_e8, liquidation_threshold_bps=threshold
        )
        owed = Holding(token=DAI, amount=self.debt, value_usd_e8=debt_e8)
        account = vault_address(self.vault)
        self.samples.append(sample)
        self.positions.append(place_position(sample, protocol=PROTOCOL, account=account, collateral=held, debt=owed))

    def _add(
        self, row: dict[str, Any], kind: EventKind, amount: int, *, seized: int = 0, seized_price_e8: int = 0
    ) -> None:
        if amount == 0:
            return
        account, is_eth = vault_address(self.vault), kind in (EventKind.SUPPLY, EventKind.WITHDRAW)
        price = self._price_e8(row["time_s"]) if is_eth else _E8
        is_liquidation = kind is EventKind.LIQUIDATION
        self.events.append(
            LendingEvent(
                chain_id=CHAIN,
                block_number=BlockNumber(row["block"]),
                log_index=len(self.events),
                time_s=TimestampS(row["time_s"]),
                protocol=PROTOCOL,
                market=MARKET,
                kind=kind,
                account=account,
                caller=MARKET if is_liquidation else account,
                token=WETH if is_eth else DAI,
                amount=amount,
                value_usd_e8=UsdE8(amount * price // WAD),
                seized_token=WETH if is_liquidation else None,
                seized_amount=seized,
                seized_value_usd_e8=UsdE8(seized * seized_price_e8 // WAD),
            )
        )

    def _price_e8(self, time_s: int) -> int:
        return self.series.prices_e8[(time_s - self.series.first_hour_s) // HOUR_S]


def _to_units(value: float | None) -> int:
    return 0 if value is None else int(abs(Decimal(str(value))).scaleb(18))
