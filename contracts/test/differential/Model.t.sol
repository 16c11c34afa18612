// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IModelRegistry } from "../../src/interfaces/IModelRegistry.sol";
import { ScoreMath } from "../../src/libraries/ScoreMath.sol";
import { ModelFixture } from "../support/ModelFixture.sol";

/// @notice Every derived field of the frozen models, whose leaves another implementation worked out. They pass as a self-test
///         first, repeated to 256 cases, and field by field after it.
contract ModelVectorsTest is ModelFixture {
    struct BorrowerColumns {
        bytes[] packed;
        int256[] treesMargin;
        int256[] stateOffset;
        int256[] behaviourMargin;
        uint256[] pdPpm;
        uint256[] pdUpperPpm;
        uint256[] points;
        uint256[] grade;
        bytes32[] featuresHash;
    }

    struct CollateralColumns {
        bytes[] packed;
        int256[] margin;
        uint256[][7] fields;
        bytes32[] featuresHash;
    }

    function setUp() public {
        deployRegistry();
    }

    function test_ScoreBorrower_ActiveModel_Agrees() public {
        assertGt(compareBorrower(0), 100);
    }

    function test_ScoreBorrower_InactiveModel_Agrees() public {
        assertGt(compareBorrower(2), 10);
    }

    function test_ScoreCollateral_Model_Agrees() public {
        CollateralColumns memory columns = collateralColumns();
        IModelRegistry.SelfTestCase[] memory cases = new IModelRegistry.SelfTestCase[](SELF_TEST_CASES);
        for (uint256 i = 0; i < SELF_TEST_CASES; ++i) {
            uint256 row = i % columns.packed.length;
            cases[i].vector = columns.packed[row];
            cases[i].leaf = abi.encode(2, bytes32(0), collateralOf(columns, row));
        }
        bytes32 modelId = makeTested(modelBytes(1), cases);

        for (uint256 i = 0; i < columns.packed.length; ++i) {
            assertEq(
                abi.encode(registry.scoreCollateral(modelId, columns.packed[i])),
                abi.encode(collateralOf(columns, i)),
                vm.toString(columns.packed[i])
            );
        }
        assertEq(modelId, frozenId(1));
        assertGt(columns.packed.length, 100);
    }

    /// R-01: code hashes and self-test chains as another implementation made them.
    function test_Code_FrozenModels_HaveTheSharedDigests() public {
        string memory json = vectors("model_code");
        bytes32[] memory digests = vm.parseJsonBytes32Array(json, ".columns.codeDigest");
        for (uint256 i = 0; i < digests.length; ++i) {
            string memory at = string.concat(".cases[", vm.toString(i), "]");
            bytes[] memory packed = vm.parseJsonBytesArray(json, string.concat(at, ".vectors"));
            bytes[] memory leaves = vm.parseJsonBytesArray(json, string.concat(at, ".leaves"));
            IModelRegistry.SelfTestCase[] memory cases = new IModelRegistry.SelfTestCase[](packed.length);
            for (uint256 j = 0; j < cases.length; ++j) {
                cases[j] = IModelRegistry.SelfTestCase({ vector: packed[j], leaf: leaves[j] });
            }

            assertEq(registry.model(register(modelBytes(i))).codeDigest, digests[i]);
            assertEq(selfTestHashes(cases), vm.parseJsonBytes32Array(json, string.concat(at, ".hashes")));
        }
        assertEq(digests.length, 3);
    }

    /// A market reads the bound of a probability alone.
    function test_PdUpper_EveryMargin_IsThatOfTheProbabilities() public {
        address tables = deployTables(0);
        for (int256 margin = -31_000; margin < 40_000; margin += 97) {
            (, uint256 pdUpperPpm) = ScoreMath.probabilities(tables, margin);

            assertEq(ScoreMath.pdUpper(tables, margin), pdUpperPpm);
        }
    }

    function compareBorrower(uint256 index) private returns (uint256) {
        BorrowerColumns memory columns = borrowerColumns(index);
        IModelRegistry.SelfTestCase[] memory cases = new IModelRegistry.SelfTestCase[](SELF_TEST_CASES);
        for (uint256 i = 0; i < SELF_TEST_CASES; ++i) {
            uint256 row = i % columns.packed.length;
            cases[i].vector = columns.packed[row];
            // Any reasons: they are not compared.
            cases[i].leaf = borrowerLeaf(borrowerOf(columns, row), bytes4(uint32(i)));
        }
        bytes32 modelId = makeTested(modelBytes(index), cases);

        for (uint256 i = 0; i < columns.packed.length; ++i) {
            bytes memory vector = columns.packed[i];
            assertEq(
                abi.encode(registry.scoreBorrower(modelId, vector)),
                abi.encode(borrowerOf(columns, i)),
                vm.toString(vector)
            );
            assertEq(registry.treesMargin(modelId, vector), columns.treesMargin[i]);
        }
        assertEq(modelId, frozenId(index));
        return columns.packed.length;
    }

    function borrowerLeaf(IModelRegistry.BorrowerFields memory fields, bytes4 reasons)
        private
        pure
        returns (bytes memory)
    {
        return abi.encode(
            1,
            bytes32(0),
            fields.stateOffset,
            fields.behaviourMargin,
            fields.pdPpm,
            fields.pdUpperPpm,
            fields.points,
            fields.grade,
            reasons,
            fields.featuresHash
        );
    }

    function borrowerOf(BorrowerColumns memory columns, uint256 i)
        private
        pure
        returns (IModelRegistry.BorrowerFields memory)
    {
        return IModelRegistry.BorrowerFields({
            stateOffset: int32(columns.stateOffset[i]),
            behaviourMargin: int32(columns.behaviourMargin[i]),
            pdPpm: uint32(columns.pdPpm[i]),
            pdUpperPpm: uint32(columns.pdUpperPpm[i]),
            points: uint16(columns.points[i]),
            grade: uint8(columns.grade[i]),
            featuresHash: columns.featuresHash[i]
        });
    }

    function collateralOf(CollateralColumns memory columns, uint256 i)
        private
        pure
        returns (IModelRegistry.CollateralFields memory)
    {
        return IModelRegistry.CollateralFields({
            margin: int32(columns.margin[i]),
            volatilityPpm: uint32(columns.fields[0][i]),
            drawdownBps: uint32(columns.fields[1][i]),
            gapPpm: uint32(columns.fields[2][i]),
            ltvCeilingBps: uint16(columns.fields[3][i]),
            ltvFloorBps: uint16(columns.fields[4][i]),
            liquidationThresholdBps: uint16(columns.fields[5][i]),
            binding: uint8(columns.fields[6][i]),
            featuresHash: columns.featuresHash[i]
        });
    }

    function frozenId(uint256 index) private view returns (bytes32) {
        return vm.parseJsonBytes32(vectors("model"), string.concat(".models[", vm.toString(index), "].modelId"));
    }

    function borrowerColumns(uint256 index) private view returns (BorrowerColumns memory columns) {
        string memory json = vectors("model");
        string memory at = string.concat(".columns[", vm.toString(index), "]");
        columns.packed = vm.parseJsonBytesArray(json, string.concat(at, ".packed"));
        columns.treesMargin = vm.parseJsonIntArray(json, string.concat(at, ".treesMargin"));
        columns.stateOffset = vm.parseJsonIntArray(json, string.concat(at, ".stateOffset"));
        columns.behaviourMargin = vm.parseJsonIntArray(json, string.concat(at, ".behaviourMargin"));
        columns.pdPpm = vm.parseJsonUintArray(json, string.concat(at, ".pdPpm"));
        columns.pdUpperPpm = vm.parseJsonUintArray(json, string.concat(at, ".pdUpperPpm"));
        columns.points = vm.parseJsonUintArray(json, string.concat(at, ".points"));
        columns.grade = vm.parseJsonUintArray(json, string.concat(at, ".grade"));
        columns.featuresHash = vm.parseJsonBytes32Array(json, string.concat(at, ".featuresHash"));
    }

    function collateralColumns() private view returns (CollateralColumns memory columns) {
        string memory json = vectors("model");
        string[7] memory names = [
            "volatilityPpm",
            "drawdownBps",
            "gapPpm",
            "ltvCeilingBps",
            "ltvFloorBps",
            "liquidationThresholdBps",
            "binding"
        ];
        columns.packed = vm.parseJsonBytesArray(json, ".columns[1].packed");
        columns.margin = vm.parseJsonIntArray(json, ".columns[1].margin");
        columns.featuresHash = vm.parseJsonBytes32Array(json, ".columns[1].featuresHash");
        for (uint256 field = 0; field < names.length; ++field) {
            columns.fields[field] = vm.parseJsonUintArray(json, string.concat(".columns[1].", names[field]));
        }
    }
}
