// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { OracleFixture } from "../support/OracleFixture.sol";

/// @notice Gas of whole transactions in steady state: every ring slot was written before, every slot is cold.
/// @dev `isolate` makes each call a transaction of its own, with calldata and the 21,000.
contract OracleGasTest is OracleFixture {
    /// @dev Epochs that fill the ring.
    uint64 private constant WARM_UP = 16;

    /// forge-config: default.isolate = true
    function test_PublishGas_SmallestQuorum_IsSnapshot() public {
        uint8[2][4] memory sizes = [[4, 1], [7, 2], [13, 4], [31, 10]];
        for (uint256 i = 0; i < sizes.length; ++i) {
            (uint8 n, uint8 f) = (sizes[i][0], sizes[i][1]);
            measurePublish(n, f, f + 1, string.concat("publish n=", vm.toString(n), " q=f+1"));
        }
    }

    /// forge-config: default.isolate = true
    function test_PublishGas_DefaultQuorum_IsSnapshot() public {
        uint8[3][4] memory sizes = [[4, 1, 3], [7, 2, 5], [13, 4, 9], [31, 10, 21]];
        for (uint256 i = 0; i < sizes.length; ++i) {
            (uint8 n, uint8 f, uint8 q) = (sizes[i][0], sizes[i][1], sizes[i][2]);
            measurePublish(n, f, q, string.concat("publish n=", vm.toString(n), " default q"));
        }
    }

    /// forge-config: default.isolate = true
    function test_VerifyGas_ThreeDepths_IsSnapshot() public {
        deployOracle(4, 1, 3);
        IScoreOracle.BorrowerScore memory score = borrowerOf(asSubject(address(7)), 100, 4);
        uint8[3] memory depths = [10, 17, 20];
        for (uint64 i = 0; i < depths.length; ++i) {
            bytes32[] memory proof = new bytes32[](depths[i]);
            bytes32 node = leafOf(abi.encode(score));
            for (uint256 level = 0; level < proof.length; ++level) {
                proof[level] = keccak256(abi.encode(level));
                node = node < proof[level]
                    ? keccak256(abi.encode(node, proof[level]))
                    : keccak256(abi.encode(proof[level], node));
            }
            vm.warp(uint256(FIRST_EPOCH + i) * EPOCH_S);
            publishRoot(FIRST_EPOCH + i, node);

            oracle.verifyBorrower(FIRST_EPOCH + i, score, proof);
            vm.snapshotGasLastCall("oracle", string.concat("verifyBorrower depth=", vm.toString(depths[i])));
        }
    }

    function measurePublish(uint8 n, uint8 f, uint8 q, string memory name) private {
        deployOracle(n, f, q);
        for (uint64 i = 0; i < WARM_UP + 1; ++i) {
            vm.warp(uint256(FIRST_EPOCH + i) * EPOCH_S + 60);
            IScoreOracle.Report memory report = reportOf(FIRST_EPOCH + i, keccak256(abi.encode(i)));
            bytes memory attestations = attestAll(report, q);
            oracle.publish(report, attestations);
        }
        vm.snapshotGasLastCall("oracle", name);
        assertEq(oracle.head().epoch, FIRST_EPOCH + WARM_UP);
    }
}
