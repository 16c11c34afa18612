"""Adapters of event records: figures worked by hand, what a source does not say stays missing, and no row that a later one changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from oracle.domain.event import NO_VALUE, EventKind, LendingEvent
from oracle.domain.position import PositionSample
from oracle.domain.units import DAY_S
from training.datasets import aave_btc, aave_polygon, aave_states, aave_v3, compound_v2, rocifi, sai
from training.datasets.aave_v2 import LIQUIDATIONS as AAVE_V2
from training.datasets.aave_v2 import read_aave_v2
from training.datasets.canonical import Dataset
from training.datasets.crvusd import LOANS, read_crvusd
from training.datasets.ledger import UNKNOWN_CALLER
from training.datasets.liquity import BORROWS, read_liquity
from training.datasets.liquity import LIQUIDATIONS as LIQUITY
from training.datasets.morpho_liquidations import read_morpho_liquidations
from training.datasets.morpho_tables import EVENTS as MORPHO
from training.datasets.morpho_tables import MARKETS
from training.datasets.schema import Kind, Table, read_table
from training.errors import DatasetError

START = datetime(2022, 1, 1)  # noqa: DTZ001 - files hold naive UTC times
START_S = 1_640_995_200
ALICE, BOB = "0x" + "a" * 40, "0x" + "b" * 40
ETHER = 10**18
type Row = dict[str, Any]
_NEUTRAL: dict[Kind, Any] = {
    Kind.TEXT: "x",
    Kind.CATEGORY: "x",
    Kind.ADDRESS: BOB,
    Kind.RAW: "1",
    Kind.INTEGER: 1,
    Kind.NUMBER: 1.0,
    Kind.FLAG: False,
}
_COLUMN_TYPES: dict[Kind, Any] = {
    Kind.TEXT: pl.String,
    Kind.CATEGORY: pl.String,
    Kind.ADDRESS: pl.String,
    Kind.RAW: pl.String,
    Kind.INTEGER: pl.Int64,
    Kind.NUMBER: pl.Float64,
    Kind.FLAG: pl.Boolean,
    Kind.TIME: pl.Datetime("us"),
}


def moment(day: float) -> datetime:
    return START + timedelta(days=day)


def write(data: Path, table: Table, rows: list[Row]) -> None:
    """Write rows of a table; a column that a row does not name holds a neutral value, or nothing where it may."""
    (data / table.file).parent.mkdir(exist_ok=True)
    full = [{c.name: None if c.is_optional else _NEUTRAL.get(c.kind, START) for c in table.columns} | r for r in rows]
    schema = {c.name: _COLUMN_TYPES[c.kind] for c in table.columns}
    pl.DataFrame(full, schema=schema).write_parquet(data / table.file)


def events_of(dataset: Dataset) -> list[LendingEvent]:
    return sorted((e for b in dataset.borrowers for e in b.events), key=lambda e: e.order)


def samples_of(dataset: Dataset) -> list[PositionSample]:
    return [s for b in dataset.borrowers for s in b.samples]


def test_read_aave_btc__seized_side_only__debt_stays_missing(tmp_path: Path) -> None:
    row = {"time": START, "collateral_symbol": "wBTC", "version": "V2", "liquidatee": ALICE, "liquidator": BOB}
    write(tmp_path, aave_btc.LIQUIDATIONS, [row | {"amount_tokens": 0.5, "amount_usd": 20_000.25}] * 2)

    (event,) = events_of(aave_btc.read_aave_btc(tmp_path))

    assert (event.amount, event.value_usd_e8) == (0, NO_VALUE)
    assert (event.seized_amount, event.seized_value_usd_e8) == (5 * 10**7, 2_000_025_000_000)
    assert (event.protocol, event.caller) == ("aave-v2", bytes.fromhex(BOB[2:]))


def polygon_row(action: str, **changed: Any) -> Row:
    names = {"userWallet": ALICE, "actionData.userId": ALICE, "time": START, "logId": action, "action": action}
    amount = {"actionData.amount": "2500000", "actionData.assetSymbol": "USDC", "actionData.assetPriceUSD": "1.01"}
    return names | amount | {f"actionData.{name}": value for name, value in changed.items()}


def test_read_aave_polygon__decimals_and_callers__as_on_chain(tmp_path: Path) -> None:
    """2.5 USDC at 1.01 are $2.525; 0.25 WETH at 2,000 are $500. A repayment by another is no credit of Alice."""
    debt = {"principalAmount": "100000000", "principalReserveSymbol": "USDT", "borrowAssetPriceUSD": "1.0"}
    taken = {
        "collateralAmount": str(ETHER // 4),
        "collateralReserveSymbol": "WETH",
        "collateralAssetPriceUSD": "2000",
    }
    liquidation = polygon_row("liquidationcall", amount="0", assetSymbol="", liquidatorId=BOB, **debt, **taken)
    write(tmp_path, aave_polygon.EVENTS, [polygon_row("repay", repayerId=BOB), liquidation, polygon_row("deposit")])

    repaid, liquidated, supplied = events_of(aave_polygon.read_aave_polygon(tmp_path))

    assert (repaid.value_usd_e8, repaid.by_account) == (252_500_000, False)
    assert (liquidated.value_usd_e8, liquidated.seized_value_usd_e8) == (100 * 10**8, 500 * 10**8)
    assert (supplied.kind, supplied.by_account) == (EventKind.SUPPLY, True)


def test_read_wallets__sum_in_raw_units__is_emptied_not_believed(tmp_path: Path) -> None:
    write(tmp_path, aave_polygon.WALLETS, [{"wallet": ALICE, "borrow_usd": 5e18}, {"wallet": BOB, "borrow_usd": 7.0}])

    reading = read_table(tmp_path, aave_polygon.WALLETS)

    assert reading.frame["borrow_usd"].to_list() == [None, 7.0]
    assert reading.defects["borrow_usd absurd: decimals forgotten"] == 1


def test_read_steth_positions__ether_and_dollars__are_told_apart(tmp_path: Path) -> None:
    """V2: 10 ETH at 80 % against 4 ETH is a health of 2. V3 is in dollars already; dust debt is dropped."""
    write(
        tmp_path, aave_states.V2, [{"user": ALICE, "collateral": 10.0, "debt": 4.0, "threshold": 8_000, "healthf": 2.0}]
    )
    dollars = {"user": BOB, "collateral": 3_000.0, "debt": 1_000.0, "threshold": 9_000, "healthf": 2.7}
    rows = [dollars, dollars | {"user": ALICE, "debt": 1e-6, "healthf": 1e9}]
    write(tmp_path, aave_states.V3, rows)
    v3 = pl.read_parquet(tmp_path / aave_states.V3.file)
    v3.with_columns(pl.lit(2_000.0).alias("eth_price")).write_parquet(tmp_path / aave_states.V3.file)

    ether, dollar = samples_of(aave_states.read_steth_positions(tmp_path))

    assert (ether.health_factor_wad, ether.debt_usd_e8) == (2 * ETHER, 8_000 * 10**8)
    assert ether.collateral_usd_e8 == 20_000 * 10**8
    assert dollar.health_factor_wad == pytest.approx(2.7 * ETHER, rel=1e-12)
    assert dollar.debt_usd_e8 == 1_000 * 10**8


def test_read_aave_panel__failed_call__is_no_state(tmp_path: Path) -> None:
    state = {"user": ALICE, "timestamp": START_S, "totalDebt_usd": 50.0, "totalCollateral_usd": 100.0}
    write(tmp_path, aave_states.PANEL, [state | {"healthFactor": 1.5}, state | {"healthFactor": 0.0, "block": 2}])

    (sample,) = samples_of(aave_states.read_aave_panel(tmp_path))

    assert (sample.time_s, sample.health_factor_wad, sample.debt_usd_e8) == (START_S, 3 * ETHER // 2, 50 * 10**8)


def test_read_sai__states__are_valued_at_one_and_a_half(tmp_path: Path) -> None:
    """$300 of collateral against 100 DAI at a ratio of 1.5 is a health of 2; without debt there is none."""
    write(tmp_path, sai.BITES, [{"time": START, "owner": ALICE, "cup": 7, "dai_debt_after": 0}] * 2)
    state = {"time": START, "cup": "7", "tab": 300.0}
    write(tmp_path, sai.STATES, [state | {"art": 100.0}, state | {"art": 0.0}])

    dataset = sai.read_sai(tmp_path)

    assert [s.health_factor_wad for s in samples_of(dataset)] == [2 * ETHER]
    assert [(e.kind, e.value_usd_e8, e.caller) for e in events_of(dataset)] == [
        (EventKind.LIQUIDATION, NO_VALUE, UNKNOWN_CALLER)
    ]


def test_read_rocifi__second_liquidation_and_absurd_threshold__are_counted(tmp_path: Path) -> None:
    loan = {"loan_id": "1", "borrower": ALICE, "liq_time": START, "principal_usdc": 2.5}
    rows = [loan | {"tx_hash": "a"}, loan | {"tx_hash": "b", "lt_pct": 1e9, "liq_time": moment(9)}]
    write(tmp_path, rocifi.LIQUIDATIONS, rows)
    write(
        tmp_path,
        rocifi.REPAYMENTS,
        [{"time": START, "amount_usdc": 2.0}, {"loan_id": "9", "borrower": "0x" + "0" * 40}],
    )

    events = events_of(rocifi.read_rocifi(tmp_path))

    assert sorted(e.value_usd_e8 for e in events) == [2 * 10**8, 250_000_000, 250_000_000]
    assert EventKind.BORROW not in {e.kind for e in events}
    assert read_table(tmp_path, rocifi.LIQUIDATIONS).defects == {
        "absurd liquidation threshold": 1,
        "loan id liquidated twice: the later row is no second loan": 1,
    }
    assert read_table(tmp_path, rocifi.REPAYMENTS).defects == {"borrower is the zero address": 1}


def test_read_compound_v2__raw_amounts_and_cut_off_deposits__are_kept_and_counted(tmp_path: Path) -> None:
    deposit = {"id": "1", "event": "deposit", "account": ALICE, "amount_raw": str(3 * ETHER), "amount_usd": 5.5}
    borrow = {"id": "2", "event": "borrow", "account": ALICE, "time": moment(1)}
    write(tmp_path, compound_v2.EVENTS, [deposit, borrow, {"id": "3", "event": "mint"}])

    supplied, borrowed = events_of(compound_v2.read_compound_v2(tmp_path))

    assert (supplied.amount, supplied.value_usd_e8, supplied.by_account) == (3 * ETHER, 550_000_000, True)
    assert borrowed.kind is EventKind.BORROW
    defects = read_table(tmp_path, compound_v2.EVENTS).defects
    assert list(defects.values()) == [1, 1]


def test_read_aave_v3__raw_units__value_stays_missing(tmp_path: Path) -> None:
    row = {"user": ALICE, "debtToCover": "12", "liquidatedCollateralAmount": "34", "evt_block_number": 9}
    write(tmp_path, aave_v3.LIQUIDATIONS, [row, row])

    (event,) = events_of(aave_v3.read_aave_v3(tmp_path))

    assert (event.amount, event.seized_amount, event.value_usd_e8, event.block_number) == (12, 34, NO_VALUE, 9)


@dataclass(frozen=True)
class Adapter:
    """A reader, the table that grows, what it names its time and key, and tables that must lie beside it."""

    read: Callable[[Path], Dataset]
    table: Table
    time: str
    row: Callable[[int], Row]
    beside: tuple[Table, ...] = ()


ADAPTERS = {
    "aave_btc": Adapter(aave_btc.read_aave_btc, aave_btc.LIQUIDATIONS, "time", lambda i: {"amount_tokens": i + 1.0}),
    "aave_polygon": Adapter(
        aave_polygon.read_aave_polygon, aave_polygon.EVENTS, "time", lambda i: polygon_row("borrow", callerId=ALICE)
    ),
    "aave_v2": Adapter(read_aave_v2, AAVE_V2, "time", lambda i: {"debt_amount": float(i)}),
    "aave_v3": Adapter(aave_v3.read_aave_v3, aave_v3.LIQUIDATIONS, "time", lambda i: {"evt_block_number": i}),
    "compound_v2": Adapter(
        compound_v2.read_compound_v2, compound_v2.EVENTS, "time", lambda i: {"id": str(i), "event": "borrow"}
    ),
    "crvusd": Adapter(
        read_crvusd, LOANS, "start_time_est", lambda i: {"status": "active", "market": "weth", "start_block": i + 1}
    ),
    "liquity": Adapter(read_liquity, LIQUITY, "time", lambda i: {"tx": str(i)}, (BORROWS,)),
    "morpho": Adapter(
        read_morpho_liquidations,
        MORPHO,
        "time",
        lambda i: {"event": "liquidate", "market": "0x" + "1" * 64, "log_index": i, "block": i + 1},
        (MARKETS,),
    ),
    "rocifi": Adapter(
        rocifi.read_rocifi, rocifi.LIQUIDATIONS, "liq_time", lambda i: {"loan_id": str(i)}, (rocifi.REPAYMENTS,)
    ),
    "sai": Adapter(sai.read_sai, sai.BITES, "time", lambda i: {"cup": i}, (sai.STATES,)),
}


@pytest.mark.parametrize("name", ADAPTERS)
def test_adapter__rows_of_the_future__leave_the_past_as_it_was(tmp_path: Path, name: str) -> None:
    adapter = ADAPTERS[name]
    for table in adapter.beside:
        write(tmp_path, table, [])
    known = [adapter.row(i) | {adapter.time: moment(i)} for i in range(3)]
    later = [adapter.row(i) | {adapter.time: moment(i)} for i in range(3, 6)]

    write(tmp_path, adapter.table, known)
    before = events_of(adapter.read(tmp_path))
    write(tmp_path, adapter.table, [*later, *known])
    after = events_of(adapter.read(tmp_path))

    assert len(before) == 3
    assert [e for e in after if e.time_s <= START_S + 2 * DAY_S] == before
    assert len(after) == 6


@pytest.mark.parametrize("name", ADAPTERS)
def test_adapter__folder_absent__is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match="is not there"):
        ADAPTERS[name].read(tmp_path)
