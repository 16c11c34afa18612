// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IScoreOracle } from "./IScoreOracle.sol";
import { IStaking } from "./IStaking.sol";
import { ITerms } from "./ITerms.sol";

/// @title Guard rails between a pair's score and a market
/// @notice One gate a market. A score is held inside bounds; what it tightens counts at once, what it loosens at a bounded pace, and
///         the liquidation threshold moves at a bounded pace both ways. Whoever owns the gate sets no number: he chooses, behind
///         a timelock, how far the market trusts scores. The guardian can stop loosening, and nothing else.
/// @dev All constants are fixed at deployment. Nothing here is asked when a loan is repaid or collateral without debt is taken back.
interface IRiskGate {
    // --- types --------------------------------------------------------------------------------

    /// @notice How far scores count. In the first two the market lends on the fallback, to everyone alike.
    enum Mode {
        Off,
        Shadow,
        Capped,
        Live
    }

    /// @notice What a timelock waits for. `Levels`: the next score is taken without the limit on loosening, as after a score that was
    ///         wrongly low; the threshold keeps its pace.
    enum Subject {
        None,
        Mode,
        Guardian,
        Levels
    }

    /// @notice A change of the policy; only the field that `subject` names counts.
    struct Change {
        Subject subject;
        Mode mode;
        address guardian;
    }

    /// @notice Limits of what a score may say. Each field is bounded where it loosens, the threshold on both sides: a low LTV stops
    ///         loans, a low threshold liquidates.
    struct Bounds {
        uint16 minLiquidationThresholdBps;
        uint16 maxLiquidationThresholdBps;
        uint16 maxLtvCeilingBps;
        uint16 maxLtvFloorBps;
        uint32 minVolatilityPpm;
        uint32 minGapPpm;
    }

    /// @notice What debt above the floor may be backed by, besides the constant limit. Without `staking`, as on chains that have
    ///         none, nothing besides.
    /// @param staking Stake of the members.
    /// @param stakeFeed Price of the staked token in the numeraire of `loanFeed`.
    /// @param loanFeed Price of the loan token.
    /// @param loanToken Token that the limits are in.
    /// @param maxAgeSeconds Oldest answer of either feed that is used.
    /// @param shareBps Share of the stake of the committee in force that this market may lend on, without what has begun to leave; the
    ///        shares of all markets should sum to at most 10,000.
    struct Backing {
        IStaking staking;
        address stakeFeed;
        address loanFeed;
        address loanToken;
        uint32 maxAgeSeconds;
        uint16 shareBps;
    }

    /// @notice Set once, at deployment.
    /// @param oracle Scores.
    /// @param owner Proposes changes and makes them after the timelock.
    /// @param guardian Stops loosening; may be zero.
    /// @param collateralToken Token of the pair.
    /// @param numeraire Numeraire of the pair.
    /// @param mode First mode.
    /// @param timelockSeconds How long a change stands announced; a day at least.
    /// @param vetoSeconds How long one veto stops loosening.
    /// @param rampBpsPerHour Fastest pace of the liquidation threshold, either way.
    /// @param looseningBpsPerDay Most that an LTV rises, and a risk falls by as a share of itself, in a day; unused, it is kept for a
    ///        day.
    /// @param fallbackThresholdBps Liquidation threshold of the modes without scores.
    /// @param fallbackLtvBps LTV of the modes without scores.
    /// @param bounds Limits of what a score may say.
    /// @param exposureCap Most debt above the floor of all borrowers, in loan tokens.
    /// @param cappedExposureCap The same in mode `Capped`.
    /// @param backing What backs it besides.
    struct GateConfig {
        IScoreOracle oracle;
        address owner;
        address guardian;
        address collateralToken;
        address numeraire;
        Mode mode;
        uint32 timelockSeconds;
        uint32 vetoSeconds;
        uint16 rampBpsPerHour;
        uint16 looseningBpsPerDay;
        uint16 fallbackThresholdBps;
        uint16 fallbackLtvBps;
        Bounds bounds;
        uint128 exposureCap;
        uint128 cappedExposureCap;
        Backing backing;
    }

    /// @notice What a market lends on now.
    /// @param mode Mode in force.
    /// @param isOpen Whether new loans are made; not without an unexpired rated score, where scores count.
    /// @param policyVersion Rises with each change of the policy.
    /// @param epoch Epoch of the pair's score, also if it is closed; 0 where none counts.
    /// @param pair What terms are made from; meaningless while closed.
    struct Guarded {
        Mode mode;
        bool isOpen;
        uint32 policyVersion;
        uint64 epoch;
        ITerms.Pair pair;
    }

    // --- errors -------------------------------------------------------------------------------

    /// @notice Thrown when a constructor argument is out of range.
    error InvalidGate(string field, uint256 given, uint256 limit);

    /// @notice Thrown when somebody else does what is the guardian's.
    error NotGuardian(address given, address guardian);

    /// @notice Thrown when a change proposed changes nothing.
    error NothingToChange(Subject subject);

    /// @notice Thrown when no change is pending.
    error NothingPending();

    /// @notice Thrown when a change is made before its timelock ended.
    error EarlyChange(uint256 blockTimestamp, uint256 readyAt);

    /// @notice Thrown when a change is made so late that it has to be announced again.
    error LateChange(uint256 blockTimestamp, uint256 expiredAt);

    /// @notice Thrown when the guardian vetoes what does not loosen.
    error NotLoosening(Subject subject, Mode given, Mode current);

    // --- events -------------------------------------------------------------------------------

    /// @notice A change stands announced.
    event ChangeProposed(Subject indexed subject, Mode mode, address guardian, uint256 readyAt);

    /// @notice An announced change was taken back or vetoed.
    event ChangeDropped(Subject indexed subject, Mode mode, address guardian, address by);

    /// @notice The policy changed.
    event PolicyChanged(uint32 indexed policyVersion, Subject indexed subject, Mode mode, address guardian);

    /// @notice Loosening was stopped.
    event LooseningVetoed(address indexed guardian, uint256 until);

    /// @notice A score moved what the market lends on; `thresholdE4` is where the threshold goes, in 1e-4 bps.
    event LevelsMoved(
        uint64 indexed epoch,
        uint256 thresholdE4,
        uint16 ltvCeilingBps,
        uint16 ltvFloorBps,
        uint32 volatilityPpm,
        uint32 gapPpm
    );

    // --- writes -------------------------------------------------------------------------------

    /// @notice Takes over what the pair's score says now. Anyone may call; a market does so before each loan. Never reverts for want
    ///         of a score.
    /// @return What a loan would be made on now, as `guarded` tells it.
    function refresh() external returns (Guarded memory);

    /// @notice Announces a change. The step from `Live` to `Capped` only tightens, and is made at once. Another one that was pending
    ///         is dropped.
    function propose(Change calldata change) external;

    /// @notice Makes the pending change, once its timelock ended.
    function applyChange() external;

    /// @notice Takes back the pending change.
    function cancelChange() external;

    /// @notice The guardian drops a pending change that loosens: a mode that trusts scores more, or the levels.
    function vetoChange() external;

    /// @notice The guardian stops loosening for the veto period; tightening goes on. May be repeated.
    function vetoLoosening() external;

    // --- views --------------------------------------------------------------------------------

    /// @notice What a loan would be made on now.
    function guarded() external view returns (Guarded memory);

    /// @notice What it would be in mode `Live` had nothing to be ramped: what to watch in `Shadow`.
    function scored() external view returns (Guarded memory);

    /// @notice Liquidation threshold in force, rounded up: of two bps that it lies between, the one that liquidates later.
    function liquidationThresholdBps() external view returns (uint256);

    /// @notice Highest liquidation threshold that any score, or the fallback, can lead to.
    function maxLiquidationThresholdBps() external view returns (uint16);

    /// @notice Highest LTV at which collateral under a debt is free: the floor in force, but none that stands only on a voided report.
    function freeLtvBps() external view returns (uint256);

    /// @notice Most debt above the floor that all borrowers may have now, in loan tokens.
    function exposureCap() external view returns (uint256);

    /// @notice Bps that may be loosened now.
    function looseningAllowanceBps() external view returns (uint256);

    /// @notice Scores.
    function oracle() external view returns (IScoreOracle);

    /// @notice Subject of the pair.
    function pairSubject() external view returns (bytes32);

    /// @notice Mode in force.
    function mode() external view returns (Mode);

    /// @notice Who stops loosening.
    function guardian() external view returns (address);

    /// @notice Until when loosening is stopped.
    function vetoedUntil() external view returns (uint256);

    /// @notice The change that stands announced, and since when it may be made.
    function pending() external view returns (Change memory change, uint256 readyAt);
}
