// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ITerms } from "../../src/interfaces/ITerms.sol";
import { ScoreMath } from "../../src/libraries/ScoreMath.sol";
import { TermsLib } from "../../src/libraries/TermsLib.sol";
import { Vectors } from "../support/Vectors.sol";

/// @notice The laws of terms, for any pair, policy, margin and ask.
contract TermsLawsTest is Vectors {
    struct Ask {
        uint16 thresholdBps;
        uint16 ceilingBps;
        uint16 floorBps;
        uint32 volatilityPpm;
        uint32 gapPpm;
        uint32 severityBps;
        uint32 budgetPpm;
        uint32 floorPremiumBps;
        int32 margin;
        uint16 askBps;
    }

    address private tables;

    function setUp() public {
        tables = deployTables(0);
    }

    /// Quotes T-02: a rated score never gives less than the floor; what the floor allows stays allowed, no dearer.
    function testFuzz_T02_RatedTerms_AreNoWorseThanTheFloor(Ask memory ask) public view {
        (ITerms.Policy memory policy, ITerms.Pair memory pair) = boundAsk(ask);

        ITerms.Terms memory rated = TermsLib.ratedTerms(tables, policy, pair, ask.margin, ask.askBps);
        ITerms.Terms memory unrated = TermsLib.floorTerms(policy, pair, ask.askBps);

        if (!unrated.allowed) return;
        assertTrue(rated.allowed);
        assertLe(rated.premiumBps, unrated.premiumBps);
        assertGe(rated.ltvBps, unrated.ltvBps);
    }

    /// Quotes T-04: a riskier margin never improves terms.
    function testFuzz_T04_RiskierMargin_IsNeverBetter(Ask memory ask, uint32 riskier) public view {
        (ITerms.Policy memory policy, ITerms.Pair memory pair) = boundAsk(ask);
        int256 worse = int256(ask.margin) + int256(uint256(riskier));

        ITerms.Terms memory first = TermsLib.ratedTerms(tables, policy, pair, ask.margin, ask.askBps);
        ITerms.Terms memory second = TermsLib.ratedTerms(tables, policy, pair, worse, ask.askBps);

        if (second.allowed) {
            assertTrue(first.allowed);
            assertLe(first.premiumBps, second.premiumBps);
        }
        assertLe(first.elPpm, second.elPpm);
    }

    /// Quotes T-05: the menu rises; who gets a higher LTV also gets every lower one, no dearer.
    function testFuzz_T05_Menu_Rises(Ask memory ask, uint16 lessBps) public view {
        (ITerms.Policy memory policy, ITerms.Pair memory pair) = boundAsk(ask);
        uint256 lower = ask.askBps - bound(lessBps, 0, ask.askBps);

        ITerms.Terms memory high = TermsLib.ratedTerms(tables, policy, pair, ask.margin, ask.askBps);
        ITerms.Terms memory low = TermsLib.ratedTerms(tables, policy, pair, ask.margin, lower);

        if (!high.allowed) return;
        assertTrue(low.allowed);
        // At the floor the premium may be the floor premium where the model asks for more; it is never above both.
        assertLe(low.premiumBps, max(high.premiumBps, policy.floorPremiumBps));
        assertLe(low.elPpm, high.elPpm);
    }

    /// Quotes T-06: granted terms are inside the budget, a step of the menu, at or above the ask, at most the ceiling.
    function testFuzz_T06_GrantedTerms_AreInsideTheLimits(Ask memory ask) public view {
        (ITerms.Policy memory policy, ITerms.Pair memory pair) = boundAsk(ask);

        ITerms.Terms memory terms = TermsLib.ratedTerms(tables, policy, pair, ask.margin, ask.askBps);

        if (!terms.allowed) {
            assertEq(terms.ltvBps, 0);
            return;
        }
        assertGe(terms.ltvBps, ask.askBps);
        assertLe(terms.ltvBps, pair.ltvCeilingBps);
        assertEq((terms.ltvBps - pair.ltvFloorBps) % 50, 0);
        if (ask.askBps > pair.ltvFloorBps) assertLe(terms.elPpm, policy.budgetPpm);
    }

    // --- arithmetic ---------------------------------------------------------------------------

    function testFuzz_Ilog2_BracketsThePowerOfTwo(uint256 x) public pure {
        x = bound(x, 1, type(uint256).max);
        uint256 r = ScoreMath.ilog2(x);

        assertLe(1 << (r >> 10), x);
        if (r >> 10 < 255) assertGt(1 << ((r >> 10) + 1), x);
        if (x <= type(uint256).max / 2) assertEq(ScoreMath.ilog2(2 * x), r + 1024);
    }

    function testFuzz_Ilog2_IsMonotone(uint256 x, uint256 y) public pure {
        (x, y) = x < y ? (x, y) : (y, x);
        vm.assume(x != 0);

        assertLe(ScoreMath.ilog2(x), ScoreMath.ilog2(y));
    }

    function testFuzz_Distance_RisesWithTheHealthFactor(uint128 x, uint128 y, uint32 volatilityPpm) public pure {
        (x, y) = x < y ? (x, y) : (y, x);

        uint256 z = ScoreMath.distance(x, volatilityPpm);

        assertLe(z, ScoreMath.distance(y, volatilityPpm));
        assertGe(z, 1);
        assertLe(z, 65_534);
    }

    function testFuzz_FloorDiv_RoundsToMinusInfinity(int128 a, uint64 b) public pure {
        int256 divisor = int256(uint256(b)) + 1;

        int256 q = ScoreMath.floorDiv(a, divisor);

        assertLe(q * divisor, a);
        assertGt((q + 1) * divisor, a);
    }

    function boundAsk(Ask memory ask) private pure returns (ITerms.Policy memory, ITerms.Pair memory) {
        ask.thresholdBps = uint16(bound(ask.thresholdBps, 50, 9500) / 50 * 50);
        ask.ceilingBps = uint16(bound(ask.ceilingBps, 0, ask.thresholdBps) / 50 * 50);
        ask.floorBps = uint16(bound(ask.floorBps, 0, ask.ceilingBps) / 50 * 50);
        ask.gapPpm = uint32(bound(ask.gapPpm, 0, 1e6));
        ask.severityBps = uint32(bound(ask.severityBps, 0, 10_000));
        ask.budgetPpm = uint32(bound(ask.budgetPpm, 0, 1e6));
        ask.floorPremiumBps = uint32(bound(ask.floorPremiumBps, 0, 10_000));
        ask.askBps = uint16(bound(ask.askBps, 0, 10_000));
        return (
            ITerms.Policy(ask.severityBps, ask.budgetPpm, ask.floorPremiumBps),
            ITerms.Pair(ask.thresholdBps, ask.ceilingBps, ask.floorBps, ask.volatilityPpm, ask.gapPpm)
        );
    }

    function max(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a : b;
    }
}
