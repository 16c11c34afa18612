// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { AttestationLib } from "../../src/libraries/AttestationLib.sol";

/// @notice The quorum's library for every input at once: `check_` functions are proved by halmos, not run by forge.
contract QuorumChecks {
    function signerAt(bytes32 hash, bytes calldata records, uint256 memberCount, uint256 signers)
        external
        view
        returns (uint256 memberId, address signer)
    {
        return AttestationLib.signerAt(hash, records, 0, memberCount, signers);
    }

    function requireCount(bytes calldata records, uint256 quorum) external pure returns (uint256) {
        return AttestationLib.requireCount(records, quorum);
    }

    /// Q-01: a record counts only for a known member above all that were counted.
    function check_Q01_Record_CountsForANewMember(
        bytes32 hash,
        uint8 id,
        bytes32 r,
        bytes32 parityAndS,
        uint8 memberCount,
        uint32 signers
    ) external view {
        bytes memory record = abi.encodePacked(id, r, parityAndS);
        try this.signerAt(hash, record, memberCount, signers) returns (uint256 memberId, address) {
            assert(memberId == id);
            assert(memberId < memberCount);
            assert(uint256(signers) >> memberId == 0);
        } catch { }
    }

    /// Q-02: what is counted is whole records, and at least the quorum.
    function check_Q02_Records_AreAQuorum(bytes calldata records, uint256 quorum) external view {
        try this.requireCount(records, quorum) returns (uint256 count) {
            assert(count >= quorum);
            assert(count * 65 == records.length);
        } catch {
            assert(records.length % 65 != 0 || records.length / 65 < quorum);
        }
    }
}
