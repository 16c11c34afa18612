// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IScoreOracle } from "../interfaces/IScoreOracle.sol";

/// @title Leaves and subjects
/// @notice A leaf is `keccak(keccak(abi(fields)))`, as OpenZeppelin's StandardMerkleTree hashes it.
library LeafLib {
    uint8 internal constant BORROWER = 1;
    uint8 internal constant COLLATERAL = 2;
    uint256 internal constant BORROWER_BYTES = 320;
    uint256 internal constant COLLATERAL_BYTES = 352;

    /// @notice Leaf of a borrower score.
    function hashBorrower(IScoreOracle.BorrowerScore calldata score) internal pure returns (bytes32) {
        if (score.kind != BORROWER) revert IScoreOracle.WrongKind(score.kind, BORROWER);
        return _twice(keccak256(abi.encode(score)));
    }

    /// @notice Leaf of a collateral score.
    function hashCollateral(IScoreOracle.CollateralScore calldata score) internal pure returns (bytes32) {
        if (score.kind != COLLATERAL) revert IScoreOracle.WrongKind(score.kind, COLLATERAL);
        return _twice(keccak256(abi.encode(score)));
    }

    /// @notice Leaf of an entry in its ABI encoding.
    function hashEntry(bytes calldata entry) internal pure returns (bytes32) {
        return _twice(keccak256(entry));
    }

    /// @notice Subject of a borrower without code, and of one with code before its code's chain matters.
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

    function _twice(bytes32 inner) private pure returns (bytes32 leaf) {
        // Safe: uses the scratch word only.
        assembly ("memory-safe") {
            mstore(0, inner)
            leaf := keccak256(0, 32)
        }
    }
}
