// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { RiskOracle } from "../../src/RiskOracle.sol";
import { ICommittee } from "../../src/interfaces/ICommittee.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { CommitteeFixture } from "../support/CommitteeFixture.sol";

/// @notice Certificates: who may change the committee, and which epochs count under which digest.
contract CommitteeChangeTest is CommitteeFixture {
    bytes32 private constant ROOT = keccak256("root");
    uint64 private constant CHANGE_EPOCH = FIRST_EPOCH + 10;

    function setUp() public {
        deployOracle(4, 1, 2);
    }

    function change(uint64 fromEpoch) private returns (ICommittee.Configuration memory next) {
        next = nextOf(fromEpoch);
        oracle.changeCommittee(next, homeBlock(), certify(next, memberKeys, 3));
    }

    function tryPublish(bytes32 configDigest, uint64 epoch, uint256[] memory keys, uint256 count) private {
        IScoreOracle.Report memory report = reportUnder(configDigest, epoch, ROOT);
        oracle.publish(report, signAll(oracle.hashReport(report), keys, count));
    }

    // --- what a change does -------------------------------------------------------------------

    function test_Change_ByzantineQuorum_IsActivated() public {
        ICommittee.Configuration memory next = nextOf(CHANGE_EPOCH);
        bytes memory certificate = certify(next, memberKeys, 3);

        vm.expectEmit(address(oracle));
        emit ICommittee.ConfigActivated(digestOf(next), 1, next.members, 2, 5, next.paramsHash, CHANGE_EPOCH);
        vm.expectEmit(address(oracle));
        emit ICommittee.CommitteeChanged(digest, digestOf(next), 1, 23_900_000, keccak256("home block"), 7);
        oracle.changeCommittee(next, homeBlock(), certificate);

        assertEq(oracle.newestDigest(), digestOf(next));
        assertEq(oracle.coldKeysOf(digestOf(next)), next.members);
        ICommittee.Term memory term = oracle.termOf(digestOf(next));
        assertEq(term.seq, 1);
        assertEq(term.fromEpoch, CHANGE_EPOCH);
        assertEq(term.untilEpoch, type(uint40).max);
        assertEq(term.expiresAt, uint256(CHANGE_EPOCH) * EPOCH_S + digestSeconds());
        assertEq(term.members, 7);
        assertEq(term.f, 2);
        assertEq(term.q, 5);
        assertEq(oracle.termOf(digest).untilEpoch, CHANGE_EPOCH);
    }

    /// Quotes C-02: earlier epochs count only under the old digest, later ones only under the new.
    function test_Change_Epochs_CountUnderTheirDigest() public {
        bytes32 nextDigest = digestOf(change(CHANGE_EPOCH));

        assertEq(oracle.configDigest(), digest);
        assertEq(oracle.configDigestAt(CHANGE_EPOCH - 1), digest);
        assertEq(oracle.configDigestAt(CHANGE_EPOCH), nextDigest);
        assertEq(oracle.configDigestAt(FIRST_EPOCH - 1), 0);

        warpToEpoch(CHANGE_EPOCH);
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.StaleReport.selector, CHANGE_EPOCH - 1, CHANGE_EPOCH));
        this.publishUnder(nextDigest, CHANGE_EPOCH - 1, 1);
        vm.expectRevert(abi.encodeWithSelector(ICommittee.SupersededDigest.selector, CHANGE_EPOCH, CHANGE_EPOCH));
        this.publishUnder(digest, CHANGE_EPOCH, 0);

        this.publishUnder(digest, CHANGE_EPOCH - 1, 0);
        this.publishUnder(nextDigest, CHANGE_EPOCH, 1);
        assertEq(oracle.head().epoch, CHANGE_EPOCH);
        assertEq(oracle.configDigest(), nextDigest);
        (uint64 seq, uint64 fromEpoch, uint8 f, uint8 q, address[] memory members) = oracle.committee();
        assertEq(seq, 1);
        assertEq(fromEpoch, CHANGE_EPOCH);
        assertEq(f, 2);
        assertEq(q, 5);
        assertEq(members.length, 7);
    }

    function publishUnder(bytes32 configDigest, uint64 epoch, uint256 committeeIndex) external {
        if (committeeIndex == 0) tryPublish(configDigest, epoch, memberKeys, 2);
        else tryPublish(configDigest, epoch, nextKeys, 5);
    }

    function test_ConfigDigest_BeforeTheFirstEpoch_IsTheFirst() public {
        vm.warp(uint256(FIRST_EPOCH - 5) * EPOCH_S);

        assertEq(oracle.configDigest(), digest);
    }

    /// A chain that hears late of a change takes it, even past epochs that the old committee should not have signed.
    function test_Change_Late_IsTaken() public {
        ICommittee.Configuration memory next = nextOf(CHANGE_EPOCH);
        bytes memory certificate = certify(next, memberKeys, 3);
        warpToEpoch(CHANGE_EPOCH + 3);
        tryPublish(digest, CHANGE_EPOCH + 3, memberKeys, 2);

        oracle.changeCommittee(next, homeBlock(), certificate);

        warpToEpoch(CHANGE_EPOCH + 4);
        vm.expectRevert(abi.encodeWithSelector(ICommittee.SupersededDigest.selector, CHANGE_EPOCH + 4, CHANGE_EPOCH));
        this.publishUnder(digest, CHANGE_EPOCH + 4, 0);
        this.publishUnder(digestOf(next), CHANGE_EPOCH + 4, 1);
        assertEq(oracle.head().epoch, CHANGE_EPOCH + 4);
    }

    function test_Change_Twice_FollowsTheNewestCommittee() public {
        change(CHANGE_EPOCH);
        uint256[] memory firstNext = nextKeys;
        ICommittee.Configuration memory second = nextOf(CHANGE_EPOCH + 5);
        second.members[6] = address(0xBEEF);

        uint256[] memory wrongKeys = new uint256[](5);
        for (uint256 i = 0; i < wrongKeys.length; ++i) {
            wrongKeys[i] = memberKeys[i % 4];
        }
        bytes memory byTheFirst = certify(second, wrongKeys, 5);

        vm.expectRevert(
            abi.encodeWithSelector(
                IScoreOracle.WrongSigner.selector, 0, vm.addr(memberKeys[0]), oracle.coldKeyOf(second.prevDigest, 0)
            )
        );
        oracle.changeCommittee(second, homeBlock(), byTheFirst);

        // (7 + 2) / 2 + 1 of the seven that come next.
        oracle.changeCommittee(second, homeBlock(), certify(second, firstNext, 5));
        assertEq(oracle.newestDigest(), digestOf(second));
        assertEq(oracle.configDigestAt(CHANGE_EPOCH + 4), second.prevDigest);
    }

    // --- who may change it --------------------------------------------------------------------

    /// Quotes C-01: f + 1 attestations make a report, but not a committee.
    function test_Change_RevertWhen_BelowTheByzantineQuorum() public {
        uint8[4][4] memory sizes = [[4, 1, 2, 3], [7, 2, 3, 5], [13, 4, 5, 9], [31, 10, 11, 21]];
        for (uint256 i = 0; i < sizes.length; ++i) {
            deployOracle(sizes[i][0], sizes[i][1], sizes[i][2]);
            uint256 quorum = sizes[i][3];
            ICommittee.Configuration memory next = nextOf(CHANGE_EPOCH);
            bytes memory certificate = certify(next, memberKeys, quorum - 1);

            vm.expectRevert(abi.encodeWithSelector(IScoreOracle.TooFewAttestations.selector, quorum - 1, quorum));
            oracle.changeCommittee(next, homeBlock(), certificate);
            oracle.changeCommittee(next, homeBlock(), certify(next, memberKeys, quorum));
        }
    }

    /// Quotes Q-01: a member counts at most once towards a quorum, of a change too.
    function test_Change_RevertWhen_SignerTwice() public {
        ICommittee.Configuration memory next = nextOf(CHANGE_EPOCH);
        bytes32 hash = hashes.hashChange(next, homeBlock());
        bytes memory certificate = bytes.concat(
            recordOf(hash, 0, memberKeys[0]), recordOf(hash, 1, memberKeys[1]), recordOf(hash, 1, memberKeys[1])
        );

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.UnsortedAttestations.selector, 1, 1));
        oracle.changeCommittee(next, homeBlock(), certificate);
    }

    function test_Change_RevertWhen_UnknownMember() public {
        ICommittee.Configuration memory next = nextOf(CHANGE_EPOCH);
        bytes32 hash = hashes.hashChange(next, homeBlock());
        bytes memory certificate = bytes.concat(certify(next, memberKeys, 2), recordOf(hash, 4, memberKeys[3]));

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.UnknownMember.selector, 4, 4));
        oracle.changeCommittee(next, homeBlock(), certificate);
    }

    function test_Change_RevertWhen_RecordsTorn() public {
        ICommittee.Configuration memory next = nextOf(CHANGE_EPOCH);
        bytes memory certificate = bytes.concat(certify(next, memberKeys, 3), hex"00");

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.MalformedAttestations.selector, 196));
        oracle.changeCommittee(next, homeBlock(), certificate);
    }

    function test_Change_RevertWhen_HighS() public {
        ICommittee.Configuration memory next = nextOf(CHANGE_EPOCH);
        bytes32 halfOrderPlusOne = bytes32(SECP256K1_ORDER / 2 + 1);
        bytes memory certificate =
            bytes.concat(certify(next, memberKeys, 2), abi.encodePacked(uint8(2), keccak256("r"), halfOrderPlusOne));

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.MalleableSignature.selector, 2, halfOrderPlusOne));
        oracle.changeCommittee(next, homeBlock(), certificate);
    }

    /// Quotes C-01: hot keys sign reports, not changes.
    function test_Change_RevertWhen_SignedByAHotKey() public {
        uint256 hotKey = uint256(keccak256("hot"));
        rotate(rotationOf(0, vm.rememberKey(hotKey), 1, FIRST_EPOCH + 1), memberKeys[0]);
        warpToEpoch(FIRST_EPOCH + 2);
        ICommittee.Configuration memory next = nextOf(CHANGE_EPOCH);
        bytes32 hash = hashes.hashChange(next, homeBlock());
        bytes memory certificate = bytes.concat(
            recordOf(hash, 0, hotKey), recordOf(hash, 1, memberKeys[1]), recordOf(hash, 2, memberKeys[2])
        );

        vm.expectRevert(
            abi.encodeWithSelector(IScoreOracle.WrongSigner.selector, 0, vm.addr(hotKey), vm.addr(memberKeys[0]))
        );
        oracle.changeCommittee(next, homeBlock(), certificate);
        oracle.changeCommittee(next, homeBlock(), certify(next, memberKeys, 3));
    }

    // --- when it does not fit -----------------------------------------------------------------

    /// Quotes C-07: a repeat changes nothing.
    function test_Change_RevertWhen_Repeated() public {
        ICommittee.Configuration memory next = nextOf(CHANGE_EPOCH);
        bytes memory certificate = certify(next, memberKeys, 3);
        oracle.changeCommittee(next, homeBlock(), certificate);
        ICommittee.Term memory before = oracle.termOf(digestOf(next));

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.WrongDigest.selector, digest, digestOf(next)));
        oracle.changeCommittee(next, homeBlock(), certificate);

        assertEq(abi.encode(oracle.termOf(digestOf(next))), abi.encode(before));
    }

    function test_Change_RevertWhen_OtherPredecessor() public {
        ICommittee.Configuration memory next = nextOf(CHANGE_EPOCH);
        next.prevDigest = keccak256("another deployment");
        bytes memory certificate = certify(next, memberKeys, 3);

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.WrongDigest.selector, next.prevDigest, digest));
        oracle.changeCommittee(next, homeBlock(), certificate);
    }

    function test_Change_RevertWhen_SeqSkippedOrRepeated() public {
        uint64[3] memory seqs = [0, 2, type(uint64).max];
        for (uint256 i = 0; i < seqs.length; ++i) {
            ICommittee.Configuration memory next = nextOf(CHANGE_EPOCH);
            next.seq = seqs[i];
            bytes memory certificate = certify(next, memberKeys, 3);

            vm.expectRevert(abi.encodeWithSelector(ICommittee.WrongSeq.selector, seqs[i], 1));
            oracle.changeCommittee(next, homeBlock(), certificate);
        }
    }

    function test_Change_RevertWhen_NotLater() public {
        ICommittee.Configuration memory next = nextOf(FIRST_EPOCH);
        bytes memory certificate = certify(next, memberKeys, 3);

        vm.expectRevert(abi.encodeWithSelector(ICommittee.StaleCommittee.selector, FIRST_EPOCH, FIRST_EPOCH));
        oracle.changeCommittee(next, homeBlock(), certificate);
    }

    function test_Change_RevertWhen_BeyondTheExpiry() public {
        uint64 last = FIRST_EPOCH + digestSeconds() / EPOCH_S;
        uint64[2] memory tooLate = [last + 1, type(uint64).max];
        for (uint256 i = 0; i < tooLate.length; ++i) {
            ICommittee.Configuration memory next = nextOf(tooLate[i]);
            bytes memory certificate = certify(next, memberKeys, 3);

            vm.expectRevert(abi.encodeWithSelector(ICommittee.FutureCommittee.selector, tooLate[i], last));
            oracle.changeCommittee(next, homeBlock(), certificate);
        }

        ICommittee.Configuration memory timely = nextOf(last);
        oracle.changeCommittee(timely, homeBlock(), certify(timely, memberKeys, 3));
        assertEq(oracle.termOf(digest).untilEpoch, last);
    }

    /// Quotes C-03: nothing signed under a digest is taken after it expired, a change no more than a report.
    function test_Change_RevertWhen_Expired() public {
        uint256 expiresAt = oracle.termOf(digest).expiresAt;
        ICommittee.Configuration memory next = nextOf(CHANGE_EPOCH);
        bytes memory certificate = certify(next, memberKeys, 3);
        uint64 epoch = uint64(expiresAt / EPOCH_S);

        vm.warp(expiresAt + 1);
        vm.expectRevert(abi.encodeWithSelector(ICommittee.ExpiredDigest.selector, expiresAt, expiresAt + 1));
        oracle.changeCommittee(next, homeBlock(), certificate);
        vm.expectRevert(abi.encodeWithSelector(ICommittee.ExpiredDigest.selector, expiresAt, expiresAt + 1));
        this.publishUnder(digest, epoch, 0);

        vm.warp(expiresAt);
        this.publishUnder(digest, epoch, 0);
        oracle.changeCommittee(next, homeBlock(), certificate);
        assertEq(oracle.newestDigest(), digestOf(next));
    }

    function test_Change_RevertWhen_QuorumsUnsound() public {
        ICommittee.Configuration memory next = nextOf(CHANGE_EPOCH);
        uint8[2][4] memory unsound = [[2, 2], [2, 6], [3, 4], [255, 255]];
        for (uint256 i = 0; i < unsound.length; ++i) {
            (next.f, next.q) = (unsound[i][0], unsound[i][1]);
            bytes memory certificate = certify(next, memberKeys, 3);

            vm.expectRevert(abi.encodeWithSelector(ICommittee.InvalidCommittee.selector, 7, next.f, next.q));
            oracle.changeCommittee(next, homeBlock(), certificate);
        }
    }

    function test_Change_RevertWhen_MemberZeroOrTwice() public {
        ICommittee.Configuration memory next = nextOf(CHANGE_EPOCH);
        address[2] memory wrong = [address(0), next.members[1]];
        for (uint256 i = 0; i < wrong.length; ++i) {
            next.members[5] = wrong[i];
            bytes memory certificate = certify(next, memberKeys, 3);

            vm.expectRevert(abi.encodeWithSelector(ICommittee.InvalidMember.selector, 5, wrong[i]));
            oracle.changeCommittee(next, homeBlock(), certificate);
        }
    }

    // --- salts and chains ---------------------------------------------------------------------

    /// Quotes C-07: nothing signed for one deployment is taken by another, though the members are the same.
    function test_Change_RevertWhen_OtherSalt() public {
        ICommittee.Configuration memory next = nextOf(CHANGE_EPOCH);
        bytes memory certificate = certify(next, memberKeys, 3);
        IScoreOracle.Genesis memory genesis = genesisOf(4, 1, 2);
        genesis.prevDigest = keccak256("another salt");
        RiskOracle other = new RiskOracle(genesis);

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.WrongDigest.selector, digest, other.newestDigest()));
        other.changeCommittee(next, homeBlock(), certificate);
        next.prevDigest = other.newestDigest();
        vm.expectPartialRevert(IScoreOracle.WrongSigner.selector);
        other.changeCommittee(next, homeBlock(), certificate);
    }

    /// One certificate is good on every chain of the deployment.
    function test_Change_AnyChain_TakesTheSameCertificate() public {
        ICommittee.Configuration memory next = nextOf(CHANGE_EPOCH);
        bytes memory certificate = certify(next, memberKeys, 3);
        for (uint256 chainId = 1; chainId <= 3; ++chainId) {
            vm.chainId(chainId);
            RiskOracle other = new RiskOracle(genesisOf(4, 1, 2));

            other.changeCommittee(next, homeBlock(), certificate);

            assertEq(other.newestDigest(), digestOf(next));
        }
    }

    function test_ColdKeyOf_RevertWhen_Unknown() public {
        assertEq(oracle.coldKeyOf(digest, 3), vm.addr(memberKeys[3]));

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.UnknownMember.selector, 4, 4));
        oracle.coldKeyOf(digest, 4);
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.WrongDigest.selector, bytes32(0), digest));
        oracle.coldKeyOf(0, 0);
        assertEq(oracle.termOf(0).members, 0);
        assertEq(oracle.coldKeysOf(0).length, 0);
    }
}
