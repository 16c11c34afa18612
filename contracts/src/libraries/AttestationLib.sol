// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IScoreOracle } from "../interfaces/IScoreOracle.sol";

/// @title What an attestation signs, and whether enough of them come together
/// @dev The precompile is called directly: OpenZeppelin's ECDSA checks again what is checked here with the member's id.
///      EIP-712 with the domain {name, version} only: one report serves every chain.
library AttestationLib {
    bytes32 internal constant REPORT_TYPEHASH = keccak256(
        "Report(bytes32 configDigest,uint64 epoch,bytes32 cutHash,bytes32 scoresRoot,uint32 observers,uint32 borrowers,uint32 collaterals,uint32 stalledChains)"
    );
    bytes32 internal constant DOMAIN_TYPEHASH = keccak256("EIP712Domain(string name,string version)");

    uint256 internal constant RECORD_BYTES = 65;

    /// @dev Top bit of `yParityAndS`.
    uint256 private constant _PARITY_BIT = 1 << 255;
    /// @dev Half of the order of secp256k1; above it a signature has a lower twin.
    uint256 private constant _HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice EIP-712 domain separator of every Assay report.
    function domainSeparator() internal pure returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, keccak256("Assay"), keccak256("1")));
    }

    /// @notice EIP-712 digest of a report.
    function hashReport(bytes32 domain, IScoreOracle.Report calldata report) internal pure returns (bytes32 digest) {
        bytes32 typeHash = REPORT_TYPEHASH;
        // Safe: writes past the free memory pointer only. A report is eight static words, so its calldata is its ABI
        // encoding; dirty high bits would make another digest, which nobody signed.
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typeHash)
            calldatacopy(add(free, 32), report, 256)
            let structHash := keccak256(free, 288)
            mstore(free, shl(240, 0x1901))
            mstore(add(free, 2), domain)
            mstore(add(free, 34), structHash)
            digest := keccak256(free, 66)
        }
    }

    /// @notice Checks records `uint8 memberId ‖ r ‖ yParityAndS` in ascending member order against `members`.
    /// @return signers One bit for each member whose attestation was checked.
    /// @custom:invariant Q-01 A member counts at most once towards a quorum.
    function requireQuorum(
        bytes32 digest,
        bytes calldata attestations,
        address[31] storage members,
        uint256 memberCount,
        uint256 quorum
    ) internal view returns (uint32 signers) {
        uint256 count = attestations.length / RECORD_BYTES;
        if (attestations.length % RECORD_BYTES != 0) {
            revert IScoreOracle.MalformedAttestations(attestations.length);
        }
        if (count < quorum) revert IScoreOracle.TooFewAttestations(count, quorum);
        uint256 previous;
        // Safe: record i lies inside the calldata by the length checked above; ids are below 31.
        unchecked {
            for (uint256 i = 0; i < count; ++i) {
                (uint256 memberId, bytes32 r, uint256 parityAndS) = _recordAt(attestations, i * RECORD_BYTES);
                if (i != 0 && memberId <= previous) {
                    revert IScoreOracle.UnsortedAttestations(uint8(memberId), uint8(previous));
                }
                if (memberId >= memberCount) revert IScoreOracle.UnknownMember(uint8(memberId), memberCount);
                _requireSigner(digest, uint8(memberId), r, parityAndS, members[memberId]);
                previous = memberId;
                signers |= uint32(1 << memberId);
            }
        }
    }

    function _requireSigner(bytes32 digest, uint8 memberId, bytes32 r, uint256 parityAndS, address member)
        private
        pure
    {
        uint256 s = parityAndS & ~_PARITY_BIT;
        if (s > _HALF_ORDER) revert IScoreOracle.MalleableSignature(memberId, bytes32(s));
        // Safe: the parity is one bit.
        address signer = ecrecover(digest, uint8(27 + (parityAndS >> 255)), r, bytes32(s));
        // A failed recovery gives zero, which is no member.
        if (signer != member) revert IScoreOracle.WrongSigner(memberId, signer, member);
    }

    function _recordAt(bytes calldata attestations, uint256 at)
        private
        pure
        returns (uint256 memberId, bytes32 r, uint256 parityAndS)
    {
        // Safe: the caller checked that 65 bytes follow `at`.
        assembly ("memory-safe") {
            let start := add(attestations.offset, at)
            memberId := byte(0, calldataload(start))
            r := calldataload(add(start, 1))
            parityAndS := calldataload(add(start, 33))
        }
    }
}
