// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import { RewardPot } from "../../src/RewardPot.sol";
import { IRewardPot } from "../../src/interfaces/IRewardPot.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { SandboxToken } from "../../src/sandbox/SandboxToken.sol";
import { CallingToken, FeeToken } from "../support/HostileTokens.sol";
import { OracleFixture } from "../support/OracleFixture.sol";

/// @notice Who observed is paid, once, for what became final here.
contract RewardPotTest is OracleFixture {
    uint256 private constant REWARD = 3e18;
    bytes32 private constant ROOT = keccak256("root");

    SandboxToken private token;
    RewardPot private pot;

    function setUp() public {
        deployOracle(4, 1, 3);
        deployPot(new SandboxToken("Pay", "PAY", 18));
        fund(100e18);
    }

    function deployPot(SandboxToken token_) private {
        token = token_;
        pot = new RewardPot(oracle, token, REWARD);
    }

    function fund(uint256 amount) private {
        token.mint(address(this), amount);
        token.approve(address(pot), amount);
        pot.fund(amount);
    }

    /// @dev Publishes the report of `epoch` in which `observers` observed, and waits until it is final.
    function makeFinal(uint64 epoch, uint32 observers)
        private
        returns (IScoreOracle.Report memory report, bytes memory attestations)
    {
        vm.warp(uint256(epoch) * EPOCH_S + 60);
        report = reportOf(epoch, ROOT);
        report.observers = observers;
        attestations = attestAll(report, 3);
        oracle.publish(report, attestations);
        vm.warp(block.timestamp + 2 * CHALLENGE_S);
        assertEq(oracle.finalised().epoch, epoch);
    }

    function member(uint256 id) private view returns (address) {
        return vm.addr(memberKeys[id]);
    }

    // --- credit -------------------------------------------------------------------------------

    /// Quotes W-01: bits 0, 1 and 3 observed; who attested without having observed earns nothing.
    function test_Credit_FinalReport_PaysItsObservers() public {
        (IScoreOracle.Report memory report, bytes memory attestations) = makeFinal(FIRST_EPOCH, 0xb);

        vm.expectEmit(address(pot));
        emit IRewardPot.Credited(FIRST_EPOCH, digest, 0xb, REWARD);
        pot.credit(report, attestations);

        assertEq(pot.earnedOf(member(0)), REWARD);
        assertEq(pot.earnedOf(member(1)), REWARD);
        assertEq(pot.earnedOf(member(2)), 0);
        assertEq(pot.earnedOf(member(3)), REWARD);
        assertEq(pot.available(), 100e18 - 3 * REWARD);
        assertTrue(pot.isCredited(FIRST_EPOCH));
    }

    function test_Pay_TwoEpochs_GoesToTheColdKey() public {
        for (uint64 epoch = FIRST_EPOCH; epoch < FIRST_EPOCH + 8; epoch += 4) {
            (IScoreOracle.Report memory report, bytes memory attestations) = makeFinal(epoch, 0x1);
            pot.credit(report, attestations);
        }

        vm.expectEmit(address(pot));
        emit IRewardPot.Paid(member(0), 2 * REWARD);
        assertEq(pot.pay(member(0)), 2 * REWARD);

        assertEq(token.balanceOf(member(0)), 2 * REWARD);
        assertEq(token.balanceOf(address(pot)), pot.available());
        vm.expectRevert(abi.encodeWithSelector(IRewardPot.NothingEarned.selector, member(0)));
        pot.pay(member(0));
    }

    /// Quotes W-01: once for an epoch.
    function test_Credit_RevertWhen_Repeated() public {
        (IScoreOracle.Report memory report, bytes memory attestations) = makeFinal(FIRST_EPOCH, 0xf);
        pot.credit(report, attestations);

        vm.expectRevert(abi.encodeWithSelector(IRewardPot.AlreadyCredited.selector, FIRST_EPOCH));
        pot.credit(report, attestations);
    }

    function test_Credit_RevertWhen_NotFinalYet() public {
        vm.warp(uint256(FIRST_EPOCH) * EPOCH_S + 60);
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, ROOT);
        bytes memory attestations = attestAll(report, 3);
        oracle.publish(report, attestations);

        expectNotFinal(FIRST_EPOCH, ROOT, 0, 0);
        pot.credit(report, attestations);
    }

    function test_Credit_RevertWhen_AnotherReportIsFinal() public {
        makeFinal(FIRST_EPOCH, 0xf);
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, keccak256("other root"));
        bytes memory attestations = attestAll(report, 3);
        expectNotFinal(FIRST_EPOCH, report.scoresRoot, FIRST_EPOCH, ROOT);
        pot.credit(report, attestations);

        report = reportOf(FIRST_EPOCH + 1, ROOT);
        attestations = attestAll(report, 3);
        expectNotFinal(FIRST_EPOCH + 1, ROOT, FIRST_EPOCH, ROOT);
        pot.credit(report, attestations);
    }

    /// The observers are what the quorum signed: another bitmap is another report, which nobody signed.
    function test_Credit_RevertWhen_ObserversAreForged() public {
        (IScoreOracle.Report memory report, bytes memory attestations) = makeFinal(FIRST_EPOCH, 0x1);
        report.observers = 0xf;

        vm.expectPartialRevert(IScoreOracle.WrongSigner.selector);
        pot.credit(report, attestations);
    }

    /// Quotes W-01: fewer signers than the quorum could name any observers.
    function test_Credit_RevertWhen_BelowTheQuorum() public {
        makeFinal(FIRST_EPOCH, 0x1);
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, ROOT);
        report.observers = 0x3;
        bytes memory attestations = attestAll(report, 2);

        vm.expectRevert(abi.encodeWithSelector(IRewardPot.TooFewSigners.selector, 2, 3));
        pot.credit(report, attestations);
    }

    function test_Credit_RevertWhen_AnotherDigest() public {
        (IScoreOracle.Report memory report, bytes memory attestations) = makeFinal(FIRST_EPOCH, 0x1);
        report.configDigest = keccak256("other");

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.WrongDigest.selector, report.configDigest, digest));
        pot.credit(report, attestations);
    }

    function test_Credit_RevertWhen_AnObserverIsNoMember() public {
        (IScoreOracle.Report memory report, bytes memory attestations) = makeFinal(FIRST_EPOCH, 0x1f);

        vm.expectRevert(abi.encodeWithSelector(IRewardPot.UnknownObserver.selector, uint32(0x1f), 4));
        pot.credit(report, attestations);
    }

    /// Quotes W-02: nobody earns what is not there, and the epoch can be credited once it is.
    function test_Credit_RevertWhen_ThePotIsEmpty() public {
        deployPot(token);
        (IScoreOracle.Report memory report, bytes memory attestations) = makeFinal(FIRST_EPOCH, 0x7);
        fund(3 * REWARD - 1);

        vm.expectRevert(abi.encodeWithSelector(IRewardPot.EmptyPot.selector, 3 * REWARD - 1, 3 * REWARD));
        pot.credit(report, attestations);
        fund(1);
        pot.credit(report, attestations);
        assertEq(pot.available(), 0);
    }

    /// Quotes W-02: whatever was observed, the pot holds what it owes.
    function testFuzz_W02_Pot_HoldsWhatItOwes(uint32 observers, uint8 paid) public {
        observers = uint32(bound(observers, 0, 15));
        (IScoreOracle.Report memory report, bytes memory attestations) = makeFinal(FIRST_EPOCH, observers);
        pot.credit(report, attestations);
        if (observers >> (paid % 4) & 1 == 1) pot.pay(member(paid % 4));

        uint256 owed = pot.available();
        for (uint256 i = 0; i < 4; ++i) {
            owed += pot.earnedOf(member(i));
            uint256 received = pot.earnedOf(member(i)) + token.balanceOf(member(i));
            assertEq(received, observers >> i & 1 == 1 ? REWARD : 0);
        }
        assertEq(token.balanceOf(address(pot)), owed);
    }

    // --- funding ------------------------------------------------------------------------------

    function test_Fund_ByAnyone_AddsUp() public {
        token.mint(address(this), 5);
        token.approve(address(pot), 5);
        vm.expectEmit(address(pot));
        emit IRewardPot.Funded(address(this), 5);
        pot.fund(5);

        assertEq(pot.available(), 100e18 + 5);
        vm.expectRevert(IRewardPot.ZeroFunding.selector);
        pot.fund(0);
    }

    function test_Fund_RevertWhen_TokenKeepsAFee() public {
        deployPot(new FeeToken());
        token.mint(address(this), 1000);
        token.approve(address(pot), 1000);

        vm.expectRevert(abi.encodeWithSelector(IRewardPot.WrongAmountReceived.selector, 990, 1000));
        pot.fund(1000);
    }

    function test_Deploy_RevertWhen_NothingToPay() public {
        vm.expectRevert(abi.encodeWithSelector(IRewardPot.InvalidPot.selector, address(token), 0, type(uint128).max));
        new RewardPot(oracle, token, 0);
        uint256 tooMuch = uint256(type(uint128).max) + 1;
        vm.expectRevert(
            abi.encodeWithSelector(IRewardPot.InvalidPot.selector, address(token), tooMuch, type(uint128).max)
        );
        new RewardPot(oracle, token, tooMuch);
        vm.expectRevert(abi.encodeWithSelector(IRewardPot.InvalidPot.selector, address(0), REWARD, type(uint128).max));
        new RewardPot(oracle, SandboxToken(address(0)), REWARD);
    }

    function test_Token_CallsBack_IsRefused() public {
        CallingToken calling = new CallingToken();
        deployPot(calling);
        fund(100e18);
        (IScoreOracle.Report memory report, bytes memory attestations) = makeFinal(FIRST_EPOCH, 0x3);
        pot.credit(report, attestations);

        calling.arm(address(pot), abi.encodeCall(pot.pay, (member(1))));
        vm.expectRevert(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        pot.pay(member(0));
    }

    function expectNotFinal(uint64 epoch, bytes32 root, uint64 finalEpoch, bytes32 finalRoot) private {
        vm.expectRevert(abi.encodeWithSelector(IRewardPot.NotFinal.selector, epoch, root, finalEpoch, finalRoot));
    }
}
