// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IRiskGate } from "../../src/interfaces/IRiskGate.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { GateFixture } from "../support/GateFixture.sol";

/// @notice How a gate follows the scores of its pair.
contract RiskGateTest is GateFixture {
    function setUp() public {
        setUpGate(IRiskGate.Mode.Live);
        post(10, 8000, 7500, 6000);
        gate.refresh();
    }

    function assertLevels(uint16 threshold, uint16 ceiling, uint16 floor) private view {
        (uint16 t, uint16 c, uint16 f) = levels();
        assertEq(t, threshold, "threshold");
        assertEq(c, ceiling, "ceiling");
        assertEq(f, floor, "floor");
    }

    function test_Refresh_FirstScore_IsTakenWhole() public view {
        assertLevels(8000, 7500, 6000);
        assertEq(gate.liquidationThresholdBps(), 8000);
        assertEq(gate.guarded().epoch, 10);
        assertEq(gate.guarded().pair.volatilityPpm, 620_000);
    }

    /// Quotes G-01: LTVs fall at once, without a refresh.
    function test_Score_LowerLtv_CountsAtOnce() public {
        post(11, 8000, 6500, 5000);

        assertLevels(8000, 6500, 5000);
    }

    /// Quotes G-01: risks rise at once.
    function test_Score_HigherRisks_CountAtOnce() public {
        IScoreOracle.PostedCollateral memory riskier = score(11, 8000, 7500, 6000);
        (riskier.volatilityPpm, riskier.gapPpm) = (900_000, 50_000);
        scores.post(riskier);

        assertEq(gate.guarded().pair.volatilityPpm, 900_000);
        assertEq(gate.guarded().pair.gapPpm, 50_000);
    }

    /// Quotes G-02: 80 % to 75 % at 50 bps an hour takes ten hours, however often it is refreshed.
    function test_Threshold_Falls_AtItsPace() public {
        post(11, 7500, 7000, 6000);
        assertEq(gate.liquidationThresholdBps(), 8000);
        gate.refresh();
        assertEq(gate.liquidationThresholdBps(), 8000);
        for (uint256 i = 0; i < 5; ++i) {
            skip(1 hours);
            gate.refresh();
        }
        assertEq(gate.liquidationThresholdBps(), 7750);
        // The score says 75 % already: loans are priced at the lower one.
        assertLevels(7500, 7000, 6000);

        skip(5 hours);
        assertEq(gate.liquidationThresholdBps(), 7500);
        skip(5 hours);
        assertEq(gate.liquidationThresholdBps(), 7500);
    }

    /// Quotes G-02: another target goes on from where the threshold is.
    function test_Threshold_NewTarget_GoesOnFromWhereItIs() public {
        post(11, 7500, 7000, 6000);
        gate.refresh();
        skip(2 hours);
        post(12, 9000, 7000, 6000);
        gate.refresh();

        assertEq(gate.liquidationThresholdBps(), 7900);
        skip(2 hours);
        assertEq(gate.liquidationThresholdBps(), 8000);
    }

    /// Quotes G-02: targets that change every minute by a bps neither stop the threshold nor hasten it.
    function test_Threshold_ManyTargets_KeepTheirPace() public {
        for (uint64 i = 0; i < 60; ++i) {
            post(11 + i, i % 2 == 0 ? 7500 : 7499, 7000, 6000);
            gate.refresh();
            skip(1 minutes);
        }

        // An hour: 50 bps, less at most a ten-thousandth of a bps for each of the sixty.
        assertEq(gate.liquidationThresholdBps(), 7951);
        skip(1);
        assertEq(gate.liquidationThresholdBps(), 7950);
    }

    /// Quotes G-04: while the threshold is on its way up, the ceiling stays below it by the score's distance.
    function test_Threshold_Rises_CeilingWaitsForIt() public {
        skip(1 days);
        post(11, 8100, 7600, 6000);
        gate.refresh();
        assertLevels(8000, 7500, 6000);

        skip(1 hours);
        assertLevels(8050, 7550, 6000);
        skip(1 hours);
        assertLevels(8100, 7600, 6000);
    }

    /// Quotes G-03: a day's allowance at most is there at once, and the rest comes with time.
    function test_Loosening_UsesTheAllowance() public {
        skip(30 days);
        post(11, 9000, 8500, 6500);
        assertEq(gate.looseningAllowanceBps(), LOOSENING);
        gate.refresh();
        assertEq(gate.looseningAllowanceBps(), 0);
        (,, uint16 floor) = levels();
        assertEq(floor, 6120);

        skip(12 hours);
        (,, floor) = levels();
        assertEq(floor, 6180);
        gate.refresh();
        gate.refresh();
        (,, floor) = levels();
        assertEq(floor, 6180);
        skip(1 days);
        (,, floor) = levels();
        assertEq(floor, 6300);
    }

    /// Quotes G-03: an outage neither locks nor accumulates: after a year it is a day's allowance, and no less.
    function test_Loosening_AfterAnOutage_IsADaysWorth() public {
        scores.setExpired(true);
        skip(365 days);
        assertFalse(gate.guarded().isOpen);
        assertEq(gate.liquidationThresholdBps(), 8000);
        scores.setExpired(false);
        post(9000, 8000, 7500, 7000);
        gate.refresh();

        assertLevels(8000, 7500, 6120);
    }

    /// Quotes G-03: refreshing every minute neither hastens loosening nor holds it up.
    function test_Loosening_ManyRefreshes_LoseNothing() public {
        skip(1 days);
        post(11, 8000, 7500, 7000);
        gate.refresh();
        for (uint256 i = 0; i < 24 * 60; ++i) {
            skip(1 minutes);
            gate.refresh();
        }

        assertLevels(8000, 7500, 6240);
    }

    /// Risks fall by the same share: 120 bps of 620,000 ppm is 7,440.
    function test_Loosening_Risks_FallByAShare() public {
        skip(1 days);
        IScoreOracle.PostedCollateral memory calm = score(11, 8000, 7500, 6000);
        (calm.volatilityPpm, calm.gapPpm) = (300_000, 19_999);
        scores.post(calm);
        gate.refresh();

        assertEq(gate.guarded().pair.volatilityPpm, 612_560);
        assertEq(gate.guarded().pair.gapPpm, 19_999);
    }

    // --- bounds -------------------------------------------------------------------------------

    /// Quotes G-07: nothing that a score says is used outside its bounds.
    function test_Bounds_HoldEveryField() public {
        setUpGate(IRiskGate.Mode.Live);
        IScoreOracle.PostedCollateral memory loose = score(11, 9900, 9800, 9700);
        (loose.volatilityPpm, loose.gapPpm) = (1, 1);
        scores.post(loose);
        // 90 % less the score's own distance of 1 % would be 89 %; the ceiling's bound is lower.
        assertLevels(9000, 8500, 7000);
        assertEq(gate.guarded().pair.volatilityPpm, 100_000);
        assertEq(gate.guarded().pair.gapPpm, 5000);

        IScoreOracle.PostedCollateral memory tight = score(12, 100, 50, 0);
        (tight.volatilityPpm, tight.gapPpm) = (type(uint32).max, type(uint32).max);
        scores.post(tight);
        assertLevels(6000, 50, 0);
        assertEq(gate.guarded().pair.volatilityPpm, type(uint32).max);
        assertEq(gate.guarded().pair.gapPpm, 1_000_000);
    }

    /// A ceiling keeps its distance from a threshold that is held down.
    function test_Bounds_HeldThreshold_KeepsTheDistance() public {
        setUpGate(IRiskGate.Mode.Live);
        post(11, 9500, 8400, 6000);

        assertLevels(9000, 7900, 6000);
    }

    // --- without a score ----------------------------------------------------------------------

    function test_NoScore_IsClosed() public {
        setUpGate(IRiskGate.Mode.Live);

        gate.refresh();

        assertFalse(gate.guarded().isOpen);
        assertEq(gate.liquidationThresholdBps(), 0);
        assertEq(gate.freeLtvBps(), 0);
    }

    function test_Hold_ExpiryUnratedAndStillness_Close() public {
        scores.setHold(true);
        assertFalse(gate.guarded().isOpen);
        scores.setHold(false);
        scores.setExpired(true);
        assertFalse(gate.guarded().isOpen);
        scores.setExpired(false);
        assertTrue(gate.guarded().isOpen);
        IScoreOracle.PostedCollateral memory still = score(11, 8000, 7500, 6000);
        still.volatilityPpm = 0;
        scores.post(still);
        assertFalse(gate.guarded().isOpen);
        still.volatilityPpm = 620_000;
        still.binding = 3;
        scores.post(still);
        assertFalse(gate.guarded().isOpen);
        assertEq(gate.liquidationThresholdBps(), 8000);
        assertEq(gate.freeLtvBps(), 6000);
    }

    /// Quotes G-08: a voided report leaves the threshold where it is, and sends it no further once anybody refreshed.
    function test_VoidedReport_StopsTheRamp() public {
        post(11, 6000, 5500, 5000);
        gate.refresh();
        skip(1 hours);
        scores.voidEpoch(11);
        assertEq(gate.liquidationThresholdBps(), 7950);
        gate.refresh();
        skip(5 days);

        assertEq(gate.liquidationThresholdBps(), 7950);
        assertFalse(gate.guarded().isOpen);
        post(12, 8000, 7500, 5000);
        gate.refresh();
        assertEq(gate.liquidationThresholdBps(), 7950);
        skip(1 hours);
        assertEq(gate.liquidationThresholdBps(), 8000);
    }

    /// Quotes G-08: nor does the score of a voided leaf send it on.
    function test_VoidedLeaf_StopsTheRamp() public {
        post(11, 6000, 5500, 5000);
        gate.refresh();
        skip(1 hours);
        IScoreOracle.PostedCollateral memory withdrawn = score(11, 6000, 5500, 0);
        withdrawn.binding = 3;
        scores.post(withdrawn);
        gate.refresh();
        skip(5 days);

        assertEq(gate.liquidationThresholdBps(), 7950);
        assertEq(gate.freeLtvBps(), 0);
    }

    /// Quotes G-08: a later unrated score withdraws nothing; the threshold gets where it was sent.
    function test_UnratedLater_LeavesTheRamp() public {
        post(11, 7500, 5500, 5000);
        gate.refresh();
        IScoreOracle.PostedCollateral memory unrated = score(12, 7500, 5500, 5000);
        unrated.binding = 3;
        scores.post(unrated);
        skip(10 hours);
        gate.refresh();

        assertEq(gate.liquidationThresholdBps(), 7500);
    }

    /// Of a voided floor and the last final one the lesser counts; of two voided ones none.
    function test_FreeLtv_VoidedFloor_IsTheLesser() public {
        skip(1 days);
        post(11, 8000, 7500, 6100);
        scores.postFinal(score(10, 8000, 7500, 5900));
        gate.refresh();
        assertEq(gate.freeLtvBps(), 6100);
        scores.voidEpoch(11);
        assertEq(gate.freeLtvBps(), 5900);
        scores.voidEpoch(10);
        assertEq(gate.freeLtvBps(), 0);
    }

    /// Free collateral is no more than the threshold in force leaves, score or not.
    function test_FreeLtv_ThresholdBelowTheFloor_IsTheThreshold() public {
        setUpGate(IRiskGate.Mode.Off);
        gate.refresh();
        change(modeChange(IRiskGate.Mode.Live));
        post(10, 9000, 8500, 7000);
        for (uint256 i = 0; i < 30; ++i) {
            gate.refresh();
            skip(1 days);
        }
        post(11, 6000, 5900, 5800);
        gate.refresh();
        skip(30 days);
        scores.setExpired(true);
        assertEq(gate.liquidationThresholdBps(), 6000);
        assertLe(gate.freeLtvBps(), 6000);
    }
}
