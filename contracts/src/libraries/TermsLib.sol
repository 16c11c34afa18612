// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { ITerms } from "../interfaces/ITerms.sol";
import { ScoreMath } from "./ScoreMath.sol";

/// @title Terms of a loan from the pair, the borrower's behaviour and the loan asked for
/// @notice A menu rising in LTV: `L = floor + 50k`, each step allowed if its expected loss is inside the budget.
/// @dev Mirrors `oracle/terms`. All roundings are against the borrower, except the health factor's, which is too: down.
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
        terms.allowed = askBps <= pair.ltvFloorBps;
        terms.ltvBps = _stepOf(pair, askBps);
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
        uint256 ltvBps = _stepOf(pair, askBps);
        if (ltvBps == 0) return floorTerms(policy, pair, askBps);
        uint256 elPpm = expectedLoss(tables, policy, pair, behaviourMargin, ltvBps);
        uint256 premiumBps = _divUp(elPpm * 365, 3000);
        // Casts are safe: ltvBps fits the uint16 ceiling; the PD and gap are below 2^32 ppm and severity is a uint32,
        // but tables hold at most 10^6 ppm, which keeps the loss below 2^32 for any severity up to 42,949 %.
        terms.ltvBps = uint32(ltvBps);
        terms.elPpm = _toUint32(elPpm);
        terms.allowed = elPpm <= policy.budgetPpm;
        if (askBps <= pair.ltvFloorBps) {
            bool isDiscounted = terms.allowed && premiumBps < policy.floorPremiumBps;
            terms.premiumBps = isDiscounted ? uint32(premiumBps) : policy.floorPremiumBps;
            terms.allowed = true;
        } else {
            terms.premiumBps = _toUint32(premiumBps);
        }
    }

    /// @notice Expected loss per 30 days, in ppm, of a loan at `ltvBps` > 0; rounded up twice.
    function expectedLoss(
        address tables,
        ITerms.Policy memory policy,
        ITerms.Pair memory pair,
        int256 behaviourMargin,
        uint256 ltvBps
    ) internal view returns (uint256) {
        uint256 healthFactorWad = uint256(pair.liquidationThresholdBps) * _WAD / ltvBps;
        int256 offset = ScoreMath.stateOffset(tables, ScoreMath.distance(healthFactorWad, pair.volatilityPpm));
        uint256 pdUpperPpm = ScoreMath.pdUpper(tables, offset + behaviourMargin);
        uint256 throughGapPpm = _divUp(pdUpperPpm * pair.gapPpm, _PPM);
        return _divUp(throughGapPpm * policy.severityBps, _BPS);
    }

    /// @dev Smallest step of the menu at or above the ask; 0 above the ceiling, and where the pair has no floor at all.
    function _stepOf(ITerms.Pair memory pair, uint256 askBps) private pure returns (uint32) {
        if (askBps <= pair.ltvFloorBps) return pair.ltvFloorBps;
        if (askBps > pair.ltvCeilingBps) return 0;
        uint256 ltvBps = pair.ltvFloorBps + _divUp(askBps - pair.ltvFloorBps, STEP_BPS) * STEP_BPS;
        // Cast is safe: at most the uint16 ceiling.
        return ltvBps > pair.ltvCeilingBps ? 0 : uint32(ltvBps);
    }

    function _divUp(uint256 a, uint256 b) private pure returns (uint256) {
        return a == 0 ? 0 : (a - 1) / b + 1;
    }

    function _toUint32(uint256 value) private pure returns (uint32) {
        return value > type(uint32).max ? type(uint32).max : uint32(value);
    }
}
