// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { Test } from "forge-std/Test.sol";

import { IModelRegistry } from "../../src/interfaces/IModelRegistry.sol";
import { TreeEnsemble } from "../../src/libraries/TreeEnsemble.sol";

/// @notice Random trees of every depth against FORMATS.md, section 8, written down word by word.
contract TreeEnsembleLawsTest is Test {
    uint256 private constant MAX_TREES = 12;

    /// R-05: the packed walk is the walk of the format.
    function testFuzz_Sum_AnyTrees_EqualsThePlainWalk(uint256 seed, uint256 depth, uint256 features) public view {
        depth = bound(depth, 1, 5);
        features = bound(features, 1, 32);
        bytes memory vector = drawVector(seed, features);
        bytes memory trees = drawTrees(seed, vector, depth);

        (int256 margin,) = this.run(vector, drawSupport(seed, features), trees, depth);

        assertEq(margin, plainSum(vector, trees, depth));
    }

    /// R-05: rated exactly if no required slot is missing and every present one lies inside its support.
    function testFuzz_Load_AnySupport_RatesAsThePlainRule(uint256 seed, uint256 features) public view {
        features = bound(features, 1, 32);
        bytes memory vector = drawVector(seed, features);
        bytes memory support = drawSupport(seed, features);

        (, bool rated) = this.run(vector, support, "", 1);

        assertEq(rated, plainRated(vector, support));
    }

    /// The walk puts back what it moved: values, free memory pointer and all that was allocated.
    function testFuzz_Sum_Memory_IsLeftAsItWas(uint256 seed) public view {
        bytes memory vector = drawVector(seed, 5);
        bytes memory trees = drawTrees(seed, vector, 3);
        bytes memory support = drawSupport(seed, 5);

        assertTrue(this.keepsMemory(vector, support, trees));
    }

    function test_Load_RevertWhen_LengthDiffers() public {
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.VectorLength.selector, 4, 6));
        this.run(new bytes(4), new bytes(15), "", 1);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.VectorLength.selector, 7, 6));
        this.run(new bytes(7), new bytes(15), "", 1);
    }

    function testFuzz_Load_RevertWhen_SlotHoldsNoValue(uint256 seed, uint256 slot) public {
        slot = bound(slot, 0, 31);
        bytes memory vector = drawVector(seed, 32);
        vector[2 * slot] = 0xff;
        vector[2 * slot + 1] = 0xff;

        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.SlotOutOfRange.selector, slot, 65_535, 65_534));
        this.run(vector, drawSupport(seed, 32), "", 1);
    }

    // --- under test ---------------------------------------------------------------------------

    function run(bytes calldata vector, bytes calldata support, bytes calldata trees, uint256 depth)
        external
        pure
        returns (int256 margin, bool rated)
    {
        (uint256 values, uint256 supportAt, uint256 treesAt) = place(support, trees);
        rated = TreeEnsemble.load(vector, support.length / 5, supportAt, values);
        margin = TreeEnsemble.sum(treesAt, trees.length / TreeEnsemble.treeBytes(depth), depth, values);
    }

    function keepsMemory(bytes calldata vector, bytes calldata support, bytes calldata trees)
        external
        pure
        returns (bool)
    {
        (uint256 values, uint256 supportAt, uint256 treesAt) = place(support, trees);
        TreeEnsemble.load(vector, 5, supportAt, values);
        bytes32 before = hashMemory();
        int256 margin = TreeEnsemble.sum(treesAt, trees.length / TreeEnsemble.treeBytes(3), 3, values);
        return hashMemory() == before && margin == plainSum(vector, trees, 3);
    }

    /// @dev Values first, so that the trees lie beyond what the walk moves.
    function place(bytes calldata support, bytes calldata trees)
        private
        pure
        returns (uint256 valuesAt, uint256 supportAt, uint256 treesAt)
    {
        bytes memory values = new bytes(TreeEnsemble.VALUES_BYTES);
        bytes memory body = bytes.concat(support, trees, bytes32(0));
        assembly ("memory-safe") {
            valuesAt := add(values, 32)
            supportAt := add(body, 32)
        }
        treesAt = supportAt + support.length;
    }

    /// @dev From the free memory pointer's own word to where it points.
    function hashMemory() private pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            digest := keccak256(0x40, sub(mload(0x40), 0x40))
        }
    }

    // --- plain rules --------------------------------------------------------------------------

    function plainSum(bytes memory vector, bytes memory trees, uint256 depth) private pure returns (int256 margin) {
        uint256 nodes = 2 ** depth - 1;
        uint256 size = 4 * nodes + 2 * 2 ** depth;
        for (uint256 root = 0; root < trees.length; root += size) {
            uint256 k = 0;
            for (uint256 level = 0; level < depth; ++level) {
                uint256 at = root + 4 * k;
                uint256 value = uint16At(vector, 2 * uint256(uint8(trees[at])));
                bool isLeft = value == 0 ? trees[at + 3] == 0x01 : value < uint16At(trees, at + 1);
                k = isLeft ? 2 * k + 1 : 2 * k + 2;
            }
            margin += int16(uint16(uint16At(trees, root + 4 * nodes + 2 * (k - nodes))));
        }
    }

    function plainRated(bytes memory vector, bytes memory support) private pure returns (bool) {
        for (uint256 slot = 0; slot < vector.length / 2; ++slot) {
            uint256 value = uint16At(vector, 2 * slot);
            if (value == 0 && support[5 * slot + 4] == 0x01) return false;
            bool isInside = value >= uint16At(support, 5 * slot) && value <= uint16At(support, 5 * slot + 2);
            if (value != 0 && !isInside) return false;
        }
        return true;
    }

    function uint16At(bytes memory data, uint256 at) private pure returns (uint256) {
        return uint256(uint8(data[at])) * 256 + uint8(data[at + 1]);
    }

    // --- draws --------------------------------------------------------------------------------

    /// @dev A quarter of the slots is missing, others lie at the ends.
    function drawVector(uint256 seed, uint256 features) private pure returns (bytes memory vector) {
        for (uint256 slot = 0; slot < features; ++slot) {
            uint256 word = uint256(keccak256(abi.encode("vector", seed, slot)));
            uint16[4] memory choices = [0, uint16(1 + (word >> 16) % 3), uint16(65_534 - (word >> 16) % 3), 0];
            choices[3] = uint16(1 + (word >> 16) % 65_534);
            vector = bytes.concat(vector, bytes2(choices[word % 4]));
        }
    }

    /// @dev Half of the thresholds are the slot's own value, or one beside it.
    function drawTrees(uint256 seed, bytes memory vector, uint256 depth) private pure returns (bytes memory trees) {
        uint256 count = 1 + seed % MAX_TREES;
        for (uint256 tree = 0; tree < count; ++tree) {
            for (uint256 node = 0; node < 2 ** depth - 1; ++node) {
                uint256 word = uint256(keccak256(abi.encode("node", seed, tree, node)));
                uint256 feature = word % (vector.length / 2);
                uint256 threshold = 1 + (word >> 64) % 65_535;
                uint256 near = uint16At(vector, 2 * feature) + (word >> 128) % 3;
                if ((word >> 32) % 2 == 0 && near > 1) threshold = near - 1;
                trees = bytes.concat(
                    trees, bytes1(uint8(feature)), bytes2(uint16(threshold)), bytes1(uint8(word >> 248) & 1)
                );
            }
            for (uint256 leaf = 0; leaf < 2 ** depth; ++leaf) {
                trees = bytes.concat(trees, bytes2(keccak256(abi.encode("leaf", seed, tree, leaf))));
            }
        }
    }

    function drawSupport(uint256 seed, uint256 features) private pure returns (bytes memory support) {
        for (uint256 slot = 0; slot < features; ++slot) {
            uint256 word = uint256(keccak256(abi.encode("support", seed, slot)));
            uint256 lo = 1 + word % 3;
            uint256 hi = 65_534 - (word >> 16) % 3;
            uint256 required = (word >> 32) % 8 == 0 ? 1 : 0;
            support = bytes.concat(support, bytes2(uint16(lo)), bytes2(uint16(hi)), bytes1(uint8(required)));
        }
    }
}
