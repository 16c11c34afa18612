// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ScoreTables } from "../../src/ScoreTables.sol";
import { ScoreMath } from "../../src/libraries/ScoreMath.sol";
import { Vectors } from "../support/Vectors.sol";

contract ArithmeticVectorsTest is Vectors {
    function test_Ilog2_Vectors_Agree() public view {
        string memory json = vectors("ilog2");
        uint256[] memory x = vm.parseJsonUintArray(json, ".columns.x");
        uint256[] memory expected = vm.parseJsonUintArray(json, ".columns.ilog2");

        for (uint256 i = 0; i < x.length; ++i) {
            assertEq(ScoreMath.ilog2(x[i]), expected[i], vm.toString(x[i]));
        }
        assertGt(x.length, 200);
    }

    function test_Ilog2_RevertWhen_Zero() public {
        vm.expectRevert(ScoreMath.LogarithmOfZero.selector);
        this.ilog2(0);
    }

    function test_Distance_Vectors_Agree() public view {
        string memory json = vectors("z");
        bool[] memory hasDebt = vm.parseJsonBoolArray(json, ".columns.hasDebt");
        uint256[] memory healthFactorWad = vm.parseJsonUintArray(json, ".columns.healthFactorWad");
        uint256[] memory volatilityPpm = vm.parseJsonUintArray(json, ".columns.volatilityPpm");
        uint256[] memory expected = vm.parseJsonUintArray(json, ".columns.z");

        uint256 compared;
        for (uint256 i = 0; i < expected.length; ++i) {
            if (!hasDebt[i]) {
                assertEq(expected[i], ScoreMath.Z_NO_DEBT);
                continue;
            }
            assertEq(ScoreMath.distance(healthFactorWad[i], volatilityPpm[i]), expected[i], vm.toString(i));
            ++compared;
        }
        assertGt(compared, 200);
    }

    function test_StateOffset_Vectors_Agree() public {
        string memory json = vectors("state_offset");
        string[] memory names = vm.parseJsonStringArray(json, ".columns.table");
        uint256[] memory z = vm.parseJsonUintArray(json, ".columns.z");
        int256[] memory expected = vm.parseJsonIntArray(json, ".columns.offset");
        address smooth = deployKnots(vm.parseJsonIntArray(json, ".tables.smooth"));
        address step = deployKnots(vm.parseJsonIntArray(json, ".tables.step"));

        for (uint256 i = 0; i < z.length; ++i) {
            bool isSmooth = keccak256(bytes(names[i])) == keccak256("smooth");
            assertEq(ScoreMath.stateOffset(isSmooth ? smooth : step, z[i]), expected[i], vm.toString(z[i]));
        }
        assertGt(z.length, 100);
    }

    function test_TableIndex_Vectors_Agree() public view {
        string memory json = vectors("state_offset");
        int256[] memory margin = vm.parseJsonIntArray(json, ".columns.index.margin");
        int256[] memory lo = vm.parseJsonIntArray(json, ".columns.index.lo");
        uint256[] memory shift = vm.parseJsonUintArray(json, ".columns.index.shift");
        uint256[] memory expected = vm.parseJsonUintArray(json, ".columns.index.index");

        for (uint256 i = 0; i < margin.length; ++i) {
            uint256 packed = (uint256(uint32(int32(lo[i]))) << 8) | shift[i];
            assertEq(ScoreMath.tableIndex(margin[i], packed), expected[i], vm.toString(margin[i]));
        }
        assertGt(margin.length, 40);
    }

    function test_Points_Vectors_Agree() public {
        string memory json = vectors("points");
        uint256[] memory thresholds = vm.parseJsonUintArray(json, ".thresholds");
        uint256[] memory pdPpm = vm.parseJsonUintArray(json, ".columns.pdPpm");
        uint256[] memory expected = vm.parseJsonUintArray(json, ".columns.points");
        bytes memory section = new bytes(0);
        for (uint256 i = 0; i < thresholds.length; ++i) {
            section = bytes.concat(section, bytes4(uint32(thresholds[i])));
        }
        (address tables,) = new ScoreTables().deploy(bytes.concat(new bytes(3081), section, new bytes(38)));

        for (uint256 i = 0; i < pdPpm.length; ++i) {
            assertEq(ScoreMath.points(tables, pdPpm[i]), expected[i], vm.toString(pdPpm[i]));
        }
        assertGt(pdPpm.length, 100);
    }

    function test_Grade_Vectors_Agree() public {
        string memory json = vectors("grades");
        uint256[] memory thresholds = vm.parseJsonUintArray(json, ".gradeThresholds");
        bool[] memory isRated = vm.parseJsonBoolArray(json, ".columns.isRated");
        uint256[] memory pdPpm = vm.parseJsonUintArray(json, ".columns.pdPpm");
        uint256[] memory lgdBps = vm.parseJsonUintArray(json, ".columns.lgdBps");
        uint256[] memory expected = vm.parseJsonUintArray(json, ".columns.grade");
        bytes memory section = new bytes(0);
        for (uint256 i = 0; i < thresholds.length; ++i) {
            section = bytes.concat(section, bytes4(uint32(thresholds[i])));
        }
        ScoreTables factory = new ScoreTables();

        for (uint256 i = 0; i < pdPpm.length; ++i) {
            bytes memory tail = bytes.concat(bytes2(uint16(lgdBps[i])), section);
            (address tables,) = factory.deploy(bytes.concat(new bytes(5881), tail));
            assertEq(ScoreMath.grade(tables, pdPpm[i], isRated[i]), expected[i], vm.toString(i));
        }
        assertGt(pdPpm.length, 100);
    }

    function ilog2(uint256 x) external pure returns (uint256) {
        return ScoreMath.ilog2(x);
    }

    function deployKnots(int256[] memory knots) private returns (address tables) {
        bytes memory section = new bytes(0);
        for (uint256 i = 0; i < knots.length; ++i) {
            section = bytes.concat(section, bytes4(uint32(int32(knots[i]))));
        }
        assertEq(knots.length, 257);
        (tables,) = new ScoreTables().deploy(section);
    }
}
