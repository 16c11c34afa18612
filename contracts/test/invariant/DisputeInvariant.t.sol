// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { RiskOracle } from "../../src/RiskOracle.sol";
import { Staking } from "../../src/Staking.sol";
import { IModelRegistry } from "../../src/interfaces/IModelRegistry.sol";
import { IScoreDispute } from "../../src/interfaces/IScoreDispute.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { DisputeFixture } from "../support/DisputeFixture.sol";

/// @notice Members 1, 2 and 3 sign one report an epoch, over what Python scored; member 0 signs anything. Everybody accuses
///         everybody, with whatever was ever signed.
contract DisputeHandler is DisputeFixture {
    uint32 private constant HONEST = 0xe;
    uint32 private constant ALL = 0xf;
    uint32 private constant FAULTY = 0x1;
    uint256 private constant LEAVES = 4;
    uint64 public constant EPOCHS = 4;

    IModelRegistry.SelfTestCase[] private borrowerCases;
    IModelRegistry.SelfTestCase[] private collateralCases;
    /// @dev Evidence that was taken, and what had to be refused.
    uint256 public proved;
    uint256 public refused;

    constructor() {
        deployDispute(4, 1, 3, "borrower-sandbox-1");
        IModelRegistry.SelfTestCase[] memory cases = runSelfTestCases("borrower-sandbox-1");
        IModelRegistry.SelfTestCase[] memory pairs = runSelfTestCases("collateral-1");
        for (uint256 i = 0; i < LEAVES * EPOCHS; ++i) {
            borrowerCases.push(cases[i]);
            collateralCases.push(pairs[i]);
        }
    }

    function targets() external view returns (RiskOracle, Staking) {
        return (oracle, staking);
    }

    function memberAt(uint256 id) external view returns (address) {
        return member(id);
    }

    function honestHash(uint64 k) external returns (bytes32) {
        return oracle.hashReport(honestReport(k));
    }

    // --- actions ------------------------------------------------------------------------------

    function publish(uint64 k) external {
        k %= EPOCHS;
        IScoreOracle.Report memory report = honestReport(k);
        if (block.timestamp < uint256(report.epoch) * EPOCH_S) vm.warp(uint256(report.epoch) * EPOCH_S);
        try oracle.publish(report, evidenceOf(report, HONEST).attestations) { } catch { }
    }

    function passTime(uint256 elapsedS) external {
        vm.warp(block.timestamp + bound(elapsedS, 1, 2 * EPOCH_S));
    }

    function accuseOfEquivocation(uint64 k, uint64 other, uint256 how, bool isSwapped) external {
        IScoreOracle.Report memory honest = honestReport(k % EPOCHS);
        IScoreOracle.Report memory liar = faultyReport(other % EPOCHS, how);
        // The honest report may stand twice, or with the liar's.
        if (how % 8 == 7) liar = honest;
        IScoreDispute.Evidence memory first = evidenceOf(honest, how % 2 == 0 ? ALL : HONEST);
        IScoreDispute.Evidence memory second = evidenceOf(liar, how % 8 == 7 ? ALL : FAULTY);
        if (isSwapped) (first, second) = (second, first);
        try dispute.proveEquivocation(first, second) {
            ++proved;
        } catch {
            ++refused;
        }
    }

    function accuseOfTwoLeaves(uint64 k, uint256 i, uint256 j, uint256 how, bool isHonest) external {
        IScoreOracle.Report memory report = isHonest ? honestReport(k % EPOCHS) : faultyReport(k % EPOCHS, how);
        IScoreDispute.Evidence memory evidence = evidenceOf(report, isHonest ? ALL : FAULTY);
        bytes memory first = entries[i % entries.length];
        bytes memory second = entries[j % entries.length];
        try dispute.proveTwoLeaves(evidence, first, proofOf(first), second, proofOf(second)) {
            ++proved;
        } catch {
            ++refused;
        }
    }

    function accuseOfWrongScore(uint64 k, uint256 i, uint256 how, bool isHonest) external {
        IScoreOracle.Report memory report = isHonest ? honestReport(k % EPOCHS) : faultyReport(k % EPOCHS, how);
        IScoreDispute.Evidence memory evidence = evidenceOf(report, isHonest ? ALL : FAULTY);
        i %= entries.length;
        bytes memory entry = entries[i];
        try dispute.proveWrongScore(evidence, entry, proofOf(entry), vectorOf(k % EPOCHS, i)) {
            ++proved;
        } catch {
            ++refused;
        }
    }

    // --- reports ------------------------------------------------------------------------------

    function honestReport(uint64 k) private returns (IScoreOracle.Report memory) {
        delete entries;
        for (uint256 i = 0; i < LEAVES; ++i) {
            entries.push(entryOf(borrowerCases[k * LEAVES + i], bytes32(i + 1)));
            entries.push(entryOf(collateralCases[k * LEAVES + i], keccak256(abi.encode(i))));
        }
        return reportOfEntries(FIRST_EPOCH + k);
    }

    /// @dev A wrong field, a second leaf of a subject, or only another count.
    function faultyReport(uint64 k, uint256 how) private returns (IScoreOracle.Report memory report) {
        report = honestReport(k);
        uint256 i = (how >> 8) % entries.length;
        uint256 word = how % 3 == 0 ? 4 : 1;
        if (how % 3 == 0) entries[i] = withWord(entries[i], word, bytes32(uint256(wordOf(entries[i], word)) ^ 1));
        else if (how % 3 == 1) entries[i] = withWord(entries[i], word, wordOf(entries[(i + 2) % entries.length], 1));
        else report.borrowers += 1;
        report.scoresRoot = nodes()[0];
    }

    function vectorOf(uint64 k, uint256 i) private view returns (bytes memory) {
        return i % 2 == 0 ? borrowerCases[k * LEAVES + i / 2].vector : collateralCases[k * LEAVES + i / 2].vector;
    }
}

contract DisputeInvariantTest is DisputeFixture {
    DisputeHandler private handler;

    function setUp() public {
        handler = new DisputeHandler();
        (oracle, staking) = handler.targets();
        targetContract(address(handler));
        bytes4[] memory selectors = new bytes4[](5);
        (selectors[0], selectors[1], selectors[2]) =
        (handler.publish.selector, handler.passTime.selector, handler.accuseOfEquivocation.selector);
        (selectors[3], selectors[4]) = (handler.accuseOfTwoLeaves.selector, handler.accuseOfWrongScore.selector);
        targetSelector(FuzzSelector({ addr: address(handler), selectors: selectors }));
    }

    /// Each action of the handler can succeed, so that the laws below are tried and not vacuous.
    function test_Handler_EachAction_CanSucceed() public {
        handler.publish(0);
        assertEq(oracle.head().epoch, FIRST_EPOCH);
        handler.accuseOfWrongScore(0, 0, 0, false);
        assertEq(handler.proved(), 1);
        handler.accuseOfTwoLeaves(0, 0, 2, 1, false);
        assertEq(handler.proved(), 2);
        handler.accuseOfEquivocation(0, 0, 2, false);
        assertEq(handler.proved(), 3);
        handler.accuseOfWrongScore(0, 0, 0, true);
        handler.accuseOfTwoLeaves(0, 0, 2, 1, true);
        handler.accuseOfEquivocation(0, 0, 7, false);
        assertEq(handler.refused(), 3);
        assertEq(staking.slashableOf(handler.memberAt(0)), 0);
    }

    /// Quotes D-01: whoever signs by the honest rule alone loses nothing, whatever the others sign and claim.
    /// forge-config: default.invariant.runs = 24
    function invariant_D01_Honest_AreNeverSlashed() public view {
        for (uint256 id = 1; id < 4; ++id) {
            assertEq(staking.slashableOf(handler.memberAt(id)), STAKE);
        }
    }

    /// Quotes D-02: a report by the honest rule is never voided.
    /// forge-config: default.invariant.runs = 24
    function invariant_D02_HonestReports_AreNeverVoided() public {
        for (uint64 k = 0; k < handler.EPOCHS(); ++k) {
            assertFalse(oracle.isVoided(handler.honestHash(k)));
        }
        assertFalse(oracle.isOnHold());
    }
}
