"""Rows of Morpho Blue as the data have them, made by hand: a bitcoin is worth 100,000 dollars until a liquidation says otherwise."""

from __future__ import annotations

from oracle.sandbox.replay.morpho_rows import MorphoKind, MorphoRow

BITCOIN, DOLLAR = 10**8, 10**6
START_S = 1_761_743_655
ALICE, BOB, CAROL = ("0x" + byte * 20 for byte in ("a1", "b2", "c3"))
INCENTIVE = 1.043841336116910229


def row(
    kind: MorphoKind,
    borrower: str,
    amount: int,
    *,
    number: int = 0,
    after_s: int = 0,
    seized: int = 0,
    is_own: bool = True,
    symbol: str = "cbBTC",
) -> MorphoRow:
    return MorphoRow(
        number=number,
        symbol=symbol,
        borrower=borrower,
        is_own=is_own,
        time_s=START_S + after_s,
        kind=kind,
        amount=amount,
        seized_amount=seized,
    )


def collateral(borrower: str, amount: int, *, after_s: int = 0, is_own: bool = True) -> MorphoRow:
    return row(MorphoKind.COLLATERAL, borrower, amount, after_s=after_s, is_own=is_own)


def loan(borrower: str, dollars: int, *, after_s: int = 0, is_own: bool = True) -> MorphoRow:
    return row(MorphoKind.BORROW, borrower, dollars * DOLLAR, after_s=after_s, is_own=is_own)


def liquidation(borrower: str, dollars: int, *, at_dollars: int, after_s: int = 0) -> MorphoRow:
    """Return a liquidation that implies a price of a bitcoin, up to the rounding of a satoshi."""
    seized = int(dollars * INCENTIVE / at_dollars * BITCOIN)
    return row(MorphoKind.LIQUIDATION, borrower, dollars * DOLLAR, after_s=after_s, seized=seized)


def opening(*, at_dollars: int = 100_000) -> MorphoRow:
    """Return a large liquidation of somebody long before, which sets the price."""
    return liquidation(CAROL, 1_000_000, at_dollars=at_dollars, after_s=-1_000_000)
