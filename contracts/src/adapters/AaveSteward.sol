// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { Math } from "@openzeppelin/contracts/utils/math/Math.sol";

import { IAaveSteward } from "../interfaces/IAaveSteward.sol";
import { IAavePoolAddressesProvider, IAavePoolConfigurator, IAavePoolDataProvider } from "../interfaces/IAaveV3.sol";
import { IScoreOracle } from "../interfaces/IScoreOracle.sol";
import { ScoreMath } from "../libraries/ScoreMath.sol";

/// @title Steward of Aave v3 reserves that holds RISK_ADMIN
/// @dev It calls three of the functions that the role opens and has no owner: governance stops it by revoking the role. It starts
///      from what Aave holds, so that governance may set anything meanwhile; an LTV of 0 is governance's switch, never undone.
///      Users in an e-mode category go by the category's figures, which it does not move.
contract AaveSteward is IAaveSteward {
    struct Clocks {
        uint64 loosenedAt;
        uint64 loweringSince;
    }

    /// @dev What a score alone asks for, inside the policy's bounds.
    struct Target {
        uint256 ltvBps;
        uint256 thresholdBps;
        uint256 supplyCap;
    }

    uint256 private constant _BPS = 10_000;
    uint256 private constant _PPM = 1e6;
    uint256 private constant _MIN_DELAY_S = 1 hours;
    /// @dev The fall of a threshold accrues for this long at most, so no step is larger than an hour's pace.
    uint256 private constant _MAX_ACCRUAL_S = 1 hours;
    /// @dev Aave keeps a cap in 36 bits.
    uint256 private constant _MAX_CAP = 2 ** 36 - 1;

    /// @notice Where scores are read.
    IScoreOracle public immutable scores;
    /// @notice Aave's registry of its own contracts.
    IAavePoolAddressesProvider public immutable provider;

    mapping(address asset => Policy) private _policies;
    mapping(address asset => Clocks) private _clocks;

    constructor(IScoreOracle scores_, IAavePoolAddressesProvider provider_, Policy[] memory policies) {
        (scores, provider) = (scores_, provider_);
        for (uint256 i = 0; i < policies.length; ++i) {
            Policy memory policy = policies[i];
            if (policy.asset == address(0) || policy.pair == 0 || _policies[policy.asset].pair != 0) {
                revert InvalidReserve(policy.asset, policy.pair);
            }
            _check(policy);
            _policies[policy.asset] = policy;
            _clocks[policy.asset].loosenedAt = uint64(block.timestamp);
        }
    }

    /// @inheritdoc IAaveSteward
    /// @custom:invariant A-01 Without a rated score inside its validity and not voided, nothing moves.
    /// @custom:invariant A-02 What is set lies in the policy's bounds, unless it tightens what stood outside.
    /// @custom:invariant A-03 A threshold falls by final scores alone, by an hour's pace at most in one call and at that pace on the whole.
    /// @custom:invariant A-04 Nothing loosens by a score that is not final or the newest does not bear out, on hold, early, or by more than a step.
    function refresh(address asset) external {
        Policy memory policy = _known(asset);
        IScoreOracle.PostedCollateral memory score = scores.collateralScore(policy.pair);
        if (scores.isExpired(score.epoch)) revert ExpiredScore(score.epoch, block.timestamp);
        if (score.binding == ScoreMath.BINDING_UNRATED) revert UnratedScore(score.epoch, policy.pair);
        IScoreOracle.PostedCollateral memory last = scores.finalisedCollateralScore(policy.pair);
        bool isFinal = !scores.isExpired(last.epoch) && last.binding != ScoreMath.BINDING_UNRATED;
        uint256 bonusBps = _bonusOf(asset);
        Target memory newest = _targetOf(policy, score, bonusBps);

        Terms memory current = termsOf(asset);
        if (current.thresholdBps == 0) revert NotCollateral(asset);
        bool mayLoosen =
            isFinal && !scores.isOnHold() && block.timestamp >= uint256(_clocks[asset].loosenedAt) + policy.minDelayS;
        Target memory settled = isFinal ? _targetOf(policy, last, bonusBps) : newest;
        Terms memory next = _nextOf(policy, current, newest, settled, mayLoosen);
        if (isFinal) {
            if (settled.thresholdBps < current.thresholdBps) {
                next.thresholdBps = _lowered(policy, last.epoch, current.thresholdBps, settled.thresholdBps);
            } else {
                _clocks[asset].loweringSince = 0;
            }
        }
        next.ltvBps = Math.min(next.ltvBps, next.thresholdBps);
        _apply(asset, score.epoch, current, next, bonusBps);
    }

    /// @inheritdoc IAaveSteward
    function termsOf(address asset) public view returns (Terms memory terms) {
        IAavePoolDataProvider data = IAavePoolDataProvider(provider.getPoolDataProvider());
        (, terms.ltvBps, terms.thresholdBps,,,,,,,) = data.getReserveConfigurationData(asset);
        (terms.borrowCap, terms.supplyCap) = data.getReserveCaps(asset);
    }

    /// @inheritdoc IAaveSteward
    function policyOf(address asset) external view returns (Policy memory) {
        return _known(asset);
    }

    /// @inheritdoc IAaveSteward
    function clocksOf(address asset) external view returns (uint64 loosenedAt, uint64 loweringSince) {
        return (_clocks[asset].loosenedAt, _clocks[asset].loweringSince);
    }

    // --- moving -------------------------------------------------------------------------------

    /// @dev All but a falling threshold.
    function _nextOf(
        Policy memory policy,
        Terms memory current,
        Target memory newest,
        Target memory settled,
        bool mayLoosen
    ) private pure returns (Terms memory next) {
        uint256 riseBps = mayLoosen ? policy.maxRiseBps : 0;
        uint256 capRiseBps = mayLoosen ? policy.maxCapRiseBps : 0;
        next.ltvBps = current.ltvBps == 0 ? 0 : _moved(current.ltvBps, newest.ltvBps, settled.ltvBps, riseBps);
        next.thresholdBps = Math.max(
            current.thresholdBps, _moved(current.thresholdBps, newest.thresholdBps, settled.thresholdBps, riseBps)
        );
        next.supplyCap = _movedCap(current.supplyCap, newest.supplyCap, settled.supplyCap, capRiseBps);
        next.borrowCap = policy.borrowShareBps == 0
            ? current.borrowCap
            : _movedCap(
                current.borrowCap, _shareOf(policy, newest.supplyCap), _shareOf(policy, settled.supplyCap), capRiseBps
            );
    }

    /// @dev Down to the newest score at once; up to the lesser of both by `rise` at most.
    function _moved(uint256 current, uint256 newest, uint256 settled, uint256 rise) private pure returns (uint256) {
        if (newest < current) return newest;
        return Math.max(current, Math.min(Math.min(newest, settled), current + rise));
    }

    /// @dev As `_moved`; Aave's 0 is no cap, so any cap tightens it.
    function _movedCap(uint256 current, uint256 newest, uint256 settled, uint256 riseBps)
        private
        pure
        returns (uint256)
    {
        if (current == 0) return newest;
        return _moved(current, newest, settled, Math.ceilDiv(current * riseBps, _BPS));
    }

    /// @dev The first call starts the clock, later ones step; what an hour leaves over in bps seconds stays accrued.
    function _lowered(Policy memory policy, uint64 epoch, uint256 fromBps, uint256 toBps) private returns (uint256) {
        Clocks storage clocks = _clocks[policy.asset];
        if (clocks.loweringSince == 0) {
            clocks.loweringSince = uint64(block.timestamp);
            emit ThresholdLowering(policy.asset, epoch, fromBps, toBps);
            return fromBps;
        }
        uint256 accrued = Math.min(block.timestamp - clocks.loweringSince, _MAX_ACCRUAL_S) * policy.rampBpsPerHour;
        uint256 step = accrued / 1 hours;
        if (step >= fromBps - toBps) {
            clocks.loweringSince = 0;
            return toBps;
        }
        // Safe: less than an hour before now.
        if (step != 0) clocks.loweringSince = uint64(block.timestamp - (accrued % 1 hours) / policy.rampBpsPerHour);
        return fromBps - step;
    }

    function _apply(address asset, uint64 epoch, Terms memory current, Terms memory next, uint256 bonusBps) private {
        IAavePoolConfigurator configurator = IAavePoolConfigurator(provider.getPoolConfigurator());
        bool isTermMoved = next.ltvBps != current.ltvBps || next.thresholdBps != current.thresholdBps;
        bool isCapMoved = next.supplyCap != current.supplyCap || next.borrowCap != current.borrowCap;
        if (!isTermMoved && !isCapMoved) return;
        if (
            next.ltvBps > current.ltvBps || next.thresholdBps > current.thresholdBps
                || (current.supplyCap != 0 && next.supplyCap > current.supplyCap)
                || (current.borrowCap != 0 && next.borrowCap > current.borrowCap)
        ) _clocks[asset].loosenedAt = uint64(block.timestamp);
        emit TermsMoved(asset, epoch, current, next);
        if (isTermMoved) {
            configurator.configureReserveAsCollateral(asset, next.ltvBps, next.thresholdBps, bonusBps);
        }
        if (next.supplyCap != current.supplyCap) configurator.setSupplyCap(asset, next.supplyCap);
        if (next.borrowCap != current.borrowCap) configurator.setBorrowCap(asset, next.borrowCap);
    }

    // --- targets ------------------------------------------------------------------------------

    /// @dev Aave refuses a threshold whose bonus would take more than the collateral.
    function _targetOf(Policy memory policy, IScoreOracle.PostedCollateral memory score, uint256 bonusBps)
        private
        pure
        returns (Target memory target)
    {
        target.ltvBps = _clamp(score.ltvCeilingBps, policy.minLtvBps, policy.maxLtvBps);
        target.thresholdBps = _clamp(score.liquidationThresholdBps, policy.minThresholdBps, policy.maxThresholdBps);
        if (bonusBps != 0) target.thresholdBps = Math.min(target.thresholdBps, _BPS * _BPS / bonusBps);
        uint256 cap = uint256(policy.gapBudget) * _PPM / Math.max(score.gapPpm, 1);
        target.supplyCap = _clamp(cap, policy.minSupplyCap, policy.maxSupplyCap);
    }

    function _shareOf(Policy memory policy, uint256 supplyCap) private pure returns (uint256) {
        return Math.ceilDiv(supplyCap * policy.borrowShareBps, _BPS);
    }

    function _clamp(uint256 value, uint256 min, uint256 max) private pure returns (uint256) {
        return Math.max(Math.min(value, max), min);
    }

    function _bonusOf(address asset) private view returns (uint256 bonusBps) {
        IAavePoolDataProvider data = IAavePoolDataProvider(provider.getPoolDataProvider());
        (,,, bonusBps,,,,,,) = data.getReserveConfigurationData(asset);
    }

    function _known(address asset) private view returns (Policy memory policy) {
        policy = _policies[asset];
        if (policy.pair == 0) revert UnknownReserve(asset);
    }

    function _check(Policy memory policy) private pure {
        _checkBounds(policy.minLtvBps, policy.maxLtvBps);
        _checkBounds(policy.minThresholdBps, policy.maxThresholdBps);
        _checkBounds(policy.maxLtvBps, policy.maxThresholdBps);
        _checkBounds(policy.maxThresholdBps, _BPS);
        _checkBounds(policy.minSupplyCap, policy.maxSupplyCap);
        _checkBounds(policy.maxSupplyCap, _MAX_CAP);
        _checkRate(policy.maxRiseBps);
        _checkRate(policy.maxCapRiseBps);
        _checkRate(policy.rampBpsPerHour);
        if (policy.borrowShareBps > _BPS) revert InvalidRate(policy.borrowShareBps, _BPS);
        if (policy.minDelayS < _MIN_DELAY_S) revert DelayTooShort(policy.minDelayS, _MIN_DELAY_S);
    }

    function _checkBounds(uint256 min, uint256 max) private pure {
        if (min == 0 || min > max) revert InvalidBounds(min, max);
    }

    function _checkRate(uint256 given) private pure {
        if (given == 0 || given > _BPS) revert InvalidRate(given, _BPS);
    }
}
