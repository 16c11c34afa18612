"""Maker ETH-B vaults as a canonical dataset: one subject per vault, one market, ETH against DAI.

The data hold no owners and no debt, only what was drawn and paid back: debt accrues at the stability fee in force, and never exceeds what Maker lets
a withdrawal leave. A vault's actions can be
made through a proxy only by its owner, so they count as its own. Prices are hourly closes of 2021 on, daily ones before (stepped), as a feed would have answered
them; Maker's own price lags an hour, which no source holds. DAI is taken at one dollar, as Maker does.

The file lists a block's rows by kind, and holds no log index. Maker refuses what leaves a vault uncovered, so within a block what makes a vault safer came
first: deposit, repay, borrow, withdraw, liquidation; a repayment without debt follows the borrow it repays. A row at 00:00 itself belongs to that midnight's state.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from oracle.domain.canonical import PositionAt
from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.ids import ETH, USD, Address, SubjectId, address_word
from oracle.domain.market import AssetFacts, HourlySeries
from oracle.domain.position import Collateral, Holding, PositionSample
from oracle.domain.units import DAY_S, HOUR_S, WAD, BlockNumber, Bps, ChainId, TimestampS, UsdE8, Wad
from training.datasets.borrows import BorrowMoment, Borrows
from training.datasets.canonical import Borrower, Dataset, list_midnights, place_position
from training.datasets.market_tables import VAULT_EVENTS, VAULT_PARAMETERS, VAULT_PRICES
from training.datasets.prices import CLOSES, hourly_runs, read_closes, sample_oracle, to_series
from training.datasets.schema import read_table
from training.errors import DatasetError

PROTOCOL = "maker"
FOLDER = Path("maker_ethb_vaults")
CHAIN = ChainId(1)
MARKET = Address(b"\x35" + bytes(19))
WETH = Address(b"\xc0" + bytes(19))
DAI = Address(b"\x6b" + bytes(19))
_LIQUIDATION_RATIO = 1.3
_FEE = "JUG.ilks.duty"
# In the order of one block.
_KINDS = {
    "deposit": EventKind.SUPPLY,
    "repay": EventKind.REPAY,
    "borrow": EventKind.BORROW,
    "withdraw": EventKind.WITHDRAW,
    "liquidation": EventKind.LIQUIDATION,
}
_LEAST_DEBT_USD = 1.0
_THRESHOLD_BPS = Bps(7_692)
_LEAST_LEVEL_WAD = 9 * WAD // 10
"""A loan of Maker's own, lagging price may show below one at ours, by about a tenth at most."""

type State = tuple[PositionSample, PositionAt]


def read_maker(data: Path) -> Dataset:
    """Return the vaults of a data folder.

    Raises:
        DatasetError: if the folder does not hold them.
    """
    return read_maker_borrows(data).dataset


def read_maker_borrows(data: Path) -> Borrows:
    """Return the vaults of a data folder and their borrow events.

    Raises:
        DatasetError: if the folder does not hold them.
    """
    series = read_eth_series(data)
    prices = np.array(series.prices_e8)
    events = _read_events(data, series)
    start_s, end_s = (int(str(time_s)) for time_s in (events["time_s"].min(), events["time_s"].max()))
    fees = _read_fees(data)
    moments: list[BorrowMoment] = []
    borrowers = [
        _Vault(int(str(vault)), series, prices, fees, end_s, moments).borrower(part.to_dicts())
        for (vault,), part in events.group_by(["vault"], maintain_order=True)
    ]
    assets = {(CHAIN, WETH): _facts(WETH, ETH), (CHAIN, DAI): _facts(DAI, USD)}
    dataset = Dataset(
        name="maker-eth-b",
        borrowers=tuple(sorted(borrowers, key=lambda b: b.subject)),
        prices={(CHAIN, WETH): series},
        assets=assets,
        cuts_s=list_midnights(start_s, end_s),
        start_s=TimestampS(start_s),
        end_s=TimestampS(end_s),
    )
    moments.sort(key=lambda m: (m.positions[0].as_of_s, m.subject, m.n_events))
    return Borrows(dataset=dataset, moments=tuple(moments))


def _read_events(data: Path, series: HourlySeries) -> pl.DataFrame:
    """Return the events while ETH has a price, in the order in which they are walked."""
    events = read_table(data, VAULT_EVENTS).frame
    rank = pl.col("event").replace_strict({kind: place for place, kind in enumerate(_KINDS)}, return_dtype=pl.Int64)
    events = events.filter(pl.col("event").is_in(list(_KINDS)) & (pl.col("time_s") < series.last_hour_s + HOUR_S)).sort(
        "vault", "block", "time_s", rank, maintain_order=True
    )
    if len(events) == 0:
        raise DatasetError(str(data), f"{VAULT_EVENTS.file} holds no event while ETH has a price")
    if int(str(events["time_s"].min())) < series.first_hour_s:
        raise DatasetError(str(data), f"{VAULT_EVENTS.file} begins before the prices of ETH do")
    return events


def vault_address(vault: int) -> Address:
    """Return the address that stands for a vault: its number."""
    return Address(vault.to_bytes(20, "big"))


def read_eth_series(data: Path) -> HourlySeries:
    """Return ETH in USD at full hours, daily steps before 2021."""
    daily = read_table(data, VAULT_PRICES).frame.sort("date_s")
    hourly = read_closes(data, ["ETH"]).get("ETH")
    if hourly is None:
        raise DatasetError(str(data), f"{CLOSES} has no price of ETH")
    times, closes = hourly
    daily_times = daily["date_s"].to_numpy().astype(np.int64)
    first_s = times[0] - 3 * 365 * DAY_S
    is_before = (daily_times < times[0]) & (daily_times >= first_s)
    all_times = np.concatenate((daily_times[is_before], times))
    all_prices = np.concatenate((daily["price"].to_numpy()[is_before], closes))
    runs = list(hourly_runs(*sample_oracle(all_times, np.rint(all_prices * 1e8).astype(np.int64))))
    return to_series(*runs[-1])


@dataclass(slots=True)
class _Vault:
    """Walks one vault's events, accruing its debt, and samples it at each midnight."""

    vault: int
    series: HourlySeries
    prices: np.ndarray[Any, Any]
    fees: list[tuple[int, float]]
    end_s: int
    moments: list[BorrowMoment]

    @property
    def subject(self) -> SubjectId:
        return SubjectId(address_word(self.account))

    @property
    def account(self) -> Address:
        return vault_address(self.vault)

    def borrower(self, rows: list[dict[str, Any]]) -> Borrower:
        """Return the vault's events and samples."""
        events: list[LendingEvent] = []
        states: list[State] = []
        eth = dai = 0.0
        last_s = rows[0]["time_s"]
        for index in range(len(rows)):
            if rows[index]["event"] == "repay" and dai <= _LEAST_DEBT_USD:
                _bring_borrow_forward(rows, index)
            row = rows[index]
            time_s = row["time_s"]
            dai = self._walk(states, eth, dai, last_s, time_s)
            event = self._event(index, row, time_s)
            events.append(event)
            eth_change, dai_change = float(row["eth"] or 0), float(row["dai"] or 0)
            eth += -abs(eth_change) if row["event"] in ("withdraw", "liquidation") else eth_change
            dai += dai_change if row["event"] == "borrow" else -abs(dai_change)
            eth, dai = max(0.0, eth), max(0.0, dai)
            if row["event"] in ("withdraw", "liquidation"):
                dai = min(dai, self._most_debt(eth, time_s, row["event"]))
            if row["event"] == "borrow":
                self._note_borrow(events, eth, dai)
            last_s = time_s
        self._walk(states, eth, dai, last_s, self.end_s)
        return Borrower(
            subject=self.subject,
            events=tuple(events),
            samples=tuple(sample for sample, _ in states),
            positions=tuple(position for _, position in states),
        )

    def _note_borrow(self, events: list[LendingEvent], eth: float, dai: float) -> None:
        """Note the position after the last event; Maker grants no loan below a health factor of one, so there the reconstruction fails."""
        if dai <= 0:
            return
        sample, at = self._state(events[-1].time_s, eth, dai)
        self.moments.append(
            BorrowMoment(
                subject=self.subject,
                n_events=len(events),
                positions=(at,),
                is_first=all(e.kind is not EventKind.BORROW for e in events[:-1]),
                is_level_known=sample.health_factor_wad >= _LEAST_LEVEL_WAD,
            )
        )

    def _walk(self, states: list[State], eth: float, dai: float, from_s: int, until_s: int) -> float:
        """Sample at each midnight in [from, until); return the debt at `until`."""
        time_s = from_s
        midnight = -(-from_s // DAY_S) * DAY_S
        while midnight < until_s and dai > _LEAST_DEBT_USD:
            dai *= 1 + self._fee(midnight) * (midnight - time_s) / (365 * DAY_S)
            states.append(self._state(midnight, eth, dai))
            time_s, midnight = midnight, midnight + DAY_S
        if dai > _LEAST_DEBT_USD:
            dai *= 1 + self._fee(until_s) * (until_s - time_s) / (365 * DAY_S)
        return dai

    def _state(self, time_s: int, eth: float, dai: float) -> State:
        collateral = eth * self._price_e8(time_s)
        sample = PositionSample(
            time_s=TimestampS(time_s),
            chain_id=CHAIN,
            market=MARKET,
            health_factor_wad=Wad(int(collateral / _LIQUIDATION_RATIO / (dai * 1e8) * WAD)),
            debt_usd_e8=UsdE8(int(dai * 1e8)),
            collateral_usd_e8=UsdE8(int(collateral)),
        )
        held = Collateral(
            token=WETH,
            amount=int(eth * 1e18),
            value_usd_e8=sample.collateral_usd_e8,
            liquidation_threshold_bps=_THRESHOLD_BPS,
        )
        owed = Holding(token=DAI, amount=int(dai * 1e18), value_usd_e8=sample.debt_usd_e8)
        return sample, place_position(sample, protocol=PROTOCOL, account=self.account, collateral=held, debt=owed)

    def _event(self, index: int, row: dict[str, Any], time_s: int) -> LendingEvent:
        kind = _KINDS[row["event"]]
        eth, dai = abs(float(row["eth"] or 0)), abs(float(row["dai"] or 0))
        is_eth = kind in (EventKind.SUPPLY, EventKind.WITHDRAW)
        eth_value = int(eth * self._price_e8(time_s))
        is_liquidation = kind is EventKind.LIQUIDATION
        return LendingEvent(
            chain_id=CHAIN,
            block_number=BlockNumber(row["block"]),
            log_index=index,
            time_s=TimestampS(time_s),
            protocol=PROTOCOL,
            market=MARKET,
            kind=kind,
            account=self.account,
            caller=MARKET if is_liquidation else self.account,
            token=WETH if is_eth else DAI,
            amount=int((eth if is_eth else dai) * 1e18),
            value_usd_e8=UsdE8(eth_value if is_eth else int(dai * 1e8)),
            seized_token=WETH if is_liquidation else None,
            seized_amount=int(eth * 1e18) if is_liquidation else 0,
            seized_value_usd_e8=UsdE8(eth_value if is_liquidation else 0),
        )

    def _most_debt(self, eth: float, time_s: int, event: str) -> float:
        """Return the debt that can be left: Maker lets nobody withdraw below the ratio (its price lags: 10 % grace)."""
        ratio = _LIQUIDATION_RATIO / 1.1 if event == "withdraw" else 1.0
        return eth * self._price_e8(time_s) / 1e8 / ratio

    def _price_e8(self, time_s: int) -> float:
        return float(self.prices[min(len(self.prices) - 1, (time_s - self.series.first_hour_s) // HOUR_S)])

    def _fee(self, time_s: int) -> float:
        return next((fee for since, fee in reversed(self.fees) if since <= time_s), self.fees[0][1])


def _bring_borrow_forward(rows: list[dict[str, Any]], index: int) -> None:
    """Move the next borrow of the same block before the repayment at `index`: what is not owed cannot be paid back."""
    for later in range(index + 1, len(rows)):
        if rows[later]["block"] != rows[index]["block"]:
            return
        if rows[later]["event"] == "borrow":
            rows.insert(index, rows.pop(later))
            return


def _read_fees(data: Path) -> list[tuple[int, float]]:
    changes = read_table(data, VAULT_PARAMETERS).frame
    duty = changes.filter((pl.col("PARAMETER") == _FEE) & pl.col("TO_VALUE").is_not_null()).sort("TIMESTAMP_s")
    if len(duty) == 0:
        raise DatasetError(str(data), f"{VAULT_PARAMETERS.file} has no {_FEE}")
    return list(zip(duty["TIMESTAMP_s"].to_list(), duty["TO_VALUE"].to_list(), strict=True))


def _facts(token: Address, numeraire: Address) -> AssetFacts:
    return AssetFacts(token=token, price_feed=token, numeraire=numeraire, decimals=18, issuer_risk=0, bridge_risk=0)
