// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { RiskOracle } from "../../src/RiskOracle.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { OracleFixture } from "../support/OracleFixture.sol";

contract OracleLawsTest is OracleFixture {
    bytes32 private subject = asSubject(address(0xA11CE));

    function setUp() public {
        deployOracle(7, 2, 5);
    }

    /// Quotes Q-01: a set of members publishes exactly if it is ascending, distinct and at least the quorum.
    function testFuzz_Q01_Quorum_IsDistinctMembers(uint8[9] memory ids, uint256 count) public {
        count = bound(count, 0, ids.length);
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, keccak256("root"));
        bytes memory attestations;
        bool isAscending = true;
        for (uint256 i = 0; i < count; ++i) {
            ids[i] = uint8(bound(ids[i], 0, 6));
            if (i != 0 && ids[i] <= ids[i - 1]) isAscending = false;
            attestations = bytes.concat(attestations, attest(report, ids[i]));
        }

        (bool done,) = address(oracle).call(abi.encodeCall(oracle.publish, (report, attestations)));

        assertEq(done, isAscending && count >= 5);
        assertEq(oracle.head().epoch, done ? FIRST_EPOCH : 0);
    }

    function testFuzz_Q01_Subsets_PublishFromTheQuorumUp(uint8 subset) public {
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, keccak256("root"));
        bytes memory attestations;
        uint256 count;
        for (uint256 id = 0; id < 7; ++id) {
            if (subset & (1 << id) == 0) continue;
            attestations = bytes.concat(attestations, attest(report, id));
            ++count;
        }

        (bool done,) = address(oracle).call(abi.encodeCall(oracle.publish, (report, attestations)));

        assertEq(done, count >= 5);
    }

    /// Quotes Q-02: no bytes that the members did not sign become a report.
    function testFuzz_Q02_RandomAttestations_NeverPublish(bytes memory attestations, bytes32 root) public {
        vm.expectRevert();
        oracle.publish(reportOf(FIRST_EPOCH, root), attestations);
    }

    function testFuzz_Q02_FlippedBit_NeverPublishes(uint256 at, uint8 bit) public {
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, keccak256("root"));
        bytes memory attestations = attestAll(report, 5);
        at = bound(at, 0, attestations.length - 1);
        attestations[at] ^= bytes1(uint8(1 << (bit % 8)));

        vm.expectRevert();
        oracle.publish(report, attestations);
    }

    /// Quotes O-01: a report lands exactly if its boundary has come, its validity has not passed, and its digest still counts.
    function testFuzz_O01_Publish_NeedsItsTime(uint64 timestamp, uint64 epoch) public {
        deployOracle(1, 0, 1);
        timestamp = uint64(bound(timestamp, uint256(FIRST_EPOCH) * EPOCH_S, uint256(FIRST_EPOCH + 1000) * EPOCH_S));
        epoch = uint64(bound(epoch, FIRST_EPOCH, FIRST_EPOCH + 1010));
        vm.warp(timestamp);
        IScoreOracle.Report memory report = reportOf(epoch, keccak256("root"));
        bytes memory attestations = attestAll(report, 1);
        uint256 observedAt = uint256(epoch) * EPOCH_S;
        // The digest of the first epoch ends before the last of these moments, and with it all that it signs.
        bool isTimely = observedAt <= uint256(timestamp) + 60 && timestamp <= observedAt + VALIDITY_S
            && timestamp <= uint256(FIRST_EPOCH) * EPOCH_S + oracle.digestSeconds();

        (bool done,) = address(oracle).call(abi.encodeCall(oracle.publish, (report, attestations)));

        assertEq(done, isTimely);
        assertEq(oracle.isUsable(epoch), isTimely);
    }

    /// Quotes O-02: whatever is posted in whatever order, an unexpired stored score only ever gives way to a riskier one.
    function testFuzz_O02_Store_KeepsTheRiskiest(int32[6] memory margins, uint8[6] memory steps, uint8[6] memory grades)
        public
    {
        deployOracle(1, 0, 1);
        uint64 epoch = FIRST_EPOCH;
        for (uint256 i = 0; i < margins.length; ++i) {
            epoch += 1 + steps[i] % 4;
            IScoreOracle.PostedBorrower memory before = oracle.borrowerScore(subject);
            entries = [abi.encode(borrowerOf(subject, margins[i], grades[i] % 11))];
            publishEntries(epoch);
            bool wasExpired = oracle.isExpired(before.epoch);
            oracle.post(epoch, entries, new bytes32[](0), new bool[](0));

            IScoreOracle.PostedBorrower memory stored = oracle.borrowerScore(subject);
            if (wasExpired) {
                assertEq(stored.epoch, epoch);
                assertEq(stored.behaviourMargin, margins[i]);
                continue;
            }
            assertGe(stored.epoch, before.epoch);
            if (before.grade == 0) assertEq(stored.grade, 0);
            else if (stored.grade != 0) assertGe(stored.behaviourMargin, before.behaviourMargin);
        }
    }

    /// Quotes O-04: a leaf verifies exactly if it is in the report.
    function testFuzz_O04_ForeignLeaf_NeverVerifies(uint8 size, uint256 which, bytes32 foreign) public {
        deployOracle(1, 0, 1);
        uint256 n = bound(size, 1, 12);
        for (uint256 i = 0; i < n; ++i) {
            entries.push(abi.encode(borrowerOf(asSubject(address(uint160(i + 1))), int32(int256(i)), 3)));
        }
        publishEntries(FIRST_EPOCH);
        bytes memory entry = entries[bound(which, 0, n - 1)];
        bytes32[] memory proof = proofOf(entry);

        assertTrue(oracle.verify(FIRST_EPOCH, leafOf(entry), proof));
        assertFalse(oracle.verify(FIRST_EPOCH, foreign, proof));
        assertFalse(oracle.verify(FIRST_EPOCH - 1, leafOf(entry), proof));
    }

    function testFuzz_Genesis_AcceptsExactlySoundQuorums(uint8 n, uint8 f, uint8 q) public {
        n = uint8(bound(n, 0, 40));
        f = uint8(bound(f, 0, 14));
        q = uint8(bound(q, 0, 40));
        IScoreOracle.Genesis memory genesis = genesisOf(0, f, q);
        genesis.members = new address[](n);
        for (uint256 i = 0; i < n; ++i) {
            genesis.members[i] = address(uint160(i + 1));
        }
        bool isSound = n >= 3 * f + 1 && n <= 31 && q >= f + 1 && q + f <= n;

        try new RiskOracle(genesis) {
            assertTrue(isSound);
        } catch {
            assertFalse(isSound);
        }
    }
}
