// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ScoreMath } from "../../src/libraries/ScoreMath.sol";
import { Vectors } from "../support/Vectors.sol";

/// @notice Every derived field of whole models, as the EVM reads their tables.
contract ModelVectorsTest is Vectors {
    struct BorrowerColumns {
        bytes[] packed;
        int256[] stateOffset;
        int256[] behaviourMargin;
        uint256[] pdPpm;
        uint256[] pdUpperPpm;
        uint256[] points;
        uint256[] grade;
    }

    function test_BorrowerFields_ActiveModel_Agree() public {
        assertGt(compareBorrower(0), 100);
    }

    function test_BorrowerFields_InactiveModel_Agree() public {
        assertGt(compareBorrower(2), 10);
    }

    function test_CollateralFields_Model_Agree() public {
        string memory json = vectors("model");
        address tables = deployTables(1);
        bytes memory support = supportOf(1);
        bytes[] memory packed = vm.parseJsonBytesArray(json, ".columns[1].packed");
        int256[] memory margin = vm.parseJsonIntArray(json, ".columns[1].margin");
        uint256[8][] memory expected = collateralColumns(json, margin.length);

        for (uint256 i = 0; i < packed.length; ++i) {
            bool rated = ScoreMath.isRated(packed[i], support);
            ScoreMath.CollateralFields memory fields = ScoreMath.collateralFields(tables, margin[i], rated);
            uint256[8] memory given = [
                rated ? 1 : 0,
                ScoreMath.volatility(tables, packed[i]),
                fields.drawdownBps,
                fields.gapPpm,
                fields.ltvCeilingBps,
                fields.ltvFloorBps,
                fields.liquidationThresholdBps,
                fields.binding
            ];
            assertEq(abi.encode(given), abi.encode(expected[i]), vm.toString(packed[i]));
        }
        assertGt(packed.length, 100);
    }

    function test_IsRated_RevertWhen_SlotsDiffer() public {
        vm.expectRevert(abi.encodeWithSelector(ScoreMath.SlotsMismatch.selector, 3, 2));
        this.isRated(new bytes(6), new bytes(10));
    }

    function isRated(bytes memory vector, bytes memory support) external pure returns (bool) {
        return ScoreMath.isRated(vector, support);
    }

    function compareBorrower(uint256 index) private returns (uint256) {
        BorrowerColumns memory columns = borrowerColumns(index);
        address tables = deployTables(index);
        bytes memory support = supportOf(index);
        for (uint256 i = 0; i < columns.packed.length; ++i) {
            compareBorrowerRow(tables, support, columns, i);
        }
        return columns.packed.length;
    }

    function compareBorrowerRow(address tables, bytes memory support, BorrowerColumns memory columns, uint256 i)
        private
        view
    {
        bytes memory vector = columns.packed[i];
        string memory name = vm.toString(vector);
        int256 margin = columns.stateOffset[i] + columns.behaviourMargin[i];
        // A missing z (0) reads the table's first knot, as in Python.
        assertEq(ScoreMath.stateOffset(tables, ScoreMath.slotOf(vector, 0)), columns.stateOffset[i], name);
        (uint256 pd, uint256 upper) = ScoreMath.probabilities(tables, margin);
        assertEq(pd, columns.pdPpm[i], name);
        assertEq(upper, columns.pdUpperPpm[i], name);
        assertEq(ScoreMath.pdUpper(tables, margin), columns.pdUpperPpm[i], name);
        assertEq(ScoreMath.points(tables, pd), columns.points[i], name);
        assertEq(ScoreMath.grade(tables, pd, ScoreMath.isRated(vector, support)), columns.grade[i], name);
    }

    function borrowerColumns(uint256 index) private view returns (BorrowerColumns memory columns) {
        string memory json = vectors("model");
        string memory at = string.concat(".columns[", vm.toString(index), "]");
        columns.packed = vm.parseJsonBytesArray(json, string.concat(at, ".packed"));
        columns.stateOffset = vm.parseJsonIntArray(json, string.concat(at, ".stateOffset"));
        columns.behaviourMargin = vm.parseJsonIntArray(json, string.concat(at, ".behaviourMargin"));
        columns.pdPpm = vm.parseJsonUintArray(json, string.concat(at, ".pdPpm"));
        columns.pdUpperPpm = vm.parseJsonUintArray(json, string.concat(at, ".pdUpperPpm"));
        columns.points = vm.parseJsonUintArray(json, string.concat(at, ".points"));
        columns.grade = vm.parseJsonUintArray(json, string.concat(at, ".grade"));
    }

    function collateralColumns(string memory json, uint256 count) private pure returns (uint256[8][] memory rows) {
        string[7] memory names = [
            "volatilityPpm",
            "drawdownBps",
            "gapPpm",
            "ltvCeilingBps",
            "ltvFloorBps",
            "liquidationThresholdBps",
            "binding"
        ];
        bool[] memory isUnrated = vm.parseJsonBoolArray(json, ".columns[1].isUnrated");
        rows = new uint256[8][](count);
        for (uint256 i = 0; i < count; ++i) {
            rows[i][0] = isUnrated[i] ? 0 : 1;
        }
        for (uint256 field = 0; field < names.length; ++field) {
            uint256[] memory column = vm.parseJsonUintArray(json, string.concat(".columns[1].", names[field]));
            for (uint256 i = 0; i < count; ++i) {
                rows[i][field + 1] = column[i];
            }
        }
    }
}
