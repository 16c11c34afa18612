// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { Test } from "forge-std/Test.sol";

/// @notice Code that is longer than EIP-170 allows cannot be deployed, and a test's own chain would not say so.
contract ContractSizesTest is Test {
    uint256 private constant LIMIT_BYTES = 24_576;

    function test_Code_EveryProductionContract_FitsItsLimit() public view {
        string[8] memory names = [
            "RiskOracle",
            "RiskGate",
            "LendingMarket",
            "ModelRegistry",
            "ScoreTables",
            "Staking",
            "RewardPot",
            "ScoreDispute"
        ];
        for (uint256 i = 0; i < names.length; ++i) {
            uint256 size = vm.getDeployedCode(string.concat(names[i], ".sol:", names[i])).length;
            assertGt(size, 0, names[i]);
            assertLe(size, LIMIT_BYTES, names[i]);
        }
    }
}
