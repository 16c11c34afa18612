// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { Math } from "@openzeppelin/contracts/utils/math/Math.sol";
import { SafeCast } from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import { ILendingMarket } from "../interfaces/ILendingMarket.sol";

/// @title Books of debt: a base rate for all, and a premium for each position
/// @notice Debt of a position = scaled debt * index + premium. The index grows linearly between two accruals. The premium
///         is simple interest on the base debt: an accumulator sums index * seconds, and a position owes scaled debt *
///         premium rate * growth of the accumulator. Both are linear, so the sum over positions is kept without a loop.
/// @dev Rounding: a position's debt up, the market's sum of debts down; what differs is dust in favour of suppliers.
library DebtLib {
    /// @notice Sums over all positions.
    /// @param cash Loan tokens in the market, counted, so that a donation changes nothing.
    /// @param debtScaled Sum of scaled debts.
    /// @param premiumDebt Premium accrued and unpaid.
    /// @param exposure Debt granted above the floor and not repaid.
    /// @param indexRay Value of one unit of scaled debt.
    /// @param accruedAt Time of the last accrual.
    /// @param premiumAccumulator Sum of index * seconds.
    /// @param weightedScaled Sum of scaled debt * premium rate.
    struct Books {
        uint128 cash;
        uint128 debtScaled;
        uint128 premiumDebt;
        uint128 exposure;
        uint128 indexRay;
        uint64 accruedAt;
        uint224 premiumAccumulator;
        uint256 weightedScaled;
    }

    /// @notice The base rate as a function of utilization.
    struct RateCurve {
        uint32 baseRateBps;
        uint32 slopeLowBps;
        uint32 slopeHighBps;
        uint16 kinkBps;
    }

    uint256 internal constant RAY = 1e27;
    uint256 internal constant WAD = 1e18;
    uint256 internal constant BPS = 10_000;
    uint256 internal constant YEAR_S = 365 days;

    /// @notice Adds interest of `[books.accruedAt, now]` to `books`.
    /// @return interest Base interest added.
    /// @return premium Premium added.
    function accrue(Books memory books, RateCurve memory curve, uint256 timestamp)
        internal
        pure
        returns (uint256 interest, uint256 premium)
    {
        uint256 elapsedS = timestamp - books.accruedAt;
        if (elapsedS == 0) return (0, 0);
        // Cast is safe until the year 5 * 10^11.
        books.accruedAt = uint64(timestamp);
        if (books.debtScaled == 0) return (0, 0);
        uint256 debtBefore = baseDebt(books);
        uint256 growth = uint256(books.indexRay) * elapsedS;
        uint256 rateWad = baseRateWad(books, curve);
        premium = Math.mulDiv(books.weightedScaled, growth, RAY * BPS * YEAR_S);
        books.premiumDebt = SafeCast.toUint128(books.premiumDebt + premium);
        books.premiumAccumulator = SafeCast.toUint224(books.premiumAccumulator + growth);
        uint256 indexGrowth = Math.mulDiv(growth, rateWad, WAD * YEAR_S, Math.Rounding.Ceil);
        // Interest stops where the index no longer fits; a revert would block repayment for ever. Cast is safe: bounded.
        books.indexRay = uint128(Math.min(books.indexRay + indexGrowth, type(uint128).max));
        interest = baseDebt(books) - debtBefore;
    }

    /// @notice Moves a position's premium up to the books' accumulator.
    function settle(Books memory books, ILendingMarket.Position memory position) internal pure {
        position.premiumDebt = SafeCast.toUint128(position.premiumDebt + _premiumSince(books, position));
        position.premiumCheckpoint = books.premiumAccumulator;
    }

    /// @notice Adds a loan to a settled position; the premium rate holds for all of its debt from now on.
    function addDebt(
        Books memory books,
        ILendingMarket.Position memory position,
        uint256 amount,
        uint32 premiumBps,
        uint256 exposure
    ) internal pure {
        uint256 scaled = Math.mulDiv(amount, RAY, books.indexRay, Math.Rounding.Ceil);
        uint256 weightBefore = uint256(position.debtScaled) * position.premiumBps;
        position.debtScaled = SafeCast.toUint128(position.debtScaled + scaled);
        position.premiumBps = premiumBps;
        books.debtScaled = SafeCast.toUint128(books.debtScaled + scaled);
        books.weightedScaled = books.weightedScaled - weightBefore + uint256(position.debtScaled) * premiumBps;
        _setExposure(books, position, exposure);
        books.cash = SafeCast.toUint128(books.cash - amount);
    }

    /// @notice Takes `amount` <= `debt` off a settled position: premium first, and its exposure with it.
    /// @param debt The position's debt, as `debtOf` gives it.
    function reduceDebt(Books memory books, ILendingMarket.Position memory position, uint256 amount, uint256 debt)
        internal
        pure
    {
        uint256 toPremium = Math.min(amount, position.premiumDebt);
        // A settled premium may be dust above the sum of all, which rounds down.
        books.premiumDebt = SafeCast.toUint128(books.premiumDebt - Math.min(toPremium, books.premiumDebt));
        position.premiumDebt = SafeCast.toUint128(position.premiumDebt - toPremium);
        uint256 scaled = amount == debt
            ? position.debtScaled
            : Math.mulDiv(amount - toPremium, RAY, books.indexRay, Math.Rounding.Floor);
        books.weightedScaled -= scaled * position.premiumBps;
        books.debtScaled = SafeCast.toUint128(books.debtScaled - scaled);
        position.debtScaled = SafeCast.toUint128(position.debtScaled - scaled);
        if (amount == debt) position.premiumBps = 0;
        _setExposure(books, position, position.exposure - Math.min(position.exposure, amount));
        if (amount == debt) _setExposure(books, position, 0);
    }

    /// @notice Debt of a position, rounded up, premium up to the books' accumulator included.
    function debtOf(Books memory books, ILendingMarket.Position memory position) internal pure returns (uint256) {
        return Math.mulDiv(position.debtScaled, books.indexRay, RAY, Math.Rounding.Ceil) + position.premiumDebt
            + _premiumSince(books, position);
    }

    /// @notice Debt of a settled position after a loan of `amount`, as `addDebt` books it: rounded up twice.
    function debtAfter(Books memory books, ILendingMarket.Position memory position, uint256 amount)
        internal
        pure
        returns (uint256)
    {
        uint256 scaled = position.debtScaled + Math.mulDiv(amount, RAY, books.indexRay, Math.Rounding.Ceil);
        return Math.mulDiv(scaled, books.indexRay, RAY, Math.Rounding.Ceil) + position.premiumDebt;
    }

    /// @notice Debt of all positions, rounded down.
    function totalDebt(Books memory books) internal pure returns (uint256) {
        return baseDebt(books) + books.premiumDebt;
    }

    /// @notice Debt of all positions without premium, rounded down.
    function baseDebt(Books memory books) internal pure returns (uint256) {
        return Math.mulDiv(books.debtScaled, books.indexRay, RAY);
    }

    /// @notice Annual base rate at the books' utilization.
    function baseRateWad(Books memory books, RateCurve memory curve) internal pure returns (uint256) {
        uint256 borrowed = totalDebt(books);
        uint256 unit = WAD / BPS;
        if (borrowed == 0) return curve.baseRateBps * unit;
        uint256 utilizationWad = Math.mulDiv(borrowed, WAD, borrowed + books.cash);
        uint256 kinkWad = uint256(curve.kinkBps) * unit;
        uint256 rateWad = curve.baseRateBps * unit;
        if (utilizationWad <= kinkWad) return rateWad + curve.slopeLowBps * unit * utilizationWad / kinkWad;
        return
            rateWad + curve.slopeLowBps * unit + curve.slopeHighBps * unit * (utilizationWad - kinkWad)
                / (WAD - kinkWad);
    }

    function _premiumSince(Books memory books, ILendingMarket.Position memory position) private pure returns (uint256) {
        return Math.mulDiv(
            uint256(position.debtScaled) * position.premiumBps,
            books.premiumAccumulator - position.premiumCheckpoint,
            RAY * BPS * YEAR_S,
            Math.Rounding.Ceil
        );
    }

    function _setExposure(Books memory books, ILendingMarket.Position memory position, uint256 exposure) private pure {
        books.exposure = SafeCast.toUint128(books.exposure - position.exposure + exposure);
        position.exposure = SafeCast.toUint128(exposure);
    }
}
