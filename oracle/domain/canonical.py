"""The canonical dataset's tables: columns of each, and the row of each value; written by `assay export`, read by training.

One row a value, columns named as its fields. Bytes stay raw. Integers that may exceed 64 bits (token amounts, health factors) are decimal text.
Source: `training/README.md`, section "Canonical dataset".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.ids import Address, SubjectId
from oracle.domain.market import HourlySeries, ParameterChange
from oracle.domain.position import Collateral, Holding, Position, PositionSample
from oracle.domain.units import BlockNumber, Bps, ChainId, TimestampS, UsdE8, Wad

FORMAT = 2
META, ASSETS = "meta.json", "assets.json"

type Row = Mapping[str, Any]


class ColumnKind(StrEnum):
    """What a column's cells are; a list column holds such cells."""

    INTEGER = "64-bit integer"
    BYTES = "bytes"
    TEXT = "text"
    DECIMAL = "decimal text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table."""

    name: str
    kind: ColumnKind
    is_list: bool = False
    is_optional: bool = False


def _columns(words: str) -> tuple[Column, ...]:
    """Return columns from words like `name:bytes`; `integer[]` is a list, `bytes?` may be empty."""
    pairs = (word.split(":") for word in words.split())
    return tuple(
        Column(
            name=name,
            kind=ColumnKind[kind.rstrip("?[]").upper()],
            is_list=kind.endswith("[]"),
            is_optional=kind.endswith("?"),
        )
        for name, kind in pairs
    )


EVENTS, SAMPLES, LISTED, POSITIONS = "events", "samples", "listed", "positions"
PRICES, PARAMETERS = "prices", "parameters"
TABLES: Mapping[str, tuple[Column, ...]] = {
    EVENTS: _columns(
        "subject:bytes chain_id:integer block_number:integer log_index:integer time_s:integer protocol:text market:bytes "
        "kind:integer account:bytes caller:bytes token:bytes amount:decimal value_usd_e8:integer seized_token:bytes? "
        "seized_amount:decimal seized_value_usd_e8:integer"
    ),
    SAMPLES: _columns(
        "subject:bytes time_s:integer chain_id:integer market:bytes health_factor_wad:decimal debt_usd_e8:integer "
        "collateral_usd_e8:integer"
    ),
    LISTED: _columns("as_of_s:integer subject:bytes"),
    POSITIONS: _columns(
        "as_of_s:integer subject:bytes chain_id:integer protocol:text market:bytes account:bytes health_factor_wad:decimal "
        "collateral_tokens:bytes[] collateral_amounts:decimal[] collateral_values_usd_e8:integer[] "
        "liquidation_thresholds_bps:integer[] debt_tokens:bytes[] debt_amounts:decimal[] debt_values_usd_e8:integer[]"
    ),
    PRICES: _columns("chain_id:integer token:bytes first_hour_s:integer prices_e8:integer[]"),
    PARAMETERS: _columns(
        "chain_id:integer block_number:integer log_index:integer time_s:integer protocol:text market:bytes token:bytes "
        "name:text amount:decimal"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionAt:
    """A position with debt at a cut, and its health factor exactly as the protocol computes it there."""

    as_of_s: TimestampS
    position: Position
    health_factor_wad: Wad


def event_row(subject: SubjectId, event: LendingEvent) -> Row:
    """Return the row of an event."""
    return {"subject": bytes(subject), **_cells(EVENTS, event, but=("subject",))}


def parse_event(row: Row) -> tuple[SubjectId, LendingEvent]:
    """Return the subject and the event of a row."""
    seized = row["seized_token"]
    return SubjectId(row["subject"]), LendingEvent(
        chain_id=ChainId(row["chain_id"]),
        block_number=BlockNumber(row["block_number"]),
        log_index=row["log_index"],
        time_s=TimestampS(row["time_s"]),
        protocol=row["protocol"],
        market=Address(row["market"]),
        kind=EventKind(row["kind"]),
        account=Address(row["account"]),
        caller=Address(row["caller"]),
        token=Address(row["token"]),
        amount=int(row["amount"]),
        value_usd_e8=UsdE8(row["value_usd_e8"]),
        seized_token=None if seized is None else Address(seized),
        seized_amount=int(row["seized_amount"]),
        seized_value_usd_e8=UsdE8(row["seized_value_usd_e8"]),
    )


def sample_row(subject: SubjectId, sample: PositionSample) -> Row:
    """Return the row of a sample."""
    return {"subject": bytes(subject), **_cells(SAMPLES, sample, but=("subject",))}


def parse_sample(row: Row) -> tuple[SubjectId, PositionSample]:
    """Return the subject and the sample of a row."""
    return SubjectId(row["subject"]), PositionSample(
        time_s=TimestampS(row["time_s"]),
        chain_id=ChainId(row["chain_id"]),
        market=Address(row["market"]),
        health_factor_wad=Wad(int(row["health_factor_wad"])),
        debt_usd_e8=UsdE8(row["debt_usd_e8"]),
        collateral_usd_e8=UsdE8(row["collateral_usd_e8"]),
    )


def position_row(subject: SubjectId, at: PositionAt) -> Row:
    """Return the row of a position at a cut."""
    held, owed = at.position.collaterals, at.position.debts
    return {
        "as_of_s": at.as_of_s,
        "subject": bytes(subject),
        "chain_id": at.position.chain_id,
        "protocol": at.position.protocol,
        "market": bytes(at.position.market),
        "account": bytes(at.position.account),
        "health_factor_wad": str(at.health_factor_wad),
        "collateral_tokens": [bytes(c.token) for c in held],
        "collateral_amounts": [str(c.amount) for c in held],
        "collateral_values_usd_e8": [int(c.value_usd_e8) for c in held],
        "liquidation_thresholds_bps": [int(c.liquidation_threshold_bps) for c in held],
        "debt_tokens": [bytes(d.token) for d in owed],
        "debt_amounts": [str(d.amount) for d in owed],
        "debt_values_usd_e8": [int(d.value_usd_e8) for d in owed],
    }


def parse_position(row: Row) -> tuple[SubjectId, PositionAt]:
    """Return the subject and the position of a row. Raises: ValueError if its lists differ in length."""
    held = zip(
        row["collateral_tokens"], row["collateral_amounts"], row["collateral_values_usd_e8"],
        row["liquidation_thresholds_bps"], strict=True,
    )  # fmt: skip
    owed = zip(row["debt_tokens"], row["debt_amounts"], row["debt_values_usd_e8"], strict=True)
    position = Position(
        chain_id=ChainId(row["chain_id"]),
        protocol=row["protocol"],
        market=Address(row["market"]),
        account=Address(row["account"]),
        collaterals=tuple(
            Collateral(
                token=Address(token),
                amount=int(amount),
                value_usd_e8=UsdE8(value),
                liquidation_threshold_bps=Bps(threshold),
            )
            for token, amount, value, threshold in held
        ),
        debts=tuple(
            Holding(token=Address(token), amount=int(amount), value_usd_e8=UsdE8(value))
            for token, amount, value in owed
        ),
    )
    health_factor_wad = Wad(int(row["health_factor_wad"]))
    as_of_s = TimestampS(row["as_of_s"])
    return SubjectId(row["subject"]), PositionAt(
        as_of_s=as_of_s, position=position, health_factor_wad=health_factor_wad
    )


def price_row(chain_id: ChainId, token: Address, series: HourlySeries) -> Row:
    """Return the row of a token's USD prices."""
    hours = {"first_hour_s": int(series.first_hour_s), "prices_e8": list(series.prices_e8)}
    return {"chain_id": int(chain_id), "token": bytes(token), **hours}


def parse_prices(row: Row) -> tuple[tuple[ChainId, Address], HourlySeries]:
    """Return the token and the USD prices of a row."""
    series = HourlySeries(first_hour_s=TimestampS(row["first_hour_s"]), prices_e8=tuple(row["prices_e8"]))
    return (ChainId(row["chain_id"]), Address(row["token"])), series


def parameter_row(change: ParameterChange) -> Row:
    """Return the row of a parameter."""
    return _cells(PARAMETERS, change)


def parse_parameter(row: Row) -> ParameterChange:
    """Return the parameter of a row."""
    return ParameterChange(
        chain_id=ChainId(row["chain_id"]),
        block_number=BlockNumber(row["block_number"]),
        log_index=row["log_index"],
        time_s=TimestampS(row["time_s"]),
        protocol=row["protocol"],
        market=Address(row["market"]),
        token=Address(row["token"]),
        name=row["name"],
        amount=int(row["amount"]),
    )


def _cells(table: str, value: Any, *, but: tuple[str, ...] = ()) -> dict[str, Any]:
    return {c.name: _cell(c, getattr(value, c.name)) for c in TABLES[table] if c.name not in but}


def _cell(column: Column, value: Any) -> Any:
    if column.kind is ColumnKind.DECIMAL:
        return str(value)
    return int(value) if column.kind is ColumnKind.INTEGER else value
