// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IIrm } from "@morpho-org/morpho-blue/src/interfaces/IIrm.sol";
import { Id, Market, MarketParams } from "@morpho-org/morpho-blue/src/interfaces/IMorpho.sol";
import { Ownable } from "@openzeppelin/contracts/access/Ownable.sol";

/// @title Interest rate model of Morpho Blue whose owner writes the rates
/// @notice For local chains. A rate is fixed until it is written again, and zero before; logged as Morpho's fixed-rate model does.
contract ScriptedIrm is IIrm, Ownable {
    /// @notice Thrown when a rate is above the maximum.
    error RateTooHigh(uint256 given, uint256 maximum);

    /// @notice A market's rate per second, in 10^-18.
    event SetBorrowRate(Id indexed id, uint256 newBorrowRate);

    /// @notice 800 % a year, the maximum of Morpho's own models.
    uint256 public constant MAX_RATE = 8e18 / uint256(365 days);

    /// @notice Rate of each market.
    mapping(Id id => uint256) public rateOf;

    constructor() Ownable(msg.sender) { }

    /// @notice Writes the rate of a market, which need not exist yet. Interest since the last accrual is then counted at the new rate.
    function setBorrowRate(Id id, uint256 rate) external onlyOwner {
        if (rate > MAX_RATE) revert RateTooHigh(rate, MAX_RATE);
        rateOf[id] = rate;
        emit SetBorrowRate(id, rate);
    }

    /// @inheritdoc IIrm
    function borrowRate(MarketParams calldata marketParams, Market calldata) external view returns (uint256) {
        return rateOf[_idOf(marketParams)];
    }

    /// @inheritdoc IIrm
    function borrowRateView(MarketParams calldata marketParams, Market calldata) external view returns (uint256) {
        return rateOf[_idOf(marketParams)];
    }

    function _idOf(MarketParams calldata marketParams) private pure returns (Id) {
        return Id.wrap(keccak256(abi.encode(marketParams)));
    }
}
