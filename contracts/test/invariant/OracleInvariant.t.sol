// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { RiskOracle } from "../../src/RiskOracle.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { OracleFixture } from "../support/OracleFixture.sol";

/// @notice Reports of any epoch, signed or not, at any time.
contract OracleHandler is OracleFixture {
    uint64 public highest;
    uint256 public landed;
    bool public hasGoneBack;
    bool public hasTakenTooFew;

    constructor() {
        deployOracle(4, 1, 3);
    }

    function target() external view returns (RiskOracle) {
        return oracle;
    }

    function publish(uint8 ahead, uint8 count, bytes32 root) external {
        uint64 current = uint64(block.timestamp / EPOCH_S);
        uint64 epoch = current + 1 - uint64(bound(ahead, 0, 5));
        uint256 signatures = bound(count, 0, 4);
        IScoreOracle.Report memory report = reportOf(epoch, root);
        bytes memory attestations = attestAll(report, signatures);
        try oracle.publish(report, attestations) {
            ++landed;
            if (epoch <= highest) hasGoneBack = true;
            if (signatures < 3) hasTakenTooFew = true;
            highest = epoch;
        } catch { }
    }

    function passTime(uint256 elapsedS) external {
        vm.warp(block.timestamp + bound(elapsedS, 1, 3 * EPOCH_S));
    }
}

contract OracleInvariantTest is OracleFixture {
    OracleHandler private handler;

    function setUp() public {
        handler = new OracleHandler();
        oracle = handler.target();
        targetContract(address(handler));
        bytes4[] memory selectors = new bytes4[](2);
        (selectors[0], selectors[1]) = (handler.publish.selector, handler.passTime.selector);
        targetSelector(FuzzSelector({ addr: address(handler), selectors: selectors }));
    }

    /// Quotes O-01: the head's epoch only rises, and only to an epoch whose boundary has come.
    /// forge-config: default.invariant.runs = 32
    function invariant_O01_Head_OnlyRises() public view {
        IScoreOracle.Head memory head = oracle.head();
        assertEq(head.epoch, handler.highest());
        assertFalse(handler.hasGoneBack());
        assertLe(uint256(head.epoch) * EPOCH_S, block.timestamp + 60);
        if (head.epoch != 0) assertLt(head.previousEpoch, head.epoch);
    }

    /// Quotes Q-02: nothing lands with fewer attestations than the quorum.
    /// forge-config: default.invariant.runs = 32
    function invariant_Q02_Quorum_IsNeverMissed() public view {
        assertFalse(handler.hasTakenTooFew());
    }

    /// Quotes O-05: at most two epochs are usable, the head and its predecessor, and none past its validity.
    /// forge-config: default.invariant.runs = 32
    function invariant_O05_Usable_AtMostTwo() public view {
        IScoreOracle.Head memory head = oracle.head();
        uint64 current = uint64(block.timestamp / EPOCH_S);
        for (uint64 epoch = current - 12; epoch <= current + 2; ++epoch) {
            if (!oracle.isUsable(epoch)) continue;
            assertTrue(epoch == head.epoch || epoch == head.previousEpoch);
            assertLe(block.timestamp, uint256(epoch) * EPOCH_S + VALIDITY_S);
            if (epoch != head.epoch) assertLe(block.timestamp, head.landedAt + GRACE_S);
        }
    }
}
