// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IAggregatorV3 } from "../interfaces/IAggregatorV3.sol";
import { IScoreOracle } from "../interfaces/IScoreOracle.sol";
import { ScoreMath } from "../libraries/ScoreMath.sol";

/// @title One figure of a pair's posted score, as a Chainlink feed
/// @notice A round is an epoch, and its time the boundary at which the score was observed. Only the newest score is kept, so a
///         past round reverts. Reverts rather than answers when the score must not be gone by.
/// @dev Post the pair's score (`IScoreOracle.post`) for the feed to move.
contract ScoreFeed is IAggregatorV3 {
    /// @notice What the feed answers: a share in bps (4 decimals), or a probability in ppm (6 decimals).
    enum Figure {
        LtvCeiling,
        LiquidationThreshold,
        Gap
    }

    /// @notice Thrown when the score is none, past its validity or voided.
    error ExpiredScore(uint64 epoch, uint256 blockTimestamp);

    /// @notice Thrown when the newest score of the pair is unrated.
    error UnratedScore(uint64 epoch, bytes32 pair);

    /// @notice Thrown when an LTV is asked for while the newest report is voided: no new borrowing.
    error OnHold(uint64 epoch);

    /// @notice Thrown when a round is not the newest.
    error UnknownRound(uint80 given, uint80 current);

    /// @notice Where the score is read.
    IScoreOracle public immutable scores;
    /// @notice Subject of the pair (`LeafLib.collateralSubject`).
    bytes32 public immutable pair;
    /// @notice Which figure is answered.
    Figure public immutable figure;

    constructor(IScoreOracle scores_, bytes32 pair_, Figure figure_) {
        scores = scores_;
        pair = pair_;
        figure = figure_;
    }

    /// @inheritdoc IAggregatorV3
    function decimals() external view returns (uint8) {
        return figure == Figure.Gap ? 6 : 4;
    }

    /// @inheritdoc IAggregatorV3
    function description() external view returns (string memory) {
        if (figure == Figure.LtvCeiling) return "Assay LTV ceiling";
        return figure == Figure.Gap ? "Assay gap probability" : "Assay liquidation threshold";
    }

    /// @inheritdoc IAggregatorV3
    function version() external pure returns (uint256) {
        return 1;
    }

    /// @inheritdoc IAggregatorV3
    function getRoundData(uint80 roundId) external view returns (uint80, int256, uint256, uint256, uint80) {
        (uint80 id, int256 answer, uint256 observedAt) = _newest();
        if (roundId != id) revert UnknownRound(roundId, id);
        return (id, answer, observedAt, observedAt, id);
    }

    /// @inheritdoc IAggregatorV3
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        (uint80 id, int256 answer, uint256 observedAt) = _newest();
        return (id, answer, observedAt, observedAt, id);
    }

    function _newest() private view returns (uint80 id, int256 answer, uint256 observedAt) {
        IScoreOracle.PostedCollateral memory score = scores.collateralScore(pair);
        if (scores.isExpired(score.epoch)) revert ExpiredScore(score.epoch, block.timestamp);
        if (score.binding == ScoreMath.BINDING_UNRATED) revert UnratedScore(score.epoch, pair);
        if (figure == Figure.LtvCeiling && scores.isOnHold()) revert OnHold(scores.head().epoch);
        return (score.epoch, _answerOf(score), uint256(score.epoch) * scores.epochSeconds());
    }

    /// @dev The casts are safe: they widen.
    function _answerOf(IScoreOracle.PostedCollateral memory score) private view returns (int256) {
        if (figure == Figure.LtvCeiling) return int256(uint256(score.ltvCeilingBps));
        if (figure == Figure.Gap) return int256(uint256(score.gapPpm));
        return int256(uint256(score.liquidationThresholdBps));
    }
}
