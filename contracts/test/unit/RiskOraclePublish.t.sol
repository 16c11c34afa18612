// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { RiskOracle } from "../../src/RiskOracle.sol";
import { ICommittee } from "../../src/interfaces/ICommittee.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { OracleFixture } from "../support/OracleFixture.sol";

/// @notice Genesis, reports and how long they are usable.
contract RiskOraclePublishTest is OracleFixture {
    bytes32 private constant ROOT = keccak256("root");

    function setUp() public {
        deployOracle(4, 1, 3);
    }

    // --- genesis ------------------------------------------------------------------------------

    function test_Genesis_Digest_BindsMembersAndQuorums() public {
        IScoreOracle.Genesis memory genesis = genesisOf(4, 1, 3);

        bytes32 expected = keccak256(
            abi.encode(
                genesis.prevDigest, uint64(0), genesis.members, uint8(1), uint8(3), genesis.paramsHash, FIRST_EPOCH
            )
        );

        assertEq(oracle.configDigest(), expected);
        (uint64 seq, uint64 fromEpoch, uint8 f, uint8 q, address[] memory members) = oracle.committee();
        assertEq(seq, 0);
        assertEq(fromEpoch, FIRST_EPOCH);
        assertEq(f, 1);
        assertEq(q, 3);
        assertEq(members, genesis.members);
    }

    function test_Genesis_RevertWhen_QuorumsUnsound() public {
        uint8[3][6] memory unsound = [[3, 1, 2], [4, 1, 1], [4, 1, 4], [7, 2, 2], [7, 2, 6], [32, 10, 11]];
        for (uint256 i = 0; i < unsound.length; ++i) {
            (uint8 n, uint8 f, uint8 q) = (unsound[i][0], unsound[i][1], unsound[i][2]);
            IScoreOracle.Genesis memory genesis = genesisOf(n, f, q);

            vm.expectRevert(abi.encodeWithSelector(ICommittee.InvalidCommittee.selector, n, f, q));
            new RiskOracle(genesis);
        }
    }

    function test_Genesis_RevertWhen_MemberTwice() public {
        IScoreOracle.Genesis memory genesis = genesisOf(4, 1, 3);
        genesis.members[3] = genesis.members[1];

        vm.expectRevert(abi.encodeWithSelector(ICommittee.InvalidMember.selector, 3, genesis.members[1]));
        new RiskOracle(genesis);
    }

    function test_Genesis_RevertWhen_MemberZero() public {
        IScoreOracle.Genesis memory genesis = genesisOf(4, 1, 3);
        genesis.members[2] = address(0);

        vm.expectRevert(abi.encodeWithSelector(ICommittee.InvalidMember.selector, 2, address(0)));
        new RiskOracle(genesis);
    }

    function test_Genesis_RevertWhen_EpochHasNoLength() public {
        IScoreOracle.Genesis memory genesis = genesisOf(4, 1, 3);
        genesis.epochSeconds = 0;

        vm.expectRevert(abi.encodeWithSelector(ICommittee.InvalidPeriod.selector, "epochSeconds", 0, type(uint64).max));
        new RiskOracle(genesis);
    }

    // --- publish ------------------------------------------------------------------------------

    function test_Publish_Quorum_BecomesHead() public {
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, ROOT);
        bytes memory attestations = bytes.concat(attest(report, 0), attest(report, 1), attest(report, 3));

        vm.expectEmit(address(oracle));
        emit IScoreOracle.ReportPublished(FIRST_EPOCH, digest, ROOT, report.cutHash, 7, 312, 18, 0, 11);
        oracle.publish(report, attestations);

        IScoreOracle.Head memory head = oracle.head();
        assertEq(head.epoch, FIRST_EPOCH);
        assertEq(head.scoresRoot, ROOT);
        assertEq(head.observedAt, uint256(FIRST_EPOCH) * EPOCH_S);
        assertEq(head.validUntil, uint256(FIRST_EPOCH) * EPOCH_S + VALIDITY_S);
        assertEq(head.landedAt, block.timestamp);
        assertEq(head.previousEpoch, 0);
        assertEq(oracle.rootOf(FIRST_EPOCH), ROOT);
    }

    function test_Publish_AllMembers_AreCounted() public {
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, ROOT);

        vm.expectEmit(address(oracle));
        emit IScoreOracle.ReportPublished(FIRST_EPOCH, digest, ROOT, report.cutHash, 7, 312, 18, 0, 15);
        oracle.publish(report, attestAll(report, 4));
    }

    function test_Publish_RevertWhen_TooFewAttestations() public {
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, ROOT);
        bytes memory attestations = attestAll(report, 2);

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.TooFewAttestations.selector, 2, 3));
        oracle.publish(report, attestations);

        assertEq(oracle.head().epoch, 0);
    }

    function test_Publish_RevertWhen_NoAttestations() public {
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.TooFewAttestations.selector, 0, 3));
        oracle.publish(reportOf(FIRST_EPOCH, ROOT), "");
    }

    /// Quotes Q-01: a member counts at most once towards a quorum.
    function test_Publish_RevertWhen_Duplicate() public {
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, ROOT);
        bytes memory attestations = bytes.concat(attest(report, 0), attest(report, 1), attest(report, 1));

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.UnsortedAttestations.selector, 1, 1));
        oracle.publish(report, attestations);
    }

    function test_Publish_RevertWhen_Unsorted() public {
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, ROOT);
        bytes memory attestations = bytes.concat(attest(report, 0), attest(report, 2), attest(report, 1));

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.UnsortedAttestations.selector, 1, 2));
        oracle.publish(report, attestations);
    }

    function test_Publish_RevertWhen_ForeignSigner() public {
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, ROOT);
        uint256 foreignKey = uint256(keccak256("foreign"));
        bytes memory attestations = bytes.concat(attest(report, 0), attest(report, 1), attestAs(report, 2, foreignKey));

        vm.expectRevert(
            abi.encodeWithSelector(IScoreOracle.WrongSigner.selector, 2, vm.addr(foreignKey), vm.addr(memberKeys[2]))
        );
        oracle.publish(report, attestations);
    }

    function test_Publish_RevertWhen_UnknownMember() public {
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, ROOT);
        bytes memory attestations =
            bytes.concat(attest(report, 0), attest(report, 1), attestAs(report, 4, memberKeys[2]));

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.UnknownMember.selector, 4, 4));
        oracle.publish(report, attestations);
    }

    function test_Publish_RevertWhen_RecordsTorn() public {
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, ROOT);
        bytes memory attestations = bytes.concat(attestAll(report, 3), hex"00");

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.MalformedAttestations.selector, 196));
        oracle.publish(report, attestations);
    }

    /// A compact record has 255 bits for s, so all but a sliver of the high values cannot be written; those that can are refused.
    function test_Publish_RevertWhen_HighS() public {
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, ROOT);
        bytes32 halfOrderPlusOne = bytes32(SECP256K1_ORDER / 2 + 1);
        bytes memory attestations = bytes.concat(
            attest(report, 0), attest(report, 1), abi.encodePacked(uint8(2), keccak256("r"), halfOrderPlusOne)
        );

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.MalleableSignature.selector, 2, halfOrderPlusOne));
        oracle.publish(report, attestations);
    }

    function test_Publish_RevertWhen_SignatureIsTheHighTwin() public {
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, ROOT);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(memberKeys[2], oracle.hashReport(report));
        uint256 twin = (SECP256K1_ORDER - uint256(s)) | (uint256(28 - v) << 255);
        bytes memory attestations =
            bytes.concat(attest(report, 0), attest(report, 1), abi.encodePacked(uint8(2), r, twin));

        vm.expectPartialRevert(IScoreOracle.WrongSigner.selector);
        oracle.publish(report, attestations);
    }

    function test_Publish_RevertWhen_OneFieldChanged() public {
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, ROOT);
        bytes memory attestations = attestAll(report, 3);
        report.borrowers += 1;

        vm.expectPartialRevert(IScoreOracle.WrongSigner.selector);
        oracle.publish(report, attestations);
    }

    function test_Publish_RevertWhen_WrongDigest() public {
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, ROOT);
        report.configDigest = keccak256("another committee");
        bytes memory attestations = attestAll(report, 3);

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.WrongDigest.selector, report.configDigest, digest));
        oracle.publish(report, attestations);
    }

    function test_Publish_RevertWhen_BeforeFirstEpoch() public {
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH - 1, ROOT);
        bytes memory attestations = attestAll(report, 3);

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.StaleReport.selector, FIRST_EPOCH - 1, FIRST_EPOCH));
        oracle.publish(report, attestations);
    }

    /// Quotes O-01: the head's epoch only rises.
    function test_Publish_RevertWhen_Stale() public {
        vm.warp(uint256(FIRST_EPOCH + 1) * EPOCH_S);
        publishRoot(FIRST_EPOCH + 1, ROOT);
        for (uint64 epoch = FIRST_EPOCH; epoch <= FIRST_EPOCH + 1; ++epoch) {
            IScoreOracle.Report memory report = reportOf(epoch, keccak256("other root"));
            bytes memory attestations = attestAll(report, 3);

            vm.expectRevert(abi.encodeWithSelector(IScoreOracle.StaleReport.selector, epoch, FIRST_EPOCH + 1));
            oracle.publish(report, attestations);
        }
        assertEq(oracle.head().scoresRoot, ROOT);
    }

    function test_Publish_RevertWhen_FromTheFuture() public {
        uint256 boundary = uint256(FIRST_EPOCH + 1) * EPOCH_S;
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH + 1, ROOT);
        bytes memory attestations = attestAll(report, 3);

        vm.warp(boundary - 61);
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.FutureReport.selector, boundary, boundary - 1));
        oracle.publish(report, attestations);

        vm.warp(boundary - 60);
        oracle.publish(report, attestations);
        assertEq(oracle.head().epoch, FIRST_EPOCH + 1);
    }

    function test_Publish_RevertWhen_EpochHuge() public {
        IScoreOracle.Report memory report = reportOf(type(uint64).max, ROOT);
        bytes memory attestations = attestAll(report, 3);

        vm.expectPartialRevert(IScoreOracle.FutureReport.selector);
        oracle.publish(report, attestations);
    }

    function test_Publish_RevertWhen_ExpiredBeforeLanding() public {
        uint256 validUntil = uint256(FIRST_EPOCH) * EPOCH_S + VALIDITY_S;
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, ROOT);
        bytes memory attestations = attestAll(report, 3);

        vm.warp(validUntil + 1);
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.ExpiredReport.selector, validUntil, validUntil + 1));
        oracle.publish(report, attestations);

        vm.warp(validUntil);
        oracle.publish(report, attestations);
        assertTrue(oracle.isUsable(FIRST_EPOCH));
    }

    // --- calldata -----------------------------------------------------------------------------

    function publishCall(IScoreOracle.Report memory report) private view returns (bytes memory) {
        return abi.encodeCall(oracle.publish, (report, attestAll(report, 3)));
    }

    /// Bytes after the last argument are nobody's; the attestations end where their length says.
    function test_Publish_CalldataTail_IsIgnored() public {
        bytes memory call = publishCall(reportOf(FIRST_EPOCH, ROOT));

        (bool done,) = address(oracle).call(bytes.concat(call, hex"00ff", new bytes(65)));

        assertTrue(done);
        assertEq(oracle.head().epoch, FIRST_EPOCH);
    }

    function test_Publish_RevertWhen_CalldataIsCut() public {
        bytes memory call = publishCall(reportOf(FIRST_EPOCH, ROOT));
        // The last 29 bytes pad the attestations and carry nothing.
        uint16[4] memory cuts = [30, 224, 256, 544];
        for (uint256 i = 0; i < cuts.length; ++i) {
            bytes memory cut = call;
            uint256 length = call.length - cuts[i];
            assembly ("memory-safe") {
                mstore(cut, length)
            }
            (bool done,) = address(oracle).call(cut);
            assertFalse(done, vm.toString(cuts[i]));
            call = publishCall(reportOf(FIRST_EPOCH, ROOT));
        }
        assertEq(oracle.head().epoch, 0);
    }

    /// A word wider than its type is no report that anybody signed.
    function test_Publish_RevertWhen_AWordIsTooWide() public {
        // Words of the report after the selector: 1 epoch, 4 to 7 the counts.
        uint8[5] memory words = [1, 4, 5, 6, 7];
        for (uint256 i = 0; i < words.length; ++i) {
            bytes memory call = publishCall(reportOf(FIRST_EPOCH, ROOT));
            call[4 + uint256(words[i]) * 32] = 0x01;

            (bool done,) = address(oracle).call(call);

            assertFalse(done, vm.toString(words[i]));
        }
        assertEq(oracle.head().epoch, 0);
    }

    function test_Publish_MaxCounts_AreTaken() public {
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, bytes32(type(uint256).max));
        (report.observers, report.borrowers) = (type(uint32).max, type(uint32).max);
        (report.collaterals, report.stalledChains) = (type(uint32).max, type(uint32).max);

        oracle.publish(report, attestAll(report, 3));

        assertEq(oracle.head().scoresRoot, bytes32(type(uint256).max));
    }

    function test_Publish_RevertWhen_EpochZero() public {
        IScoreOracle.Report memory report = reportOf(0, ROOT);
        bytes memory attestations = attestAll(report, 3);

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.StaleReport.selector, 0, 0));
        oracle.publish(report, attestations);
    }

    // --- usable -------------------------------------------------------------------------------

    function test_IsUsable_Head_UntilValidityEnds() public {
        publishRoot(FIRST_EPOCH, ROOT);
        uint256 validUntil = uint256(FIRST_EPOCH) * EPOCH_S + VALIDITY_S;

        vm.warp(validUntil);
        assertTrue(oracle.isUsable(FIRST_EPOCH));
        assertFalse(oracle.isExpired(FIRST_EPOCH));

        vm.warp(validUntil + 1);
        assertFalse(oracle.isUsable(FIRST_EPOCH));
        assertTrue(oracle.isExpired(FIRST_EPOCH));
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.UnusableEpoch.selector, FIRST_EPOCH, FIRST_EPOCH));
        oracle.rootOf(FIRST_EPOCH);
    }

    function test_IsUsable_Previous_ForTheGrace() public {
        publishRoot(FIRST_EPOCH, ROOT);
        uint256 landing = uint256(FIRST_EPOCH + 1) * EPOCH_S + 30;
        vm.warp(landing);
        publishRoot(FIRST_EPOCH + 1, keccak256("next root"));

        vm.warp(landing + GRACE_S);
        assertEq(oracle.rootOf(FIRST_EPOCH), ROOT);
        assertEq(oracle.rootOf(FIRST_EPOCH + 1), keccak256("next root"));

        vm.warp(landing + GRACE_S + 1);
        assertFalse(oracle.isUsable(FIRST_EPOCH));
        assertTrue(oracle.isUsable(FIRST_EPOCH + 1));
    }

    function test_IsUsable_TwoEpochsOld_Never() public {
        for (uint64 i = 0; i < 3; ++i) {
            vm.warp(uint256(FIRST_EPOCH + 2) * EPOCH_S);
            publishRoot(FIRST_EPOCH + i, keccak256(abi.encode(i)));
        }

        assertFalse(oracle.isUsable(FIRST_EPOCH));
        assertTrue(oracle.isUsable(FIRST_EPOCH + 1));
        assertTrue(oracle.isUsable(FIRST_EPOCH + 2));
        assertFalse(oracle.isUsable(0));
    }
}
