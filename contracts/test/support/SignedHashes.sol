// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ICommittee } from "../../src/interfaces/ICommittee.sol";
import { AttestationLib } from "../../src/libraries/AttestationLib.sol";

/// @notice What cold keys sign, as the library hashes it.
contract SignedHashes {
    function hashChange(ICommittee.Configuration calldata next, ICommittee.HomeBlock calldata home)
        external
        pure
        returns (bytes32)
    {
        bytes32 nextDigest = AttestationLib.hashConfiguration(next);
        return AttestationLib.hashChange(AttestationLib.domainSeparator(), next.prevDigest, next.seq, nextDigest, home);
    }

    function hashRotation(ICommittee.HotKeyRotation calldata rotation) external pure returns (bytes32) {
        return AttestationLib.hashRotation(AttestationLib.domainSeparator(), rotation);
    }
}
