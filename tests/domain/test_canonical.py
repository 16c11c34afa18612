"""Rows of the canonical tables: every value comes back from its row, and every row has exactly the declared columns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oracle.domain import canonical
from oracle.domain.canonical import ColumnKind, PositionAt, Row
from oracle.domain.event import EventKind
from oracle.domain.ids import SubjectId
from oracle.domain.market import HourlySeries, ParameterChange
from oracle.domain.position import Collateral, Holding, Position
from oracle.domain.units import WAD, BlockNumber, Bps, ChainId, TimestampS, UsdE8, Wad
from tests.features.histories import ACCOUNT, DEBT, MARKET, STABLE, VOLATILE, event, sample

SUBJECT = SubjectId(b"\x07" * 32)
HUGE = 2**255
LIQUIDATION = replace(
    event(EventKind.LIQUIDATION, 1_000, 7), amount=HUGE, seized_token=VOLATILE, seized_amount=HUGE + 1
)
POSITION = PositionAt(
    as_of_s=TimestampS(5_000),
    health_factor_wad=Wad(HUGE),
    position=Position(
        chain_id=ChainId(1),
        protocol="test",
        market=MARKET,
        account=ACCOUNT,
        collaterals=(
            Collateral(token=VOLATILE, amount=HUGE, value_usd_e8=UsdE8(3), liquidation_threshold_bps=Bps(8_000)),
            Collateral(token=STABLE, amount=1, value_usd_e8=UsdE8(0), liquidation_threshold_bps=Bps(7_500)),
        ),
        debts=(Holding(token=DEBT, amount=9, value_usd_e8=UsdE8(2)),),
    ),
)
CHANGE = ParameterChange(
    chain_id=ChainId(1),
    block_number=BlockNumber(2),
    log_index=3,
    time_s=TimestampS(4),
    protocol="test",
    market=MARKET,
    token=DEBT,
    name="ltv_bps",
    amount=HUGE,
)
SERIES = HourlySeries(first_hour_s=TimestampS(3_600), prices_e8=(1, 2, 3))


def test_event_row__read_again__is_the_event() -> None:
    for original in (LIQUIDATION, event(EventKind.SUPPLY, 2_000, 5)):
        assert canonical.parse_event(canonical.event_row(SUBJECT, original)) == (SUBJECT, original)


def test_sample_row__read_again__is_the_sample() -> None:
    original = replace(sample(3, usd=10, health_percent=150), health_factor_wad=Wad(20 * WAD))

    assert canonical.parse_sample(canonical.sample_row(SUBJECT, original)) == (SUBJECT, original)


def test_position_row__read_again__is_the_position() -> None:
    assert canonical.parse_position(canonical.position_row(SUBJECT, POSITION)) == (SUBJECT, POSITION)


def test_position_row__lists_of_unequal_length__are_refused() -> None:
    row = {**canonical.position_row(SUBJECT, POSITION), "collateral_amounts": ["1"]}

    with pytest.raises(ValueError, match="shorter"):
        canonical.parse_position(row)


def test_price_and_parameter_rows__read_again__are_the_same() -> None:
    assert canonical.parse_prices(canonical.price_row(ChainId(1), DEBT, SERIES)) == ((1, DEBT), SERIES)
    assert canonical.parse_parameter(canonical.parameter_row(CHANGE)) == CHANGE


@pytest.mark.parametrize(
    ("table", "row"),
    [
        (canonical.EVENTS, canonical.event_row(SUBJECT, LIQUIDATION)),
        (canonical.SAMPLES, canonical.sample_row(SUBJECT, sample(1, usd=1, health_percent=100))),
        (canonical.POSITIONS, canonical.position_row(SUBJECT, POSITION)),
        (canonical.PRICES, canonical.price_row(ChainId(1), DEBT, SERIES)),
        (canonical.PARAMETERS, canonical.parameter_row(CHANGE)),
    ],
)
def test_rows__of_every_table__have_its_columns_and_no_wide_integer(table: str, row: Row) -> None:
    """What may exceed 64 bits is text: Parquet has no wider integer that every reader knows."""
    columns = {column.name: column for column in canonical.TABLES[table]}

    assert list(row) == list(columns)
    for name, cell in row.items():
        column = columns[name]
        for value in cell if column.is_list else [cell]:
            if column.kind is ColumnKind.INTEGER:
                assert -(2**63) <= value < 2**63
            elif column.kind is ColumnKind.BYTES:
                assert isinstance(value, bytes)
            else:
                assert isinstance(value, str)
