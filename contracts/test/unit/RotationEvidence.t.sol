// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { Vm } from "forge-std/Vm.sol";

import { ICommittee } from "../../src/interfaces/ICommittee.sol";
import { IScoreDispute } from "../../src/interfaces/IScoreDispute.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { IStaking } from "../../src/interfaces/IStaking.sol";
import { DisputeFixture } from "../support/DisputeFixture.sol";

/// @notice Members that signed with hot keys of which the home chain was never told. Four members, f = 1, q = 3.
/// @dev Member 0 names `hot` from EPOCH on; only another chain heard of it.
contract RotationEvidenceTest is DisputeFixture {
    uint64 private constant EPOCH = FIRST_EPOCH + 2;
    uint8 private constant EQUIVOCATION = uint8(IStaking.Offence.Equivocation);
    uint64 private constant OVERLAP_EPOCHS = 24;

    uint256 private hotKey = uint256(keccak256("hot"));
    address private hot = vm.addr(uint256(keccak256("hot")));

    function setUp() public {
        deployDispute(4, 1, 3, "borrower-sandbox-1");
        vm.rememberKey(hotKey);
    }

    function signed(ICommittee.HotKeyRotation memory rotation, uint256 key)
        private
        view
        returns (ICommittee.SignedRotation memory)
    {
        return ICommittee.SignedRotation(rotation, signatureOf(hashes.hashRotation(rotation), key));
    }

    function rotated() private view returns (ICommittee.HotKeyRotation memory) {
        return rotationOf(0, hot, 1, EPOCH);
    }

    /// @dev Member 0 with its hot key, and the members of the bitmap with theirs.
    function evidenceWith(string memory root, uint64 epoch, uint32 others, ICommittee.SignedRotation memory rotation)
        private
        view
        returns (IScoreDispute.Evidence memory evidence)
    {
        IScoreOracle.Report memory report = reportOf(epoch, keccak256(bytes(root)));
        evidence = evidenceOf(report, others);
        evidence.attestations = bytes.concat(attestAs(report, 0, hotKey), evidence.attestations);
        evidence.rotations = new ICommittee.SignedRotation[](1);
        evidence.rotations[0] = rotation;
    }

    function expectRefusal(IScoreDispute.Evidence memory evidence, bytes memory reason) private {
        IScoreDispute.Evidence memory other = evidenceOf(reportOf(evidence.report.epoch, keccak256("other")), 0x1);
        vm.expectRevert(reason);
        dispute.proveEquivocation(evidence, other);
    }

    function wrongSigner(uint8 memberId, address given, address expected) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IScoreOracle.WrongSigner.selector, memberId, given, expected);
    }

    /// Quotes C-09: the key was named by a rotation that never landed here, and alone it is nobody's.
    function test_Evidence_UnheardOfHotKey_ConvictsWithItsRotation() public {
        ICommittee.SignedRotation memory rotation = signed(rotated(), memberKeys[0]);
        IScoreDispute.Evidence memory first = evidenceWith("first", EPOCH, 0x2, rotation);
        IScoreDispute.Evidence memory second = evidenceWith("second", EPOCH, 0x4, rotation);
        IScoreDispute.Evidence memory bare = evidenceWith("first", EPOCH, 0x2, rotation);
        delete bare.rotations;

        expectRefusal(bare, wrongSigner(0, hot, vm.addr(memberKeys[0])));
        assertEq(dispute.proveEquivocation(first, second), STAKE);

        assertEq(offenceOf(0, EPOCH), EQUIVOCATION);
        assertEq(offenceOf(1, EPOCH), 0);
        assertTrue(oracle.isVoided(oracle.hashReport(first.report)));
    }

    /// Quotes C-09: what another chain logged of a rotation is evidence enough on the chain that never heard of it.
    function test_Evidence_FromTheLogOfAnotherChain_Convicts() public {
        uint256 home = vm.snapshotState();
        vm.recordLogs();
        rotate(rotated(), memberKeys[0]);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.revertToState(home);
        assertEq(logs[0].topics[0], ICommittee.HotKeyRotated.selector);

        (address key, uint64 nonce, uint64 signedFrom, bytes32 r, bytes32 parityAndS,) =
            abi.decode(logs[0].data, (address, uint64, uint64, bytes32, bytes32, uint256));
        ICommittee.SignedRotation memory rotation = ICommittee.SignedRotation({
            rotation: ICommittee.HotKeyRotation({
                configDigest: logs[0].topics[1],
                memberId: uint8(uint256(logs[0].topics[2])),
                hotKey: key,
                nonce: nonce,
                fromEpoch: signedFrom
            }),
            byCold: ICommittee.Signature(r, parityAndS)
        });
        dispute.proveEquivocation(evidenceWith("a", EPOCH, 0, rotation), evidenceWith("b", EPOCH, 0, rotation));

        assertEq(offenceOf(0, EPOCH), EQUIVOCATION);
    }

    /// Quotes C-09: one report with the cold key, as the home chain has it, and one with the hot key elsewhere.
    function test_Evidence_ColdAndHotKey_IsEquivocation() public {
        IScoreDispute.Evidence memory home = evidenceOf(reportOf(EPOCH, keccak256("home")), 0x1);

        dispute.proveEquivocation(home, evidenceWith("away", EPOCH, 0, signed(rotated(), memberKeys[0])));

        assertEq(offenceOf(0, EPOCH), EQUIVOCATION);
    }

    /// Quotes C-09: landing a newer rotation after the deed is no way out.
    function test_Evidence_NewerRotationLandsLater_StillConvicts() public {
        warpToEpoch(EPOCH);
        rotate(rotationOf(0, vm.rememberKey(9), 2, 0), memberKeys[0]);
        ICommittee.SignedRotation memory rotation = signed(rotated(), memberKeys[0]);

        dispute.proveEquivocation(evidenceWith("a", EPOCH, 0, rotation), evidenceWith("b", EPOCH, 0, rotation));

        assertEq(offenceOf(0, EPOCH), EQUIVOCATION);
    }

    /// Quotes C-09: whoever stole a key that was replaced here two rotations ago cannot convict with it.
    function test_Evidence_RevertWhen_ReplacedForADay() public {
        rotate(rotationOf(0, vm.rememberKey(9), 2, EPOCH), memberKeys[0]);
        warpToEpoch(EPOCH + OVERLAP_EPOCHS);
        rotate(rotationOf(0, vm.rememberKey(10), 3, 0), memberKeys[0]);
        ICommittee.SignedRotation memory rotation = signed(rotationOf(0, hot, 1, FIRST_EPOCH), memberKeys[0]);
        uint256 end = uint256(EPOCH) * EPOCH_S + 1 days;

        expectRefusal(
            evidenceWith("late", EPOCH + OVERLAP_EPOCHS, 0, rotation),
            abi.encodeWithSelector(IScoreDispute.ReplacedKey.selector, end, end)
        );
        uint64 last = EPOCH + OVERLAP_EPOCHS - 1;
        dispute.proveEquivocation(evidenceWith("a", last, 0, rotation), evidenceWith("b", last, 0, rotation));
        assertEq(offenceOf(0, last), EQUIVOCATION);
    }

    /// Quotes C-09: of an epoch before the one it names, a key binds nobody.
    function test_Evidence_RevertWhen_BeforeItsEpoch() public {
        expectRefusal(
            evidenceWith("early", EPOCH - 1, 0, signed(rotated(), memberKeys[0])),
            abi.encodeWithSelector(IScoreDispute.EarlyKey.selector, EPOCH - 1, EPOCH)
        );
    }

    /// Quotes D-01: nobody names a key for another member.
    function test_Evidence_RevertWhen_NotByTheColdKey() public {
        expectRefusal(
            evidenceWith("forged", EPOCH, 0, signed(rotated(), memberKeys[1])),
            wrongSigner(0, vm.addr(memberKeys[1]), vm.addr(memberKeys[0]))
        );
        expectRefusal(
            evidenceWith("forged", EPOCH, 0, signed(rotated(), hotKey)), wrongSigner(0, hot, vm.addr(memberKeys[0]))
        );
    }

    /// Quotes D-01: a rotation to another key says nothing about this one.
    function test_Evidence_RevertWhen_RotationNamesAnotherKey() public {
        expectRefusal(
            evidenceWith("other key", EPOCH, 0, signed(rotationOf(0, vm.addr(9), 1, EPOCH), memberKeys[0])),
            wrongSigner(0, hot, vm.addr(9))
        );
    }

    /// A record that recovers to nobody is nobody's, though a rotation names the zero address.
    function test_Evidence_RevertWhen_NobodySigned() public {
        IScoreDispute.Evidence memory evidence =
            evidenceWith("nobody", EPOCH, 0, signed(rotationOf(0, address(0), 1, EPOCH), memberKeys[0]));
        evidence.attestations = abi.encodePacked(uint8(0), bytes32(0), bytes32(0));

        expectRefusal(evidence, wrongSigner(0, address(0), address(0)));
    }

    /// Quotes C-07: a rotation signed under another digest names nothing here.
    function test_Evidence_RevertWhen_OfAnotherDigest() public {
        ICommittee.HotKeyRotation memory rotation = rotated();
        rotation.configDigest = keccak256("another committee");

        expectRefusal(
            evidenceWith("other digest", EPOCH, 0, signed(rotation, memberKeys[0])),
            abi.encodeWithSelector(IScoreOracle.WrongDigest.selector, rotation.configDigest, digest)
        );
    }

    /// Each rotation belongs to a record, and the records beside it are judged as ever.
    function test_Evidence_RevertWhen_RotationIsNotNeeded() public {
        ICommittee.SignedRotation memory rotation = signed(rotated(), memberKeys[0]);
        IScoreDispute.Evidence memory twice = evidenceWith("twice", EPOCH, 0, rotation);
        twice.rotations = new ICommittee.SignedRotation[](2);
        (twice.rotations[0], twice.rotations[1]) = (rotation, rotation);
        IScoreDispute.Evidence memory foreign = evidenceOf(reportOf(EPOCH, keccak256("foreign")), 0x2);
        foreign.rotations = evidenceWith("", EPOCH, 0, rotation).rotations;
        IScoreDispute.Evidence memory forged = evidenceWith("forged", EPOCH, 0, rotation);
        forged.attestations = bytes.concat(forged.attestations, attestAs(forged.report, 2, memberKeys[1]));

        expectRefusal(twice, abi.encodeWithSelector(IScoreDispute.UnusedRotation.selector, 1, 2));
        expectRefusal(foreign, abi.encodeWithSelector(IScoreDispute.UnusedRotation.selector, 0, 1));
        expectRefusal(forged, wrongSigner(2, vm.addr(memberKeys[1]), vm.addr(memberKeys[2])));
    }

    function test_Evidence_RevertWhen_UnknownDigest() public {
        IScoreDispute.Evidence memory evidence = evidenceWith("x", EPOCH, 0, signed(rotated(), memberKeys[0]));
        evidence.report.configDigest = keccak256("another committee");
        IScoreDispute.Evidence memory other = evidenceWith("y", EPOCH, 0, signed(rotated(), memberKeys[0]));
        other.report.configDigest = keccak256("another committee");

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.UnknownMember.selector, 0, 0));
        dispute.proveEquivocation(evidence, other);
    }

    /// Two changes of one committee are two signatures of whoever signed both, on any chain and at any time.
    function test_ChangeSignersOf_TwoChanges_NameWhoSignedBoth() public {
        ICommittee.Configuration memory next = nextOf(EPOCH);
        ICommittee.Configuration memory other = nextOf(EPOCH + 1);
        bytes32 otherHash = hashes.hashChange(other, homeBlock());
        bytes memory certificate = certify(next, memberKeys, 3);
        bytes memory records =
            bytes.concat(recordOf(otherHash, 2, memberKeys[2]), recordOf(otherHash, 3, memberKeys[3]));
        oracle.changeCommittee(next, homeBlock(), certificate);
        vm.warp(block.timestamp + 365 days);

        assertEq(dispute.changeSignersOf(next, homeBlock(), certificate), 0x7);
        assertEq(dispute.changeSignersOf(other, homeBlock(), records), 0xc);

        bytes memory forged = recordOf(otherHash, 2, memberKeys[1]);
        vm.expectRevert(wrongSigner(2, vm.addr(memberKeys[1]), vm.addr(memberKeys[2])));
        dispute.changeSignersOf(other, homeBlock(), forged);
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.TooFewAttestations.selector, 0, 1));
        dispute.changeSignersOf(other, homeBlock(), "");
        other.prevDigest = keccak256("unknown");
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.UnknownMember.selector, 0, 0));
        dispute.changeSignersOf(other, homeBlock(), certificate);
    }
}
