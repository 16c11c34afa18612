// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { Ownable } from "@openzeppelin/contracts/access/Ownable.sol";
import { Ownable2Step } from "@openzeppelin/contracts/access/Ownable2Step.sol";
import { IERC20Metadata } from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import { Math } from "@openzeppelin/contracts/utils/math/Math.sol";

import { IAggregatorV3 } from "./interfaces/IAggregatorV3.sol";
import { ICommittee } from "./interfaces/ICommittee.sol";
import { IRiskGate } from "./interfaces/IRiskGate.sol";
import { IScoreOracle } from "./interfaces/IScoreOracle.sol";
import { IStaking } from "./interfaces/IStaking.sol";
import { ITerms } from "./interfaces/ITerms.sol";
import { GateConfigLib } from "./libraries/GateConfigLib.sol";
import { GateLib } from "./libraries/GateLib.sol";
import { LeafLib } from "./libraries/LeafLib.sol";
import { PriceLib } from "./libraries/PriceLib.sol";
import { ScoreMath } from "./libraries/ScoreMath.sol";

/// @title Guard rails between a pair's score and a market
/// @notice Two words of state. Everything is read as if it had just been refreshed, so nobody gains by when it is.
contract RiskGate is IRiskGate, Ownable2Step {
    /// @dev Two words. `epoch` is of the score that set where the threshold goes.
    struct State {
        uint32 fromE4;
        uint32 toE4;
        uint40 startedAt;
        uint16 ltvCeilingBps;
        uint16 ltvFloorBps;
        uint32 volatilityPpm;
        uint32 gapPpm;
        uint40 epoch;
        Mode mode;
        bool hasLevels;
        uint40 credit;
        uint40 creditedAt;
        uint40 vetoedUntil;
        uint32 policyVersion;
    }

    /// @dev What the score, or the fallback, asks for.
    struct Target {
        bool isOpen;
        bool isWithdrawn;
        uint64 epoch;
        uint256 thresholdBps;
        GateLib.Levels levels;
    }

    uint256 private constant _BPS = 10_000;
    uint256 private constant _MAX_DECIMALS = 36;
    uint256 private constant _APPLY_WINDOW_S = 14 days;

    /// @inheritdoc IRiskGate
    IScoreOracle public immutable oracle;
    /// @inheritdoc IRiskGate
    bytes32 public immutable pairSubject;
    /// @notice How long a change stands announced.
    uint256 public immutable timelockSeconds;
    /// @notice How long one veto stops loosening.
    uint256 public immutable vetoSeconds;
    /// @notice Fastest pace of the liquidation threshold, either way.
    uint256 public immutable rampBpsPerHour;
    /// @notice Most that is loosened in a day.
    uint256 public immutable looseningBpsPerDay;
    /// @notice Liquidation threshold of the modes without scores.
    uint16 public immutable fallbackThresholdBps;
    /// @notice LTV of the modes without scores.
    uint16 public immutable fallbackLtvBps;
    /// @notice Most debt above the floor in mode `Live`, whatever backs it.
    uint256 public immutable maxExposure;
    /// @notice The same in mode `Capped`.
    uint256 public immutable maxCappedExposure;
    /// @notice Stake that backs debt above the floor; zero where there is none.
    IStaking public immutable staking;

    uint16 private immutable _minThresholdBps;
    /// @inheritdoc IRiskGate
    uint16 public immutable maxLiquidationThresholdBps;
    uint16 private immutable _maxCeilingBps;
    uint16 private immutable _maxFloorBps;
    uint32 private immutable _minVolatilityPpm;
    uint32 private immutable _minGapPpm;
    address private immutable _stakeFeed;
    address private immutable _loanFeed;
    uint256 private immutable _maxAgeSeconds;
    uint256 private immutable _shareBps;
    /// @dev Decimals of tokens and feeds, folded into both sides of the price of stake.
    uint256 private immutable _scaleNumerator;
    uint256 private immutable _scaleDenominator;

    State private _state;
    /// @inheritdoc IRiskGate
    address public guardian;
    Change private _change;
    uint256 private _readyAt;

    modifier onlyGuardian() {
        if (msg.sender != guardian) revert NotGuardian(msg.sender, guardian);
        _;
    }

    constructor(GateConfig memory config) Ownable(config.owner) {
        GateConfigLib.requireSound(config);
        oracle = config.oracle;
        pairSubject = LeafLib.collateralSubject(config.collateralToken, config.numeraire);
        timelockSeconds = config.timelockSeconds;
        vetoSeconds = config.vetoSeconds;
        rampBpsPerHour = config.rampBpsPerHour;
        looseningBpsPerDay = config.looseningBpsPerDay;
        fallbackThresholdBps = config.fallbackThresholdBps;
        fallbackLtvBps = config.fallbackLtvBps;
        maxExposure = config.exposureCap;
        maxCappedExposure = config.cappedExposureCap;
        _minThresholdBps = config.bounds.minLiquidationThresholdBps;
        maxLiquidationThresholdBps = config.bounds.maxLiquidationThresholdBps;
        _maxCeilingBps = config.bounds.maxLtvCeilingBps;
        _maxFloorBps = config.bounds.maxLtvFloorBps;
        _minVolatilityPpm = config.bounds.minVolatilityPpm;
        _minGapPpm = config.bounds.minGapPpm;
        Backing memory backing = config.backing;
        staking = backing.staking;
        bool isBacked = address(backing.staking) != address(0);
        _stakeFeed = backing.stakeFeed;
        _loanFeed = backing.loanFeed;
        _maxAgeSeconds = backing.maxAgeSeconds;
        _shareBps = backing.shareBps;
        _scaleNumerator = isBacked ? _scaleOf(backing.loanToken, backing.loanFeed) : 1;
        _scaleDenominator = isBacked ? _scaleOf(address(backing.staking.token()), backing.stakeFeed) : 1;
        guardian = config.guardian;
        (_state.mode, _state.policyVersion) = (config.mode, 1);
        // Block times are below 2^40. No credit before the first score: that one is taken whole anyway.
        _state.creditedAt = uint40(block.timestamp);
        emit PolicyChanged(1, Subject.Mode, config.mode, config.guardian);
    }

    // --- writes -------------------------------------------------------------------------------

    /// @inheritdoc IRiskGate
    function refresh() external returns (Guarded memory) {
        (State memory state, Target memory target) = _refresh();
        return _openedOf(state, target);
    }

    /// @inheritdoc IRiskGate
    /// @custom:invariant G-06 What trusts scores more waits for the timelock; the guardian can drop it, and cannot loosen or tighten.
    function propose(Change calldata change) external onlyOwner {
        _drop();
        Mode current = _state.mode;
        if (_isVoid(change)) revert NothingToChange(change.subject);
        if (change.subject == Subject.Mode && current == Mode.Live && change.mode == Mode.Capped) {
            return _apply(change);
        }
        _change = change;
        _readyAt = block.timestamp + timelockSeconds;
        emit ChangeProposed(change.subject, change.mode, change.guardian, _readyAt);
    }

    /// @inheritdoc IRiskGate
    function applyChange() external onlyOwner {
        Change memory change = _requirePending();
        if (block.timestamp < _readyAt) revert EarlyChange(block.timestamp, _readyAt);
        if (block.timestamp > _readyAt + _APPLY_WINDOW_S) {
            revert LateChange(block.timestamp, _readyAt + _APPLY_WINDOW_S);
        }
        _forget();
        _apply(change);
    }

    /// @inheritdoc IRiskGate
    function cancelChange() external onlyOwner {
        _requirePending();
        _drop();
    }

    /// @inheritdoc IRiskGate
    function vetoChange() external onlyGuardian {
        Change memory change = _requirePending();
        bool isLoosening =
            change.subject == Subject.Levels || (change.subject == Subject.Mode && change.mode > _state.mode);
        if (!isLoosening) revert NotLoosening(change.subject, change.mode, _state.mode);
        _drop();
    }

    /// @inheritdoc IRiskGate
    /// @dev A threshold on its way up stays where it is. No refresh comes first: it would loosen what the veto is to stop.
    function vetoLoosening() external onlyGuardian {
        State memory state = _state;
        GateLib.Ramp memory ramp = _rampOf(state);
        uint256 inForceE4 = GateLib.thresholdE4(ramp, rampBpsPerHour, block.timestamp);
        if (ramp.toE4 > inForceE4) _retarget(state, ramp, inForceE4, 0);
        // Cast is safe: block times are below 2^40, and the period was bounded.
        state.vetoedUntil = uint40(block.timestamp + vetoSeconds);
        _state = state;
        emit LooseningVetoed(msg.sender, state.vetoedUntil);
    }

    // --- views --------------------------------------------------------------------------------

    /// @inheritdoc IRiskGate
    function guarded() external view returns (Guarded memory) {
        (State memory state, Target memory target,) = _next();
        return _openedOf(state, target);
    }

    /// @inheritdoc IRiskGate
    function scored() external view returns (Guarded memory result) {
        Target memory target = _scoreTarget();
        result = _guardedOf(_state, target);
        if (!target.isOpen) return result;
        result.pair =
            GateLib.pairOf(target.levels, target.thresholdBps, target.thresholdBps, target.levels.ltvCeilingBps);
    }

    /// @inheritdoc IRiskGate
    function liquidationThresholdBps() external view returns (uint256) {
        (State memory state,,) = _next();
        return Math.ceilDiv(GateLib.thresholdE4(_rampOf(state), rampBpsPerHour, block.timestamp), GateLib.E4);
    }

    /// @inheritdoc IRiskGate
    function freeLtvBps() external view returns (uint256 freeBps) {
        (State memory state, Target memory target,) = _next();
        if (target.isOpen) {
            freeBps = _pairOf(state, target).ltvFloorBps;
        } else {
            freeBps = Math.min(Math.min(state.ltvFloorBps, _inForceBps(state)), state.toE4 / GateLib.E4);
        }
        if (_isScoring(state.mode)) freeBps = Math.min(freeBps, _standingFloorBps());
    }

    /// @inheritdoc IRiskGate
    /// @custom:invariant G-05 Debt above the floor is backed by the stated share of what members of the committee in force have bonded,
    ///                        valued at fresh prices, when it is granted.
    function exposureCap() external view returns (uint256) {
        Mode current = _state.mode;
        if (!_isScoring(current)) return 0;
        uint256 constantCap = current == Mode.Live ? maxExposure : maxCappedExposure;
        if (address(staking) == address(0)) return constantCap;
        uint256 stake = Math.mulDiv(_committeeStake(), _shareBps, _BPS);
        PriceLib.Price memory price = PriceLib.Price({
            numerator: PriceLib.answerOf(_stakeFeed, _maxAgeSeconds) * _scaleNumerator,
            denominator: PriceLib.answerOf(_loanFeed, _maxAgeSeconds) * _scaleDenominator
        });
        return Math.min(constantCap, PriceLib.valueOf(price, stake));
    }

    /// @inheritdoc IRiskGate
    function looseningAllowanceBps() external view returns (uint256) {
        return _allowedBps(_state);
    }

    /// @inheritdoc IRiskGate
    function mode() external view returns (Mode) {
        return _state.mode;
    }

    /// @notice Rises with each change of the policy.
    function policyVersion() external view returns (uint32) {
        return _state.policyVersion;
    }

    /// @inheritdoc IRiskGate
    function vetoedUntil() external view returns (uint256) {
        return _state.vetoedUntil;
    }

    /// @inheritdoc IRiskGate
    function pending() external view returns (Change memory change, uint256 readyAt) {
        return (_change, _readyAt);
    }

    // --- score to state -----------------------------------------------------------------------

    function _refresh() private returns (State memory next, Target memory target) {
        bool isMoved;
        (next, target, isMoved) = _next();
        if (!isMoved) return (next, target);
        _state = next;
        emit LevelsMoved(target.epoch, next.toE4, next.ltvCeilingBps, next.ltvFloorBps, next.volatilityPpm, next.gapPpm);
    }

    /// @dev The state as a refresh now leaves it. Without a score to go by it stays, but that a threshold on its way to where a
    ///      withdrawn score sent it goes no further.
    function _next() private view returns (State memory next, Target memory target, bool isMoved) {
        next = _state;
        target = _isScoring(next.mode) ? _scoreTarget() : _fallbackTarget();
        GateLib.Ramp memory ramp = _rampOf(next);
        if (target.isOpen) {
            uint256 toE4 = target.thresholdBps * GateLib.E4;
            if (_isVetoed(next) && ramp.startedAt != 0) {
                toE4 = Math.min(toE4, GateLib.thresholdE4(ramp, rampBpsPerHour, block.timestamp));
            }
            isMoved = _retarget(next, ramp, toE4, target.epoch);
            isMoved = _step(next, target.levels) || isMoved;
        } else if (next.epoch != 0 && _isWithdrawn(next.epoch, target)) {
            isMoved = _retarget(next, ramp, GateLib.thresholdE4(ramp, rampBpsPerHour, block.timestamp), 0);
        }
    }

    /// @dev The score that sent the threshold on its way was voided: its report, or it alone.
    /// @custom:invariant G-08 A voided score leaves the threshold where it is, and sends it no further once anybody refreshed.
    function _isWithdrawn(uint40 epoch, Target memory target) private view returns (bool) {
        return (target.isWithdrawn && target.epoch == epoch) || oracle.isEpochVoided(epoch);
    }

    function _retarget(State memory next, GateLib.Ramp memory ramp, uint256 toE4, uint256 epoch)
        private
        view
        returns (bool isMoved)
    {
        isMoved = ramp.startedAt == 0 || ramp.toE4 != toE4;
        if (!isMoved) return false;
        GateLib.Ramp memory moved = GateLib.retarget(ramp, rampBpsPerHour, block.timestamp, toE4);
        (next.fromE4, next.toE4, next.startedAt) = (moved.fromE4, moved.toE4, moved.startedAt);
        // Cast is safe: an epoch that was published is 40 bits wide.
        next.epoch = uint40(epoch);
    }

    function _step(State memory next, GateLib.Levels memory to) private view returns (bool isMoved) {
        GateLib.Levels memory from = _levelsOf(next);
        GateLib.Levels memory moved = to;
        bool isLimited = next.hasLevels || _isVetoed(next);
        if (isLimited) {
            uint256 spentBps;
            (moved, spentBps) = GateLib.step(from, to, _allowedBps(next));
            if (spentBps != 0) {
                uint256 credit = GateLib.creditOf(_allowanceOf(next), looseningBpsPerDay, block.timestamp);
                // Casts are safe: at most a day of 10,000 bps; block times are below 2^40.
                (next.credit, next.creditedAt) = (uint40(credit - spentBps * 1 days), uint40(block.timestamp));
            }
        }
        isMoved = !isLimited || from.ltvCeilingBps != moved.ltvCeilingBps || from.ltvFloorBps != moved.ltvFloorBps
            || from.volatilityPpm != moved.volatilityPpm || from.gapPpm != moved.gapPpm;
        next.hasLevels = next.hasLevels || !isLimited;
        (next.ltvCeilingBps, next.ltvFloorBps) = (moved.ltvCeilingBps, moved.ltvFloorBps);
        (next.volatilityPpm, next.gapPpm) = (moved.volatilityPpm, moved.gapPpm);
    }

    /// @dev A volatility of zero is a price that never moved or was never seen; it must not pass for calm.
    /// @custom:invariant M-08 Without an unexpired rated score of the collateral, with a volatility, there is no new borrowing.
    function _scoreTarget() private view returns (Target memory target) {
        IScoreOracle.PostedCollateral memory posted = oracle.collateralScore(pairSubject);
        target.epoch = posted.epoch;
        target.isWithdrawn = posted.binding == ScoreMath.BINDING_UNRATED;
        target.isOpen =
            !target.isWithdrawn && posted.volatilityPpm != 0 && !oracle.isExpired(posted.epoch) && !oracle.isOnHold();
        if (target.isOpen) _bound(target, posted);
    }

    /// @custom:invariant G-07 Nothing that a score says is used outside its bounds.
    function _bound(Target memory target, IScoreOracle.PostedCollateral memory posted) private view {
        // Casts are safe: minima and maxima of values that fit.
        target.thresholdBps =
            Math.max(Math.min(posted.liquidationThresholdBps, maxLiquidationThresholdBps), _minThresholdBps);
        // Where the threshold is held down, the ceiling keeps its distance from it.
        uint256 buffer = Math.saturatingSub(posted.liquidationThresholdBps, posted.ltvCeilingBps);
        uint256 most = Math.saturatingSub(target.thresholdBps, buffer);
        uint256 ceiling = Math.min(Math.min(posted.ltvCeilingBps, _maxCeilingBps), most);
        target.levels.ltvCeilingBps = uint16(ceiling);
        target.levels.ltvFloorBps = uint16(Math.min(Math.min(posted.ltvFloorBps, _maxFloorBps), ceiling));
        target.levels.volatilityPpm = uint32(Math.max(posted.volatilityPpm, _minVolatilityPpm));
        target.levels.gapPpm = uint32(Math.min(Math.max(posted.gapPpm, _minGapPpm), GateLib.PPM));
    }

    function _fallbackTarget() private view returns (Target memory target) {
        target.isOpen = true;
        target.thresholdBps = fallbackThresholdBps;
        (target.levels.ltvCeilingBps, target.levels.ltvFloorBps) = (fallbackLtvBps, fallbackLtvBps);
    }

    /// @dev The floor last posted; of a voided one and the last final one the lesser, for the voided one may be forged.
    function _standingFloorBps() private view returns (uint256) {
        IScoreOracle.PostedCollateral memory posted = oracle.collateralScore(pairSubject);
        if (!oracle.isEpochVoided(posted.epoch)) return posted.ltvFloorBps;
        IScoreOracle.PostedCollateral memory stood = oracle.finalisedCollateralScore(pairSubject);
        if (oracle.isEpochVoided(stood.epoch)) return 0;
        return Math.min(posted.ltvFloorBps, stood.ltvFloorBps);
    }

    // --- changes ------------------------------------------------------------------------------

    /// @dev Between the modes that count scores and those that do not, risks start anew: the fallback has none.
    function _apply(Change memory change) private {
        _refresh();
        if (change.subject == Subject.Mode) {
            if (_isScoring(change.mode) != _isScoring(_state.mode)) (_state.volatilityPpm, _state.gapPpm) = (0, 0);
            _state.mode = change.mode;
        } else if (change.subject == Subject.Guardian) {
            guardian = change.guardian;
        } else {
            _state.hasLevels = false;
        }
        ++_state.policyVersion;
        emit PolicyChanged(_state.policyVersion, change.subject, _state.mode, guardian);
    }

    function _isVoid(Change calldata change) private view returns (bool) {
        if (change.subject == Subject.Mode) return change.mode == _state.mode;
        if (change.subject == Subject.Guardian) return change.guardian == guardian;
        return change.subject == Subject.None;
    }

    function _requirePending() private view returns (Change memory change) {
        change = _change;
        if (change.subject == Subject.None) revert NothingPending();
    }

    function _drop() private {
        Change memory change = _change;
        if (change.subject == Subject.None) return;
        _forget();
        emit ChangeDropped(change.subject, change.mode, change.guardian, msg.sender);
    }

    function _forget() private {
        delete _change;
        delete _readyAt;
    }

    // --- internal -----------------------------------------------------------------------------

    function _isScoring(Mode mode_) private pure returns (bool) {
        return mode_ >= Mode.Capped;
    }

    function _isVetoed(State memory state) private view returns (bool) {
        return block.timestamp < state.vetoedUntil;
    }

    function _allowedBps(State memory state) private view returns (uint256) {
        if (_isVetoed(state)) return 0;
        return GateLib.creditOf(_allowanceOf(state), looseningBpsPerDay, block.timestamp) / 1 days;
    }

    function _inForceBps(State memory state) private view returns (uint256) {
        return GateLib.thresholdE4(_rampOf(state), rampBpsPerHour, block.timestamp) / GateLib.E4;
    }

    function _pairOf(State memory state, Target memory target) private view returns (ITerms.Pair memory) {
        return GateLib.pairOf(_levelsOf(state), _inForceBps(state), target.thresholdBps, target.levels.ltvCeilingBps);
    }

    function _openedOf(State memory state, Target memory target) private view returns (Guarded memory result) {
        result = _guardedOf(state, target);
        if (target.isOpen) result.pair = _pairOf(state, target);
    }

    function _guardedOf(State memory state, Target memory target) private pure returns (Guarded memory result) {
        result.mode = state.mode;
        result.isOpen = target.isOpen;
        result.policyVersion = state.policyVersion;
        result.epoch = target.epoch;
    }

    function _rampOf(State memory state) private pure returns (GateLib.Ramp memory) {
        return GateLib.Ramp(state.fromE4, state.toE4, state.startedAt);
    }

    function _allowanceOf(State memory state) private pure returns (GateLib.Allowance memory) {
        return GateLib.Allowance(state.credit, state.creditedAt);
    }

    function _levelsOf(State memory state) private pure returns (GateLib.Levels memory) {
        return GateLib.Levels(state.ltvCeilingBps, state.ltvFloorBps, state.volatilityPpm, state.gapPpm);
    }

    /// @dev Stake of members that has not begun to leave: a stranger's answers for nothing, and what is leaving may be gone before
    ///      the loan that it backed. One read a member, of loans above the floor alone.
    function _committeeStake() private view returns (uint256 bonded) {
        address[] memory members = ICommittee(address(oracle)).coldKeysOf(oracle.configDigest());
        for (uint256 i = 0; i < members.length; ++i) {
            bonded += staking.stakeOf(members[i]).bonded;
        }
    }

    function _scaleOf(address token, address feed) private view returns (uint256) {
        uint256 decimals = uint256(IERC20Metadata(token).decimals()) + IAggregatorV3(feed).decimals();
        if (decimals > _MAX_DECIMALS) revert InvalidGate("decimals", decimals, _MAX_DECIMALS);
        return 10 ** decimals;
    }
}
