"""View calls of a market and its oracle, and how their answers are read, word by word.

Source: `contracts/src/interfaces/ILendingMarket.sol`, `IScoreOracle.sol`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oracle.api.markets import (
    BorrowerBooks,
    MarketConstants,
    MarketListing,
    OracleHead,
    PostedBorrower,
    PostedCollateral,
)
from oracle.chain.rpc import Call
from oracle.domain.ids import (
    Address,
    Hash32,
    SubjectId,
    borrower_subject,
    contract_borrower_subject,
    keccak256,
    to_hex,
)
from oracle.domain.score import Binding
from oracle.domain.units import BlockNumber, Bps, Epoch, Margin, Ppm, TimestampS

_PRICE_ERRORS = {
    keccak256(b"StalePrice(address,uint256,uint256)")[:4]: "the price is older than the market accepts",
    keccak256(b"InvalidPrice(address,int256)")[:4]: "the price is zero, negative, absurdly large or from the future",
}


@dataclass(frozen=True, slots=True)
class Words:
    """The answer of a view call as 32-byte words."""

    data: bytes

    @classmethod
    def parse(cls, answer: object) -> Words:
        """Return the words of a hex answer; ValueError if it is empty or not whole words, as where there is no contract."""
        data = bytes.fromhex(str(answer).removeprefix("0x"))
        if not data or len(data) % 32:
            raise ValueError(f"{len(data)} bytes")
        return cls(data)

    def word(self, index: int) -> bytes:
        """Return one word; IndexError past the end."""
        word = self.data[32 * index : 32 * index + 32]
        if len(word) < 32:
            raise IndexError(f"{len(self.data) // 32} words, {index + 1} are needed")
        return word

    def uint(self, index: int) -> int:
        """Return an unsigned integer."""
        return int.from_bytes(self.word(index), "big")

    def sint(self, index: int) -> int:
        """Return a signed integer."""
        return int.from_bytes(self.word(index), "big", signed=True)

    def address(self, index: int) -> Address:
        """Return an address."""
        return Address(self.word(index)[12:])


def view(to: Address, signature: str, *arguments: bytes, number: BlockNumber) -> Call:
    """Return the `eth_call` of a view; arguments are left-padded to words."""
    data = keccak256(signature.encode())[:4] + b"".join(argument.rjust(32, b"\0") for argument in arguments)
    return ("eth_call", [{"to": to_hex(to), "data": to_hex(data)}, hex(number)])


def constants_calls(listing: MarketListing, number: BlockNumber) -> list[Call]:
    """Return the calls that `parse_constants` reads, in its order."""
    names = (
        "oracle asset collateralToken collateralSubject severityBps budgetPpm floorPremiumBps borrowerLimit gate "
        "borrowerTables"
    )
    return [view(listing.market, f"{name}()", number=number) for name in names.split()]


def named_calls(loan_token: Address, tables: Address, gate: Address, number: BlockNumber) -> list[Call]:
    """Return the calls for a loan token's symbol and decimals, the code of the tables, and the gate's constant limit."""
    return [
        view(loan_token, "symbol()", number=number),
        view(loan_token, "decimals()", number=number),
        ("eth_getCode", [to_hex(tables), hex(number)]),
        view(gate, "maxExposure()", number=number),
    ]


def parse_constants(
    words: Sequence[Words], *, loan_symbol: str, loan_decimals: int, tables_hash: Hash32, max_exposure_amount: int
) -> MarketConstants:
    """Return a market's constants."""
    return MarketConstants(
        oracle=words[0].address(0),
        gate=words[8].address(0),
        loan_token=words[1].address(0),
        loan_symbol=loan_symbol,
        loan_decimals=loan_decimals,
        collateral_token=words[2].address(0),
        collateral_subject=SubjectId(words[3].word(0)),
        severity_bps=Bps(words[4].uint(0)),
        budget_ppm=Ppm(words[5].uint(0)),
        floor_premium_bps=Bps(words[6].uint(0)),
        borrower_limit_amount=words[7].uint(0),
        exposure_cap_amount=max_exposure_amount,
        tables_hash=tables_hash,
    )


def state_calls(
    listing: MarketListing, constants: MarketConstants, borrower: Address, number: BlockNumber
) -> list[Call]:
    """Return the calls that the parsers below read, in their order."""
    market, oracle = listing.market, constants.oracle
    as_contract = contract_borrower_subject(listing.chain_id, borrower)
    return [
        view(market, "debtOf(address)", borrower, number=number),
        view(market, "position(address)", borrower, number=number),
        view(market, "cash()", number=number),
        view(market, "totalExposure()", number=number),
        view(market, "baseRateWad()", number=number),
        view(oracle, "head()", number=number),
        view(oracle, "epochSeconds()", number=number),
        view(oracle, "validitySeconds()", number=number),
        view(oracle, "graceSeconds()", number=number),
        view(oracle, "collateralScore(bytes32)", constants.collateral_subject, number=number),
        view(oracle, "borrowerScore(bytes32)", borrower_subject(borrower), number=number),
        view(oracle, "borrowerScore(bytes32)", as_contract, number=number),
        view(constants.gate, "guarded()", number=number),
        view(constants.gate, "exposureCap()", number=number),
    ]


def parse_head(words: Sequence[Words]) -> OracleHead:
    """Return the oracle's newest report and its times."""
    head = words[5]
    return OracleHead(
        epoch=Epoch(head.uint(0)),
        previous_epoch=Epoch(head.uint(4)),
        scores_root=Hash32(head.word(5)),
        landed_at_s=TimestampS(head.uint(3)),
        epoch_s=words[6].uint(0),
        validity_s=words[7].uint(0),
        grace_s=words[8].uint(0),
    )


def parse_mode(words: Sequence[Words]) -> tuple[bool, bool]:
    """Return whether the gate lets new loans through, and whether scores count in its mode (`Capped` 2, `Live` 3)."""
    return words[12].uint(1) != 0, words[12].uint(0) >= 2


def parse_collateral(words: Sequence[Words]) -> PostedCollateral:
    """Return the pair as loans are made on it now; while none are made, as it was posted last.

    `guarded` is (mode, isOpen, policyVersion, epoch, threshold, ceiling, floor, volatility, gap). In the modes without scores it has
    no volatility: the least stands in, which no terms at the floor look at.
    """
    posted, guarded = words[9], words[12]
    is_open, _ = parse_mode(words)
    source, indexes = (guarded, (4, 5, 6, 7, 8)) if is_open else (posted, (7, 5, 6, 2, 4))
    threshold, ceiling, floor, volatility, gap = (source.uint(index) for index in indexes)
    binding = posted.uint(8)
    return PostedCollateral(
        epoch=Epoch(guarded.uint(3)),
        margin=Margin(posted.sint(1)),
        volatility_ppm=Ppm(max(volatility, 1) if is_open else volatility),
        drawdown_bps=Bps(posted.uint(3)),
        gap_ppm=Ppm(gap),
        ltv_ceiling_bps=Bps(ceiling),
        ltv_floor_bps=Bps(floor),
        liquidation_threshold_bps=Bps(threshold),
        binding=Binding.CAP if is_open and binding not in (Binding.DRAWDOWN, Binding.CAP) else binding,
    )


def parse_books(
    words: Sequence[Words], *, has_code: bool, value_amount: int | None, price_refusal: str
) -> BorrowerBooks:
    """Return a borrower's books; `position` is (collateral, debtScaled, premiumDebt, exposure, checkpoint, premiumBps)."""
    return BorrowerBooks(
        debt_amount=words[0].uint(0),
        # Interest settles premium, never exposure, so the stored one is what a loan starts from.
        exposure_amount=words[1].uint(3),
        collateral_value_amount=value_amount,
        price_refusal=price_refusal,
        has_code=has_code,
        as_account=_posted_borrower(words[10]),
        as_contract=_posted_borrower(words[11]),
    )


def price_refusal(reason: str) -> str | None:
    """Return in words why a market refused its price, None if the refusal has another cause."""
    return next((text for selector, text in _PRICE_ERRORS.items() if selector.hex() in reason), None)


def _posted_borrower(posted: Words) -> PostedBorrower:
    return PostedBorrower(epoch=Epoch(posted.uint(0)), behaviour_margin=Margin(posted.sint(2)), grade=posted.uint(6))
