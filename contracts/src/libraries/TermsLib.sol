// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { ITerms } from "../interfaces/ITerms.sol";
import { ScoreMath } from "./ScoreMath.sol";

/// @title Terms of a loan from the pair, the borrower's behaviour and the loan asked for
/// @notice A menu rising in LTV: `L = floor + 50k`, each step allowed if its expected loss is inside the budget.
/// @dev Mirrors `oracle/terms`. All roundings are against the borrower: the health factor down, the loss and the premium up.
library TermsLib {
    uint256 internal constant STEP_BPS = 50;

    uint256 private constant _BPS = 10_000;
    uint256 private constant _PPM = 1_000_000;
    uint256 private constant _WAD = 1e18;

    /// @notice Terms without a rated score: the floor.
    /// @custom:invariant T-01 A loan at or below the floor is allowed without any score, at the floor premium.
    function floorTerms(ITerms.Policy memory policy, ITerms.Pair memory pair, uint256 askBps)
        internal
        pure
        returns (ITerms.Terms memory terms)
    {
        if (askBps > pair.ltvFloorBps) return terms;
        terms.allowed = true;
        terms.ltvBps = pair.ltvFloorBps;
        terms.premiumBps = policy.floorPremiumBps;
    }

    /// @notice Terms of a rated borrower with `behaviourMargin`, for an LTV after the loan of `askBps`.
    /// @custom:invariant T-02 A rated score never gives less than the floor: what the floor allows stays allowed, no dearer.
    function ratedTerms(
        address tables,
        ITerms.Policy memory policy,
        ITerms.Pair memory pair,
        int256 behaviourMargin,
        uint256 askBps
    ) internal view returns (ITerms.Terms memory terms) {
        uint256 ltvBps = stepOf(pair, askBps);
        if (ltvBps > pair.ltvCeilingBps) return terms;
        uint256 elPpm = expectedLoss(tables, policy, pair, behaviourMargin, ltvBps);
        bool isInBudget = elPpm <= policy.budgetPpm;
        bool isAtFloor = askBps <= pair.ltvFloorBps;
        terms.elPpm = _toUint32(elPpm);
        if (!isInBudget && !isAtFloor) return terms;
        uint256 premiumBps = _divUp(elPpm * 365, 3000);
        if (isAtFloor && (!isInBudget || premiumBps > policy.floorPremiumBps)) premiumBps = policy.floorPremiumBps;
        terms.allowed = true;
        // Cast is safe: at most the uint16 ceiling.
        terms.ltvBps = uint32(ltvBps);
        terms.premiumBps = _toUint32(premiumBps);
    }

    /// @notice The smallest step of the menu at or above the ask; it may lie above the ceiling.
    function stepOf(ITerms.Pair memory pair, uint256 askBps) internal pure returns (uint256) {
        if (askBps <= pair.ltvFloorBps) return pair.ltvFloorBps;
        // An ask beyond every ceiling needs no step, and rounding it up could overflow.
        if (askBps > pair.ltvCeilingBps) return type(uint256).max;
        return pair.ltvFloorBps + _divUp(askBps - pair.ltvFloorBps, STEP_BPS) * STEP_BPS;
    }

    /// @notice Expected loss per 30 days, in ppm, of a loan at `ltvBps`; rounded up twice. At zero there is no debt.
    function expectedLoss(
        address tables,
        ITerms.Policy memory policy,
        ITerms.Pair memory pair,
        int256 behaviourMargin,
        uint256 ltvBps
    ) internal view returns (uint256) {
        uint256 z = ScoreMath.Z_NO_DEBT;
        if (ltvBps != 0) {
            z = ScoreMath.distance(uint256(pair.liquidationThresholdBps) * _WAD / ltvBps, pair.volatilityPpm);
        }
        int256 offset = ScoreMath.stateOffset(tables, z);
        uint256 pdUpperPpm = ScoreMath.pdUpper(tables, offset + behaviourMargin);
        uint256 throughGapPpm = _divUp(pdUpperPpm * pair.gapPpm, _PPM);
        return _divUp(throughGapPpm * policy.severityBps, _BPS);
    }

    function _divUp(uint256 a, uint256 b) private pure returns (uint256) {
        return a == 0 ? 0 : (a - 1) / b + 1;
    }

    /// @dev Saturates: such a loss or premium is refused by every budget and could not be paid.
    function _toUint32(uint256 value) private pure returns (uint32) {
        return value > type(uint32).max ? type(uint32).max : uint32(value);
    }
}
