// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { ICommittee } from "../interfaces/ICommittee.sol";
import { IScoreDispute } from "../interfaces/IScoreDispute.sol";
import { IScoreOracle } from "../interfaces/IScoreOracle.sol";
import { AttestationLib } from "./AttestationLib.sol";

/// @title Who answers for a report
/// @notice A member is bound by what its cold key signed, not by where it landed: evidence may carry rotations that this chain was
///         never told of.
library EvidenceLib {
    /// @notice Members that signed, one bit each; reverts unless every record is a good one and every rotation is needed.
    /// @dev A record whose member has no rotation in the evidence is judged by the keys that the chain knows.
    /// @custom:invariant D-01 Nobody answers for what he did not sign.
    function signersOf(ICommittee committee, IScoreDispute.Evidence calldata evidence) internal view returns (uint32) {
        uint256 given = evidence.rotations.length;
        if (given == 0) return committee.signersOf(evidence.report, evidence.attestations);
        bytes32 hash = AttestationLib.hashReport(AttestationLib.domainSeparator(), evidence.report);
        uint256 count = AttestationLib.requireCount(evidence.attestations, 1);
        uint256 members = committee.termOf(evidence.report.configDigest).members;
        uint256 signers;
        uint256 used;
        for (uint256 i = 0; i < count; ++i) {
            (uint256 memberId, address signer) =
                AttestationLib.signerAt(hash, evidence.attestations, i, members, signers);
            if (used < given && evidence.rotations[used].rotation.memberId == memberId) {
                _requireBound(committee, evidence.report, evidence.rotations[used++], signer);
            } else {
                _requireKnown(committee, evidence, i);
            }
            signers |= 1 << memberId;
        }
        if (used != given) revert IScoreDispute.UnusedRotation(used, given);
        // Cast is safe: ids are below 31.
        return uint32(signers);
    }

    /// @notice Members of the configuration before `next` whose cold keys signed a change to it, one bit each.
    function changeSignersOf(
        ICommittee committee,
        ICommittee.Configuration calldata next,
        ICommittee.HomeBlock calldata home,
        bytes calldata attestations
    ) internal view returns (uint32) {
        bytes32 domain = AttestationLib.domainSeparator();
        bytes32 hash = AttestationLib.hashChange(
            domain, next.prevDigest, next.seq, AttestationLib.hashConfiguration(next), home
        );
        uint256 count = AttestationLib.requireCount(attestations, 1);
        address[] memory coldKeys = committee.coldKeysOf(next.prevDigest);
        uint256 signers;
        for (uint256 i = 0; i < count; ++i) {
            (uint256 memberId, address signer) =
                AttestationLib.signerAt(hash, attestations, i, coldKeys.length, signers);
            if (signer != coldKeys[memberId]) {
                revert IScoreOracle.WrongSigner(uint8(memberId), signer, coldKeys[memberId]);
            }
            signers |= 1 << memberId;
        }
        // Cast is safe: ids are below 31.
        return uint32(signers);
    }

    /// @dev Record `index`, judged alone by the keys that the chain knows.
    function _requireKnown(ICommittee committee, IScoreDispute.Evidence calldata evidence, uint256 index) private view {
        uint256 start = index * AttestationLib.RECORD_BYTES;
        committee.signersOf(evidence.report, evidence.attestations[start:start + AttestationLib.RECORD_BYTES]);
    }

    /// @custom:invariant C-09 A key binds its member by the cold key's signature alone, from the epoch that it names, until a day after
    ///                         a newer rotation counts here.
    function _requireBound(
        ICommittee committee,
        IScoreOracle.Report calldata report,
        ICommittee.SignedRotation calldata signed,
        address signer
    ) private view {
        ICommittee.HotKeyRotation calldata rotation = signed.rotation;
        bytes32 digest = report.configDigest;
        uint8 memberId = rotation.memberId;
        if (rotation.configDigest != digest) revert IScoreOracle.WrongDigest(rotation.configDigest, digest);
        // A recovery that fails gives zero, which no rotation can name.
        if (rotation.hotKey != signer || signer == address(0)) {
            revert IScoreOracle.WrongSigner(memberId, signer, rotation.hotKey);
        }
        if (report.epoch < rotation.fromEpoch) revert IScoreDispute.EarlyKey(report.epoch, rotation.fromEpoch);
        bytes32 hash = AttestationLib.hashRotation(AttestationLib.domainSeparator(), rotation);
        AttestationLib.requireSigned(hash, memberId, signed.byCold, committee.coldKeyOf(digest, memberId));
        uint256 observedAt = uint256(report.epoch) * IScoreOracle(address(committee)).epochSeconds();
        uint256 untilS = committee.boundUntil(digest, memberId, rotation.nonce);
        if (observedAt >= untilS) revert IScoreDispute.ReplacedKey(observedAt, untilS);
    }
}
