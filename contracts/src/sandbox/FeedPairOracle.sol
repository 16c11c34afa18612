// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IOracle } from "@morpho-org/morpho-blue/src/interfaces/IOracle.sol";
import { IERC20Metadata } from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

import { IAggregatorV3 } from "../interfaces/IAggregatorV3.sol";

/// @title Morpho Blue price from the feeds of the collateral and of the loan token
/// @notice For local chains. Divides as `MorphoChainlinkOracleV2` does with one base and one quote feed; like it, looks at no age.
contract FeedPairOracle is IOracle {
    /// @notice Thrown when a feed answers zero or less.
    error InvalidAnswer(address feed, int256 given);

    /// @dev Scale of a Morpho price, for tokens of equal decimals.
    uint256 private constant _PRICE_DECIMALS = 36;

    /// @notice Feed of the collateral token, in any currency.
    IAggregatorV3 public immutable collateralFeed;
    /// @notice Feed of the loan token, in the same currency.
    IAggregatorV3 public immutable loanFeed;
    /// @notice What the quotient of the two answers is multiplied by.
    uint256 public immutable scale;

    constructor(
        IAggregatorV3 collateralFeed_,
        IERC20Metadata collateral,
        IAggregatorV3 loanFeed_,
        IERC20Metadata loan
    ) {
        collateralFeed = collateralFeed_;
        loanFeed = loanFeed_;
        scale = 10
            ** (_PRICE_DECIMALS
                + loan.decimals()
                + loanFeed_.decimals()
                - collateral.decimals()
                - collateralFeed_.decimals());
    }

    /// @inheritdoc IOracle
    function price() external view returns (uint256) {
        return scale * _answerOf(collateralFeed) / _answerOf(loanFeed);
    }

    function _answerOf(IAggregatorV3 feed) private view returns (uint256) {
        (, int256 answer,,,) = feed.latestRoundData();
        if (answer <= 0) revert InvalidAnswer(address(feed), answer);
        // The cast is safe: the answer is positive.
        return uint256(answer);
    }
}
