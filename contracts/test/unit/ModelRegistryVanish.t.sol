// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ModelRegistry } from "../../src/ModelRegistry.sol";
import { IModelRegistry } from "../../src/interfaces/IModelRegistry.sol";
import { ModelFixture } from "../support/ModelFixture.sol";

/// @notice Destroys whoever delegates to it.
contract Destroyer {
    fallback() external {
        selfdestruct(payable(tx.origin));
    }
}

/// @notice A data contract that is gone after the transaction that made it (EIP-6780).
contract Ephemeral {
    constructor(address destroyer, bytes memory code) {
        (bool isDone,) = destroyer.delegatecall("");
        require(isDone, "not destroyed");
        assembly {
            return(add(code, 32), mload(code))
        }
    }
}

/// @notice Registers a model with data contracts that vanish.
contract Attacker {
    address private immutable _destroyer = address(new Destroyer());

    function register(ModelRegistry registry, bytes memory header, bytes memory tables, bytes memory body)
        external
        returns (bytes32)
    {
        address[] memory chunks = new address[](1);
        chunks[0] = address(new Ephemeral(_destroyer, bytes.concat(hex"00", body)));
        return registry.register(header, address(new Ephemeral(_destroyer, bytes.concat(hex"00", tables))), chunks);
    }

    /// @dev Registers and tests in one transaction, while the code is still there.
    function registerAndTest(
        ModelRegistry registry,
        bytes[3] memory sections,
        IModelRegistry.SelfTestCase[] memory cases
    ) external returns (bytes32 modelId) {
        modelId = this.register(registry, sections[0], sections[1], sections[2]);
        registry.nameSelfTest(modelId, hashOf(cases));
        registry.runSelfTest(modelId, cases, 0);
    }

    function hashOf(IModelRegistry.SelfTestCase[] memory cases) private pure returns (bytes32 head) {
        for (uint256 i = cases.length; i > 0; --i) {
            head = keccak256(bytes.concat(keccak256(cases[i - 1].vector), keccak256(cases[i - 1].leaf), head));
        }
    }
}

/// @notice Models whose code vanishes after they were registered. Each call is a transaction of its own.
contract ModelRegistryVanishTest is ModelFixture {
    uint256 private constant COLLATERAL = 1;
    uint256 private constant TABLES_BYTES = 2062;
    Attacker private attacker;

    function setUp() public {
        attacker = new Attacker();
        // Its curator is in league.
        curator = address(attacker);
        deployRegistry();
    }

    function sectionsOf(bytes memory model) private pure returns (bytes[3] memory sections) {
        uint256 tablesSize = model[4] == 0x01 ? 5919 : TABLES_BYTES;
        sections[0] = slice(model, 0, 44);
        sections[1] = slice(model, 44, tablesSize);
        sections[2] = slice(model, 44 + tablesSize, model.length - 44 - tablesSize);
    }

    /// R-01: an id is not blocked by data contracts that are gone.
    /// forge-config: default.isolate = true
    function test_Register_CodeVanished_IsTakenAgain() public {
        bytes memory model = modelBytes(COLLATERAL);
        bytes[3] memory parts = sectionsOf(model);
        bytes32 modelId = attacker.register(registry, parts[0], parts[1], parts[2]);
        IModelRegistry.Model memory before = registry.model(modelId);
        assertEq(modelId, keccak256(model));
        assertEq(before.tables.code.length, 0);
        assertEq(before.chunks[0].code.length, 0);
        Sections memory sections = deploySections(model);

        vm.expectEmit(address(registry));
        emit IModelRegistry.ModelRegistered(modelId, 2, sections.tables, sections.chunks, before.codeDigest);
        assertEq(registry.register(sections.header, sections.tables, sections.chunks), modelId);

        IModelRegistry.Model memory repaired = registry.model(modelId);
        assertEq(repaired.tables, sections.tables);
        assertEq(repaired.chunks, sections.chunks);
        (before.tables, before.chunks) = (sections.tables, sections.chunks);
        assertEq(abi.encode(repaired), abi.encode(before));
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.AlreadyRegistered.selector, modelId));
        registry.register(sections.header, sections.tables, sections.chunks);
    }

    /// R-01, R-02: tested while its code was there, a model does not run without it, and runs again once it is back.
    /// forge-config: default.isolate = true
    function test_Register_TestedAndVanished_RunsOnceItIsBack() public {
        bytes memory model = runModel("borrower-1");
        IModelRegistry.SelfTestCase[] memory cases = runSelfTestCases("borrower-1");
        bytes32 modelId = attacker.registerAndTest(registry, sectionsOf(model), cases);
        assertEq(uint8(registry.model(modelId).state), uint8(IModelRegistry.State.Tested));
        vm.expectPartialRevert(IModelRegistry.CodeChanged.selector);
        registry.scoreBorrower(modelId, cases[0].vector);

        assertEq(register(model), modelId);

        assertEq(uint8(registry.model(modelId).state), uint8(IModelRegistry.State.Tested));
        assertEq(registry.model(modelId).selfTestDone, 256);
        assertEq(registry.scoreBorrower(modelId, cases[0].vector).featuresHash, keccak256(cases[0].vector));
    }
}
