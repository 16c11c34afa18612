// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IERC20Metadata } from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import { Math } from "@openzeppelin/contracts/utils/math/Math.sol";

import { IAggregatorV3 } from "../interfaces/IAggregatorV3.sol";
import { ILendingMarket } from "../interfaces/ILendingMarket.sol";

/// @title Prices from AggregatorV3 feeds
/// @notice Assay is no price source; a market reads feeds under its own staleness rule.
library PriceLib {
    /// @notice Price of one collateral unit in loan units, as a fraction.
    struct Price {
        uint256 numerator;
        uint256 denominator;
    }

    /// @dev Keeps every product below 2^256: prices below 2^96, scales up to 10^36 < 2^120.
    uint256 private constant _MAX_ANSWER = type(uint96).max;
    uint256 private constant _MAX_DECIMALS = 36;
    uint256 private constant _BPS = 10_000;

    /// @notice The newest answer of `feed`, positive and at most `maxAgeSeconds` old.
    /// @custom:invariant M-06 No loan, withdrawal under debt or liquidation uses a stale, zero, negative or future price.
    function answerOf(address feed, uint256 maxAgeSeconds) internal view returns (uint256) {
        (, int256 answer,, uint256 updatedAt,) = IAggregatorV3(feed).latestRoundData();
        // The cast is safe: the answer is positive when its size is looked at.
        if (answer <= 0 || uint256(answer) > _MAX_ANSWER || updatedAt > block.timestamp) {
            revert ILendingMarket.InvalidPrice(feed, answer);
        }
        if (updatedAt + maxAgeSeconds < block.timestamp) {
            revert ILendingMarket.StalePrice(feed, updatedAt, block.timestamp - maxAgeSeconds);
        }
        return uint256(answer);
    }

    /// @notice Decimals of a token and of the feed of its price, as a factor.
    function scaleOf(address token, address feed) internal view returns (uint256) {
        if (token.code.length == 0) revert ILendingMarket.NotAContract(token);
        if (feed.code.length == 0) revert ILendingMarket.NotAContract(feed);
        uint256 decimals = uint256(IERC20Metadata(token).decimals()) + IAggregatorV3(feed).decimals();
        if (decimals > _MAX_DECIMALS) revert ILendingMarket.InvalidConfig("decimals", decimals, _MAX_DECIMALS);
        return 10 ** decimals;
    }

    /// @notice LTV in bps, rounded up; beyond all limits if there is no value.
    function ltvBps(uint256 debt, uint256 value) internal pure returns (uint256) {
        return value == 0 ? type(uint256).max : Math.mulDiv(debt, _BPS, value, Math.Rounding.Ceil);
    }

    /// @notice Value in loan units, rounded down.
    function valueOf(Price memory price, uint256 collateral) internal pure returns (uint256) {
        return Math.mulDiv(collateral, price.numerator, price.denominator);
    }

    /// @notice Collateral units worth `value`, rounded down.
    function collateralFor(Price memory price, uint256 value) internal pure returns (uint256) {
        return Math.mulDiv(value, price.denominator, price.numerator);
    }
}
