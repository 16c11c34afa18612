// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IModelRegistry } from "../interfaces/IModelRegistry.sol";

/// @title Complete trees, walked in the bytes of model.bin
/// @notice A node is `u8 feature | u16 threshold | u8 defaultLeft`, nodes in level order, then int16 leaves: what is hashed is
///         what runs. Mirrors `oracle/scoring/reference.py`.
/// @dev What makes it cheap: each value of a vector is stored twice, for either default direction, as the four bytes
///      `feature | value | 0xff`, where a missing value is 65535 if it goes right and 0 if it goes left. Against the word at a
///      node, which starts with `feature | threshold | defaultLeft`, such a word is less exactly if value < threshold. Its
///      address is `(feature << 248 | defaultLeft << 224) mod 3937`, which is `8 * feature + 636 * defaultLeft`.
library TreeEnsemble {
    /// @notice Bytes that the values of a vector take in memory.
    uint256 internal constant VALUES_BYTES = 928;
    uint256 internal constant SUPPORT_BYTES = 5;
    uint256 internal constant NODE_BYTES = 4;
    uint256 internal constant LEAF_BYTES = 2;
    uint256 internal constant MAX_SLOT = 65_534;

    /// @dev Feature and default direction in the word at a node.
    uint256 private constant _AT = 0xff000001 << 224;
    /// @dev 31 * 127, of which 2^35 is 1; so 2^248 is 8 and 2^224 is 636.
    uint256 private constant _MOD = 3937;
    uint256 private constant _LEFT = 636;

    /// @notice Bytes of one tree.
    function treeBytes(uint256 depth) internal pure returns (uint256) {
        // Safe: depth <= 5.
        unchecked {
            return ((1 << depth) - 1) * NODE_BYTES + (1 << depth) * LEAF_BYTES;
        }
    }

    /// @notice Value of a slot of a vector.
    function slotAt(bytes calldata vector, uint256 slot) internal pure returns (uint256 value) {
        // Safe: reads calldata; nobody asks for a slot past the end.
        assembly ("memory-safe") {
            value := shr(240, calldataload(add(vector.offset, shl(1, slot))))
        }
    }

    /// @notice Writes the values of `vector` where `sum` looks for them.
    /// @param support Memory address of the support section: `features` times (u16 lo, u16 hi, u8 required), lo >= 1.
    /// @param values Memory address of `VALUES_BYTES` bytes.
    /// @return rated Whether no required slot is missing and every present one lies inside its support.
    function load(bytes calldata vector, uint256 features, uint256 support, uint256 values)
        internal
        pure
        returns (bool rated)
    {
        if (vector.length != 2 * features) revert IModelRegistry.VectorLength(vector.length, 2 * features);
        uint256 outside;
        uint256 hasNoValue;
        // Safe: features <= 32, so the last word written ends at 636 + 8 * 31 + 32 <= `VALUES_BYTES`. A word spills over the
        // entries after it, which are written later.
        assembly ("memory-safe") {
            for { let slot := 0 } lt(slot, features) { slot := add(slot, 1) } {
                let value := shr(240, calldataload(add(vector.offset, shl(1, slot))))
                let bounds := shr(216, mload(add(support, mul(slot, 5))))
                // A missing value is below lo, and counts only if the slot is required.
                let isOff := or(lt(value, shr(24, bounds)), gt(value, and(shr(8, bounds), 0xffff)))
                outside := or(outside, mul(isOff, or(value, and(bounds, 0xff))))
                hasNoValue := or(hasNoValue, eq(value, 0xffff))
                let entry := shl(224, or(or(shl(24, slot), shl(8, value)), 0xff))
                let at := add(values, shl(3, slot))
                mstore(at, or(entry, mul(iszero(value), shl(232, 0xffff))))
                mstore(add(at, _LEFT), entry)
            }
        }
        if (hasNoValue != 0) revert IModelRegistry.SlotOutOfRange(_slotOf(vector, 0xffff), 0xffff, MAX_SLOT);
        return outside == 0;
    }

    /// @notice Sum of the leaves that the loaded vector reaches, in units of 2^-12.
    /// @param trees Memory address of the first tree, beyond `VALUES_BYTES`, and of a word after the last.
    /// @param count Number of trees.
    /// @param depth Depth of each, 1..5.
    /// @param values Memory address that `load` wrote to.
    function sum(uint256 trees, uint256 count, uint256 depth, uint256 values) internal pure returns (int256 margin) {
        uint256 moved = VALUES_BYTES;
        uint256 kept;
        // The values lie at address 0 during the walk, so that a node needs no addition; what lay there, the free memory pointer
        // among it, is kept behind the allocated memory and put back. Nothing is allocated in between. That is not memory-safe
        // as the compiler means it, so it is not told so: it must keep no variable in memory meanwhile.
        assembly {
            kept := mload(0x40)
            mcopy(kept, 0, moved)
            mcopy(0, values, moved)
        }
        // Safe: addresses are far below 2^64; the lift may wrap, and the sum that uses it wraps back.
        unchecked {
            uint256 size = treeBytes(depth);
            margin = _walk(trees, trees + count * size, depth, size, 4 * ((1 << depth) - 1) - 60, _AT);
        }
        assembly {
            mcopy(0, kept, moved)
        }
    }

    /// @dev The children of the node at `root + 4k` are at `root + 8k + 4` (left) and `root + 8k + 8`, so the one after `p` is at
    ///      `2p + 8 - root`, less 4 for left. Past the last level `p` is `root + 4 * (nodes + leaf)`, and `(p + root + lift) / 2`
    ///      lies 30 bytes before that leaf, which then is the low end of the word there. Levels are written out: as a loop
    ///      they would cost half as much again.
    /// @param at First tree, and `end` what follows the last one; `size` of each.
    /// @param lift See above: 4 * nodes - 60.
    /// @param mask `_AT`, on the stack: as a constant the compiler would work it out at every node.
    // solhint-disable-next-line function-max-lines
    function _walk(uint256 at, uint256 end, uint256 depth, uint256 size, uint256 lift, uint256 mask)
        private
        pure
        returns (int256 margin)
    {
        // Safe: reads only. A registered model has no feature above 31, so every address lies inside values and trees.
        assembly ("memory-safe") {
            switch depth
            case 5 {
                for { } lt(at, end) { at := add(at, size) } {
                    let c := sub(8, at)
                    let p := sub(add(at, 8), shl(2, lt(mload(mod(and(mload(at), mask), _MOD)), mload(at))))
                    let q := sub(add(add(p, p), c), shl(2, lt(mload(mod(and(mload(p), mask), _MOD)), mload(p))))
                    let r := sub(add(add(q, q), c), shl(2, lt(mload(mod(and(mload(q), mask), _MOD)), mload(q))))
                    let s := sub(add(add(r, r), c), shl(2, lt(mload(mod(and(mload(r), mask), _MOD)), mload(r))))
                    let t := sub(add(add(s, s), c), shl(2, lt(mload(mod(and(mload(s), mask), _MOD)), mload(s))))
                    margin := add(margin, signextend(1, mload(shr(1, add(add(t, at), lift)))))
                }
            }
            case 4 {
                for { } lt(at, end) { at := add(at, size) } {
                    let c := sub(8, at)
                    let p := sub(add(at, 8), shl(2, lt(mload(mod(and(mload(at), mask), _MOD)), mload(at))))
                    let q := sub(add(add(p, p), c), shl(2, lt(mload(mod(and(mload(p), mask), _MOD)), mload(p))))
                    let r := sub(add(add(q, q), c), shl(2, lt(mload(mod(and(mload(q), mask), _MOD)), mload(q))))
                    let s := sub(add(add(r, r), c), shl(2, lt(mload(mod(and(mload(r), mask), _MOD)), mload(r))))
                    margin := add(margin, signextend(1, mload(shr(1, add(add(s, at), lift)))))
                }
            }
            case 3 {
                for { } lt(at, end) { at := add(at, size) } {
                    let c := sub(8, at)
                    let p := sub(add(at, 8), shl(2, lt(mload(mod(and(mload(at), mask), _MOD)), mload(at))))
                    let q := sub(add(add(p, p), c), shl(2, lt(mload(mod(and(mload(p), mask), _MOD)), mload(p))))
                    let r := sub(add(add(q, q), c), shl(2, lt(mload(mod(and(mload(q), mask), _MOD)), mload(q))))
                    margin := add(margin, signextend(1, mload(shr(1, add(add(r, at), lift)))))
                }
            }
            case 2 {
                for { } lt(at, end) { at := add(at, size) } {
                    let c := sub(8, at)
                    let p := sub(add(at, 8), shl(2, lt(mload(mod(and(mload(at), mask), _MOD)), mload(at))))
                    let q := sub(add(add(p, p), c), shl(2, lt(mload(mod(and(mload(p), mask), _MOD)), mload(p))))
                    margin := add(margin, signextend(1, mload(shr(1, add(add(q, at), lift)))))
                }
            }
            case 1 {
                for { } lt(at, end) { at := add(at, size) } {
                    let p := sub(add(at, 8), shl(2, lt(mload(mod(and(mload(at), mask), _MOD)), mload(at))))
                    margin := add(margin, signextend(1, mload(shr(1, add(add(p, at), lift)))))
                }
            }
        }
    }

    /// @dev First slot that holds `value`; the number of slots if none does.
    function _slotOf(bytes calldata vector, uint256 value) private pure returns (uint256 slot) {
        // Safe: 2 * slot stays within the vector.
        unchecked {
            while (2 * slot < vector.length && slotAt(vector, slot) != value) ++slot;
        }
    }
}
