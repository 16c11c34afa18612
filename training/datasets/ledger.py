"""From checked rows of a raw source to a canonical dataset of events alone: no samples, no positions, since such sources hold no state.

What a source does not say stays missing: a block or log index of 0, a value of 0 (`NO_VALUE`), a caller that is the zero address. A token known only by
its symbol gets an address that spells it, with 18 decimals, as its own would change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from oracle.domain.event import LendingEvent
from oracle.domain.ids import USD, Address, SubjectId, address_word, parse_address
from oracle.domain.market import AssetFacts, HourlySeries
from oracle.domain.units import BlockNumber, TimestampS, UsdE8
from training.datasets.canonical import Dataset, Token, collect_borrowers, list_midnights

UNKNOWN_BLOCK = BlockNumber(0)
UNKNOWN_CALLER = Address(bytes(20))
NAMED_DECIMALS = 18


def named_token(symbol: str) -> Address:
    """Return the address that stands for a token of which only the symbol is known."""
    return Address(symbol.encode()[:20].ljust(20, b"\0"))


def subject_of(account: str) -> tuple[SubjectId, Address]:
    """Return the subject and the address of a borrower given as 0x text."""
    address = parse_address(account)
    return SubjectId(address_word(address)), address


def token_units(amount: float, decimals: int = NAMED_DECIMALS) -> int:
    """Return a decimal amount in the token's units, rounded to the nearest."""
    return round(amount * 10.0**decimals)


def usd_e8(amount: float | None) -> UsdE8:
    """Return dollars as an integer, rounded down; unknown is 0."""
    return UsdE8(0 if amount is None else int(amount * 1e8))


def build_dataset(
    name: str,
    events: Iterable[LendingEvent],
    *,
    prices: Mapping[Token, HourlySeries] | None = None,
    assets: Iterable[tuple[Token, AssetFacts]] = (),
) -> Dataset:
    """Return the dataset of a source's events; its cuts are the midnights from the first event to the last."""
    rows = [(SubjectId(address_word(event.account)), event) for event in events]
    times = [event.time_s for _, event in rows]
    start_s, end_s = min(times, default=0), max(times, default=0)
    return Dataset(
        name=name,
        borrowers=collect_borrowers(rows, (), ()),
        prices=prices or {},
        assets=dict(assets),
        cuts_s=list_midnights(start_s, end_s) if rows else (),
        start_s=TimestampS(start_s),
        end_s=TimestampS(end_s),
    )


def dollar_asset(token: Address) -> AssetFacts:
    """Return facts of a token priced in dollars, without issuer or bridge."""
    return AssetFacts(
        token=token, price_feed=token, numeraire=USD, decimals=NAMED_DECIMALS, issuer_risk=0, bridge_risk=0
    )
