// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ScoreFeed } from "../../src/adapters/ScoreFeed.sol";
import { IAggregatorV3 } from "../../src/interfaces/IAggregatorV3.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { OracleFixture } from "../support/OracleFixture.sol";

contract ScoreFeedTest is OracleFixture {
    bytes32 private constant PAIR = keccak256("pair");
    uint256 private constant OBSERVED_AT = uint256(FIRST_EPOCH) * EPOCH_S;

    function setUp() public {
        deployOracle(4, 1, 2);
        vm.prank(OWNER);
        oracle.setDispute(address(this));
    }

    function test_LatestRound_OfEachFigure_IsTheScoresAtItsBoundary() public {
        _post(FIRST_EPOCH, 1);

        _assertRound(ScoreFeed.Figure.LtvCeiling, 7500, 4);
        _assertRound(ScoreFeed.Figure.LiquidationThreshold, 8000, 4);
        _assertRound(ScoreFeed.Figure.Gap, 20_000, 6);
    }

    function test_Description_OfEachFigure_NamesIt() public {
        assertEq(_feed(ScoreFeed.Figure.LtvCeiling).description(), "Assay LTV ceiling");
        assertEq(_feed(ScoreFeed.Figure.LiquidationThreshold).description(), "Assay liquidation threshold");
        assertEq(_feed(ScoreFeed.Figure.Gap).description(), "Assay gap probability");
        assertEq(_feed(ScoreFeed.Figure.Gap).version(), 1);
    }

    function test_GetRoundData_RevertWhen_RoundIsNotTheNewest() public {
        _post(FIRST_EPOCH, 1);
        IAggregatorV3 feed = _feed(ScoreFeed.Figure.Gap);

        (, int256 answer,,,) = feed.getRoundData(uint80(FIRST_EPOCH));
        assertEq(answer, 20_000);
        vm.expectRevert(abi.encodeWithSelector(ScoreFeed.UnknownRound.selector, FIRST_EPOCH - 1, FIRST_EPOCH));
        feed.getRoundData(uint80(FIRST_EPOCH - 1));
    }

    function test_LatestRound_RevertWhen_NothingWasPosted() public {
        _expectExpired(0);
    }

    /// The last second of validity answers, the next one does not.
    function test_LatestRound_RevertWhen_ScoreExpired() public {
        _post(FIRST_EPOCH, 1);

        vm.warp(OBSERVED_AT + VALIDITY_S);
        _assertRound(ScoreFeed.Figure.LiquidationThreshold, 8000, 4);
        vm.warp(OBSERVED_AT + VALIDITY_S + 1);
        _expectExpired(FIRST_EPOCH);
    }

    function test_LatestRound_RevertWhen_ScoreIsUnrated() public {
        _post(FIRST_EPOCH, 3);
        IAggregatorV3 feed = _feed(ScoreFeed.Figure.LiquidationThreshold);

        vm.expectRevert(abi.encodeWithSelector(ScoreFeed.UnratedScore.selector, FIRST_EPOCH, PAIR));
        feed.latestRoundData();
    }

    function test_LatestRound_RevertWhen_ScoreWasVoided() public {
        _post(FIRST_EPOCH, 1);
        oracle.voidReport(reportOf(FIRST_EPOCH, nodes()[0]));

        _expectExpired(FIRST_EPOCH);
    }

    /// An older, good score still says when to liquidate, and opens no loan.
    function test_LatestRound_RevertWhen_OracleIsOnHold_ForTheLtvAlone() public {
        _post(FIRST_EPOCH, 1);
        vm.warp(OBSERVED_AT + EPOCH_S + 60);
        publishRoot(FIRST_EPOCH + 1, keccak256("wrong"));
        oracle.voidReport(reportOf(FIRST_EPOCH + 1, keccak256("wrong")));
        IAggregatorV3 feed = _feed(ScoreFeed.Figure.LtvCeiling);

        _assertRound(ScoreFeed.Figure.LiquidationThreshold, 8000, 4);
        vm.expectRevert(abi.encodeWithSelector(ScoreFeed.OnHold.selector, FIRST_EPOCH + 1));
        feed.latestRoundData();
    }

    function _post(uint64 epoch, uint8 binding) private {
        IScoreOracle.CollateralScore memory score = collateralOf(PAIR);
        score.binding = binding;
        delete entries;
        entries.push(abi.encode(score));
        publishEntries(epoch);
        postEntries(epoch);
    }

    function _feed(ScoreFeed.Figure figure) private returns (ScoreFeed) {
        return new ScoreFeed(oracle, PAIR, figure);
    }

    function _assertRound(ScoreFeed.Figure figure, int256 expected, uint8 decimals) private {
        ScoreFeed feed = _feed(figure);
        (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredIn) = feed.latestRoundData();
        assertEq(answer, expected);
        assertEq(feed.decimals(), decimals);
        assertEq(id, FIRST_EPOCH);
        assertEq(answeredIn, FIRST_EPOCH);
        assertEq(startedAt, OBSERVED_AT);
        assertEq(updatedAt, OBSERVED_AT);
    }

    function _expectExpired(uint64 epoch) private {
        IAggregatorV3 feed = _feed(ScoreFeed.Figure.LiquidationThreshold);
        vm.expectRevert(abi.encodeWithSelector(ScoreFeed.ExpiredScore.selector, epoch, block.timestamp));
        feed.latestRoundData();
    }
}
