// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IModelRegistry } from "../interfaces/IModelRegistry.sol";
import { ScoreMath } from "./ScoreMath.sol";
import { TreeEnsemble } from "./TreeEnsemble.sol";

/// @title The bytes of a model, put together again from its data contracts and inspected
/// @notice Header, tables, support and trees are sections of `model.bin`; see `tests/vectors/FORMATS.md`, section 8. What is
///         inspected is what `find_defects` refuses off chain: a node could not load such a bundle, so no chain keeps one.
library ModelCode {
    /// @notice Header of a model.
    struct Header {
        uint8 kind;
        uint8 features;
        uint16 trees;
        uint8 depth;
        uint8 flags;
        bytes32 schemaDigest;
    }

    uint256 internal constant HEADER_BYTES = 44;
    /// @notice Most bytes of one data contract besides its leading zero byte (EIP-170).
    uint256 internal constant MAX_CHUNK_BYTES = 24_575;
    uint8 internal constant KIND_BORROWER = 1;
    uint8 internal constant KIND_COLLATERAL = 2;
    uint8 internal constant FLAG_TREES_ACTIVE = 1;
    uint8 internal constant FLAG_SANDBOX_ONLY = 2;

    bytes4 private constant _MAGIC = "ASY1";
    uint256 private constant _LAYOUT_VERSION = 1;
    uint256 private constant _MAX_FEATURES = 32;
    uint256 private constant _MAX_TREES = 200;
    uint256 private constant _MAX_DEPTH = 5;
    /// @dev Feature 0, threshold 65535, default left.
    uint256 private constant _PADDING_NODE = 0x00ffff01;
    uint256 private constant _PPM = 1_000_000;
    uint256 private constant _BPS = 10_000;
    uint256 private constant _TABLE = 256;

    // --- header and code ----------------------------------------------------------------------

    /// @notice Reads a header and refuses one that no model has.
    function parse(bytes calldata data) internal pure returns (Header memory header) {
        if (data.length != HEADER_BYTES) revert IModelRegistry.HeaderLength(data.length, HEADER_BYTES);
        uint256 layoutVersion = uint16(bytes2(data[10:12]));
        if (bytes4(data[:4]) != _MAGIC || layoutVersion != _LAYOUT_VERSION) {
            revert IModelRegistry.UnknownFormat(bytes4(data[:4]), _MAGIC, layoutVersion, _LAYOUT_VERSION);
        }
        header = Header({
            kind: uint8(data[4]),
            features: uint8(data[5]),
            trees: uint16(bytes2(data[6:8])),
            depth: uint8(data[8]),
            flags: uint8(data[9]),
            schemaDigest: bytes32(data[12:44])
        });
        if (header.kind != KIND_BORROWER && header.kind != KIND_COLLATERAL) {
            revert IModelRegistry.WrongModelKind(header.kind, KIND_BORROWER);
        }
        _require(
            header.features >= 1 && header.features <= _MAX_FEATURES, IModelRegistry.Defect.Features, 0, header.features
        );
        _require(header.trees <= _MAX_TREES, IModelRegistry.Defect.Trees, 0, header.trees);
        _require(header.depth >= 1 && header.depth <= _MAX_DEPTH, IModelRegistry.Defect.Depth, 0, header.depth);
        _require(header.flags <= (FLAG_TREES_ACTIVE | FLAG_SANDBOX_ONLY), IModelRegistry.Defect.Flags, 0, header.flags);
    }

    /// @notice Bytes of the tables section.
    function tablesBytes(uint8 kind) internal pure returns (uint256) {
        return kind == KIND_BORROWER ? ScoreMath.BORROWER_TABLES_BYTES : ScoreMath.COLLATERAL_TABLES_BYTES;
    }

    /// @notice Bytes of the support and trees sections.
    function bodyBytes(Header memory header) internal pure returns (uint256) {
        return header.features * TreeEnsemble.SUPPORT_BYTES + header.trees * TreeEnsemble.treeBytes(header.depth);
    }

    /// @notice `model.bin` as the data contracts hold it, and the digest of their code hashes.
    function read(bytes calldata headerBytes, Header memory header, address tables, address[] calldata chunks)
        internal
        view
        returns (bytes memory model, bytes32 codeDigest)
    {
        uint256 tablesSize = tablesBytes(header.kind);
        uint256 left = bodyBytes(header);
        uint256 count = (left + MAX_CHUNK_BYTES - 1) / MAX_CHUNK_BYTES;
        if (chunks.length != count) revert IModelRegistry.ChunkCount(chunks.length, count);
        model = new bytes(HEADER_BYTES + tablesSize + left);
        bytes32[] memory hashes = new bytes32[](count + 1);
        // Safe: the model is that long, and no size wraps.
        unchecked {
            uint256 at;
            assembly ("memory-safe") {
                at := add(model, 32)
                calldatacopy(at, headerBytes.offset, HEADER_BYTES)
                at := add(at, HEADER_BYTES)
            }
            hashes[0] = _copy(0, tables, tablesSize, at);
            at += tablesSize;
            for (uint256 i = 0; i < count; ++i) {
                uint256 size = left > MAX_CHUNK_BYTES ? MAX_CHUNK_BYTES : left;
                hashes[i + 1] = _copy(i + 1, chunks[i], size, at);
                at += size;
                left -= size;
            }
        }
        codeDigest = keccak256(abi.encodePacked(hashes));
    }

    /// @dev Copies the section that a data contract holds to memory and returns the hash of its code.
    function _copy(uint256 index, address from, uint256 size, uint256 to) private view returns (bytes32) {
        if (from.code.length != size + 1) revert IModelRegistry.ChunkLength(index, from.code.length, size + 1);
        bytes1 prefix;
        // Safe: writes the first scratch word, and `size` bytes inside the model.
        assembly ("memory-safe") {
            mstore(0, 0)
            extcodecopy(from, 0, 0, 1)
            prefix := mload(0)
            extcodecopy(from, to, 1, size)
        }
        if (prefix != 0) revert IModelRegistry.ChunkPrefix(index, prefix, 0);
        return from.codehash;
    }

    // --- inspection ---------------------------------------------------------------------------

    /// @notice Reverts with the first defect of a model. Leaves need no check: 200 int16 always add up below 2^24.
    function requireSound(bytes memory model, Header memory header) internal pure {
        uint256 tables;
        assembly ("memory-safe") {
            tables := add(add(model, 32), HEADER_BYTES)
        }
        bool isBorrower = header.kind == KIND_BORROWER;
        uint256 support = tables + tablesBytes(header.kind);
        if (isBorrower) _inspectBorrower(tables);
        else _inspectCollateral(tables, support, header.features);
        _inspectSupport(support, header.features);
        _inspectNodes(support + header.features * TreeEnsemble.SUPPORT_BYTES, header, isBorrower);
    }

    function _inspectBorrower(uint256 tables) private pure {
        // Safe: indices are bounded by the tables' sizes.
        unchecked {
            for (uint256 i = 1; i <= _TABLE; ++i) {
                int256 knot = int32(uint32(_word(tables + 4 * i, 4)));
                int256 before = int32(uint32(_word(tables + 4 * i - 4, 4)));
                _require(knot <= before, IModelRegistry.Defect.StateOffset, i, uint256(knot));
            }
            uint256 pd = tables + 1033;
            uint256 upper = pd + 4 * _TABLE;
            uint256 points = upper + 4 * _TABLE;
            _requireRising(pd, _TABLE, IModelRegistry.Defect.Probability);
            _requireRising(upper, _TABLE, IModelRegistry.Defect.UpperBound);
            _require(_word(pd, 4) >= 1, IModelRegistry.Defect.Probability, 0, _word(pd, 4));
            uint256 last = _word(upper + 4 * _TABLE - 4, 4);
            _require(last < _PPM, IModelRegistry.Defect.UpperBound, _TABLE - 1, last);
            for (uint256 i = 0; i < _TABLE; ++i) {
                uint256 bound = _word(upper + 4 * i, 4);
                _require(_word(pd + 4 * i, 4) <= bound, IModelRegistry.Defect.UpperBound, i, bound);
            }
            for (uint256 i = 1; i < 700; ++i) {
                uint256 threshold = _word(points + 4 * i, 4);
                _require(threshold <= _word(points + 4 * i - 4, 4), IModelRegistry.Defect.Points, i, threshold);
            }
            _requireRising(points + 4 * 700 + 2, 9, IModelRegistry.Defect.Grades);
        }
    }

    function _inspectCollateral(uint256 tables, uint256 support, uint256 features) private pure {
        // Safe: as above.
        unchecked {
            _requireRising(tables + 5, _TABLE, IModelRegistry.Defect.Gap);
            _requireRising(tables + 5 + 4 * _TABLE, _TABLE, IModelRegistry.Defect.Drawdown);
            uint256 constants = tables + 5 + 8 * _TABLE;
            for (uint256 i = 2; i < 4; ++i) {
                uint256 share = _word(constants + 2 * i, 2);
                _require(share <= _BPS, IModelRegistry.Defect.Share, i, share);
            }
            // A missing volatility would read as none at all, and the pair as perfectly calm.
            uint256 slot = _word(constants + 8, 1);
            bool isRequired = slot < features && _word(support + TreeEnsemble.SUPPORT_BYTES * slot + 4, 1) == 1;
            _require(isRequired, IModelRegistry.Defect.VolatilitySlot, slot, slot);
        }
    }

    function _inspectSupport(uint256 support, uint256 features) private pure {
        // Safe: features <= 32.
        unchecked {
            for (uint256 slot = 0; slot < features; ++slot) {
                uint256 bounds = _word(support + TreeEnsemble.SUPPORT_BYTES * slot, 5);
                (uint256 lo, uint256 hi, uint256 required) = (bounds >> 24, (bounds >> 8) & 0xffff, bounds & 0xff);
                _require(lo >= 1 && lo <= hi && required <= 1, IModelRegistry.Defect.Support, slot, bounds);
            }
        }
    }

    function _inspectNodes(uint256 trees, Header memory header, bool isBorrower) private pure {
        uint256 size = TreeEnsemble.treeBytes(header.depth);
        uint256 features = header.features;
        // Safe: at most 200 trees of 31 nodes.
        unchecked {
            uint256 nodes = (1 << header.depth) - 1;
            for (uint256 tree = 0; tree < header.trees; ++tree) {
                for (uint256 i = 0; i < nodes; ++i) {
                    uint256 node = _word(trees + tree * size + TreeEnsemble.NODE_BYTES * i, 4);
                    uint256 feature = node >> 24;
                    uint256 threshold = (node >> 8) & 0xffff;
                    // A borrower's slot 0 is the position's state, which only the offset table reads. Only padding
                    // names it, and goes left whatever the state, even if it is missing.
                    bool isBehaviour = !isBorrower || feature != 0 || node == _PADDING_NODE;
                    uint256 index = tree * nodes + i;
                    _require(feature < features && isBehaviour, IModelRegistry.Defect.NodeFeature, index, feature);
                    _require(threshold != 0, IModelRegistry.Defect.NodeThreshold, index, threshold);
                    _require(node & 0xff <= 1, IModelRegistry.Defect.NodeDefault, index, node & 0xff);
                }
            }
        }
    }

    /// @dev Reverts unless the `count` u32 from `at` rise weakly.
    function _requireRising(uint256 at, uint256 count, IModelRegistry.Defect defect) private pure {
        uint256 previous = _word(at, 4);
        // Safe: indices are bounded by the tables' sizes.
        unchecked {
            for (uint256 i = 1; i < count; ++i) {
                uint256 value = _word(at + 4 * i, 4);
                _require(value >= previous, defect, i, value);
                previous = value;
            }
        }
    }

    function _require(bool isFine, IModelRegistry.Defect defect, uint256 index, uint256 value) private pure {
        if (!isFine) revert IModelRegistry.DefectiveModel(defect, index, value);
    }

    /// @dev `size` bytes (1..32) of memory from `at`, as a big-endian integer.
    function _word(uint256 at, uint256 size) private pure returns (uint256 value) {
        // Safe: reads only; every caller stays inside the model.
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), mload(at))
        }
    }
}
