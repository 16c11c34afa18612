// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { Hashes } from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @notice StandardMerkleTree for tests: leaves sorted ascending, array of 2n - 1 nodes with the root first.
library TreeLib {
    function build(bytes32[] memory leaves) internal pure returns (bytes32[] memory nodes) {
        uint256 n = leaves.length;
        bytes32[] memory sorted = sort(leaves);
        nodes = new bytes32[](2 * n - 1);
        for (uint256 i = 0; i < n; ++i) {
            nodes[2 * n - 2 - i] = sorted[i];
        }
        for (uint256 i = n - 1; i > 0; --i) {
            nodes[i - 1] = Hashes.commutativeKeccak256(nodes[2 * i - 1], nodes[2 * i]);
        }
    }

    function proofOf(bytes32[] memory nodes, bytes32 leaf) internal pure returns (bytes32[] memory proof) {
        uint256 at = indexOf(nodes, leaf);
        uint256 depth;
        for (uint256 i = at; i > 0; i = (i - 1) / 2) {
            ++depth;
        }
        proof = new bytes32[](depth);
        for (uint256 i = 0; at > 0; ++i) {
            proof[i] = nodes[at % 2 == 1 ? at + 1 : at - 1];
            at = (at - 1) / 2;
        }
    }

    /// @dev A multiproof of all leaves: no siblings, every flag set.
    function flagsOfAll(uint256 n) internal pure returns (bool[] memory flags) {
        flags = new bool[](n - 1);
        for (uint256 i = 0; i < n - 1; ++i) {
            flags[i] = true;
        }
    }

    function sort(bytes32[] memory leaves) internal pure returns (bytes32[] memory sorted) {
        sorted = new bytes32[](leaves.length);
        for (uint256 i = 0; i < leaves.length; ++i) {
            uint256 j = i;
            for (; j > 0 && sorted[j - 1] > leaves[i]; --j) {
                sorted[j] = sorted[j - 1];
            }
            sorted[j] = leaves[i];
        }
    }

    function indexOf(bytes32[] memory nodes, bytes32 leaf) internal pure returns (uint256) {
        for (uint256 i = nodes.length; i > 0; --i) {
            if (nodes[i - 1] == leaf) return i - 1;
        }
        revert("leaf is not in the tree");
    }
}
