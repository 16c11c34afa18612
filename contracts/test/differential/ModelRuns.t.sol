// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IModelRegistry } from "../../src/interfaces/IModelRegistry.sol";
import { ModelFixture } from "../support/ModelFixture.sol";

/// @notice Every released model on ten thousand vectors, and the largest that any may be on a thousand: the integer reference in
///         Python wrote what is expected (`tests/scoring/model_runs.py`). One odd bit in one field fails.
contract ModelRunsTest is ModelFixture {
    string private constant FROZEN = "tests/scoring/model_runs.json";

    function setUp() public {
        deployRegistry();
    }

    function test_BorrowerRows_Released_Agree() public {
        assertEq(compareRows(0, "borrower-1", 1), 10_000);
    }

    function test_BorrowerRows_Sandbox_Agree() public {
        assertEq(compareRows(1, "borrower-sandbox-1", 1), 10_000);
    }

    function test_CollateralRows_Released_Agree() public {
        assertEq(compareRows(2, "collateral-1", 1), 10_000);
    }

    /// Every tenth row: a row of this model takes as long as ten of another.
    function test_BorrowerRows_LargestModel_Agree() public {
        assertEq(compareRows(3, "largest", 10), 1000);
    }

    /// R-01: ids, code digests and self-tests are those that Python computes.
    function test_Models_Frozen_HaveTheSameIdAndCode() public {
        string[4] memory names = ["borrower-1", "borrower-sandbox-1", "collateral-1", "largest"];
        string memory json = vm.readFile(FROZEN);
        for (uint256 i = 0; i < names.length; ++i) {
            bytes32 modelId = register(runModel(names[i]));
            IModelRegistry.SelfTestCase[] memory cases = runSelfTestCases(names[i]);

            assertEq(frozenText(json, i, "name"), names[i]);
            assertEq(modelId, frozenHash(json, i, "modelId"));
            assertEq(modelId, keccak256(runModel(names[i])));
            assertEq(registry.model(modelId).codeDigest, frozenHash(json, i, "codeDigest"));
            assertEq(selfTestHashes(cases)[0], frozenHash(json, i, "selfTestHash"));
        }
    }

    function compareRows(uint256 index, string memory name, uint256 step) private returns (uint256 count) {
        bytes memory data = runFile(name, "rows.bin");
        // Rows of another commit would compare the wrong thing.
        assertEq(keccak256(data), frozenHash(vm.readFile(FROZEN), index, "rowsHash"), "run make model-runs");
        bytes memory model = runModel(name);
        bytes32 modelId = makeTestedRun(name);
        uint256 vectorSize = 2 * uint256(uint8(model[5]));
        uint256 leafSize = leafBytes(model);
        // What a row allocates is not used after it; kept, it would exceed a test's gas.
        uint256 free;
        assembly ("memory-safe") {
            free := mload(0x40)
        }
        bool isShadow = model[4] == 0x01 && uint8(model[9]) & 1 == 0;
        for (uint256 at = 0; at < data.length; ++count) {
            bytes memory vector = slice(data, at, vectorSize);
            int256 margin = int32(uint32(bytes4(slice(data, at + vectorSize, 4))));
            bytes memory expected = slice(data, at + vectorSize + 4, leafSize);
            at += step * (vectorSize + 4 + leafSize);
            bytes memory given = leafSize == 320 ? borrowerLeaf(modelId, vector) : collateralLeaf(modelId, vector);
            if (keccak256(given) != keccak256(expected)) assertEq(given, expected, vm.toString(vector));
            // Trees that do not count show in no leaf.
            if (isShadow && count % 4 == 0) assertEq(registry.treesMargin(modelId, vector), margin);
            assembly ("memory-safe") {
                mstore(0x40, free)
            }
        }
    }

    function borrowerLeaf(bytes32 modelId, bytes memory vector) private view returns (bytes memory) {
        IModelRegistry.BorrowerFields memory fields = registry.scoreBorrower(modelId, vector);
        return abi.encode(
            1,
            bytes32(0),
            fields.stateOffset,
            fields.behaviourMargin,
            fields.pdPpm,
            fields.pdUpperPpm,
            fields.points,
            fields.grade,
            bytes4(0),
            fields.featuresHash
        );
    }

    function collateralLeaf(bytes32 modelId, bytes memory vector) private view returns (bytes memory) {
        return abi.encode(2, bytes32(0), registry.scoreCollateral(modelId, vector));
    }

    function frozenHash(string memory json, uint256 index, string memory key) private pure returns (bytes32) {
        return vm.parseJsonBytes32(json, string.concat(".models[", vm.toString(index), "].", key));
    }

    function frozenText(string memory json, uint256 index, string memory key) private pure returns (string memory) {
        return vm.parseJsonString(json, string.concat(".models[", vm.toString(index), "].", key));
    }
}
