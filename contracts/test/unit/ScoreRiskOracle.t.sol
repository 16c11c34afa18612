// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ScoreRiskOracle } from "../../src/adapters/ScoreRiskOracle.sol";
import { IRiskOracle } from "../../src/interfaces/IRiskOracle.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { StewardFixture } from "../support/StewardFixture.sol";

/// @notice What an injector of such updates does: once each, if young enough by its own clock.
contract Injector {
    IRiskOracle private immutable source;
    mapping(uint256 updateId => bool) private executed;
    uint256 public injected;

    constructor(IRiskOracle source_) {
        source = source_;
    }

    function inject(string calldata updateType, address market) external returns (bool) {
        IRiskOracle.RiskParameterUpdate memory update = source.getLatestUpdateByParameterAndMarket(updateType, market);
        if (executed[update.updateId] || update.timestamp + 1 days < block.timestamp) return false;
        executed[update.updateId] = true;
        injected = abi.decode(update.newValue, (uint256));
        return true;
    }
}

contract ScoreRiskOracleTest is StewardFixture {
    string private constant LTV = "LTV";
    string private constant THRESHOLD = "liquidationThreshold";
    ScoreRiskOracle private adapter;

    function setUp() public {
        deploySteward();
        adapter = _adapter(ASSET, PAIR);
    }

    function test_Record_FinalScore_MakesAnUpdateOfEachFigure() public {
        postFinal(FIRST_EPOCH, collateralOf(PAIR));
        vm.expectEmit(address(adapter));
        emit IRiskOracle.ParameterUpdated(
            "Assay epoch 489555",
            abi.encode(7500),
            "",
            uint256(FIRST_EPOCH) * EPOCH_S,
            LTV,
            1,
            ASSET,
            abi.encode(PAIR, uint256(FIRST_EPOCH))
        );
        adapter.record(ASSET);

        assertEq(adapter.updateCounter(), 2);
        IRiskOracle.RiskParameterUpdate memory update = adapter.getLatestUpdateByParameterAndMarket(THRESHOLD, ASSET);
        assertEq(update.timestamp, uint256(FIRST_EPOCH) * EPOCH_S);
        assertEq(update.newValue, abi.encode(8000));
        assertEq(update.referenceId, "Assay epoch 489555");
        assertEq(update.previousValue, "");
        assertEq(update.updateType, THRESHOLD);
        assertEq(update.updateId, 2);
        assertEq(update.market, ASSET);
        assertEq(update.additionalData, abi.encode(PAIR, uint256(FIRST_EPOCH)));
        assertEq(keccak256(abi.encode(adapter.getUpdateById(2))), keccak256(abi.encode(update)));
    }

    function test_Record_Repeated_MakesNoUpdate() public {
        postFinal(FIRST_EPOCH, collateralOf(PAIR));
        adapter.record(ASSET);
        adapter.record(ASSET);

        assertEq(adapter.updateCounter(), 2);
    }

    function test_Record_OneFigureChanged_UpdatesItAloneAndTellsWhatWasBefore() public {
        postFinal(FIRST_EPOCH, collateralOf(PAIR));
        adapter.record(ASSET);
        postFinal(FIRST_EPOCH + 1, scoreOf(7400, 8000, 20_000));
        adapter.record(ASSET);

        assertEq(adapter.updateCounter(), 3);
        IRiskOracle.RiskParameterUpdate memory update = adapter.getLatestUpdateByParameterAndMarket(LTV, ASSET);
        assertEq(update.newValue, abi.encode(7400));
        assertEq(update.previousValue, abi.encode(7500));
        assertEq(adapter.getLatestUpdateByParameterAndMarket(THRESHOLD, ASSET).updateId, 2);
    }

    /// A steward that slept through it gets another chance, and only with a new score.
    function test_Record_SameFiguresAfterExpiry_MakesUpdatesAnew() public {
        postFinal(FIRST_EPOCH, collateralOf(PAIR));
        adapter.record(ASSET);
        vm.warp(uint256(FIRST_EPOCH) * EPOCH_S + VALIDITY_S + 1);
        vm.expectRevert(abi.encodeWithSelector(ScoreRiskOracle.ExpiredScore.selector, FIRST_EPOCH, block.timestamp));
        adapter.getUpdateById(1);
        postFinal(FIRST_EPOCH + 4, collateralOf(PAIR));
        adapter.record(ASSET);

        assertEq(adapter.getLatestUpdateByParameterAndMarket(LTV, ASSET).updateId, 3);
    }

    /// The injector's own clock would let it through for a day.
    function test_Injector_ExecutesOnce_AndNothingThatWasVoided() public {
        Injector injector = new Injector(adapter);
        postFinal(FIRST_EPOCH, collateralOf(PAIR));
        adapter.record(ASSET);

        assertTrue(injector.inject(LTV, ASSET));
        assertEq(injector.injected(), 7500);
        assertFalse(injector.inject(LTV, ASSET));
        oracle.voidReport(reportOf(FIRST_EPOCH, nodes()[0]));
        vm.expectRevert(abi.encodeWithSelector(ScoreRiskOracle.ExpiredScore.selector, FIRST_EPOCH, block.timestamp));
        injector.inject(THRESHOLD, ASSET);
    }

    function test_GetAllUpdateTypes_AreTwo() public view {
        string[] memory types = adapter.getAllUpdateTypes();

        assertEq(types.length, 2);
        assertEq(types[0], LTV);
        assertEq(types[1], THRESHOLD);
    }

    function test_Record_RevertWhen_ScoreIsNotFinal() public {
        post(FIRST_EPOCH, collateralOf(PAIR));

        vm.expectRevert(abi.encodeWithSelector(ScoreRiskOracle.ExpiredScore.selector, 0, block.timestamp));
        adapter.record(ASSET);
    }

    function test_Record_RevertWhen_ScoreIsUnrated() public {
        IScoreOracle.CollateralScore memory score = collateralOf(PAIR);
        score.binding = 3;
        postFinal(FIRST_EPOCH, score);

        vm.expectRevert(abi.encodeWithSelector(ScoreRiskOracle.UnratedScore.selector, FIRST_EPOCH, PAIR));
        adapter.record(ASSET);
    }

    function test_Record_RevertWhen_OracleIsOnHold() public {
        postFinal(FIRST_EPOCH, collateralOf(PAIR));
        publishRoot(FIRST_EPOCH + 1, keccak256("wrong"));
        oracle.voidReport(reportOf(FIRST_EPOCH + 1, keccak256("wrong")));

        vm.expectRevert(abi.encodeWithSelector(ScoreRiskOracle.OnHold.selector, FIRST_EPOCH + 1));
        adapter.record(ASSET);
    }

    function test_Readings_RevertWhen_Unknown() public {
        vm.expectRevert(abi.encodeWithSelector(ScoreRiskOracle.UnknownMarket.selector, address(1)));
        adapter.record(address(1));
        vm.expectRevert(abi.encodeWithSelector(ScoreRiskOracle.UnknownMarket.selector, address(1)));
        adapter.getLatestUpdateByParameterAndMarket(LTV, address(1));
        vm.expectRevert(abi.encodeWithSelector(ScoreRiskOracle.UnknownType.selector, "supplyCap"));
        adapter.getLatestUpdateByParameterAndMarket("supplyCap", ASSET);
        vm.expectRevert(abi.encodeWithSelector(ScoreRiskOracle.UnknownUpdate.selector, 0, 0));
        adapter.getLatestUpdateByParameterAndMarket(LTV, ASSET);
        vm.expectRevert(abi.encodeWithSelector(ScoreRiskOracle.UnknownUpdate.selector, 1, 0));
        adapter.getUpdateById(1);
    }

    function test_Constructor_RevertWhen_MarketsAreInvalid() public {
        vm.expectRevert(abi.encodeWithSelector(ScoreRiskOracle.InvalidMarkets.selector, 1, 0));
        new ScoreRiskOracle(oracle, new address[](1), new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(ScoreRiskOracle.InvalidMarkets.selector, 1, 1));
        _adapter(address(0), PAIR);
        vm.expectRevert(abi.encodeWithSelector(ScoreRiskOracle.InvalidMarkets.selector, 1, 1));
        _adapter(ASSET, 0);
        address[] memory markets = new address[](2);
        bytes32[] memory pairs = new bytes32[](2);
        (markets[0], markets[1]) = (ASSET, ASSET);
        (pairs[0], pairs[1]) = (PAIR, PAIR);
        vm.expectRevert(abi.encodeWithSelector(ScoreRiskOracle.InvalidMarkets.selector, 2, 2));
        new ScoreRiskOracle(oracle, markets, pairs);
    }

    function _adapter(address market, bytes32 pair) private returns (ScoreRiskOracle) {
        address[] memory markets = new address[](1);
        bytes32[] memory pairs = new bytes32[](1);
        (markets[0], pairs[0]) = (market, pair);
        return new ScoreRiskOracle(oracle, markets, pairs);
    }
}
