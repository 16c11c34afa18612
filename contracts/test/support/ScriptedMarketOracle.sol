// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { ScriptedScores } from "./ScriptedScores.sol";

/// @notice A score oracle whose proofs are all good, so that a handler can move scores without signing reports.
contract ScriptedMarketOracle is ScriptedScores {
    uint64 public constant epochSeconds = 3600;
    uint64 public constant validitySeconds = 10_800;
    uint64 public usableEpoch;

    function setUsable(uint64 epoch) external {
        usableEpoch = epoch;
    }

    function isUsable(uint64 epoch) external view returns (bool) {
        return epoch == usableEpoch && !isOnHold && !hasExpired;
    }

    function verify(uint64, bytes32, bytes32[] calldata) external pure returns (bool) {
        return true;
    }

    function borrowerScore(bytes32) external pure returns (IScoreOracle.PostedBorrower memory posted) { }
}
