// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IMorpho, Id, MarketParams, Position } from "@morpho-org/morpho-blue/src/interfaces/IMorpho.sol";
import { IOracle } from "@morpho-org/morpho-blue/src/interfaces/IOracle.sol";

import { MorphoScoreOracle } from "../../src/adapters/MorphoScoreOracle.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { FeedPairOracle } from "../../src/sandbox/FeedPairOracle.sol";
import { SandboxToken } from "../../src/sandbox/SandboxToken.sol";
import { ScriptedFeed } from "../../src/sandbox/ScriptedFeed.sol";
import { OracleFixture } from "../support/OracleFixture.sol";

/// @dev Morpho Blue is the real one, compiled from its npm sources by its own compiler (`make contracts`).
contract MorphoScoreOracleTest is OracleFixture {
    bytes32 private constant PAIR = keccak256("pair");
    uint256 private constant LLTV_WAD = 0.86e18;
    uint256 private constant MIN_WAD = 0.5e18;
    uint256 private constant RAMP_BPS = 100;
    uint256 private constant PRICE = 3000e24;

    address private immutable borrower = makeAddr("borrower");
    address private immutable liquidator = makeAddr("liquidator");
    SandboxToken private weth = new SandboxToken("Wrapped Ether", "WETH", 18);
    SandboxToken private usdc = new SandboxToken("USD Coin", "USDC", 6);
    FeedPairOracle private base;
    MorphoScoreOracle private adapter;

    function setUp() public {
        deployOracle(4, 1, 2);
        vm.prank(OWNER);
        oracle.setDispute(address(this));
        base = new FeedPairOracle(
            new ScriptedFeed(8, "ETH / USD", 3000e8), weth, new ScriptedFeed(8, "USDC / USD", 1e8), usdc
        );
        adapter = _adapter(LLTV_WAD, MIN_WAD, RAMP_BPS);
    }

    /// Morpho gives the collateral away for nothing at a price of zero, be it the base's or what rounding leaves of it.
    function test_Price_RevertWhen_NothingIsLeftOfIt() public {
        _postFinal(FIRST_EPOCH, 8000, 1);
        adapter.poke();
        skip(6 hours);
        vm.mockCall(address(base), abi.encodeWithSignature("price()"), abi.encode(1));
        vm.expectRevert(abi.encodeWithSelector(MorphoScoreOracle.ZeroPrice.selector, 1));
        adapter.price();
        vm.mockCall(address(base), abi.encodeWithSignature("price()"), abi.encode(0));
        vm.expectRevert(abi.encodeWithSelector(MorphoScoreOracle.ZeroPrice.selector, 0));
        adapter.price();
        vm.mockCall(address(base), abi.encodeWithSignature("price()"), abi.encode(2));
        assertEq(adapter.price(), 1);
    }

    // --- ramp ---------------------------------------------------------------------------------

    function test_Price_BeforeAnyScore_IsTheBasePrice() public view {
        assertEq(adapter.price(), PRICE);
    }

    /// From 86 % to 80 % at 1 % an hour takes six hours: 85.5 % after half an hour, 80 % at six and ever after.
    function test_Threshold_Lowered_RampsAtThePace() public {
        _postFinal(FIRST_EPOCH, 8000, 1);
        vm.expectEmit(address(adapter));
        emit MorphoScoreOracle.ThresholdTargeted(FIRST_EPOCH, LLTV_WAD, 0.8e18);
        adapter.poke();
        uint256 start = block.timestamp;

        assertEq(adapter.thresholdWad(), 0.86e18);
        vm.warp(start + 30 minutes);
        assertEq(adapter.thresholdWad(), 0.855e18);
        vm.warp(start + 6 hours);
        assertEq(adapter.thresholdWad(), 0.8e18);
        vm.warp(start + 30 days);
        assertEq(adapter.thresholdWad(), 0.8e18);
        assertEq(adapter.price(), uint256(3000e24) * 80 / 86);
    }

    /// @dev A-05
    function test_Poke_Repeated_NeitherRestartsNorHastensTheRamp() public {
        _postFinal(FIRST_EPOCH, 8000, 1);
        adapter.poke();
        uint256 start = block.timestamp;

        for (uint256 minute = 1; minute <= 60; ++minute) {
            vm.warp(start + minute * 1 minutes);
            adapter.poke();
        }

        assertEq(adapter.thresholdWad(), 0.85e18);
    }

    /// The new target is reached from where the ramp stands: 85 % after an hour, then back up to 86 % in another.
    function test_Poke_WithAnotherTarget_GoesOnFromTheEffectiveThreshold() public {
        _postFinal(FIRST_EPOCH, 8000, 1);
        adapter.poke();
        uint256 start = block.timestamp;
        vm.warp(start + 1 hours);
        _post(FIRST_EPOCH + 2, 9000, 1);
        vm.warp(block.timestamp + CHALLENGE_S + 60);
        uint256 reached = adapter.thresholdWad();
        adapter.poke();
        uint256 turned = block.timestamp;

        assertLt(reached, 0.85e18);
        assertEq(adapter.thresholdWad(), reached);
        vm.warp(turned + 30 minutes);
        assertEq(adapter.thresholdWad(), reached + 0.005e18);
        vm.warp(turned + 6 hours);
        assertEq(adapter.thresholdWad(), LLTV_WAD);
    }

    function test_Threshold_FarBelow_StopsAtTheBound() public {
        _postFinal(FIRST_EPOCH, 100, 1);
        adapter.poke();
        vm.warp(block.timestamp + 365 days);

        assertEq(adapter.thresholdWad(), MIN_WAD);
    }

    /// @dev A-05: the pace holds over any time and any score, and the price stays between its bounds.
    function testFuzz_Threshold_NeverOutrunsThePace(uint16 thresholdBps, uint32 elapsed) public {
        _postFinal(FIRST_EPOCH, thresholdBps, 1);
        adapter.poke();
        vm.warp(block.timestamp + elapsed);

        uint256 threshold = adapter.thresholdWad();
        assertLe((LLTV_WAD - threshold) * 1 hours, uint256(elapsed) * 0.01e18);
        assertGe(threshold, MIN_WAD);
        assertLe(adapter.price(), PRICE);
    }

    // --- no score, no change ------------------------------------------------------------------

    /// @dev A-01, A-05
    function test_Poke_RevertWhen_ScoreIsNotFinal() public {
        _post(FIRST_EPOCH, 8000, 1);

        _expectExpired();
    }

    /// What is past its validity is no final score any more (`isFinalised`), so none is found.
    function test_Poke_RevertWhen_ScoreExpired() public {
        _postFinal(FIRST_EPOCH, 8000, 1);
        vm.warp(uint256(FIRST_EPOCH) * EPOCH_S + VALIDITY_S + 1);

        _expectExpired();
    }

    function test_Poke_RevertWhen_ScoreWasVoided() public {
        _post(FIRST_EPOCH, 8000, 1);
        oracle.voidReport(reportOf(FIRST_EPOCH, nodes()[0]));
        vm.warp(block.timestamp + CHALLENGE_S + 60);

        _expectExpired();
    }

    function test_Poke_RevertWhen_ScoreIsUnrated() public {
        _postFinal(FIRST_EPOCH, 8000, 3);

        vm.expectRevert(abi.encodeWithSelector(MorphoScoreOracle.UnratedScore.selector, FIRST_EPOCH, PAIR));
        adapter.poke();
    }

    // --- bounds -------------------------------------------------------------------------------

    function test_Constructor_RevertWhen_OutOfBounds() public {
        vm.expectRevert(abi.encodeWithSelector(MorphoScoreOracle.InvalidLltv.selector, 0, 1e18));
        _adapter(0, MIN_WAD, RAMP_BPS);
        vm.expectRevert(abi.encodeWithSelector(MorphoScoreOracle.InvalidLltv.selector, 1e18 + 1, 1e18));
        _adapter(1e18 + 1, MIN_WAD, RAMP_BPS);
        vm.expectRevert(abi.encodeWithSelector(MorphoScoreOracle.InvalidMinThreshold.selector, 0, LLTV_WAD));
        _adapter(LLTV_WAD, 0, RAMP_BPS);
        vm.expectRevert(abi.encodeWithSelector(MorphoScoreOracle.InvalidMinThreshold.selector, LLTV_WAD + 1, LLTV_WAD));
        _adapter(LLTV_WAD, LLTV_WAD + 1, RAMP_BPS);
        vm.expectRevert(abi.encodeWithSelector(MorphoScoreOracle.InvalidRamp.selector, 0, 10_000));
        _adapter(LLTV_WAD, MIN_WAD, 0);
        vm.expectRevert(abi.encodeWithSelector(MorphoScoreOracle.InvalidRamp.selector, 10_001, 10_000));
        _adapter(LLTV_WAD, MIN_WAD, 10_001);
    }

    // --- real Morpho Blue ---------------------------------------------------------------------

    /// 1 WETH at 3,000 carries 2,500 USDC under 86 % (2,580). Under 80 % it may carry 2,400: liquidatable, though not at once.
    function test_Morpho_LowerScore_OpensLiquidationOnlyAfterTheRamp() public {
        (IMorpho morpho, MarketParams memory params) = _market();
        _borrow(morpho, params, 2500e6);
        _postFinal(FIRST_EPOCH, 8000, 1);
        adapter.poke();

        vm.prank(liquidator);
        vm.expectRevert("position is healthy");
        morpho.liquidate(params, borrower, 0.1e18, 0, "");
        vm.warp(block.timestamp + 6 hours);
        vm.prank(liquidator);
        (uint256 seized, uint256 repaid) = morpho.liquidate(params, borrower, 0.1e18, 0, "");

        // 0.1 WETH at 3,000 * 80/86 is 279.07 USDC; over the incentive 1/(1 - 0.3 * 0.14) it is 267.35.
        assertEq(seized, 0.1e18);
        assertApproxEqAbs(repaid, 267.348837e6, 2);
        assertEq(weth.balanceOf(liquidator), 0.1e18);
    }

    function test_Morpho_RevertWhen_LoanIsAboveTheScoresThreshold() public {
        (IMorpho morpho, MarketParams memory params) = _market();
        _postFinal(FIRST_EPOCH, 8000, 1);
        adapter.poke();
        vm.warp(block.timestamp + 6 hours);

        _borrow(morpho, params, 2400e6 - 1);
        vm.prank(borrower);
        vm.expectRevert("insufficient collateral");
        morpho.borrow(params, 2, 0, borrower, borrower);
    }

    /// Repayment and exit need no score: none has ever been posted here.
    function test_Morpho_WithoutScore_RepaysAndWithdraws() public {
        (IMorpho morpho, MarketParams memory params) = _market();
        _borrow(morpho, params, 2500e6);
        Id id = Id.wrap(keccak256(abi.encode(params)));
        Position memory position = morpho.position(id, borrower);

        vm.startPrank(borrower);
        usdc.approve(address(morpho), type(uint256).max);
        morpho.repay(params, 0, position.borrowShares, borrower, "");
        morpho.withdrawCollateral(params, 1e18, borrower, borrower);

        assertEq(weth.balanceOf(borrower), 1e18);
    }

    function _market() private returns (IMorpho morpho, MarketParams memory params) {
        bytes memory code = vm.parseBytes(vm.parseJsonString(vm.readFile("build/morpho/Morpho.json"), ".bytecode"));
        code = bytes.concat(code, abi.encode(address(this)));
        address deployed;
        // Safe: reads `code` alone.
        assembly ("memory-safe") {
            deployed := create(0, add(code, 32), mload(code))
        }
        morpho = IMorpho(deployed);
        // No interest model: debts stay as they were drawn.
        params = MarketParams(address(usdc), address(weth), address(adapter), address(0), LLTV_WAD);
        morpho.enableIrm(address(0));
        morpho.enableLltv(LLTV_WAD);
        morpho.createMarket(params);
        usdc.mint(address(this), 10_000e6);
        usdc.approve(deployed, type(uint256).max);
        morpho.supply(params, 10_000e6, 0, address(this), "");
        usdc.mint(liquidator, 10_000e6);
        vm.prank(liquidator);
        usdc.approve(deployed, type(uint256).max);
    }

    function _borrow(IMorpho morpho, MarketParams memory params, uint256 amount) private {
        weth.mint(borrower, 1e18);
        vm.startPrank(borrower);
        weth.approve(address(morpho), 1e18);
        morpho.supplyCollateral(params, 1e18, borrower, "");
        morpho.borrow(params, amount, 0, borrower, borrower);
        vm.stopPrank();
    }

    function _adapter(uint256 lltvWad, uint256 minWad, uint256 rampBps) private returns (MorphoScoreOracle) {
        return new MorphoScoreOracle(oracle, IOracle(address(base)), PAIR, lltvWad, minWad, rampBps);
    }

    function _post(uint64 epoch, uint16 thresholdBps, uint8 binding) private {
        IScoreOracle.CollateralScore memory score = collateralOf(PAIR);
        (score.liquidationThresholdBps, score.binding) = (thresholdBps, binding);
        delete entries;
        entries.push(abi.encode(score));
        publishEntries(epoch);
        postEntries(epoch);
    }

    /// @dev Landing times are kept rounded up by 1/254 of the validity, 43 s, so a minute more than the window is enough.
    function _postFinal(uint64 epoch, uint16 thresholdBps, uint8 binding) private {
        _post(epoch, thresholdBps, binding);
        vm.warp(block.timestamp + CHALLENGE_S + 60);
    }

    function _expectExpired() private {
        vm.expectRevert(abi.encodeWithSelector(MorphoScoreOracle.ExpiredScore.selector, 0, block.timestamp));
        adapter.poke();
        assertEq(adapter.price(), PRICE);
    }
}
