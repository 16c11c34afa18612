// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { Test } from "forge-std/Test.sol";

import { RiskGate } from "../../src/RiskGate.sol";
import { IRiskGate } from "../../src/interfaces/IRiskGate.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { GateFixture } from "../support/GateFixture.sol";
import { ScriptedScores } from "../support/ScriptedScores.sol";

/// @notice Scores, time, outages, voidings, the owner, the guardian and passers-by, in any order.
contract GateHandler is Test {
    uint256 private constant RAMP = 50;
    uint256 private constant LOOSENING = 120;

    RiskGate private immutable gate;
    ScriptedScores private immutable scores;
    address private immutable owner;
    address private immutable guardian;
    uint64 private _epoch = 100;
    /// @dev Ghost: what the gate says after each call, and all the time that may have loosened.
    uint256 private _lastThreshold;
    uint256 private _lastTime;
    bool private _lastVetoed;
    bool private _isReseeded;
    IRiskGate.Guarded private _refreshed;
    uint256 private _refreshedAt;

    string public broken;
    uint256 public closed;
    uint256 public ramps;
    uint256 public loosenings;

    constructor(RiskGate gate_, ScriptedScores scores_, address owner_, address guardian_) {
        (gate, scores, owner, guardian) = (gate_, scores_, owner_, guardian_);
        _note();
    }

    modifier observed() {
        _;
        _check();
        _note();
    }

    function postScore(uint16 threshold, uint16 ceiling, uint16 floor, uint32 volatility, uint32 gap)
        external
        observed
    {
        IScoreOracle.PostedCollateral memory posted;
        posted.epoch = ++_epoch;
        posted.liquidationThresholdBps = uint16(bound(threshold, 5000, 9500));
        posted.ltvCeilingBps = uint16(bound(ceiling, 4000, posted.liquidationThresholdBps));
        posted.ltvFloorBps = uint16(bound(floor, 0, posted.ltvCeilingBps));
        posted.volatilityPpm = uint32(bound(volatility, 0, 2_000_000));
        posted.gapPpm = uint32(bound(gap, 0, 1_000_000));
        posted.binding = 1;
        scores.post(posted);
    }

    function postUnrated() external observed {
        IScoreOracle.PostedCollateral memory posted = scores.collateralScore(0);
        posted.epoch = ++_epoch;
        posted.binding = 3;
        scores.post(posted);
    }

    function voidReport() external observed {
        scores.voidEpoch(_epoch);
        scores.setHold(true);
    }

    function nextReport() external observed {
        scores.setHold(false);
        scores.setExpired(false);
    }

    function stopReports() external observed {
        scores.setExpired(true);
    }

    function refresh(uint256 times) external observed {
        for (uint256 i = 0; i < bound(times, 1, 4); ++i) {
            gate.refresh();
        }
        _checkLoosening();
    }

    function wait(uint256 elapsedS) external observed {
        skip(bound(elapsedS, 1, 3 days));
    }

    function waitShortly(uint256 elapsedS) external observed {
        skip(bound(elapsedS, 1, 2 hours));
    }

    function veto() external observed {
        vm.prank(guardian);
        gate.vetoLoosening();
    }

    function changeMode(uint8 mode) external observed {
        _change(IRiskGate.Change(IRiskGate.Subject.Mode, IRiskGate.Mode(mode % 4), address(0)));
        delete _refreshed;
    }

    function takeLevelsAnew(bool isDone) external observed {
        if (!isDone) return;
        _change(IRiskGate.Change(IRiskGate.Subject.Levels, IRiskGate.Mode.Off, address(0)));
        _isReseeded = true;
    }

    function vetoPending() external observed {
        vm.prank(guardian);
        try gate.vetoChange() { } catch { }
    }

    function _change(IRiskGate.Change memory change) private {
        vm.startPrank(owner);
        try gate.propose(change) {
            skip(2 days);
            try gate.applyChange() { } catch { }
        } catch { }
        vm.stopPrank();
    }

    /// @dev Each rule looks at what the call changed; `broken` keeps the first that was.
    function _check() private {
        IRiskGate.Guarded memory now_ = gate.guarded();
        uint256 threshold = gate.liquidationThresholdBps();
        uint256 elapsedS = block.timestamp - _lastTime;
        uint256 moved = threshold > _lastThreshold ? threshold - _lastThreshold : _lastThreshold - threshold;
        if (_lastThreshold != 0 && moved > elapsedS * RAMP / 1 hours + 1) _break("G-02: threshold too fast");
        if (_lastVetoed && threshold > _lastThreshold) _break("G-06: threshold rose under a veto");
        if (moved != 0) ++ramps;
        if (threshold > 9000 || (threshold != 0 && threshold < 6000)) _break("G-07: threshold out of bounds");
        if (!now_.isOpen) {
            ++closed;
            return;
        }
        if (now_.pair.ltvFloorBps > now_.pair.ltvCeilingBps) _break("floor above ceiling");
        if (now_.pair.ltvCeilingBps > threshold) _break("G-04: ceiling above the threshold");
        if (now_.pair.ltvCeilingBps > 8500 || now_.pair.ltvFloorBps > 7000) _break("G-07: LTV out of bounds");
        _checkTarget(now_);
    }

    /// @dev G-01: nothing is lent at above what the score, or the fallback, says now.
    function _checkTarget(IRiskGate.Guarded memory now_) private {
        if (now_.mode < IRiskGate.Mode.Capped) {
            if (now_.pair.ltvCeilingBps > 5000) _break("G-01: above the fallback");
            return;
        }
        IScoreOracle.PostedCollateral memory posted = scores.collateralScore(0);
        if (now_.pair.ltvCeilingBps > posted.ltvCeilingBps) _break("G-01: above the score's ceiling");
        if (now_.pair.ltvFloorBps > posted.ltvFloorBps) _break("G-01: above the score's floor");
        if (now_.pair.volatilityPpm < posted.volatilityPpm) _break("G-01: below the score's volatility");
        if (now_.pair.volatilityPpm < 100_000 || now_.pair.gapPpm < 5000) _break("G-07: risk out of bounds");
    }

    /// @dev G-03: from one refresh to the next, an LTV rises by a day's allowance at most. A score that nobody took over in between
    ///      left nothing behind, so reads are not compared.
    function _checkLoosening() private {
        IRiskGate.Guarded memory now_ = gate.guarded();
        if (_refreshed.isOpen && now_.isOpen && !_isReseeded && _refreshed.mode == now_.mode) {
            // While the threshold is on its way up, the LTVs that it held down rise with it.
            uint256 risen = _rise(_refreshed.pair.ltvFloorBps, now_.pair.ltvFloorBps);
            if (risen != 0) ++loosenings;
            uint256 allowed = LOOSENING + (block.timestamp - _refreshedAt) * RAMP / 1 hours + 1;
            if (risen > allowed) _break("G-03: more than a day's allowance");
        }
        // Under a veto the levels are not taken anew yet.
        if (now_.isOpen && block.timestamp >= gate.vetoedUntil()) _isReseeded = false;
        (_refreshed, _refreshedAt) = (now_, block.timestamp);
    }

    function _rise(uint256 from, uint256 to) private pure returns (uint256) {
        return to > from ? to - from : 0;
    }

    function _break(string memory rule) private {
        if (bytes(broken).length == 0) broken = rule;
    }

    function _note() private {
        _lastThreshold = gate.liquidationThresholdBps();
        _lastTime = block.timestamp;
        _lastVetoed = block.timestamp < gate.vetoedUntil();
    }
}

/// @notice No order of scores, outages, voidings, changes and vetoes gets a gate out of its rules.
contract GateInvariantTest is GateFixture {
    GateHandler private handler;

    function setUp() public {
        setUpGate(IRiskGate.Mode.Live);
        post(100, 8000, 7500, 6000);
        gate.refresh();
        handler = new GateHandler(gate, scores, owner, guardian);
        targetContract(address(handler));
    }

    /// Quotes G-01, G-02, G-03, G-04, G-06, G-07: what a call does to threshold, LTVs and risks keeps every rule.
    /// forge-config: default.invariant.runs = 64
    /// forge-config: default.invariant.depth = 64
    function invariant_G02_Calls_KeepTheirRules() public view {
        assertEq(handler.broken(), "");
    }

    /// Quotes G-03: the allowance is a day's at most, at any time.
    /// forge-config: default.invariant.runs = 64
    /// forge-config: default.invariant.depth = 64
    function invariant_G03_Allowance_IsADaysAtMost() public view {
        assertLe(gate.looseningAllowanceBps(), LOOSENING);
    }

    /// Quotes G-02, G-04: what is read does not depend on whether it was refreshed, and collateral is free below the threshold only.
    /// forge-config: default.invariant.runs = 64
    /// forge-config: default.invariant.depth = 64
    function invariant_G04_Reads_DoNotDependOnRefreshing() public {
        bytes memory before = abi.encode(gate.guarded(), gate.liquidationThresholdBps(), gate.freeLtvBps());
        assertLe(gate.freeLtvBps(), gate.liquidationThresholdBps());
        assertEq(abi.encode(gate.refresh()), abi.encode(gate.guarded()));
        assertEq(abi.encode(gate.guarded(), gate.liquidationThresholdBps(), gate.freeLtvBps()), before);
    }
}
