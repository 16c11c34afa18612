// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ICommittee } from "../../src/interfaces/ICommittee.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { CommitteeFixture } from "../support/CommitteeFixture.sol";

/// @notice Rotations of hot keys, and whose signature counts at which epoch.
contract HotKeysTest is CommitteeFixture {
    bytes32 private constant ROOT = keccak256("root");
    uint64 private constant ROTATES_AT = FIRST_EPOCH + 3;
    /// @dev How long a replaced key still binds its member.
    uint64 private constant OVERLAP_EPOCHS = 24;
    uint256 private hotKey = uint256(keccak256("hot"));
    ICommittee.Signature private NOT_SIGNED;
    address private hot = vm.addr(uint256(keccak256("hot")));

    function setUp() public {
        deployOracle(4, 1, 2);
        vm.rememberKey(hotKey);
    }

    function publishWith(uint64 epoch, uint256 keyOfZero) external {
        IScoreOracle.Report memory report = reportOf(epoch, ROOT);
        oracle.publish(report, bytes.concat(attestAs(report, 0, keyOfZero), attest(report, 1)));
    }

    function signersWith(uint64 epoch, uint256 memberId, uint256 key) public view returns (uint32) {
        IScoreOracle.Report memory report = reportOf(epoch, ROOT);
        return oracle.signersOf(report, attestAs(report, memberId, key));
    }

    function wrongSigner(uint8 memberId, address given, address expected) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IScoreOracle.WrongSigner.selector, memberId, given, expected);
    }

    // --- what a rotation does -----------------------------------------------------------------

    function test_HotKey_Default_IsTheColdKey() public view {
        (address key, uint64 fromEpoch, uint64 nonce) = oracle.hotKeyOf(digest, 2);

        assertEq(key, vm.addr(memberKeys[2]));
        assertEq(fromEpoch, 0);
        assertEq(nonce, 0);
    }

    /// Quotes C-05: a report counts for a member only if signed by the key that was its hot key at the report's epoch.
    function test_Rotate_FromItsEpoch_TheHotKeySigns() public {
        ICommittee.HotKeyRotation memory rotation = rotationOf(0, hot, 5, ROTATES_AT);
        ICommittee.Signature memory byCold = signatureOf(hashes.hashRotation(rotation), memberKeys[0]);
        vm.expectEmit(address(oracle));
        emit ICommittee.HotKeyRotated(digest, 0, hot, 5, ROTATES_AT, byCold.r, byCold.yParityAndS, ROTATES_AT);
        rotate(rotation, memberKeys[0]);

        (address key, uint64 fromEpoch, uint64 nonce) = oracle.hotKeyOf(digest, 0);
        assertEq(key, hot);
        assertEq(fromEpoch, ROTATES_AT);
        assertEq(nonce, 5);
        assertEq(oracle.coldKeyOf(digest, 0), vm.addr(memberKeys[0]));
        assertEq(oracle.coldKeysOf(digest)[0], vm.addr(memberKeys[0]));

        warpToEpoch(ROTATES_AT);
        vm.expectRevert(wrongSigner(0, hot, hot));
        this.publishWith(ROTATES_AT - 1, hotKey);
        this.publishWith(ROTATES_AT - 1, memberKeys[0]);
        vm.expectRevert(wrongSigner(0, vm.addr(memberKeys[0]), hot));
        this.publishWith(ROTATES_AT, memberKeys[0]);
        this.publishWith(ROTATES_AT, hotKey);
        assertEq(oracle.head().epoch, ROTATES_AT);
    }

    /// A report of an epoch before two rotations still lands with the key of its time.
    function test_Rotate_Twice_EachEpochHasItsKey() public {
        uint256 secondKey = uint256(keccak256("second hot"));
        rotate(rotationOf(0, hot, 1, FIRST_EPOCH + 1), memberKeys[0]);
        warpToEpoch(FIRST_EPOCH + 1);
        rotate(rotationOf(0, vm.rememberKey(secondKey), 2, FIRST_EPOCH + 2), memberKeys[0]);
        warpToEpoch(FIRST_EPOCH + 2);

        this.publishWith(FIRST_EPOCH, memberKeys[0]);
        vm.expectPartialRevert(IScoreOracle.WrongSigner.selector);
        this.publishWith(FIRST_EPOCH + 1, memberKeys[0]);
        this.publishWith(FIRST_EPOCH + 1, hotKey);
        vm.expectPartialRevert(IScoreOracle.WrongSigner.selector);
        this.publishWith(FIRST_EPOCH + 2, hotKey);
        this.publishWith(FIRST_EPOCH + 2, secondKey);
    }

    /// Quotes C-04, C-05: a key that was lost before it counted never does; until its epoch the one before it signs.
    function test_Rotate_Pending_IsReplaced() public {
        uint256 secondKey = uint256(keccak256("second hot"));
        rotate(rotationOf(0, hot, 1, ROTATES_AT), memberKeys[0]);
        rotate(rotationOf(0, vm.rememberKey(secondKey), 2, FIRST_EPOCH + 1), memberKeys[0]);

        (address key, uint64 fromEpoch, uint64 nonce) = oracle.hotKeyOf(digest, 0);
        assertEq(key, vm.addr(secondKey));
        assertEq(fromEpoch, ROTATES_AT);
        assertEq(nonce, 2);
        warpToEpoch(ROTATES_AT);
        this.publishWith(ROTATES_AT - 1, memberKeys[0]);
        vm.expectRevert(wrongSigner(0, hot, vm.addr(secondKey)));
        this.publishWith(ROTATES_AT, hotKey);
        this.publishWith(ROTATES_AT, secondKey);
        // A thief of the lost key still binds its member for a day, as with any that was replaced.
        assertEq(signersWith(ROTATES_AT + OVERLAP_EPOCHS - 1, 0, hotKey), 1);
        vm.expectRevert(wrongSigner(0, hot, vm.addr(secondKey)));
        this.signersWith(ROTATES_AT + OVERLAP_EPOCHS, 0, hotKey);
    }

    /// Quotes C-05: where the next one begins later, the pending one has the epochs between them.
    function test_Rotate_PendingThenLater_BothCount() public {
        uint256 secondKey = uint256(keccak256("second hot"));
        rotate(rotationOf(0, hot, 1, FIRST_EPOCH + 1), memberKeys[0]);
        rotate(rotationOf(0, vm.rememberKey(secondKey), 2, FIRST_EPOCH + 3), memberKeys[0]);
        warpToEpoch(FIRST_EPOCH + 3);

        this.publishWith(FIRST_EPOCH + 2, hotKey);
        this.publishWith(FIRST_EPOCH + 3, secondKey);
        uint256 first = uint256(FIRST_EPOCH + 1) * EPOCH_S + 1 days;
        assertEq(oracle.boundUntil(digest, 0, 0), first);
        assertEq(oracle.boundUntil(digest, 0, 1), first + 2 * EPOCH_S);
    }

    /// Quotes C-04: where it lands late, it counts from the first epoch that cannot have been published there.
    function test_Rotate_Late_CountsFromTheNextEpoch() public {
        warpToEpoch(FIRST_EPOCH + 5);
        rotate(rotationOf(0, hot, 1, FIRST_EPOCH), memberKeys[0]);

        (, uint64 fromEpoch,) = oracle.hotKeyOf(digest, 0);
        assertEq(fromEpoch, FIRST_EPOCH + 6);
        this.publishWith(FIRST_EPOCH + 5, memberKeys[0]);
    }

    /// A minute before the boundary the next epoch can be published, so a rotation skips it.
    function test_Rotate_WithinTheTolerance_SkipsTheEpoch() public {
        vm.warp(uint256(FIRST_EPOCH + 1) * EPOCH_S - 60);
        rotate(rotationOf(0, hot, 1, 0), memberKeys[0]);
        vm.warp(uint256(FIRST_EPOCH + 1) * EPOCH_S - 61);
        rotate(rotationOf(1, vm.rememberKey(7), 1, 0), memberKeys[1]);

        (, uint64 within,) = oracle.hotKeyOf(digest, 0);
        (, uint64 before,) = oracle.hotKeyOf(digest, 1);
        assertEq(within, FIRST_EPOCH + 2);
        assertEq(before, FIRST_EPOCH + 1);
    }

    /// Quotes C-07: a rotation counts under one digest; the next committee starts from cold keys.
    function test_Rotate_OneDigest_DoesNotReachTheNext() public {
        rotate(rotationOf(0, hot, 1, ROTATES_AT), memberKeys[0]);
        ICommittee.Configuration memory next = nextOf(ROTATES_AT + 1);
        next.members[0] = vm.addr(memberKeys[0]);
        oracle.changeCommittee(next, homeBlock(), certify(next, memberKeys, 3));

        (address key,, uint64 nonce) = oracle.hotKeyOf(digestOf(next), 0);
        assertEq(key, vm.addr(memberKeys[0]));
        assertEq(nonce, 0);
    }

    /// A committee that is still to come can name its hot keys from its first epoch on.
    function test_Rotate_BeforeTheFirstEpoch_CountsFromIt() public {
        ICommittee.Configuration memory next = nextOf(FIRST_EPOCH + 10);
        oracle.changeCommittee(next, homeBlock(), certify(next, memberKeys, 3));
        ICommittee.HotKeyRotation memory rotation = rotationOf(0, hot, 1, 0);
        rotation.configDigest = digestOf(next);

        rotate(rotation, nextKeys[0]);

        (, uint64 fromEpoch,) = oracle.hotKeyOf(digestOf(next), 0);
        assertEq(fromEpoch, FIRST_EPOCH + 10);
    }

    // --- evidence -----------------------------------------------------------------------------

    function test_SignersOf_Report_NamesThem() public view {
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH + 1000, ROOT);
        bytes memory attestations = bytes.concat(attest(report, 1), attest(report, 3));

        assertEq(oracle.signersOf(report, attestations), 10);
    }

    function test_SignersOf_RevertWhen_NotGood() public {
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, ROOT);
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.TooFewAttestations.selector, 0, 1));
        oracle.signersOf(report, "");

        bytes memory twice = bytes.concat(attest(report, 1), attest(report, 1));
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.UnsortedAttestations.selector, 1, 1));
        oracle.signersOf(report, twice);

        bytes memory foreign = attestAs(report, 1, hotKey);
        vm.expectRevert(wrongSigner(1, hot, vm.addr(memberKeys[1])));
        oracle.signersOf(report, foreign);

        report.configDigest = keccak256("another committee");
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.WrongDigest.selector, report.configDigest, digest));
        oracle.signersOf(report, twice);
    }

    /// Evidence outlives the committee: a member answers for what it signed after it was replaced and after it expired.
    function test_SignersOf_SupersededAndExpired_StillNamesThem() public {
        ICommittee.Configuration memory next = nextOf(FIRST_EPOCH + 1);
        oracle.changeCommittee(next, homeBlock(), certify(next, memberKeys, 3));
        vm.warp(block.timestamp + 2 * digestSeconds());

        assertEq(signersWith(FIRST_EPOCH, 2, memberKeys[2]), 4);
        assertEq(signersWith(FIRST_EPOCH + 50, 2, memberKeys[2]), 4);
    }

    /// Quotes C-05: as evidence, a replaced key still binds its member for a day of epochs.
    function test_SignersOf_ReplacedKey_BindsForADay() public {
        rotate(rotationOf(0, hot, 1, ROTATES_AT), memberKeys[0]);

        assertEq(signersWith(ROTATES_AT - 1, 0, memberKeys[0]), 1);
        assertEq(signersWith(ROTATES_AT + OVERLAP_EPOCHS - 1, 0, memberKeys[0]), 1);
        assertEq(signersWith(ROTATES_AT, 0, hotKey), 1);

        vm.expectRevert(wrongSigner(0, vm.addr(memberKeys[0]), hot));
        this.signersWith(ROTATES_AT + OVERLAP_EPOCHS, 0, memberKeys[0]);
        vm.expectRevert(wrongSigner(0, hot, hot));
        this.signersWith(ROTATES_AT - 1, 0, hotKey);
        // Nobody else answers for that key.
        vm.expectRevert(wrongSigner(1, vm.addr(memberKeys[0]), vm.addr(memberKeys[1])));
        this.signersWith(ROTATES_AT, 1, memberKeys[0]);
    }

    /// Quotes C-09: up to a day after the boundary from which the next newer rotation counts here, however many came after it.
    function test_BoundUntil_Rotations_EndsADayAfterTheNextNewer() public {
        rotate(rotationOf(0, hot, 4, FIRST_EPOCH + 1), memberKeys[0]);
        warpToEpoch(FIRST_EPOCH + 1);
        rotate(rotationOf(0, vm.rememberKey(9), 7, FIRST_EPOCH + 3), memberKeys[0]);

        uint256 first = uint256(FIRST_EPOCH + 1) * EPOCH_S + 1 days;
        uint256 second = uint256(FIRST_EPOCH + 3) * EPOCH_S + 1 days;
        assertEq(oracle.boundUntil(digest, 0, 0), first);
        assertEq(oracle.boundUntil(digest, 0, 3), first);
        assertEq(oracle.boundUntil(digest, 0, 4), second);
        assertEq(oracle.boundUntil(digest, 0, 6), second);
        assertEq(oracle.boundUntil(digest, 0, 7), type(uint256).max);
        assertEq(oracle.boundUntil(digest, 1, 0), type(uint256).max);
    }

    /// Quotes C-09: however often a pending one is replaced, what is walked through to find the end is short.
    function test_BoundUntil_ReplacedWhilePending_CostsNoMore() public {
        rotate(rotationOf(0, hot, 1, ROTATES_AT), memberKeys[0]);
        uint256 before = gasleft();
        assertEq(oracle.boundUntil(digest, 0, 0), uint256(ROTATES_AT) * EPOCH_S + 1 days);
        uint256 once = before - gasleft();
        for (uint64 nonce = 2; nonce < 60; ++nonce) {
            rotate(rotationOf(0, vm.rememberKey(1000 + nonce), nonce, ROTATES_AT), memberKeys[0]);
        }

        before = gasleft();
        assertEq(oracle.boundUntil(digest, 0, 0), uint256(ROTATES_AT) * EPOCH_S + 1 days);
        assertLe(before - gasleft(), once + 5000);
        assertEq(oracle.boundUntil(digest, 0, 30), uint256(ROTATES_AT) * EPOCH_S + 1 days);
        assertEq(oracle.boundUntil(digest, 0, 59), type(uint256).max);
    }

    // --- refusals -----------------------------------------------------------------------------

    function expectRefusal(ICommittee.HotKeyRotation memory rotation, uint256 key, bytes memory reason) private {
        ICommittee.Signature memory byCold = signatureOf(hashes.hashRotation(rotation), key);
        vm.expectRevert(reason);
        oracle.rotateHotKey(rotation, byCold, NOT_SIGNED);
    }

    function test_Rotate_RevertWhen_NotByTheColdKey() public {
        expectRefusal(
            rotationOf(0, hot, 1, ROTATES_AT),
            memberKeys[1],
            wrongSigner(0, vm.addr(memberKeys[1]), vm.addr(memberKeys[0]))
        );

        // The hot key cannot name its successor.
        rotate(rotationOf(0, hot, 1, FIRST_EPOCH + 1), memberKeys[0]);
        warpToEpoch(FIRST_EPOCH + 1);
        expectRefusal(rotationOf(0, vm.addr(9), 2, 0), hotKey, wrongSigner(0, hot, vm.addr(memberKeys[0])));
    }

    /// Quotes C-04: a member names no key that it does not hold, be it nobody's or another's.
    function test_Rotate_RevertWhen_HotKeyDidNotSign() public {
        ICommittee.HotKeyRotation memory rotation = rotationOf(0, hot, 1, ROTATES_AT);
        bytes32 hash = hashes.hashRotation(rotation);
        ICommittee.Signature memory byCold = signatureOf(hash, memberKeys[0]);
        ICommittee.Signature memory ofAnother =
            signatureOf(hashes.hashRotation(rotationOf(1, hot, 1, ROTATES_AT)), hotKey);

        vm.expectRevert(wrongSigner(0, vm.addr(memberKeys[0]), hot));
        oracle.rotateHotKey(rotation, byCold, byCold);
        vm.expectRevert(wrongSigner(0, address(0), hot));
        oracle.rotateHotKey(rotation, byCold, NOT_SIGNED);
        vm.expectPartialRevert(IScoreOracle.WrongSigner.selector);
        oracle.rotateHotKey(rotation, byCold, ofAnother);
        oracle.rotateHotKey(rotation, byCold, signatureOf(hash, hotKey));
    }

    function test_Rotate_RevertWhen_FieldChanged() public {
        ICommittee.HotKeyRotation memory rotation = rotationOf(0, hot, 1, ROTATES_AT);
        bytes32 hash = hashes.hashRotation(rotation);
        rotation.hotKey = address(0xBAD);

        vm.expectPartialRevert(IScoreOracle.WrongSigner.selector);
        oracle.rotateHotKey(rotation, signatureOf(hash, memberKeys[0]), signatureOf(hash, hotKey));
    }

    /// Quotes C-07: a repeat changes nothing, and an older rotation never comes back.
    function test_Rotate_RevertWhen_NonceNotHigher() public {
        ICommittee.HotKeyRotation memory rotation = rotationOf(0, hot, 7, FIRST_EPOCH + 1);
        rotate(rotation, memberKeys[0]);
        warpToEpoch(FIRST_EPOCH + 1);

        expectRefusal(rotation, memberKeys[0], abi.encodeWithSelector(ICommittee.HotKeyTaken.selector, hot));
        for (uint64 nonce = 0; nonce <= 7; nonce += 7) {
            expectRefusal(
                rotationOf(0, vm.addr(9), nonce, FIRST_EPOCH + 3),
                memberKeys[0],
                abi.encodeWithSelector(ICommittee.StaleNonce.selector, nonce, 7)
            );
        }
        rotate(rotationOf(0, vm.rememberKey(9), type(uint64).max, FIRST_EPOCH + 3), memberKeys[0]);
    }

    function test_Rotate_RevertWhen_NonceZero() public {
        expectRefusal(
            rotationOf(0, hot, 0, ROTATES_AT),
            memberKeys[0],
            abi.encodeWithSelector(ICommittee.StaleNonce.selector, 0, 0)
        );
    }

    function test_Rotate_RevertWhen_HotKeyTaken() public {
        rotate(rotationOf(0, hot, 1, FIRST_EPOCH + 1), memberKeys[0]);
        warpToEpoch(FIRST_EPOCH + 1);
        address[5] memory taken =
            [address(0), hot, vm.addr(memberKeys[0]), vm.addr(memberKeys[1]), vm.addr(memberKeys[3])];
        for (uint256 i = 0; i < taken.length; ++i) {
            expectRefusal(
                rotationOf(1, taken[i], 1, 0),
                memberKeys[1],
                abi.encodeWithSelector(ICommittee.HotKeyTaken.selector, taken[i])
            );
        }
    }

    /// The successor of the digest may begin before the pending one would count: then nothing can take its place.
    function test_Rotate_RevertWhen_PendingOneIsPastTheDigest() public {
        rotate(rotationOf(0, hot, 1, ROTATES_AT), memberKeys[0]);
        ICommittee.Configuration memory next = nextOf(ROTATES_AT - 1);
        oracle.changeCommittee(next, homeBlock(), certify(next, memberKeys, 3));

        expectRefusal(
            rotationOf(0, vm.addr(9), 2, 0),
            memberKeys[0],
            abi.encodeWithSelector(ICommittee.SupersededDigest.selector, ROTATES_AT, ROTATES_AT - 1)
        );
    }

    function test_Rotate_RevertWhen_TooFarAhead() public {
        uint64 last = FIRST_EPOCH + 1 + OVERLAP_EPOCHS;
        uint64[2] memory tooFar = [last + 1, type(uint64).max];
        for (uint256 i = 0; i < tooFar.length; ++i) {
            expectRefusal(
                rotationOf(0, hot, 1, tooFar[i]),
                memberKeys[0],
                abi.encodeWithSelector(ICommittee.FutureRotation.selector, tooFar[i], last)
            );
        }
        rotate(rotationOf(0, hot, 1, last), memberKeys[0]);
    }

    function test_Rotate_RevertWhen_UnknownMemberOrDigest() public {
        expectRefusal(
            rotationOf(4, hot, 1, ROTATES_AT),
            memberKeys[0],
            abi.encodeWithSelector(IScoreOracle.UnknownMember.selector, 4, 4)
        );
        ICommittee.HotKeyRotation memory rotation = rotationOf(0, hot, 1, ROTATES_AT);
        rotation.configDigest = keccak256("another committee");
        expectRefusal(
            rotation,
            memberKeys[0],
            abi.encodeWithSelector(IScoreOracle.WrongDigest.selector, rotation.configDigest, digest)
        );
    }

    function test_Rotate_RevertWhen_DigestIsSuperseded() public {
        ICommittee.Configuration memory next = nextOf(FIRST_EPOCH + 1);
        oracle.changeCommittee(next, homeBlock(), certify(next, memberKeys, 3));
        expectRefusal(
            rotationOf(0, hot, 1, ROTATES_AT),
            memberKeys[0],
            abi.encodeWithSelector(ICommittee.SupersededDigest.selector, ROTATES_AT, FIRST_EPOCH + 1)
        );
    }

    function test_Rotate_RevertWhen_HighS() public {
        bytes32 halfOrderPlusOne = bytes32(SECP256K1_ORDER / 2 + 1);

        ICommittee.HotKeyRotation memory rotation = rotationOf(0, hot, 1, ROTATES_AT);
        ICommittee.Signature memory byCold = signatureOf(hashes.hashRotation(rotation), memberKeys[0]);
        ICommittee.Signature memory high = ICommittee.Signature(keccak256("r"), halfOrderPlusOne);

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.MalleableSignature.selector, 0, halfOrderPlusOne));
        oracle.rotateHotKey(rotation, high, byCold);
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.MalleableSignature.selector, 0, halfOrderPlusOne));
        oracle.rotateHotKey(rotation, byCold, high);
    }

    function test_HotKeyOf_RevertWhen_UnknownMember() public {
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.UnknownMember.selector, 31, 4));
        oracle.hotKeyOf(digest, 31);
    }
}
