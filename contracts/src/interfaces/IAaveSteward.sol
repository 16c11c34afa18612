// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title Moves an Aave v3 reserve's LTV, liquidation threshold and caps by the score of its pair, inside fixed bounds
/// @notice Tightening an LTV or a cap liquidates nobody: it follows the newest posted score at once. A liquidation threshold falls
///         only by a final score, and ramps. Whatever loosens needs a final score and a newest one that agrees, waits out a delay
///         and is bounded in size. Without a rated score inside its validity nothing moves.
interface IAaveSteward {
    /// @notice What a reserve may be moved to, and how fast. Fixed at deployment; another policy is another steward.
    /// @param asset The reserve's token.
    /// @param pair Subject of its pair (`LeafLib.collateralSubject`).
    /// @param minLtvBps The LTV is never set below this, nor above `maxLtvBps`.
    /// @param minThresholdBps The liquidation threshold is never set below this, nor above `maxThresholdBps`.
    /// @param maxRiseBps Most that LTV and threshold rise by in one step, in bps of the collateral's value.
    /// @param maxCapRiseBps Most that a cap rises by in one step, in bps of itself.
    /// @param rampBpsPerHour Pace at which the threshold falls.
    /// @param minDelayS Least time between two steps that loosen anything.
    /// @param borrowShareBps Borrow cap as a share of the supply cap; 0 leaves the borrow cap alone.
    /// @param minSupplyCap The supply cap is never set below this, in whole tokens, nor above `maxSupplyCap`.
    /// @param gapBudget Whole tokens that may fall through: the supply cap aimed at is `gapBudget / gap`.
    struct Policy {
        address asset;
        bytes32 pair;
        uint16 minLtvBps;
        uint16 maxLtvBps;
        uint16 minThresholdBps;
        uint16 maxThresholdBps;
        uint16 maxRiseBps;
        uint16 maxCapRiseBps;
        uint16 rampBpsPerHour;
        uint32 minDelayS;
        uint16 borrowShareBps;
        uint40 minSupplyCap;
        uint40 maxSupplyCap;
        uint64 gapBudget;
    }

    /// @notice What Aave holds of a reserve; caps in whole tokens, 0 is no cap.
    struct Terms {
        uint256 ltvBps;
        uint256 thresholdBps;
        uint256 supplyCap;
        uint256 borrowCap;
    }

    /// @notice Thrown when a lower bound is zero where it may not be, or lies above its upper bound.
    error InvalidBounds(uint256 min, uint256 max);

    /// @notice Thrown when a pace, a rise or a share is zero where it may not be, or above its limit.
    error InvalidRate(uint256 given, uint256 max);

    /// @notice Thrown when the delay between two loosenings is shorter than an hour.
    error DelayTooShort(uint256 given, uint256 min);

    /// @notice Thrown when a reserve is named twice, or not at all.
    error InvalidReserve(address asset, bytes32 pair);

    /// @notice Thrown when a reserve is not the steward's.
    error UnknownReserve(address asset);

    /// @notice Thrown when Aave does not take the reserve as collateral.
    error NotCollateral(address asset);

    /// @notice Thrown when the pair's newest posted score is none, past its validity or voided.
    error ExpiredScore(uint64 epoch, uint256 blockTimestamp);

    /// @notice Thrown when the pair's newest posted score is unrated.
    error UnratedScore(uint64 epoch, bytes32 pair);

    /// @notice The terms of a reserve were moved by the score of `epoch`.
    event TermsMoved(address indexed asset, uint64 indexed epoch, Terms given, Terms set);

    /// @notice A liquidation threshold began to fall towards `toBps`; its first step comes with a later call.
    event ThresholdLowering(address indexed asset, uint64 indexed epoch, uint256 fromBps, uint256 toBps);

    /// @notice Moves a reserve as far as its score and its policy allow now. Anyone may call; a repeat moves nothing more.
    function refresh(address asset) external;

    /// @notice What Aave holds of a reserve now.
    function termsOf(address asset) external view returns (Terms memory);

    /// @notice The policy of a reserve.
    function policyOf(address asset) external view returns (Policy memory);

    /// @notice When something of a reserve was last loosened (at first: the deployment), and since when its threshold's fall accrues (0: it does not fall).
    function clocksOf(address asset) external view returns (uint64 loosenedAt, uint64 loweringSince);
}
