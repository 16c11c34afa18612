"""What a market says of a loan: what its terms stand on, and why it refuses. Source: `contracts/src/interfaces/ILendingMarket.sol`."""

from __future__ import annotations

from enum import IntEnum


class Basis(IntEnum):
    """What the terms of a loan stand on; all but RATED give the floor. `ILendingMarket.Basis`."""

    NO_PROOF = 0
    EXPIRED = 1
    SUPERSEDED = 2
    UNRATED = 3
    RATED = 4


class Refusal(IntEnum):
    """Why a loan is refused. `ILendingMarket.Refusal`."""

    NONE = 0
    NO_COLLATERAL = 1
    COLLATERAL_UNSCORED = 2
    ABOVE_FLOOR = 3
    ABOVE_CEILING = 4
    OVER_BUDGET = 5
    OVER_BORROWER_LIMIT = 6
    OVER_EXPOSURE_CAP = 7
    NOT_ENOUGH_CASH = 8
