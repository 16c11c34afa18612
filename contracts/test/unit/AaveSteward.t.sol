// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { AaveSteward } from "../../src/adapters/AaveSteward.sol";
import { IAaveSteward } from "../../src/interfaces/IAaveSteward.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { StewardFixture } from "../support/StewardFixture.sol";

contract AaveStewardTest is StewardFixture {
    function setUp() public {
        deploySteward();
    }

    // --- tightening ---------------------------------------------------------------------------

    /// LTV 75 % and a cap of 2,000 / 2 % = 100,000, half of it to borrow, as soon as posted; the threshold waits.
    function test_Refresh_ByAScoreNotYetFinal_TightensLtvAndCapsAtOnce() public {
        post(FIRST_EPOCH, collateralOf(PAIR));
        vm.expectEmit(address(steward));
        emit IAaveSteward.TermsMoved(
            ASSET,
            FIRST_EPOCH,
            IAaveSteward.Terms(7800, 8250, 200_000, 150_000),
            IAaveSteward.Terms(7500, 8250, 100_000, 50_000)
        );
        steward.refresh(ASSET);

        _assertTerms(7500, 8250, 100_000, 50_000);
        (, uint64 loweringSince) = steward.clocksOf(ASSET);
        assertEq(loweringSince, 0);
    }

    function test_Refresh_Repeated_WritesNothing() public {
        post(FIRST_EPOCH, collateralOf(PAIR));
        steward.refresh(ASSET);
        uint256 writes = aave.writes();
        steward.refresh(ASSET);

        assertEq(aave.writes(), writes);
    }

    function test_Refresh_CapOfNone_IsCapped() public {
        aave.set(7800, 8250, 10_500, 0, 0);
        (uint64 deployedAt,) = steward.clocksOf(ASSET);
        post(FIRST_EPOCH + 48, collateralOf(PAIR));
        steward.refresh(ASSET);

        _assertTerms(7500, 8250, 100_000, 50_000);
        (uint64 loosenedAt,) = steward.clocksOf(ASSET);
        assertEq(loosenedAt, deployedAt);
    }

    function test_Refresh_WithoutBorrowShare_LeavesTheBorrowCap() public {
        IAaveSteward.Policy memory given = policy();
        given.borrowShareBps = 0;
        steward = stewardOf(given);
        post(FIRST_EPOCH, collateralOf(PAIR));
        steward.refresh(ASSET);

        _assertTerms(7500, 8250, 100_000, 150_000);
    }

    /// @dev A-02
    function test_Refresh_ScoreBelowAllBounds_StopsAtThem() public {
        post(FIRST_EPOCH, scoreOf(1, 1, 1_000_000));
        steward.refresh(ASSET);

        _assertTerms(5000, 8250, 2000, 1000);
    }

    // --- ramp of the threshold ----------------------------------------------------------------

    /// @dev A-03: 82.5 to 80 % at 25 bps an hour; a call each six minutes gives 2.5 bps, of which nothing is lost.
    function test_Refresh_LowerFinalThreshold_RampsAtThePace() public {
        postFinal(FIRST_EPOCH, collateralOf(PAIR));
        vm.expectEmit(address(steward));
        emit IAaveSteward.ThresholdLowering(ASSET, FIRST_EPOCH, 8250, 8000);
        steward.refresh(ASSET);
        uint256 start = block.timestamp;
        assertEq(aave.threshold(), 8250);

        for (uint256 i = 1; i <= 10; ++i) {
            vm.warp(start + i * 6 minutes);
            steward.refresh(ASSET);
            assertEq(aave.threshold(), 8250 - i * 5 / 2);
        }
        assertEq(aave.threshold(), 8225);
    }

    /// @dev A-03: nobody called for an hour and three quarters; the step is still an hour's.
    function test_Refresh_AfterALongPause_StepsByAnHourAtMost() public {
        postFinal(FIRST_EPOCH, collateralOf(PAIR));
        steward.refresh(ASSET);
        vm.warp(block.timestamp + 105 minutes);
        steward.refresh(ASSET);

        assertEq(aave.threshold(), 8225);
    }

    /// A score each hour, and the newest final one posted with it: final from the third on, so there at the thirteenth.
    function test_Refresh_HourByHour_ReachesTheScoresThreshold() public {
        for (uint64 i = 0; i < 14; ++i) {
            post(FIRST_EPOCH + i, collateralOf(PAIR));
            if (i >= 2) postEntries(FIRST_EPOCH + i - 2);
            steward.refresh(ASSET);
            if (i == 11) assertEq(aave.threshold(), 8025);
            if (i == 12) assertEq(aave.threshold(), 8000);
        }

        _assertTerms(7500, 8000, 100_000, 50_000);
        (, uint64 loweringSince) = steward.clocksOf(ASSET);
        assertEq(loweringSince, 0);
    }

    function test_Refresh_ThresholdFallsUnderTheLtv_TakesTheLtvAlong() public {
        aave.set(8000, 8000, 10_500, 100_000, 50_000);
        postFinal(FIRST_EPOCH, scoreOf(8000, 7900, 20_000));
        steward.refresh(ASSET);
        vm.warp(block.timestamp + 1 hours);
        steward.refresh(ASSET);

        _assertTerms(7975, 7975, 100_000, 50_000);
    }

    // --- loosening ----------------------------------------------------------------------------

    /// @dev A-04: from 70 / 78 % and 50,000 up by 0.5 % and a tenth, once a day.
    function test_Refresh_LooserFinalScore_RisesByAStepOncePerDelay() public {
        aave.set(7000, 7800, 10_500, 50_000, 20_000);
        postFinal(FIRST_EPOCH, collateralOf(PAIR));
        steward.refresh(ASSET);
        _assertTerms(7000, 7800, 50_000, 20_000);

        postFinal(FIRST_EPOCH + 24, collateralOf(PAIR));
        steward.refresh(ASSET);
        _assertTerms(7050, 7850, 55_000, 22_000);
        vm.warp(block.timestamp + 1 hours);
        steward.refresh(ASSET);
        _assertTerms(7050, 7850, 55_000, 22_000);

        postFinal(FIRST_EPOCH + 50, collateralOf(PAIR));
        steward.refresh(ASSET);
        _assertTerms(7100, 7900, 60_500, 24_200);
    }

    function test_Refresh_LooserScoreNotFinal_MovesNothing() public {
        aave.set(7000, 7800, 10_500, 50_000, 20_000);
        post(FIRST_EPOCH + 48, collateralOf(PAIR));
        steward.refresh(ASSET);

        assertEq(aave.writes(), 0);
    }

    /// A final score allows more, the newest one less: the newest one counts.
    function test_Refresh_NewestScoreTighter_LoosensNothing() public {
        aave.set(7000, 7800, 10_500, 50_000, 20_000);
        postFinal(FIRST_EPOCH + 48, collateralOf(PAIR));
        post(FIRST_EPOCH + 49, scoreOf(6500, 7700, 100_000));
        steward.refresh(ASSET);

        _assertTerms(6500, 7800, 20_000, 10_000);
    }

    function test_Refresh_WhileOnHold_LoosensNothing() public {
        aave.set(7000, 7800, 10_500, 50_000, 20_000);
        postFinal(FIRST_EPOCH + 48, collateralOf(PAIR));
        publishRoot(FIRST_EPOCH + 49, keccak256("wrong"));
        oracle.voidReport(reportOf(FIRST_EPOCH + 49, keccak256("wrong")));
        steward.refresh(ASSET);

        assertEq(aave.writes(), 0);
    }

    function test_Refresh_LtvOfZero_IsNeverUndone() public {
        aave.set(0, 7800, 10_500, 100_000, 50_000);
        postFinal(FIRST_EPOCH + 48, scoreOf(7500, 7800, 20_000));
        steward.refresh(ASSET);

        _assertTerms(0, 7800, 100_000, 50_000);
    }

    /// A bonus of 20 % leaves room for a threshold of 10,000 / 1.2 = 83.33 %, which Aave takes.
    function test_Refresh_BonusLeavesLittleRoom_StopsThere() public {
        aave.set(7000, 8320, 12_000, 100_000, 50_000);
        postFinal(FIRST_EPOCH + 48, scoreOf(7000, 8500, 20_000));
        steward.refresh(ASSET);

        _assertTerms(7000, 8333, 100_000, 50_000);
    }

    /// @dev A-04: the lesser of both, whichever it is, however far the step would reach.
    function test_Refresh_BothLooser_RisesToTheLesserOfThem() public {
        aave.set(7000, 7800, 10_500, 100_000, 50_000);
        postFinal(FIRST_EPOCH + 48, scoreOf(7010, 7840, 20_000));
        post(FIRST_EPOCH + 49, scoreOf(7500, 7820, 20_000));
        steward.refresh(ASSET);

        _assertTerms(7010, 7820, 100_000, 50_000);
    }

    /// @dev A-03, A-04: what an unrated pair was last rated at moves nothing, though the newest score is rated.
    function test_Refresh_FinalScoreUnrated_NeitherLoosensNorLowers() public {
        aave.set(7000, 8250, 10_500, 50_000, 20_000);
        IScoreOracle.CollateralScore memory score = collateralOf(PAIR);
        score.binding = 3;
        postFinal(FIRST_EPOCH + 48, score);
        post(FIRST_EPOCH + 49, collateralOf(PAIR));
        steward.refresh(ASSET);

        assertEq(aave.writes(), 0);
        (, uint64 loweringSince) = steward.clocksOf(ASSET);
        assertEq(loweringSince, 0);
    }

    /// @dev A-03: a fall that the score no longer asks for begins anew, with its notice, when it asks again.
    function test_Refresh_ThresholdNoLongerLower_EndsTheFall() public {
        postFinal(FIRST_EPOCH, collateralOf(PAIR));
        steward.refresh(ASSET);
        postFinal(FIRST_EPOCH + 3, scoreOf(7500, 8250, 20_000));
        steward.refresh(ASSET);

        (, uint64 loweringSince) = steward.clocksOf(ASSET);
        assertEq(loweringSince, 0);
        assertEq(aave.threshold(), 8250);
    }

    /// @dev A-04: whichever of the four rises alone starts the delay.
    function test_Refresh_OneFigureRises_WaitsBeforeTheNext() public {
        _assertOneStep(FIRST_EPOCH + 48, [uint24(7400), 8000, 100_000, 50_000], [uint256(7450), 8000, 100_000, 50_000]);
        _assertOneStep(FIRST_EPOCH + 96, [uint24(7500), 7900, 100_000, 50_000], [uint256(7500), 7950, 100_000, 50_000]);
        _assertOneStep(FIRST_EPOCH + 144, [uint24(7500), 8000, 50_000, 50_000], [uint256(7500), 8000, 55_000, 50_000]);
        _assertOneStep(FIRST_EPOCH + 192, [uint24(7500), 8000, 100_000, 20_000], [uint256(7500), 8000, 100_000, 22_000]);
    }

    /// A gap of none asks for the largest cap; a tenth of 1,005 is 100.5, and a step is whole tokens, rounded up.
    function test_Refresh_NoGapAndAnOddCap_RisesByARoundedStep() public {
        aave.set(7500, 8000, 10_500, 1005, 50_000);
        postFinal(FIRST_EPOCH + 48, scoreOf(7500, 8000, 0));
        steward.refresh(ASSET);

        _assertTerms(7500, 8000, 1106, 55_000);
    }

    // --- no score, no change ------------------------------------------------------------------

    /// @dev A-01
    function test_Refresh_RevertWhen_NothingWasPosted() public {
        _expectExpired(0);
    }

    /// @dev A-01
    function test_Refresh_RevertWhen_ScoreExpired() public {
        post(FIRST_EPOCH, collateralOf(PAIR));
        vm.warp(uint256(FIRST_EPOCH) * EPOCH_S + VALIDITY_S + 1);

        _expectExpired(FIRST_EPOCH);
    }

    /// @dev A-01
    function test_Refresh_RevertWhen_ScoreWasVoided() public {
        postFinal(FIRST_EPOCH, collateralOf(PAIR));
        oracle.voidReport(reportOf(FIRST_EPOCH, nodes()[0]));

        _expectExpired(FIRST_EPOCH);
    }

    /// @dev A-01
    function test_Refresh_RevertWhen_ScoreIsUnrated() public {
        IScoreOracle.CollateralScore memory score = collateralOf(PAIR);
        score.binding = 3;
        postFinal(FIRST_EPOCH, score);

        vm.expectRevert(abi.encodeWithSelector(IAaveSteward.UnratedScore.selector, FIRST_EPOCH, PAIR));
        steward.refresh(ASSET);
    }

    function test_Refresh_RevertWhen_ReserveIsUnknown() public {
        vm.expectRevert(abi.encodeWithSelector(IAaveSteward.UnknownReserve.selector, address(1)));
        steward.refresh(address(1));
        vm.expectRevert(abi.encodeWithSelector(IAaveSteward.UnknownReserve.selector, address(1)));
        steward.policyOf(address(1));
    }

    function test_Refresh_RevertWhen_ReserveIsNoCollateral() public {
        aave.set(0, 0, 0, 0, 0);
        post(FIRST_EPOCH, collateralOf(PAIR));

        vm.expectRevert(abi.encodeWithSelector(IAaveSteward.NotCollateral.selector, ASSET));
        steward.refresh(ASSET);
    }

    // --- laws ---------------------------------------------------------------------------------

    /// @dev A-02, A-03, A-04 over any two scores and any time between.
    function testFuzz_Refresh_AnyScores_StaysInsideThePolicy(
        uint16[4] calldata bps,
        uint32[2] calldata gapPpm,
        uint16 startLtv,
        uint16 startThreshold,
        uint32 elapsed
    ) public {
        uint256 threshold = bound(startThreshold, 6000, 8500);
        uint256 ltv = bound(startLtv, 5000, threshold < 8000 ? threshold : 8000);
        aave.set(ltv, threshold, 10_500, 100_000, 50_000);
        postFinal(FIRST_EPOCH + 48, scoreOf(bps[0], bps[1], gapPpm[0]));
        post(FIRST_EPOCH + 49, scoreOf(bps[2], bps[3], gapPpm[1]));
        steward.refresh(ASSET);
        uint256 first = aave.threshold();
        vm.warp(block.timestamp + bound(elapsed, 0, 6600));
        steward.refresh(ASSET);

        assertGe(first, threshold);
        assertLe(aave.threshold(), first + 50);
        assertGe(aave.threshold() + RAMP_BPS, first);
        assertLe(aave.ltv(), ltv + 50);
        assertLe(aave.supplyCap(), 110_000);
        assertLe(aave.ltv(), aave.threshold());
        assertGe(aave.threshold(), 6000);
        assertLe(aave.threshold(), 8500);
        assertGe(aave.supplyCap(), 1000);
    }

    // --- bounds of a policy -------------------------------------------------------------------

    function test_Constructor_RevertWhen_BoundsAreEmpty() public {
        IAaveSteward.Policy memory given = policy();
        given.minLtvBps = 0;
        _expectRefused(given, abi.encodeWithSelector(IAaveSteward.InvalidBounds.selector, 0, 8000));
        given = policy();
        given.minLtvBps = 8001;
        _expectRefused(given, abi.encodeWithSelector(IAaveSteward.InvalidBounds.selector, 8001, 8000));
        given = policy();
        given.minThresholdBps = 8501;
        _expectRefused(given, abi.encodeWithSelector(IAaveSteward.InvalidBounds.selector, 8501, 8500));
        given = policy();
        given.maxLtvBps = 8600;
        _expectRefused(given, abi.encodeWithSelector(IAaveSteward.InvalidBounds.selector, 8600, 8500));
        given = policy();
        given.maxThresholdBps = 10_001;
        _expectRefused(given, abi.encodeWithSelector(IAaveSteward.InvalidBounds.selector, 10_001, 10_000));
        given = policy();
        given.minSupplyCap = 0;
        _expectRefused(given, abi.encodeWithSelector(IAaveSteward.InvalidBounds.selector, 0, 1_000_000));
        given = policy();
        given.maxSupplyCap = 2 ** 36;
        _expectRefused(given, abi.encodeWithSelector(IAaveSteward.InvalidBounds.selector, 2 ** 36, 2 ** 36 - 1));
    }

    function test_Constructor_RevertWhen_RatesAreOutOfRange() public {
        IAaveSteward.Policy memory given = policy();
        given.maxRiseBps = 0;
        _expectRefused(given, abi.encodeWithSelector(IAaveSteward.InvalidRate.selector, 0, 10_000));
        given = policy();
        given.maxCapRiseBps = 10_001;
        _expectRefused(given, abi.encodeWithSelector(IAaveSteward.InvalidRate.selector, 10_001, 10_000));
        given = policy();
        given.rampBpsPerHour = 0;
        _expectRefused(given, abi.encodeWithSelector(IAaveSteward.InvalidRate.selector, 0, 10_000));
        given = policy();
        given.borrowShareBps = 10_001;
        _expectRefused(given, abi.encodeWithSelector(IAaveSteward.InvalidRate.selector, 10_001, 10_000));
        given = policy();
        given.minDelayS = 3599;
        _expectRefused(given, abi.encodeWithSelector(IAaveSteward.DelayTooShort.selector, 3599, 3600));
    }

    function test_Constructor_RevertWhen_ReserveIsNoneOrTwice() public {
        IAaveSteward.Policy memory given = policy();
        given.asset = address(0);
        _expectRefused(given, abi.encodeWithSelector(IAaveSteward.InvalidReserve.selector, address(0), PAIR));
        given = policy();
        given.pair = 0;
        _expectRefused(given, abi.encodeWithSelector(IAaveSteward.InvalidReserve.selector, ASSET, bytes32(0)));
        IAaveSteward.Policy[] memory twice = new IAaveSteward.Policy[](2);
        (twice[0], twice[1]) = (policy(), policy());
        vm.expectRevert(abi.encodeWithSelector(IAaveSteward.InvalidReserve.selector, ASSET, PAIR));
        new AaveSteward(oracle, aave, twice);
    }

    function test_PolicyOf_IsWhatWasGiven() public view {
        assertEq(keccak256(abi.encode(steward.policyOf(ASSET))), keccak256(abi.encode(policy())));
    }

    function _expectRefused(IAaveSteward.Policy memory given, bytes memory reason) private {
        vm.expectRevert(reason);
        this.deployOf(given);
    }

    function deployOf(IAaveSteward.Policy calldata given) external {
        stewardOf(given);
    }

    function _assertOneStep(uint64 epoch, uint24[4] memory from, uint256[4] memory to) private {
        aave.set(from[0], from[1], 10_500, from[2], from[3]);
        postFinal(epoch, collateralOf(PAIR));
        steward.refresh(ASSET);
        steward.refresh(ASSET);
        _assertTerms(to[0], to[1], to[2], to[3]);
    }

    function _expectExpired(uint64 epoch) private {
        vm.expectRevert(abi.encodeWithSelector(IAaveSteward.ExpiredScore.selector, epoch, block.timestamp));
        steward.refresh(ASSET);
        assertEq(aave.writes(), 0);
    }

    function _assertTerms(uint256 ltv, uint256 threshold, uint256 supplyCap, uint256 borrowCap) private view {
        assertEq(aave.ltv(), ltv);
        assertEq(aave.threshold(), threshold);
        assertEq(aave.supplyCap(), supplyCap);
        assertEq(aave.borrowCap(), borrowCap);
    }
}
