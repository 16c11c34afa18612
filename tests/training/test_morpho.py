"""Two Morpho markets from a file of a few rows: prices that liquidations imply, levels known and unknown. Figures by hand."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from oracle.domain.event import EventKind
from oracle.domain.units import WAD
from training.borrow_rows import KnownLevels
from training.datasets.borrows import Borrows
from training.datasets.morpho import read_morpho
from training.datasets.morpho_prices import implied_answers, liquidation_incentive
from training.datasets.morpho_tables import FOLDER
from training.datasets.prices import CLOSES
from training.errors import DatasetError

E8 = 10**8
MARKET, OTHER = "0x" + "9" * 64, "0x" + "7" * 64
OWNER, SELLER, BOT = ("0x" + digit * 40 for digit in "abc")
type Event = tuple[int, str, str, dict[str, str]]
RAW = ("assets_raw", "repaid_assets_raw", "seized_assets_raw", "bad_debt_assets_raw", "shares_raw")


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2025, 11, day, hour)  # noqa: DTZ001 - the files have no zone


def supply(hour: int, owner: str, units: int) -> Event:
    return hour, "supply_collateral", owner, {"assets_raw": str(units)}


def borrow(hour: int, owner: str, dollars: int, shares: int) -> Event:
    return hour, "borrow", owner, {"assets_raw": str(dollars * 10**6), "shares_raw": str(shares)}


def liquidate(hour: int, owner: str, repaid: int, seized: int, shares: int = 0, bad: int = 0) -> Event:
    return hour, "liquidate", owner, {
        "repaid_assets_raw": str(repaid),
        "seized_assets_raw": str(seized),
        "bad_debt_assets_raw": str(bad),
        "shares_raw": str(shares),
    }  # fmt: skip


def read(folder: Path, events: list[Event], *, repeat: bool = False, without: str | None = None) -> Borrows:
    """Write events, hour 0 being the 1st of November, with a dollar price of 100,000 at the end of October."""
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    (folder / CLOSES).parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = [
        dict.fromkeys(RAW)
        | {"time": at(1 + hour // 24, hour % 24), "block": hour + 1, "log_index": i, "tx": f"0x{i}", "event": event}
        | {"market": MARKET, "borrower": owner, "caller": BOT if event == "liquidate" else owner}
        | amounts
        for i, (hour, event, owner, amounts) in enumerate(events)
    ]
    # Another market of the file names no tokens.
    rows.append(rows[0] | {"market": OTHER, "log_index": 99, "tx": "0x99"})
    table = pl.DataFrame(rows + rows[:-1] * repeat, schema_overrides=dict.fromkeys(RAW, pl.String))
    table.drop(without or []).write_parquet(folder / FOLDER / "events.parquet")
    market = {"market": MARKET, "collateral": "cbBTC", "loan": "USDC"}
    decimals = {"collateral_decimals": 8, "loan_decimals": 6, "lltv": 0.86}
    pl.DataFrame([market | decimals]).write_parquet(folder / FOLDER / "markets_identified.parquet")
    closes = pl.DataFrame({"symbol": ["BTC"], "time": [datetime(2025, 10, 31, 12)], "close": [100_000.0]})  # noqa: DTZ001
    closes.with_columns(pl.col("symbol").cast(pl.Categorical)).write_parquet(folder / CLOSES)
    return read_morpho(folder)


def test_liquidation_incentive__86_percent__as_morpho_states_it() -> None:
    # 1 / (1 - 0.3 * 0.14) = 1 / 0.958
    assert liquidation_incentive(0.86) == pytest.approx(1.0438413)
    assert liquidation_incentive(0.2) == 1.15


def test_implied_answers__dust__implies_nothing() -> None:
    # $958 repaid for 0.01 BTC: 958 / 0.958 / 0.01 = $100,000. Fewer than a dollar or a thousand units says nothing.
    times, repaid, seized = (
        np.array([1, 2, 3]),
        np.array([958 * 10**6, 999_999, 10**6]),
        np.array([10**6, 10**6, 999.0]),
    )

    answers = implied_answers(times, repaid, seized, lltv=0.86, decimals=(6, 8))

    assert answers.times_s.tolist() == [1]
    assert answers.prices_e8.tolist() == [100_000 * E8]


def test_read_morpho__deposit_then_two_borrows__valued_after_each_with_interest(tmp_path: Path) -> None:
    events = [
        supply(1, OWNER, 10**8),
        borrow(2, OWNER, 43_000, 43_000),
        borrow(3, OWNER, 11, 10),
        supply(80, SELLER, 1),
    ]

    moments = read(tmp_path, events).moments

    # One coin of $100,000 at 86 % over $43,000 is 2; then a share is worth $1.10, so the debt is 43,010 * 1.1 = $47,311.
    assert [m.positions[0].health_factor_wad * 100 // WAD for m in moments] == [200, 181]
    assert [m.debt_usd_e8 // E8 for m in moments] == [43_000, 47_311]
    assert [(m.is_first, m.is_level_known) for m in moments] == [(True, True), (False, True)]


@pytest.mark.parametrize(
    "events",
    [
        [borrow(1, OWNER, 1_000, 1_000)],
        [borrow(1, OWNER, 1_000, 1_000), supply(2, OWNER, 10**8), borrow(3, OWNER, 1_000, 1_000)],
        [supply(1, OWNER, 10**6), borrow(2, OWNER, 1_000, 1_000)],
        [supply(1, OWNER, 10**8), liquidate(2, OWNER, 10**6, 10**3), borrow(3, OWNER, 1_000, 1_000)],
    ],
    ids=["never deposited", "borrowed before it deposited", "more than morpho lends", "liquidated before"],
)
def test_read_morpho__part_of_a_position_is_older_than_the_file__level_unknown(
    tmp_path: Path, events: list[Event]
) -> None:
    moment = read(tmp_path, [*events, supply(80, SELLER, 1)]).moments[-1]

    assert (moment.is_level_known, moment.is_first) == (False, False)


def test_read_morpho__liquidation_later__sets_the_price_from_then_on(tmp_path: Path) -> None:
    events = [supply(1, OWNER, 10**8), borrow(2, OWNER, 43_000, 43_000)]
    sold = [supply(20, SELLER, 1), liquidate(30, SELLER, 958 * 10**6, 2 * 10**6), supply(80, SELLER, 1)]

    dataset = read(tmp_path, [*events, *sold]).dataset

    owner = max(dataset.borrowers, key=lambda b: len(b.samples))
    # $958 for 0.02 coins: $50,000. The midnight before sees $100,000.
    assert [s.collateral_usd_e8 // E8 for s in owner.samples] == [100_000, 50_000, 50_000]


def test_read_morpho__repeated_rows_and_other_markets__count_once_or_not_at_all(tmp_path: Path) -> None:
    events = [supply(1, OWNER, 10**8), borrow(2, OWNER, 43_000, 43_000), supply(80, SELLER, 1)]

    (moment,) = read(tmp_path, events, repeat=True).moments

    assert moment.debt_usd_e8 == 43_000 * E8


def test_read_morpho__liquidation_with_bad_debt__is_adverse_and_ends_the_debt(tmp_path: Path) -> None:
    events = [supply(1, OWNER, 10**8), borrow(2, OWNER, 43_000, 43_000)]
    lost = [liquidate(30, OWNER, 40_000 * 10**6, 10**8, 40_000, bad=3_000), supply(80, SELLER, 1)]

    dataset = read(tmp_path, [*events, *lost]).dataset

    owner = next(b for b in dataset.borrowers if len(b.events) == 3)
    assert owner.events[-1].kind is EventKind.LIQUIDATION
    assert owner.events[-1].value_usd_e8 == 40_000 * E8
    assert len(owner.samples) == 1


def test_read_morpho__column_missing__named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="shares_raw"):
        read(tmp_path, [supply(1, OWNER, 1)], without="shares_raw")


def test_read_morpho__amount_that_is_no_integer__names_its_column(tmp_path: Path) -> None:
    torn = (1, "supply_collateral", OWNER, {"assets_raw": "1e8"})

    with pytest.raises(DatasetError, match="assets_raw holds '1e8', expected an integer"):
        read(tmp_path, [torn])


def test_read_morpho__no_folder__named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="morpho_base_2025"):
        read_morpho(tmp_path)


def test_known_levels__unknown_level__lower_quartile_of_earlier_ones(tmp_path: Path) -> None:
    # 1,000 dollars a coin share: health factors 0.86 * 100,000 * k / 43,000 = 2k for k = 1..20 coins.
    events: list[Event] = []
    for k in range(1, 21):
        owner = f"0x{k:040x}"
        events += [supply(k, owner, k * 10**8), borrow(k, owner, 43_000, 43_000)]
    moments = read(tmp_path, [*events, supply(80, SELLER, 1)]).moments
    levels = KnownLevels()

    before = levels.fallback_wad
    for moment in moments:
        levels.add(moment)

    assert before == WAD
    assert levels.fallback_wad * 1_000 // WAD == 12_000
