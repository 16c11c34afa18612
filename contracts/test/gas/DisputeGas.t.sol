// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IModelRegistry } from "../../src/interfaces/IModelRegistry.sol";
import { IScoreDispute } from "../../src/interfaces/IScoreDispute.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { DisputeFixture } from "../support/DisputeFixture.sol";

/// @notice Whole transactions on the home chain, of a report of 100,000 subjects: seven members, f + 1 = 3 of the five signatures that
///         it landed with. Those void it; the members beside them are slashed by bringing theirs.
/// @dev `isolate` makes each call a transaction of its own, with calldata and the 21,000.
contract DisputeGasTest is DisputeFixture {
    uint256 private constant LIMIT = 400_000;
    uint256 private constant DEPTH = 17;
    uint32 private constant EVIDENCE = 0x7;
    bytes32 private constant SUBJECT = bytes32(uint256(0xB0B));

    /// forge-config: default.isolate = true
    function test_WrongScoreGas_Borrower_StaysUnderTheLimit() public {
        deployDispute(7, 2, 5, "borrower-1");
        assertLt(measureWrongScore(runSelfTestCases("borrower-1")[0], 2, "wrong score, borrower-1"), LIMIT);
    }

    /// forge-config: default.isolate = true
    function test_WrongScoreGas_Sandbox_StaysUnderTheLimit() public {
        deployDispute(7, 2, 5, "borrower-sandbox-1");
        assertLt(
            measureWrongScore(runSelfTestCases("borrower-sandbox-1")[0], 2, "wrong score, borrower-sandbox-1"), LIMIT
        );
    }

    /// forge-config: default.isolate = true
    function test_WrongScoreGas_Collateral_StaysUnderTheLimit() public {
        deployDispute(7, 2, 5, "borrower-1");
        assertLt(measureWrongScore(runSelfTestCases("collateral-1")[0], 2, "wrong score, collateral-1"), LIMIT);
    }

    /// forge-config: default.isolate = true
    function test_WrongScoreGas_ThirteenMembers_StaysUnderTheLimit() public {
        deployDispute(13, 4, 9, "borrower-1");
        string memory name = "wrong score, collateral-1, five of thirteen";
        assertLt(measureWrongScore(runSelfTestCases("collateral-1")[0], 4, name), LIMIT);
    }

    /// As members are in practice: each signs with a hot key, and its cold key is read besides.
    /// forge-config: default.isolate = true
    function test_WrongScoreGas_ThirteenHotKeys_StaysUnderTheLimit() public {
        deployDispute(13, 4, 9, "borrower-1");
        rotateAll();
        string memory name = "wrong score, collateral-1, five of thirteen, hot keys";
        assertLt(measureWrongScore(runSelfTestCases("collateral-1")[0], 4, name), LIMIT);
    }

    /// What the largest committee costs: above the limit.
    /// forge-config: default.isolate = true
    function test_WrongScoreGas_LargestCommittee_IsSnapshot() public {
        deployDispute(31, 10, 21, "borrower-1");
        measureWrongScore(runSelfTestCases("collateral-1")[0], 10, "wrong score, collateral-1, eleven of thirty-one");
    }

    /// forge-config: default.isolate = true
    function test_TwoLeavesGas_IsSnapshot() public {
        deployDispute(7, 2, 5, "borrower-1");
        IModelRegistry.SelfTestCase[] memory cases = runSelfTestCases("borrower-1");
        bytes memory first = entryOf(cases[0], SUBJECT);
        bytes memory second = entryOf(cases[1], SUBJECT);
        if (leafOf(first) == leafOf(second)) second = withWord(second, 8, bytes32(bytes4(0x01000000)));
        bytes32[] memory firstProof = new bytes32[](DEPTH);
        bytes32[] memory secondProof = new bytes32[](DEPTH);
        (firstProof[0], secondProof[0]) = (leafOf(second), leafOf(first));
        bytes32 root = hashPair(leafOf(first), leafOf(second));
        for (uint256 level = 1; level < DEPTH; ++level) {
            firstProof[level] = secondProof[level] = keccak256(abi.encode(level));
            root = hashPair(root, firstProof[level]);
        }
        IScoreDispute.Evidence memory evidence = evidenceOf(reportOf(FIRST_EPOCH, root), EVIDENCE);

        dispute.proveTwoLeaves(evidence, first, firstProof, second, secondProof);
        assertLt(vm.snapshotGasLastCall("dispute", "two leaves"), LIMIT);
    }

    /// forge-config: default.isolate = true
    function test_EquivocationGas_IsSnapshot() public {
        deployDispute(7, 2, 5, "borrower-1");
        IScoreDispute.Evidence memory first = evidenceOf(reportOf(FIRST_EPOCH, keccak256("first")), 0x7);
        IScoreDispute.Evidence memory second = evidenceOf(reportOf(FIRST_EPOCH, keccak256("second")), 0x7);

        dispute.proveEquivocation(first, second);
        assertLt(vm.snapshotGasLastCall("dispute", "equivocation of three (f + 1)"), LIMIT);
    }

    /// forge-config: default.isolate = true
    function test_EquivocationGas_ThirteenMembers_StaysUnderTheLimit() public {
        deployDispute(13, 4, 9, "borrower-1");
        IScoreDispute.Evidence memory first = evidenceOf(reportOf(FIRST_EPOCH, keccak256("first")), 0x1f);
        IScoreDispute.Evidence memory second = evidenceOf(reportOf(FIRST_EPOCH, keccak256("second")), 0x1f);

        dispute.proveEquivocation(first, second);
        assertLt(vm.snapshotGasLastCall("dispute", "equivocation, five of thirteen"), LIMIT);
    }

    /// forge-config: default.isolate = true
    function test_SettleGas_IsSnapshot() public {
        deployDispute(13, 4, 9, "borrower-1");
        dispute.proveEquivocation(
            evidenceOf(reportOf(FIRST_EPOCH, keccak256("first")), 0x1f),
            evidenceOf(reportOf(FIRST_EPOCH, keccak256("second")), 0x1f)
        );
        vm.warp(block.timestamp + CHALLENGE_S);

        staking.settle(1);
        vm.snapshotGasLastCall("dispute", "settle a case, whatever its members");
        assertEq(staking.totalPending(), 0);
    }

    /// @dev Every member signs from the next epoch on with a hot key, and it is that epoch.
    function rotateAll() private {
        for (uint8 i = 0; i < memberKeys.length; ++i) {
            uint256 hotKey = uint256(keccak256(abi.encode("hot", i)));
            rotate(rotationOf(i, vm.rememberKey(hotKey), 1, FIRST_EPOCH + 1), memberKeys[i]);
            memberKeys[i] = hotKey;
        }
        warpToEpoch(FIRST_EPOCH + 1);
    }

    /// @dev Of a report that landed, so that its epoch is voided too.
    function measureWrongScore(IModelRegistry.SelfTestCase memory item, uint256 f, string memory name)
        private
        returns (uint256)
    {
        bytes memory entry = entryOf(item, SUBJECT);
        entry = withWord(entry, 4, bytes32(uint256(wordOf(entry, 4)) ^ 1));
        bytes32[] memory proof = new bytes32[](DEPTH);
        bytes32 root = leafOf(entry);
        for (uint256 level = 0; level < DEPTH; ++level) {
            proof[level] = keccak256(abi.encode(level));
            root = hashPair(root, proof[level]);
        }
        // Cast is safe for the times of a test.
        IScoreOracle.Report memory report = reportOf(uint64(block.timestamp / EPOCH_S), root);
        oracle.publish(report, attestAll(report, 2 * f + 1));
        IScoreDispute.Evidence memory evidence = evidenceOf(report, uint32((2 << f) - 1));

        dispute.proveWrongScore(evidence, entry, proof, item.vector);
        uint256 used = vm.snapshotGasLastCall("dispute", name);
        assertTrue(oracle.isOnHold());
        return used;
    }

    function hashPair(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
    }
}
