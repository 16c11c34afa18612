// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IModelRegistry } from "../../src/interfaces/IModelRegistry.sol";
import { ModelFixture } from "../support/ModelFixture.sol";

/// @notice Execution gas of one score with every slot and account cold, without a transaction's 21,000 and calldata.
contract ModelGasTest is ModelFixture {
    uint256 private constant LARGEST_LIMIT = 130_000;
    uint256 private constant BATCH_LIMIT = 16_000_000;

    mapping(string name => bytes32 modelId) private ids;

    function setUp() public {
        deployRegistry();
        ids["borrower-1"] = makeTestedRun("borrower-1");
        ids["borrower-sandbox-1"] = makeTestedRun("borrower-sandbox-1");
        ids["collateral-1"] = makeTestedRun("collateral-1");
        ids["largest"] = makeTestedRun("largest");
    }

    function test_ScoreGas_Released_IsSnapshot() public {
        measureBorrower("borrower-1", "borrower-1 (trees in shadow)");
    }

    function test_ScoreGas_Sandbox_IsSnapshot() public {
        measureBorrower("borrower-sandbox-1", "borrower-sandbox-1 (60 trees of depth 3)");
    }

    function test_ScoreGas_Collateral_IsSnapshot() public {
        bytes memory vector = runSelfTestCases("collateral-1")[0].vector;

        registry.scoreCollateral(ids["collateral-1"], vector);
        vm.snapshotGasLastCall("model", "collateral-1 (39 trees of depth 5)");
    }

    function test_ScoreGas_Largest_StaysUnderItsLimit() public {
        uint256 used = measureBorrower("largest", "largest (200 trees of depth 5, 32 slots)");

        assertLt(used, LARGEST_LIMIT);
    }

    function test_RegisterGas_Largest_StaysUnderItsLimit() public {
        Sections memory sections = deploySections(bytes.concat(runModel("largest")));
        deployRegistry();

        registry.register(sections.header, sections.tables, sections.chunks);
        assertLt(vm.snapshotGasLastCall("model", "register largest"), BATCH_LIMIT);
    }

    function test_SelfTestGas_EveryModel_FitsIntoThreeTransactions() public {
        string[4] memory names = ["borrower-1", "borrower-sandbox-1", "collateral-1", "largest"];
        for (uint256 i = 0; i < names.length; ++i) {
            deployRegistry();
            IModelRegistry.SelfTestCase[] memory cases = runSelfTestCases(names[i]);
            bytes32[] memory hashes = selfTestHashes(cases);
            bytes32 modelId = register(runModel(names[i]));
            nameSelfTest(modelId, cases);

            registry.runSelfTest(modelId, batchOf(cases, 0, 86), hashes[86]);
            uint256 used = vm.snapshotGasLastCall("model", string.concat("self-test of 86 cases, ", names[i]));

            // Calldata of a case: at most 64 bytes of vector, 352 of leaf and 160 of offsets and lengths, 40 gas a byte at worst.
            assertLt(used + 86 * 40 * 576, BATCH_LIMIT);
        }
    }

    function measureBorrower(string memory name, string memory label) private returns (uint256) {
        bytes memory vector = runSelfTestCases(name)[0].vector;

        registry.scoreBorrower(ids[name], vector);
        return vm.snapshotGasLastCall("model", label);
    }
}
