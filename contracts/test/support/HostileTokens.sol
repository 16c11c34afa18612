// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { LendingMarket } from "../../src/LendingMarket.sol";
import { SandboxToken } from "../../src/sandbox/SandboxToken.sol";

/// @notice Keeps one percent of every transfer.
contract FeeToken is SandboxToken {
    constructor() SandboxToken("Fee token", "FEE", 18) { }

    function _update(address from, address to, uint256 amount) internal override {
        if (from == address(0) || to == address(0)) return super._update(from, to, amount);
        super._update(from, address(0xFEE), amount / 100);
        super._update(from, to, amount - amount / 100);
    }
}

/// @notice Mints one percent to whoever receives.
contract GivingToken is SandboxToken {
    constructor() SandboxToken("Giving token", "GIVE", 18) { }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from != address(0) && to != address(0)) super._update(address(0), to, amount / 100);
    }
}

/// @notice Says false where it should revert, as early tokens do.
contract SilentToken is SandboxToken {
    constructor() SandboxToken("Silent token", "MUTE", 18) { }

    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return false;
    }
}

/// @notice Refuses to move nothing, as some tokens do.
contract StrictToken is SandboxToken {
    error NothingMoves();

    constructor() SandboxToken("Strict token", "STR", 6) { }

    function _update(address from, address to, uint256 amount) internal override {
        if (amount == 0) revert NothingMoves();
        super._update(from, to, amount);
    }
}

/// @notice Looks at a market's share price when it is called, as an integrator may be in the middle of a transfer.
contract PriceProbe {
    LendingMarket private immutable market;
    uint256 public seen;

    constructor(LendingMarket market_) {
        market = market_;
    }

    function look() external {
        seen = market.convertToAssets(1e24);
    }
}

/// @notice Calls back into `target` on every transfer.
contract CallingToken is SandboxToken {
    address public target;
    bytes public payload;

    constructor() SandboxToken("Calling token", "CALL", 18) { }

    function arm(address target_, bytes calldata payload_) external {
        target = target_;
        payload = payload_;
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (target == address(0)) return;
        (bool done, bytes memory reason) = target.call(payload);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(reason, 32), mload(reason))
            }
        }
    }
}
