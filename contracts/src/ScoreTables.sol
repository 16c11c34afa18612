// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IScoreTables } from "./interfaces/IScoreTables.sol";

/// @title Deploys tables as contract code
/// @notice Anyone may deploy any tables; a reader trusts the code hash that it pinned, not this factory.
contract ScoreTables is IScoreTables {
    /// @dev EIP-170 limit less the leading zero byte.
    uint256 private constant _MAX_BYTES = 24_575;

    /// @inheritdoc IScoreTables
    function deploy(bytes calldata tables) external returns (address at, bytes32 codeHash) {
        if (tables.length == 0 || tables.length > _MAX_BYTES) revert TablesSize(tables.length, _MAX_BYTES);
        // Cast is safe: the length was bounded. The prefix returns the bytes that follow it as the runtime code.
        bytes memory initCode = abi.encodePacked(hex"61", uint16(tables.length + 1), hex"80600a3d393df300", tables);
        at = address(
            uint160(uint256(keccak256(abi.encodePacked(hex"ff", address(this), bytes32(0), keccak256(initCode)))))
        );
        if (at.code.length == 0) {
            address deployed;
            // Safe: reads initCode only; a failed creation gives zero.
            assembly ("memory-safe") {
                deployed := create2(0, add(initCode, 32), mload(initCode), 0)
            }
            if (deployed != at) revert TablesNotDeployed();
            emit TablesDeployed(at, at.codehash);
        }
        codeHash = at.codehash;
    }
}
