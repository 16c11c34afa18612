// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IOracle } from "@morpho-org/morpho-blue/src/interfaces/IOracle.sol";
import { Math } from "@openzeppelin/contracts/utils/math/Math.sol";

import { IScoreOracle } from "../interfaces/IScoreOracle.sol";
import { ScoreMath } from "../libraries/ScoreMath.sol";

/// @title Morpho Blue price with a haircut set by the pair's score
/// @notice A Morpho market fixes its LLTV for good. Scaling the price by `threshold / LLTV` makes its positions liquidatable at the
///         score's threshold instead, where that is lower. The threshold moves only by `poke`, and then at a bounded pace both ways.
/// @dev `price` never reverts for want of a score: Morpho needs it to liquidate and to free collateral. Without a score to go by
///      nothing changes; a price alone cannot stop new loans. A liquidator's bonus is reckoned at the reduced price: a position
///      at the edge gives away `incentive * LLTV` of its collateral at most, which Morpho keeps below all of it.
contract MorphoScoreOracle is IOracle {
    /// @notice Thrown when the market's LLTV is zero or above one.
    error InvalidLltv(uint256 givenWad, uint256 maxWad);

    /// @notice Thrown when the lowest threshold is zero or above the LLTV.
    error InvalidMinThreshold(uint256 givenWad, uint256 maxWad);

    /// @notice Thrown when the pace is zero or above a whole an hour.
    error InvalidRamp(uint256 givenBps, uint256 maxBps);

    /// @notice Thrown when no final score is inside its validity, or it was voided.
    error ExpiredScore(uint64 epoch, uint256 blockTimestamp);

    /// @notice Thrown when the pair's newest final score is unrated.
    error UnratedScore(uint64 epoch, bytes32 pair);

    /// @notice Thrown when the price, or what the haircut leaves of it, is zero: Morpho would give collateral away for nothing.
    error ZeroPrice(uint256 basePrice);

    /// @notice A score set where the threshold goes.
    event ThresholdTargeted(uint64 indexed epoch, uint256 fromWad, uint256 toWad);

    uint256 private constant _WAD = 1e18;
    uint256 private constant _WAD_PER_BPS = 1e14;
    uint256 private constant _BPS = 10_000;

    /// @notice Where the score is read; only final ones count, because a lower price liquidates.
    IScoreOracle public immutable scores;
    /// @notice Price without a haircut.
    IOracle public immutable base;
    /// @notice Subject of the pair (`LeafLib.collateralSubject`).
    bytes32 public immutable pair;
    /// @notice LLTV of the Morpho market.
    uint256 public immutable lltvWad;
    /// @notice The threshold never goes below this.
    uint256 public immutable minThresholdWad;
    /// @notice Fastest pace of the threshold, either way.
    uint256 public immutable rampBpsPerHour;

    uint256 private _fromWad;
    uint256 private _toWad;
    uint256 private _startedAt;

    constructor(
        IScoreOracle scores_,
        IOracle base_,
        bytes32 pair_,
        uint256 lltvWad_,
        uint256 minThresholdWad_,
        uint256 rampBpsPerHour_
    ) {
        if (lltvWad_ == 0 || lltvWad_ > _WAD) revert InvalidLltv(lltvWad_, _WAD);
        if (minThresholdWad_ == 0 || minThresholdWad_ > lltvWad_) {
            revert InvalidMinThreshold(minThresholdWad_, lltvWad_);
        }
        if (rampBpsPerHour_ == 0 || rampBpsPerHour_ > _BPS) revert InvalidRamp(rampBpsPerHour_, _BPS);
        (scores, base, pair) = (scores_, base_, pair_);
        (lltvWad, minThresholdWad, rampBpsPerHour) = (lltvWad_, minThresholdWad_, rampBpsPerHour_);
        (_fromWad, _toWad, _startedAt) = (lltvWad_, lltvWad_, block.timestamp);
    }

    /// @notice Takes the threshold of the newest final score as the target. Anyone may call.
    /// @dev The ramp goes on from where it stands: a repeat neither restarts nor hastens it.
    /// @custom:invariant A-05 The threshold moves by final scores alone and at its pace at most, either way.
    function poke() external {
        IScoreOracle.PostedCollateral memory score = scores.finalisedCollateralScore(pair);
        if (scores.isExpired(score.epoch)) revert ExpiredScore(score.epoch, block.timestamp);
        if (score.binding == ScoreMath.BINDING_UNRATED) revert UnratedScore(score.epoch, pair);
        uint256 target = Math.max(Math.min(score.liquidationThresholdBps * _WAD_PER_BPS, lltvWad), minThresholdWad);
        if (target == _toWad) return;
        uint256 current = thresholdWad();
        (_fromWad, _toWad, _startedAt) = (current, target, block.timestamp);
        emit ThresholdTargeted(score.epoch, current, target);
    }

    /// @inheritdoc IOracle
    /// @dev Rounded down, against the borrower.
    function price() external view returns (uint256 reduced) {
        uint256 basePrice = base.price();
        reduced = Math.mulDiv(basePrice, thresholdWad(), lltvWad);
        if (reduced == 0) revert ZeroPrice(basePrice);
    }

    /// @notice Share of the collateral's value at which a position is liquidatable now.
    function thresholdWad() public view returns (uint256) {
        uint256 moved = (block.timestamp - _startedAt) * rampBpsPerHour * _WAD_PER_BPS / 1 hours;
        if (_toWad < _fromWad) return _fromWad - Math.min(moved, _fromWad - _toWad);
        return _fromWad + Math.min(moved, _toWad - _fromWad);
    }
}
