// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { RiskOracle } from "../../src/RiskOracle.sol";
import { ICommittee } from "../../src/interfaces/ICommittee.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { CommitteeFixture } from "../support/CommitteeFixture.sol";

contract CommitteeLawsTest is CommitteeFixture {
    function setUp() public {
        deployOracle(7, 2, 3);
    }

    /// Quotes C-01: a set of members changes the committee exactly if it is a Byzantine quorum.
    function testFuzz_C01_Subsets_ChangeFromTheQuorumUp(uint8 subset) public {
        ICommittee.Configuration memory next = nextOf(FIRST_EPOCH + 1);
        bytes32 hash = hashes.hashChange(next, homeBlock());
        bytes memory certificate;
        uint256 count;
        for (uint256 id = 0; id < 7; ++id) {
            if (subset & (1 << id) == 0) continue;
            certificate = bytes.concat(certificate, recordOf(hash, id, memberKeys[id]));
            ++count;
        }

        (bool done,) = address(oracle).call(abi.encodeCall(oracle.changeCommittee, (next, homeBlock(), certificate)));

        assertEq(done, count >= 5);
        assertEq(oracle.newestDigest(), done ? digestOf(next) : digest);
    }

    /// Quotes C-01 and Q-02: no bytes that the members did not sign change anything.
    function testFuzz_C01_RandomCertificate_NeverChanges(bytes memory certificate, uint64 fromEpoch) public {
        ICommittee.Configuration memory next = nextOf(fromEpoch);

        vm.expectRevert();
        oracle.changeCommittee(next, homeBlock(), certificate);
    }

    function testFuzz_C01_FlippedBit_NeverChanges(uint256 at, uint8 bit) public {
        ICommittee.Configuration memory next = nextOf(FIRST_EPOCH + 1);
        bytes memory certificate = certify(next, memberKeys, 5);
        at = bound(at, 0, certificate.length - 1);
        certificate[at] ^= bytes1(uint8(1 << (bit % 8)));

        vm.expectRevert();
        oracle.changeCommittee(next, homeBlock(), certificate);
    }

    /// Quotes C-02: whatever the epoch of a change, each epoch counts under exactly one of the two digests.
    function testFuzz_C02_Epoch_HasOneDigest(uint8 changesAt, uint8 publishedAt) public {
        uint64 fromEpoch = FIRST_EPOCH + 1 + changesAt % 100;
        uint64 epoch = FIRST_EPOCH + publishedAt % 110;
        ICommittee.Configuration memory next = nextOf(fromEpoch);
        oracle.changeCommittee(next, homeBlock(), certify(next, memberKeys, 5));
        bytes32 nextDigest = digestOf(next);
        warpToEpoch(epoch);

        bool isOld = landsUnder(digest, epoch, memberKeys, 3);
        bool isNew = !isOld && landsUnder(nextDigest, epoch, nextKeys, 5);

        assertEq(isOld, epoch < fromEpoch);
        assertEq(isNew, epoch >= fromEpoch);
        assertEq(oracle.configDigestAt(epoch), isOld ? digest : nextDigest);
    }

    function landsUnder(bytes32 configDigest, uint64 epoch, uint256[] memory keys, uint256 count)
        private
        returns (bool done)
    {
        IScoreOracle.Report memory report = reportUnder(configDigest, epoch, keccak256("root"));
        bytes memory attestations = signAll(oracle.hashReport(report), keys, count);
        (done,) = address(oracle).call(abi.encodeCall(oracle.publish, (report, attestations)));
    }

    /// Quotes C-03: a report lands exactly until its digest expires.
    function testFuzz_C03_Expiry_EndsTheDigest(uint32 afterS) public {
        uint256 expiresAt = oracle.termOf(digest).expiresAt;
        vm.warp(uint256(FIRST_EPOCH) * EPOCH_S + bound(afterS, 60, 56 days));

        bool done = landsUnder(digest, uint64(block.timestamp / EPOCH_S), memberKeys, 3);

        assertEq(done, block.timestamp <= expiresAt);
    }

    /// Quotes C-04: a hot key counts from the later of its epoch and the first that cannot have been published.
    function testFuzz_C04_Rotation_CountsFromTheLater(uint8 asked, uint16 elapsedS, uint8 memberId) public {
        memberId %= 7;
        vm.warp(block.timestamp + elapsedS);
        uint64 earliest = uint64((block.timestamp + 60) / EPOCH_S) + 1;
        uint64 fromEpoch = FIRST_EPOCH - 5 + asked % 24;
        uint256 hotKey = uint256(keccak256("hot"));

        rotate(rotationOf(memberId, vm.rememberKey(hotKey), 1, fromEpoch), memberKeys[memberId]);

        (address key, uint64 counted,) = oracle.hotKeyOf(digest, memberId);
        assertEq(key, vm.addr(hotKey));
        assertEq(counted, fromEpoch < earliest ? earliest : fromEpoch);
        assertGt(uint256(counted) * EPOCH_S, block.timestamp + 60);
    }

    /// Quotes C-05: at each epoch exactly one of a member's two keys signs reports.
    function testFuzz_C05_Keys_OneAtATime(uint8 rotatesAt, uint8 publishedAt) public {
        uint64 fromEpoch = FIRST_EPOCH + 1 + rotatesAt % 24;
        uint64 epoch = FIRST_EPOCH + publishedAt % 30;
        uint256 hotKey = uint256(keccak256("hot"));
        rotate(rotationOf(0, vm.rememberKey(hotKey), 1, fromEpoch), memberKeys[0]);
        warpToEpoch(epoch);
        uint256[] memory keys = memberKeys;

        bool isCold = landsUnder(digest, epoch, keys, 3);
        keys[0] = hotKey;
        bool isHot = !isCold && landsUnder(digest, epoch, keys, 3);

        assertEq(isCold, epoch < fromEpoch);
        assertEq(isHot, epoch >= fromEpoch);
    }

    /// Quotes C-07: an attestation counts under one digest, for one member, of one deployment.
    function testFuzz_C07_Report_OfAnotherDeployment_NeverLands(bytes32 salt, uint8 shift) public {
        vm.assume(salt != keccak256("salt"));
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, keccak256("root"));
        bytes32 hash = oracle.hashReport(report);
        IScoreOracle.Genesis memory genesis = genesisOf(7, 2, 3);
        genesis.prevDigest = salt;
        RiskOracle other = new RiskOracle(genesis);
        bytes memory attestations = signAll(hash, memberKeys, 3);

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.WrongDigest.selector, digest, other.newestDigest()));
        other.publish(report, attestations);
        report.configDigest = other.newestDigest();
        vm.expectPartialRevert(IScoreOracle.WrongSigner.selector);
        other.publish(report, attestations);

        // The same three signatures under other members' ids.
        bytes memory moved;
        for (uint256 i = 0; i < 3; ++i) {
            moved = bytes.concat(moved, recordOf(hash, i + 1 + shift % 4, memberKeys[i]));
        }
        report.configDigest = digest;
        vm.expectPartialRevert(IScoreOracle.WrongSigner.selector);
        oracle.publish(report, moved);
    }

    /// Quotes C-07: a signature for one kind of message is none for another.
    function testFuzz_C07_Hashes_NeverMeet(bytes32 a, bytes32 b, uint64 number, address account) public view {
        IScoreOracle.Report memory report = reportUnder(a, number, b);
        ICommittee.Configuration memory next;
        (next.prevDigest, next.seq, next.paramsHash) = (a, number, b);
        ICommittee.HotKeyRotation memory rotation = rotationOf(0, account, number, number);
        rotation.configDigest = a;
        bytes32 reportHash = oracle.hashReport(report);
        bytes32 changeHash = hashes.hashChange(next, homeBlock());
        bytes32 rotationHash = hashes.hashRotation(rotation);

        assertTrue(reportHash != changeHash && changeHash != rotationHash && rotationHash != reportHash);
    }

    /// Quotes C-08: what members signed before a change is evidence after it, whatever the change was.
    function testFuzz_C08_Evidence_OutlivesChanges(uint8 subset, uint8 changesAt) public {
        vm.assume(subset & 0x7f != 0);
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH + 5, keccak256("root"));
        bytes memory attestations;
        for (uint256 id = 0; id < 7; ++id) {
            if (subset & (1 << id) != 0) attestations = bytes.concat(attestations, attest(report, id));
        }
        ICommittee.Configuration memory next = nextOf(FIRST_EPOCH + 1 + changesAt);
        oracle.changeCommittee(next, homeBlock(), certify(next, memberKeys, 5));

        assertEq(oracle.signersOf(report, attestations), subset & 0x7f);
        assertEq(oracle.coldKeysOf(digest).length, 7);
    }
}
