// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { ScoreConsumer } from "../consumer/ScoreConsumer.sol";
import { IScoreOracle } from "../interfaces/IScoreOracle.sol";

/// @title The least a lending protocol needs to read scores
/// @notice Credit lines in a unit of account: everybody gets the base line, a well graded borrower more, until his score expires.
contract ScoredVault is ScoreConsumer {
    error OverLimit(uint256 asked, uint256 limit);

    event CreditDrawn(address indexed borrower, uint256 amount, uint256 drawn);

    uint256 public constant BASE_LINE = 100e18;
    /// @dev Grades run from 1 (best) to 10; 0 is unrated.
    uint256 public constant LINE_PER_GRADE = 90e18;

    mapping(address borrower => uint256) public drawn;

    constructor(IScoreOracle oracle_) ScoreConsumer(oracle_) { }

    /// @notice Draws on the base line. No score is needed, so nothing is lost by hiding one's own.
    function draw(uint256 amount) external {
        _draw(amount, BASE_LINE);
    }

    /// @notice Draws on the line of a score, proved against the signed report of `epoch`.
    function draw(uint256 amount, uint64 epoch, IScoreOracle.BorrowerScore calldata score, bytes32[] calldata proof)
        external
    {
        _draw(amount, _lineOf(_ratingOf(msg.sender, epoch, score, proof).grade));
    }

    /// @notice Pays back; no score has a say in it.
    function repay(uint256 amount) external {
        drawn[msg.sender] -= amount;
    }

    function _lineOf(uint256 grade) private pure returns (uint256) {
        return grade == 0 ? BASE_LINE : BASE_LINE + (10 - grade) * LINE_PER_GRADE;
    }

    function _draw(uint256 amount, uint256 limit) private {
        uint256 total = drawn[msg.sender] + amount;
        if (total > limit) revert OverLimit(total, limit);
        drawn[msg.sender] = total;
        emit CreditDrawn(msg.sender, amount, total);
    }
}
