// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { ICommittee } from "../interfaces/ICommittee.sol";
import { IScoreOracle } from "../interfaces/IScoreOracle.sol";

/// @title What members sign, and who signed
/// @dev The precompile is called directly: OpenZeppelin's ECDSA checks again what is checked here with the member's id.
///      EIP-712 with the domain {name, version} only: one report, and one change of committee, serves every chain.
library AttestationLib {
    bytes32 internal constant REPORT_TYPEHASH = keccak256(
        "Report(bytes32 configDigest,uint64 epoch,bytes32 cutHash,bytes32 scoresRoot,uint32 observers,uint32 borrowers,uint32 collaterals,uint32 stalledChains)"
    );
    bytes32 internal constant CHANGE_TYPEHASH = keccak256(
        "CommitteeChange(bytes32 prevDigest,uint64 seq,bytes32 nextDigest,uint64 homeChainId,uint64 homeBlockNumber,bytes32 homeBlockHash)"
    );
    bytes32 internal constant ROTATION_TYPEHASH =
        keccak256("HotKeyRotation(bytes32 configDigest,uint8 memberId,address hotKey,uint64 nonce,uint64 fromEpoch)");
    bytes32 internal constant DOMAIN_TYPEHASH = keccak256("EIP712Domain(string name,string version)");

    uint256 internal constant RECORD_BYTES = 65;

    /// @dev Top bit of `yParityAndS`.
    uint256 private constant _PARITY_BIT = 1 << 255;
    /// @dev Half of the order of secp256k1; above it a signature has a lower twin.
    uint256 private constant _HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice EIP-712 domain separator of everything that Assay signs.
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

    /// @notice Digest of a configuration: what reports name, and what binds everything about a committee.
    function hashConfiguration(ICommittee.Configuration memory config) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                config.prevDigest, config.seq, config.members, config.f, config.q, config.paramsHash, config.fromEpoch
            )
        );
    }

    /// @notice EIP-712 digest of a change to the configuration `nextDigest`.
    function hashChange(
        bytes32 domain,
        bytes32 prevDigest,
        uint64 seq,
        bytes32 nextDigest,
        ICommittee.HomeBlock calldata home
    ) internal pure returns (bytes32) {
        return _typed(
            domain,
            keccak256(
                abi.encode(CHANGE_TYPEHASH, prevDigest, seq, nextDigest, home.chainId, home.blockNumber, home.blockHash)
            )
        );
    }

    /// @notice EIP-712 digest of a rotation.
    function hashRotation(bytes32 domain, ICommittee.HotKeyRotation calldata rotation) internal pure returns (bytes32) {
        bytes32 typeHash = ROTATION_TYPEHASH;
        bytes32 structHash;
        // Safe: writes past the free memory pointer only. Five static words, as in `hashReport`.
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typeHash)
            calldatacopy(add(free, 32), rotation, 160)
            structHash := keccak256(free, 192)
        }
        return _typed(domain, structHash);
    }

    /// @notice Number of records in `attestations`, which is at least `quorum`.
    /// @custom:invariant Q-02 Nothing counts as signed with fewer valid attestations of members than the quorum.
    function requireCount(bytes calldata attestations, uint256 quorum) internal pure returns (uint256 count) {
        count = attestations.length / RECORD_BYTES;
        if (attestations.length % RECORD_BYTES != 0) {
            revert IScoreOracle.MalformedAttestations(attestations.length);
        }
        if (count < quorum) revert IScoreOracle.TooFewAttestations(count, quorum);
    }

    /// @notice Member and signer of record `index`, `uint8 memberId ‖ r ‖ yParityAndS`; `signers` are the members before it.
    /// @dev The caller looped below `requireCount` and compares the signer, which is zero if the recovery failed.
    /// @custom:invariant Q-01 A member counts at most once towards a quorum.
    function signerAt(bytes32 digest, bytes calldata attestations, uint256 index, uint256 memberCount, uint256 signers)
        internal
        view
        returns (uint256 memberId, address signer)
    {
        bytes32 r;
        uint256 parityAndS;
        // Safe: the record lies inside the calldata, because `index` is below its number of records.
        assembly ("memory-safe") {
            let start := add(attestations.offset, mul(index, RECORD_BYTES))
            memberId := byte(0, calldataload(start))
            r := calldataload(add(start, 1))
            parityAndS := calldataload(add(start, 33))
        }
        // Ids rise exactly if no earlier one is as high.
        if (signers >> memberId != 0) {
            revert IScoreOracle.UnsortedAttestations(uint8(memberId), _highestBit(signers));
        }
        if (memberId >= memberCount) revert IScoreOracle.UnknownMember(uint8(memberId), memberCount);
        signer = recover(digest, uint8(memberId), r, parityAndS);
    }

    /// @notice Who signed `digest`, zero if nobody.
    function recover(bytes32 digest, uint8 memberId, bytes32 r, uint256 parityAndS)
        internal
        view
        returns (address signer)
    {
        uint256 s = parityAndS & ~_PARITY_BIT;
        if (s > _HALF_ORDER) revert IScoreOracle.MalleableSignature(memberId, bytes32(s));
        // Safe: writes past the free memory pointer and in the scratch space only. A recovery that fails returns nothing, and
        // leaves the zero.
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, digest)
            mstore(add(free, 32), add(27, shr(255, parityAndS)))
            mstore(add(free, 64), r)
            mstore(add(free, 96), s)
            mstore(0, 0)
            pop(staticcall(gas(), 1, free, 128, 0, 32))
            signer := mload(0)
        }
    }

    /// @notice Reverts unless `expected` signed `digest`.
    function requireSigned(bytes32 digest, uint8 memberId, ICommittee.Signature calldata signature, address expected)
        internal
        view
    {
        address signer = recover(digest, memberId, signature.r, uint256(signature.yParityAndS));
        if (signer != expected) revert IScoreOracle.WrongSigner(memberId, signer, expected);
    }

    function _typed(bytes32 domain, bytes32 structHash) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    /// @dev Of a non-zero set of at most 31 bits; only on the way to a revert.
    function _highestBit(uint256 signers) private pure returns (uint8 bit) {
        while (signers >> (bit + 1) != 0) {
            ++bit;
        }
    }
}
