// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { Ownable } from "@openzeppelin/contracts/access/Ownable.sol";

import { IAggregatorV3 } from "../interfaces/IAggregatorV3.sol";

/// @title Price feed whose owner writes the answers
/// @notice For local chains. Looks like a Chainlink aggregator to markets (`latestRoundData`), to Aave's oracle
///         (`latestAnswer`) and to indexers (`AnswerUpdated`).
contract ScriptedFeed is IAggregatorV3, Ownable {
    struct Round {
        int192 answer;
        uint64 updatedAt;
    }

    /// @notice Thrown when a round does not exist, or is no longer kept.
    error NoSuchRound(uint256 given, uint256 latest);

    /// @dev Older rounds are in the logs; a local chain hashes its whole state at every block, so state is kept small.
    uint80 private constant _ROUNDS_KEPT = 64;

    /// @notice A new answer, as Chainlink aggregators log it.
    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);

    /// @inheritdoc IAggregatorV3
    uint8 public immutable decimals;
    /// @inheritdoc IAggregatorV3
    string public description;
    /// @inheritdoc IAggregatorV3
    uint256 public constant version = 4;

    /// @notice Round of the newest answer.
    uint80 public latestRound;
    mapping(uint80 slot => Round) private _rounds;

    constructor(uint8 decimals_, string memory description_, int192 answer) Ownable(msg.sender) {
        decimals = decimals_;
        description = description_;
        _write(answer, uint64(block.timestamp));
    }

    /// @notice Writes an answer of now. Zero and negative ones are allowed: markets must cope with them.
    function setAnswer(int192 answer) external onlyOwner {
        _write(answer, uint64(block.timestamp));
    }

    /// @notice Writes an answer with its own time, to replay history or to make a stale one.
    function setAnswerAt(int192 answer, uint64 updatedAt) external onlyOwner {
        _write(answer, updatedAt);
    }

    /// @notice The newest answer.
    function latestAnswer() external view returns (int256) {
        return _rounds[latestRound % _ROUNDS_KEPT].answer;
    }

    /// @notice Time of the newest answer.
    function latestTimestamp() external view returns (uint256) {
        return _rounds[latestRound % _ROUNDS_KEPT].updatedAt;
    }

    /// @inheritdoc IAggregatorV3
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return getRoundData(latestRound);
    }

    /// @inheritdoc IAggregatorV3
    function getRoundData(uint80 roundId)
        public
        view
        returns (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        if (roundId == 0 || roundId > latestRound || latestRound - roundId >= _ROUNDS_KEPT) {
            revert NoSuchRound(roundId, latestRound);
        }
        Round memory round = _rounds[roundId % _ROUNDS_KEPT];
        return (roundId, round.answer, round.updatedAt, round.updatedAt, roundId);
    }

    function _write(int192 answer, uint64 updatedAt) private {
        uint80 roundId = ++latestRound;
        _rounds[roundId % _ROUNDS_KEPT] = Round({ answer: answer, updatedAt: updatedAt });
        emit AnswerUpdated(answer, roundId, updatedAt);
    }
}
