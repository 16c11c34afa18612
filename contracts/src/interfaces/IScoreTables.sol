// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title Tables of a model as contract code
/// @notice A data contract's runtime code is `0x00 ‖ tables section of model.bin`, so that a call to it stops at once.
/// @dev Init code that deploys it without this factory: `0x61 ‖ uint16 length ‖ 0x80600a3d393df3 ‖ 0x00 ‖ tables`, length
///      counting the leading zero byte. Readers pin the address and the code hash, `keccak256(0x00 ‖ tables)`.
interface IScoreTables {
    /// @notice Thrown when tables are empty or do not fit into one contract.
    error TablesSize(uint256 given, uint256 maximum);

    /// @notice Thrown when the deployment of a data contract fails.
    error TablesNotDeployed();

    /// @notice Thrown when a data contract is not the one pinned.
    error TablesMismatch(bytes32 given, bytes32 expected);

    /// @notice Tables were deployed.
    event TablesDeployed(address indexed tables, bytes32 indexed codeHash);

    /// @notice Deploys `tables` at an address that follows from them; a second call returns the first one's.
    function deploy(bytes calldata tables) external returns (address at, bytes32 codeHash);
}
