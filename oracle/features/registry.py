"""Every feature, declared once: its slot, unit, encoding, domain and the direction in which it makes a subject riskier.

A model names the digest of the schema it was trained on, and loads only if that is the schema declared here. Whoever changes what a feature
means without changing its declaration raises `FEATURE_SEMANTICS_VERSION` in `oracle/domain/committee.py`.
Source: `tests/vectors/FORMATS.md`, section 8.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum

from oracle.domain.ids import Hash32, keccak256
from oracle.features.quantize import SLOT_MAX

MAX_FEATURES = 32


class Monotone(IntEnum):
    """How risk changes when the slot's value rises."""

    FALLS = -1
    FREE = 0
    RISES = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One slot of a vector; `lo` and `hi` bound the encoded value, `kind` names the encoding in `quantize`."""

    name: str
    slot: int
    unit: str
    kind: str
    lo: int
    hi: int
    monotone: Monotone


type Schema = tuple[Feature, ...]


def schema_json(schema: Schema) -> str:
    """Return the canonical JSON of a schema: slot order, keys sorted, no spaces."""
    rows = [
        {
            "name": f.name,
            "slot": f.slot,
            "unit": f.unit,
            "kind": f.kind,
            "lo": f.lo,
            "hi": f.hi,
            "monotone": int(f.monotone),
        }
        for f in schema
    ]
    return json.dumps(rows, sort_keys=True, separators=(",", ":"))


def schema_digest(schema: Schema) -> Hash32:
    """Return keccak of the canonical JSON."""
    return keccak256(schema_json(schema).encode())


def _schema(*rows: tuple[str, str, str, int, Monotone]) -> Schema:
    return tuple(
        Feature(name=name, slot=slot, unit=unit, kind=kind, lo=1, hi=hi, monotone=monotone)
        for slot, (name, unit, kind, hi, monotone) in enumerate(rows)
    )


_DAYS_YEAR = 367
_BPS_ONE = 10_001

BORROWER_SCHEMA: Schema = _schema(
    # Position state. Used by the state-offset table only; the exporter refuses splits on it.
    ("z", "1/1024 standard deviations over 30 days", "z", SLOT_MAX, Monotone.FALLS),
    # Behaviour. Adverse facts count whoever acted; credit is given for the account's own actions and for debt really held.
    ("debt_age", "days at the largest debt of a year", "count", _DAYS_YEAR, Monotone.FALLS),
    ("low_health_share", "bps of debt-days", "ratio", _BPS_ONE, Monotone.RISES),
    ("unanswered_low_health", "days of a year", "count", SLOT_MAX, Monotone.RISES),
    ("risk_raised_low_health", "days of a year", "count", SLOT_MAX, Monotone.RISES),
    ("liquidation_episodes", "episodes", "count", SLOT_MAX, Monotone.RISES),
    ("days_since_liquidation", "days", "count", SLOT_MAX, Monotone.FALLS),
    ("liquidated_share", "bps of the largest debt before, summed", "ratio", SLOT_MAX, Monotone.RISES),
    ("repaid_share", "bps of the largest debt of a year", "ratio", _BPS_ONE, Monotone.FALLS),
    ("lowest_health", "1/1024 octaves of health factor", "signed", SLOT_MAX, Monotone.FALLS),
    ("low_health_days", "days of a year", "count", _DAYS_YEAR, Monotone.RISES),
    ("stress_days", "days at the largest debt of a year", "count", _DAYS_YEAR, Monotone.FALLS),
    ("borrowed_after_rally", "bps of return times share of debt", "ratio", SLOT_MAX, Monotone.RISES),
)

COLLATERAL_SCHEMA: Schema = _schema(
    ("volatility_365d", "100 ppm a year", "ratio", SLOT_MAX, Monotone.RISES),
    ("volatility_30d", "100 ppm a year", "ratio", SLOT_MAX, Monotone.RISES),
    ("volatility_7d", "100 ppm a year", "ratio", SLOT_MAX, Monotone.RISES),
    ("fall_24h_in_30d", "bps", "ratio", _BPS_ONE, Monotone.RISES),
    ("fall_24h_in_90d", "bps", "ratio", _BPS_ONE, Monotone.RISES),
    ("fall_24h_in_365d", "bps", "ratio", _BPS_ONE, Monotone.RISES),
    ("hourly_tail_90d", "10 ppm", "ratio", SLOT_MAX, Monotone.RISES),
    ("below_high_90d", "bps", "ratio", _BPS_ONE, Monotone.FREE),
    ("below_base_30d", "bps", "ratio", _BPS_ONE, Monotone.RISES),
    ("issuer_risk", "level", "count", 4, Monotone.RISES),
    ("bridge_risk", "level", "count", 4, Monotone.RISES),
    ("series_age", "days", "count", _DAYS_YEAR - 1, Monotone.FALLS),
    ("range_volatility_3d", "100 ppm a year", "ratio", SLOT_MAX, Monotone.RISES),
)
COLLATERAL_VOLATILITY_SLOT = 0
"""The slot that `volatilityPpm` is read from: a year's volatility orders liquidations better than a month's."""
BORROWER_REQUIRED_SLOTS = frozenset({0, 1})
COLLATERAL_REQUIRED_SLOTS = frozenset({0, 1, 11})
