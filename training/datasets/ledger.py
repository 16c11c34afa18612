"""From checked rows of a raw source to a canonical dataset of events, with states only where a source has them.

What a source does not say stays missing: a block or log index of 0, a value of 0 (`NO_VALUE`), a caller that is the zero address. A token known only by
its symbol gets an address that spells it, with 18 decimals, as its own would change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.ids import Address, SubjectId, address_word, parse_address
from oracle.domain.position import PositionSample
from oracle.domain.units import BlockNumber, ChainId, TimestampS, UsdE8
from training.datasets.canonical import Dataset, collect_borrowers, list_midnights

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


@dataclass(frozen=True, kw_only=True)
class Source:
    """What the events of a source share."""

    chain_id: ChainId
    protocol: str
    market: Address

    def event(
        self,
        kind: EventKind,
        account: str,
        time_s: int,
        *,
        place: tuple[int, int] = (UNKNOWN_BLOCK, 0),
        caller: str | None = None,
        token: Address,
        amount: int = 0,
        value_usd: float | None = None,
        seized: tuple[Address, int, float | None] | None = None,
    ) -> LendingEvent:
        """Return an event; `place` is block and log index, `seized` token, amount and dollars. What is not given is unknown."""
        seized_token, seized_amount, seized_usd = seized or (None, 0, None)
        return LendingEvent(
            chain_id=self.chain_id,
            block_number=BlockNumber(place[0]),
            log_index=place[1],
            time_s=TimestampS(time_s),
            protocol=self.protocol,
            market=self.market,
            kind=kind,
            account=parse_address(account),
            caller=UNKNOWN_CALLER if caller is None else parse_address(caller),
            token=token,
            amount=amount,
            value_usd_e8=usd_e8(value_usd),
            seized_token=seized_token,
            seized_amount=seized_amount,
            seized_value_usd_e8=usd_e8(seized_usd),
        )


def build_dataset(
    name: str,
    events: Iterable[LendingEvent],
    *,
    samples: Iterable[tuple[SubjectId, PositionSample]] = (),
) -> Dataset:
    """Return the dataset of a source's events, and of states where it has them; its cuts are the midnights from the first row to the last."""
    rows = [(SubjectId(address_word(event.account)), event) for event in events]
    states = list(samples)
    times = [event.time_s for _, event in rows] + [sample.time_s for _, sample in states]
    start_s, end_s = min(times, default=0), max(times, default=0)
    return Dataset(
        name=name,
        borrowers=collect_borrowers(rows, states, ()),
        prices={},
        assets={},
        cuts_s=list_midnights(start_s, end_s) if times else (),
        start_s=TimestampS(start_s),
        end_s=TimestampS(end_s),
    )
