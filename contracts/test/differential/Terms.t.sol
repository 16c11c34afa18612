// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ITerms } from "../../src/interfaces/ITerms.sol";
import { TermsLib } from "../../src/libraries/TermsLib.sol";
import { Vectors } from "../support/Vectors.sol";

contract TermsVectorsTest is Vectors {
    string private json;
    address private tables;

    struct Columns {
        uint256[] ltvCeilingBps;
        uint256[] ltvFloorBps;
        uint256[] liquidationThresholdBps;
        uint256[] volatilityPpm;
        uint256[] gapPpm;
        uint256[] severityBps;
        uint256[] budgetPpm;
        uint256[] floorPremiumBps;
        bool[] isCollateralRated;
        string[] proof;
        int256[] behaviourMargin;
        uint256[] askBps;
        bool[] refused;
        uint256[] ltvBps;
        uint256[] premiumBps;
        uint256[] elPpm;
    }

    function setUp() public {
        json = vectors("terms");
        tables = deployTables(0);
    }

    function test_Terms_Vectors_Agree() public view {
        Columns memory columns = read();
        uint256 compared;
        for (uint256 i = 0; i < columns.askBps.length; ++i) {
            // Without a rated score of the collateral, with a volatility, a market refuses before it asks for terms.
            if (!columns.isCollateralRated[i] || columns.volatilityPpm[i] == 0) {
                assertTrue(columns.refused[i]);
                continue;
            }
            ITerms.Terms memory terms = termsOf(columns, i);
            string memory name = vm.toString(i);
            assertEq(terms.allowed, !columns.refused[i], name);
            assertEq(terms.ltvBps, columns.ltvBps[i], name);
            assertEq(terms.premiumBps, columns.premiumBps[i], name);
            assertEq(terms.elPpm, columns.elPpm[i], name);
            ++compared;
        }
        assertGt(compared, 300);
    }

    function termsOf(Columns memory columns, uint256 i) private view returns (ITerms.Terms memory) {
        ITerms.Policy memory policy = ITerms.Policy({
            severityBps: uint32(columns.severityBps[i]),
            budgetPpm: uint32(columns.budgetPpm[i]),
            floorPremiumBps: uint32(columns.floorPremiumBps[i])
        });
        ITerms.Pair memory pair = ITerms.Pair({
            liquidationThresholdBps: uint16(columns.liquidationThresholdBps[i]),
            ltvCeilingBps: uint16(columns.ltvCeilingBps[i]),
            ltvFloorBps: uint16(columns.ltvFloorBps[i]),
            volatilityPpm: uint32(columns.volatilityPpm[i]),
            gapPpm: uint32(columns.gapPpm[i])
        });
        return keccak256(bytes(columns.proof[i])) == keccak256("rated")
            ? TermsLib.ratedTerms(tables, policy, pair, columns.behaviourMargin[i], columns.askBps[i])
            : TermsLib.floorTerms(policy, pair, columns.askBps[i]);
    }

    function read() private view returns (Columns memory columns) {
        columns.ltvCeilingBps = vm.parseJsonUintArray(json, ".columns.ltvCeilingBps");
        columns.ltvFloorBps = vm.parseJsonUintArray(json, ".columns.ltvFloorBps");
        columns.liquidationThresholdBps = vm.parseJsonUintArray(json, ".columns.liquidationThresholdBps");
        columns.volatilityPpm = vm.parseJsonUintArray(json, ".columns.volatilityPpm");
        columns.gapPpm = vm.parseJsonUintArray(json, ".columns.gapPpm");
        columns.severityBps = vm.parseJsonUintArray(json, ".columns.severityBps");
        columns.budgetPpm = vm.parseJsonUintArray(json, ".columns.budgetPpm");
        columns.floorPremiumBps = vm.parseJsonUintArray(json, ".columns.floorPremiumBps");
        columns.isCollateralRated = vm.parseJsonBoolArray(json, ".columns.isCollateralRated");
        columns.proof = vm.parseJsonStringArray(json, ".columns.proof");
        columns.behaviourMargin = vm.parseJsonIntArray(json, ".columns.behaviourMargin");
        columns.askBps = vm.parseJsonUintArray(json, ".columns.askBps");
        columns.refused = vm.parseJsonBoolArray(json, ".columns.refused");
        columns.ltvBps = vm.parseJsonUintArray(json, ".columns.ltvBps");
        columns.premiumBps = vm.parseJsonUintArray(json, ".columns.premiumBps");
        columns.elPpm = vm.parseJsonUintArray(json, ".columns.elPpm");
    }
}
