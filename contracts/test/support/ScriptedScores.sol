// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { IStaking } from "../../src/interfaces/IStaking.sol";

/// @notice The part of a score oracle that a gate reads, said by a test.
contract ScriptedScores {
    IScoreOracle.PostedCollateral private _posted;
    IScoreOracle.PostedCollateral private _final;
    bool public isOnHold;
    bool public hasExpired;
    mapping(uint64 epoch => bool) public isEpochVoided;

    function post(IScoreOracle.PostedCollateral memory posted) external {
        _posted = posted;
    }

    function postFinal(IScoreOracle.PostedCollateral memory posted) external {
        _final = posted;
    }

    function setHold(bool hold) external {
        isOnHold = hold;
    }

    function setExpired(bool expired) external {
        hasExpired = expired;
    }

    function voidEpoch(uint64 epoch) external {
        isEpochVoided[epoch] = true;
    }

    function isExpired(uint64 epoch) external view returns (bool) {
        return hasExpired || epoch == 0 || isEpochVoided[epoch];
    }

    /// @dev One member, in force for good.
    function configDigest() external pure returns (bytes32) {
        return keccak256("config");
    }

    function coldKeysOf(bytes32) external pure returns (address[] memory keys) {
        keys = new address[](1);
        keys[0] = address(0xC01D);
    }

    function collateralScore(bytes32) external view returns (IScoreOracle.PostedCollateral memory) {
        return _posted;
    }

    function finalisedCollateralScore(bytes32) external view returns (IScoreOracle.PostedCollateral memory) {
        return _final;
    }
}

/// @notice The part of a staking contract that a gate reads. Every member asked for has the same stake.
contract ScriptedStake {
    address public immutable oracle;
    address public immutable token;
    uint256 private _bonded;

    constructor(address oracle_, address token_) {
        (oracle, token) = (oracle_, token_);
    }

    function set(uint256 amount) external {
        _bonded = amount;
    }

    function stakeOf(address) external view returns (IStaking.Stake memory stake) {
        stake.bonded = _bonded;
    }
}
