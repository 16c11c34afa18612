// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ITerms } from "../../src/interfaces/ITerms.sol";
import { TermsLib } from "../../src/libraries/TermsLib.sol";

/// @notice The rounding of asks for every pair and ask at once.
contract TermsChecks {
    /// T-06: a step of the menu, at or above the ask, less than a step above it. Asks up to 255 bps above the floor: a solver takes
    /// minutes over the division for all of them, and fuzzing has those.
    function check_T06_Step_IsTheNextOfTheMenu(ITerms.Pair memory pair, uint8 aboveBps) external pure {
        uint256 askBps = uint256(pair.ltvFloorBps) + aboveBps;
        if (askBps > pair.ltvCeilingBps) return;
        uint256 step = TermsLib.stepOf(pair, askBps);
        assert(step >= askBps);
        assert(step - askBps < TermsLib.STEP_BPS);
        assert(step == pair.ltvFloorBps || aboveBps != 0);
    }

    /// T-06: an ask above the ceiling has no step that could be granted.
    function check_T06_Step_AboveTheCeiling_IsNone(ITerms.Pair memory pair, uint256 askBps) external pure {
        if (askBps <= pair.ltvCeilingBps || askBps <= pair.ltvFloorBps) return;
        assert(TermsLib.stepOf(pair, askBps) > pair.ltvCeilingBps);
    }

    /// T-01: the floor is granted to every ask up to it, and no other.
    function check_T01_Floor_IsGrantedWithoutAScore(
        ITerms.Policy memory policy,
        ITerms.Pair memory pair,
        uint256 askBps
    ) external pure {
        ITerms.Terms memory terms = TermsLib.floorTerms(policy, pair, askBps);
        assert(terms.allowed == (askBps <= pair.ltvFloorBps));
        if (terms.allowed) assert(terms.ltvBps == pair.ltvFloorBps && terms.premiumBps == policy.floorPremiumBps);
        else assert(terms.ltvBps == 0 && terms.premiumBps == 0);
    }
}
