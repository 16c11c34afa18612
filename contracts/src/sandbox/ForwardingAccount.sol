// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { Ownable } from "@openzeppelin/contracts/access/Ownable.sol";

/// @title Account with code, as a smart wallet is
/// @notice For local chains: what `owner` sends here is sent on, so that the account itself is the borrower.
contract ForwardingAccount is Ownable {
    constructor(address owner_) Ownable(owner_) { }

    /// @notice Calls `target` with `data`; a failure is passed on with its reason.
    function execute(address target, bytes calldata data) external onlyOwner returns (bytes memory result) {
        bool done;
        // solhint-disable-next-line avoid-low-level-calls
        (done, result) = target.call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(result, 32), mload(result))
            }
        }
    }
}
