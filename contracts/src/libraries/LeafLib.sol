// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IScoreOracle } from "../interfaces/IScoreOracle.sol";

/// @title Leaves and subjects
/// @notice A leaf is `keccak(keccak(abi(fields)))`, as OpenZeppelin's StandardMerkleTree hashes it.
library LeafLib {
    uint8 internal constant BORROWER = 1;
    uint8 internal constant COLLATERAL = 2;
    /// @notice What a collateral score's `binding` says if the pair is unrated: no new loan.
    uint8 internal constant BINDING_UNRATED = 3;
    uint256 internal constant BORROWER_BYTES = 320;
    uint256 internal constant COLLATERAL_BYTES = 352;

    /// @notice Leaf of a borrower score.
    function hashBorrower(IScoreOracle.BorrowerScore calldata score) internal pure returns (bytes32 leaf) {
        if (score.kind != BORROWER) revert IScoreOracle.WrongKind(score.kind, BORROWER);
        // Safe: writes past the free memory pointer only. The struct is ten static words, so its calldata is its ABI
        // encoding; dirty high bits would make another leaf, which is in no report.
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, score, 320)
            mstore(0, keccak256(free, 320))
            leaf := keccak256(0, 32)
        }
    }

    /// @notice Leaf of a collateral score.
    function hashCollateral(IScoreOracle.CollateralScore calldata score) internal pure returns (bytes32 leaf) {
        if (score.kind != COLLATERAL) revert IScoreOracle.WrongKind(score.kind, COLLATERAL);
        // Safe: as above, eleven words.
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, score, 352)
            mstore(0, keccak256(free, 352))
            leaf := keccak256(0, 32)
        }
    }

    /// @notice Leaf of an entry in its ABI encoding.
    function hashEntry(bytes calldata entry) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(entry)));
    }

    /// @notice Subject of a borrower without code.
    function borrowerSubject(address account) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }

    /// @notice Subject of a borrower with code on this chain.
    function contractSubject(address account) internal view returns (bytes32) {
        return keccak256(abi.encode(uint8(1), block.chainid, account));
    }

    /// @notice Subject of a pair on this chain.
    function collateralSubject(address token, address numeraire) internal view returns (bytes32) {
        return keccak256(abi.encode(uint8(2), block.chainid, token, numeraire));
    }
}
