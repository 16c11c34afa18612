// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ScoreTables } from "../../src/ScoreTables.sol";
import { IScoreTables } from "../../src/interfaces/IScoreTables.sol";
import { Test } from "forge-std/Test.sol";

contract ScoreTablesTest is Test {
    ScoreTables private factory = new ScoreTables();

    function test_Deploy_Tables_AreTheRuntimeCode() public {
        (address at, bytes32 codeHash) = factory.deploy(hex"11223344");

        assertEq(at.code, hex"0011223344");
        assertEq(codeHash, keccak256(hex"0011223344"));
    }

    function test_Deploy_Twice_GivesTheSameAddress() public {
        (address first,) = factory.deploy(hex"11223344");
        (address second,) = factory.deploy(hex"11223344");
        (address other,) = factory.deploy(hex"11223345");

        assertEq(first, second);
        assertNotEq(first, other);
    }

    function test_Deploy_DocumentedInitCode_GivesTheSameCode() public {
        bytes memory initCode = hex"61000580600a3d393df30011223344";
        address at;
        assembly ("memory-safe") {
            at := create(0, add(initCode, 32), mload(initCode))
        }

        assertEq(at.code, hex"0011223344");
    }

    /// 24,000 bytes of code cost 4.8 million gas to keep; the creation gets 63/64 of a million.
    function test_Deploy_RevertWhen_GasRunsOut() public {
        bytes memory tables = new bytes(24_000);

        vm.expectRevert(IScoreTables.TablesNotDeployed.selector);
        factory.deploy{ gas: 1_000_000 }(tables);
    }

    function test_Deploy_CallToTables_DoesNothing() public {
        (address at,) = factory.deploy(hex"ff");

        (bool done, bytes memory result) = at.call("");

        assertTrue(done);
        assertEq(result.length, 0);
        assertEq(at.code, hex"00ff");
    }

    function test_Deploy_RevertWhen_SizeUnfit() public {
        vm.expectRevert(abi.encodeWithSelector(IScoreTables.TablesSize.selector, 0, 24_575));
        factory.deploy("");
        vm.expectRevert(abi.encodeWithSelector(IScoreTables.TablesSize.selector, 24_576, 24_575));
        factory.deploy(new bytes(24_576));

        (address at,) = factory.deploy(new bytes(24_575));
        assertEq(at.code.length, 24_576);
    }
}
