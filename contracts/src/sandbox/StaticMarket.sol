// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { MarketBase } from "../MarketBase.sol";
import { ILendingMarket } from "../interfaces/ILendingMarket.sol";
import { IRiskGate } from "../interfaces/IRiskGate.sol";
import { ITerms } from "../interfaces/ITerms.sol";

/// @title An isolated market with one LTV for everybody
/// @notice What lending protocols do without scores; the sandbox replays the same crash through it for comparison.
contract StaticMarket is MarketBase {
    /// @notice Terms of every loan.
    struct StaticTerms {
        uint16 ltvBps;
        uint16 liquidationThresholdBps;
        uint32 premiumBps;
    }

    /// @notice Most debt at borrow.
    uint256 public immutable ltvBps;
    /// @notice Annual premium of every loan.
    uint32 public immutable premiumBps;
    uint256 private immutable _liquidationThresholdBps;

    constructor(MarketConfig memory config, StaticTerms memory terms) MarketBase(config) {
        if (terms.liquidationThresholdBps > _BPS) {
            revert InvalidConfig("liquidationThresholdBps", terms.liquidationThresholdBps, _BPS);
        }
        if (terms.ltvBps > terms.liquidationThresholdBps) {
            revert InvalidConfig("ltvBps", terms.ltvBps, terms.liquidationThresholdBps);
        }
        ltvBps = terms.ltvBps;
        premiumBps = terms.premiumBps;
        _liquidationThresholdBps = terms.liquidationThresholdBps;
    }

    /// @inheritdoc ILendingMarket
    function liquidationThresholdBps() public view override returns (uint256) {
        return _liquidationThresholdBps;
    }

    /// @dev Scores count for nothing here.
    function _standingOf(address, Proof calldata) internal pure override returns (Standing memory) {
        return Standing(Basis.NoProof, 0, 0, 0);
    }

    function _decide(uint256 askBps, Standing memory, IRiskGate.Guarded memory)
        internal
        view
        override
        returns (Decision memory decision)
    {
        if (askBps > ltvBps) {
            (decision.refusal, decision.given, decision.limit) = (Refusal.AboveCeiling, askBps, ltvBps);
            return decision;
        }
        decision.floorBps = ltvBps;
        decision.thresholdBps = _liquidationThresholdBps;
        // Cast is safe: the LTV came as a uint16.
        decision.terms = ITerms.Terms({ allowed: true, ltvBps: uint32(ltvBps), premiumBps: premiumBps, elPpm: 0 });
    }

    function _freeLtvBps() internal view override returns (uint256) {
        return ltvBps;
    }
}
