// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import { Staking } from "../../src/Staking.sol";
import { ICommittee } from "../../src/interfaces/ICommittee.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { IStaking } from "../../src/interfaces/IStaking.sol";
import { SandboxToken } from "../../src/sandbox/SandboxToken.sol";
import { CallingToken, FeeToken } from "../support/HostileTokens.sol";
import { StakingFixture } from "../support/StakingFixture.sol";

/// @notice Bonds, what takes from them, and when it is paid. The test is the dispute contract.
contract StakingTest is StakingFixture {
    IStaking.Offence private constant NONE = IStaking.Offence.None;
    IStaking.Offence private constant WRONG_SCORE = IStaking.Offence.WrongScore;
    IStaking.Offence private constant EQUIVOCATION = IStaking.Offence.Equivocation;
    /// @dev A tenth of the stake.
    uint256 private constant CAP = 100e18;

    address private alice;
    address private challenger = makeAddr("challenger");
    address private rival = makeAddr("rival");

    function setUp() public {
        deployOracle(4, 1, 2);
        vm.prank(OWNER);
        oracle.setDispute(address(this));
        deployStaking(new SandboxToken("Stake", "STK", 18));
        alice = member(0);
    }

    // --- deployment ---------------------------------------------------------------------------

    /// Quotes S-02: stake outlasts a digest, a validity, a challenge window and the slowest publication.
    function test_Deploy_RevertWhen_UnbondingIsTooShort() public {
        IStaking.StakingConfig memory config = stakingConfig();
        config.unbondingSeconds = REQUIRED_S;

        vm.expectRevert(abi.encodeWithSelector(IStaking.ShortUnbonding.selector, REQUIRED_S, REQUIRED_S));
        new Staking(config);
    }

    function test_Deploy_RevertWhen_OutOfLimits() public {
        IStaking.StakingConfig memory config = stakingConfig();
        config.unbondingSeconds = 1000 * 365 days + 1;
        expectInvalid("unbondingSeconds", 1000 * 365 days + 1, 1000 * 365 days);
        new Staking(config);

        config = stakingConfig();
        config.wrongScoreBps = 0;
        expectInvalid("wrongScoreBps", 0, 10_000);
        new Staking(config);

        config.wrongScoreBps = 10_001;
        expectInvalid("wrongScoreBps", 10_001, 10_000);
        new Staking(config);

        config = stakingConfig();
        config.incidentSeconds = EPOCH_S - 1;
        expectInvalid("incidentSeconds", EPOCH_S - 1, EPOCH_S);
        new Staking(config);

        config = stakingConfig();
        config.token = SandboxToken(address(0));
        expectInvalid("token", 0, 1);
        new Staking(config);
    }

    function test_Deploy_Configuration_IsReadable() public view {
        assertEq(address(staking.oracle()), address(oracle));
        assertEq(address(staking.token()), address(stakeToken));
        assertEq(staking.unbondingSeconds(), UNBONDING_S);
        assertEq(staking.incidentSeconds(), INCIDENT_S);
        assertEq(staking.wrongScoreBps(), WRONG_SCORE_BPS);
    }

    // --- bonding ------------------------------------------------------------------------------

    function test_Bond_ByAnyone_AddsUp() public {
        stakeToken.mint(rival, 5);
        vm.startPrank(rival);
        stakeToken.approve(address(staking), 5);
        vm.expectEmit(address(staking));
        emit IStaking.Bonded(alice, rival, 5);
        staking.bond(alice, 5);
        vm.stopPrank();

        assertEq(staking.stakeOf(alice).bonded, STAKE + 5);
        assertEq(staking.slashableOf(alice), STAKE + 5);
        assertEq(staking.totalSlashable(), 4 * STAKE + 5);
        assertEq(stakeToken.balanceOf(address(staking)), 4 * STAKE + 5);
    }

    function test_Bond_RevertWhen_Zero() public {
        vm.expectRevert(IStaking.ZeroStake.selector);
        staking.bond(alice, 0);
    }

    function test_Bond_RevertWhen_TokenKeepsAFee() public {
        stakeToken = new FeeToken();
        staking = new Staking(stakingConfig());
        stakeToken.mint(address(this), 1000);
        stakeToken.approve(address(staking), 1000);

        vm.expectRevert(abi.encodeWithSelector(IStaking.WrongAmountReceived.selector, 990, 1000));
        staking.bond(alice, 1000);
    }

    // --- unbonding ----------------------------------------------------------------------------

    function test_Unbond_AfterItsTime_IsPaid() public {
        signOut();
        uint256 releaseAt = block.timestamp + UNBONDING_S;
        vm.expectEmit(address(staking));
        emit IStaking.UnbondingRequested(alice, 400e18, releaseAt);
        vm.prank(alice);
        staking.requestUnbonding(400e18);
        assertEq(staking.slashableOf(alice), STAKE);
        assertEq(staking.stakeOf(alice).bonded, 600e18);
        assertEq(staking.stakeOf(alice).unbonding, 400e18);

        vm.warp(releaseAt);
        vm.expectRevert(abi.encodeWithSelector(IStaking.EarlyWithdrawal.selector, releaseAt, releaseAt));
        vm.prank(alice);
        staking.withdraw(rival);

        vm.warp(releaseAt + 1);
        vm.expectEmit(address(staking));
        emit IStaking.Withdrawn(alice, rival, 400e18);
        vm.prank(alice);
        assertEq(staking.withdraw(rival), 400e18);

        assertEq(stakeToken.balanceOf(rival), 400e18);
        assertEq(staking.slashableOf(alice), 600e18);
        assertEq(staking.totalSlashable(), 4 * STAKE - 400e18);
    }

    function test_Unbond_AskedAgain_StartsAnew() public {
        signOut();
        vm.prank(alice);
        staking.requestUnbonding(400e18);
        vm.warp(block.timestamp + 1 days);
        vm.prank(alice);
        staking.requestUnbonding(600e18);

        assertEq(staking.stakeOf(alice).unbonding, STAKE);
        assertEq(staking.stakeOf(alice).releaseAt, block.timestamp + UNBONDING_S);

        vm.warp(block.timestamp + 1 days);
        vm.prank(alice);
        staking.requestUnbonding(0);
        assertEq(staking.stakeOf(alice).unbonding, STAKE);
        assertEq(staking.stakeOf(alice).releaseAt, block.timestamp + UNBONDING_S);
    }

    /// Quotes S-02: stake that began to leave before its member stopped signing would be gone in the second in which it signs twice.
    function test_Unbond_RevertWhen_InForce() public {
        expectStill(alice, digest);
        staking.requestUnbonding(STAKE);

        // Signed out, but not yet gone.
        ICommittee.Configuration memory next = nextOf(FIRST_EPOCH + 10);
        oracle.changeCommittee(next, homeBlock(), certify(next, memberKeys, 3));
        vm.warp(uint256(FIRST_EPOCH + 10) * EPOCH_S - 1);
        expectStill(alice, digest);
        staking.requestUnbonding(STAKE);

        vm.warp(uint256(FIRST_EPOCH + 10) * EPOCH_S);
        vm.prank(alice);
        staking.requestUnbonding(STAKE);
        assertEq(staking.stakeOf(alice).unbonding, STAKE);
    }

    /// Quotes S-02: of the newest configuration, and of one between it and the one in force.
    function test_Unbond_RevertWhen_ToCome() public {
        ICommittee.Configuration memory next = nextOf(FIRST_EPOCH + 10);
        address comer = next.members[0];
        bondFor(comer, STAKE);
        oracle.changeCommittee(next, homeBlock(), certify(next, memberKeys, 3));
        bytes32 between = oracle.newestDigest();
        expectStill(comer, between);
        staking.requestUnbonding(1);

        takeBack(FIRST_EPOCH + 20);
        expectStill(comer, between);
        staking.requestUnbonding(1);

        vm.warp(uint256(FIRST_EPOCH + 20) * EPOCH_S);
        vm.prank(comer);
        staking.requestUnbonding(1);
        bytes32 newest = oracle.newestDigest();
        expectStill(alice, newest);
        staking.requestUnbonding(1);
    }

    /// Quotes S-02: nobody is held for ever by others that sign nothing: a digest that nobody renews lets go of its members.
    function test_Unbond_ExpiredDigest_LetsGo() public {
        uint256 expiresAt = oracle.termOf(digest).expiresAt;
        vm.warp(expiresAt);
        expectStill(alice, digest);
        staking.requestUnbonding(STAKE);

        vm.warp(expiresAt + 1);
        vm.prank(alice);
        staking.requestUnbonding(STAKE);
        vm.warp(expiresAt + 1 + UNBONDING_S + 1);
        vm.prank(alice);
        assertEq(staking.withdraw(alice), STAKE);
    }

    /// Quotes S-02: what the owner puts in force here binds as what was certified, once it is there.
    function test_Unbond_RevertWhen_Recovered() public {
        ICommittee.Configuration memory next = nextOf(FIRST_EPOCH + 24 * 40);
        next.members[6] = alice;
        vm.warp(uint256(oracle.termOf(digest).expiresAt) + 1);
        vm.prank(OWNER);
        oracle.announceRecovery(next);
        vm.prank(alice);
        staking.requestUnbonding(1);
        uint256 askedAt = block.timestamp;
        vm.warp(askedAt + RECOVERY_S);
        vm.prank(OWNER);
        oracle.recover(next);

        bytes32 recovered = oracle.newestDigest();
        expectStill(alice, recovered);
        staking.requestUnbonding(1);
        vm.warp(askedAt + UNBONDING_S + 1);
        expectStill(alice, recovered);
        staking.withdraw(alice);
        // The other three of the old committee are in no other.
        vm.prank(member(1));
        staking.requestUnbonding(STAKE);
    }

    /// Before the first configuration begins its members are held, and nobody else.
    function test_Unbond_BeforeTheFirstEpoch_HoldsItsMembers() public {
        vm.warp(uint256(FIRST_EPOCH) * EPOCH_S - 10 days);
        deployStaking(new SandboxToken("Stake", "STK", 18));
        bondFor(rival, 1);
        expectStill(alice, digest);
        staking.requestUnbonding(1);

        vm.prank(rival);
        staking.requestUnbonding(1);
        vm.warp(block.timestamp + UNBONDING_S + 1);
        vm.prank(rival);
        assertEq(staking.withdraw(rival), 1);
    }

    function test_Unbond_RevertWhen_MoreThanBonded() public {
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(IStaking.InsufficientStake.selector, STAKE + 1, STAKE));
        staking.requestUnbonding(STAKE + 1);
        vm.expectRevert(IStaking.ZeroStake.selector);
        staking.requestUnbonding(0);
    }

    function test_Withdraw_RevertWhen_NothingUnbonds() public {
        vm.expectRevert(abi.encodeWithSelector(IStaking.NothingUnbonding.selector, alice));
        vm.prank(alice);
        staking.withdraw(alice);
    }

    /// Quotes S-02: whoever was taken back since it asked asks again, after it left again; it needs no further stake for that.
    function test_Withdraw_RevertWhen_TakenBackSince() public {
        signOut();
        vm.prank(alice);
        staking.requestUnbonding(STAKE);
        uint256 releaseAt = block.timestamp + UNBONDING_S;
        takeBack(FIRST_EPOCH + 2);
        bytes32 taken = oracle.newestDigest();

        vm.warp(uint256(FIRST_EPOCH + 2) * EPOCH_S);
        signOut();
        vm.warp(releaseAt + 1);
        expectStill(alice, taken);
        staking.withdraw(alice);

        vm.prank(alice);
        staking.requestUnbonding(0);
        vm.warp(block.timestamp + UNBONDING_S + 1);
        vm.prank(alice);
        assertEq(staking.withdraw(alice), STAKE);
    }

    /// Quotes S-02: what a member had at an epoch's boundary is there until the last second of its evidence.
    function test_Slash_LastSecondOfEvidence_FindsTheWholeStake() public {
        signOut();
        vm.prank(alice);
        staking.requestUnbonding(STAKE);
        uint64 epoch = FIRST_EPOCH + 1;
        uint256 lastAt = uint256(epoch) * EPOCH_S + UNBONDING_S;
        vm.warp(lastAt);

        vm.expectRevert(abi.encodeWithSelector(IStaking.EarlyWithdrawal.selector, lastAt, lastAt));
        vm.prank(alice);
        staking.withdraw(alice);
        assertEq(slash(alice, epoch, EQUIVOCATION, challenger), STAKE);
    }

    // --- slashing -----------------------------------------------------------------------------

    function test_Slash_Equivocation_TakesEverything() public {
        signOut();
        vm.prank(alice);
        staking.requestUnbonding(400e18);

        vm.expectEmit(address(staking));
        emit IStaking.Slashed(alice, FIRST_EPOCH, 1, EQUIVOCATION, STAKE);
        vm.expectEmit(address(staking));
        emit IStaking.CaseOpened(1, challenger, STAKE, block.timestamp + CHALLENGE_S);
        assertEq(slash(alice, FIRST_EPOCH, EQUIVOCATION, challenger), STAKE);

        assertEq(staking.slashableOf(alice), 0);
        assertEq(staking.totalSlashable(), 3 * STAKE);
        assertEq(staking.totalPending(), STAKE);
        assertEq(uint8(staking.offenceOf(alice, FIRST_EPOCH)), uint8(EQUIVOCATION));
        IStaking.Case memory case_ = staking.caseOf(1);
        assertEq(case_.pending, STAKE);
        assertEq(case_.payableAt, block.timestamp + CHALLENGE_S);
        assertEq(case_.challenger, challenger);
    }

    /// What is leaving goes first: 30 of 30, then 70 of what is bonded.
    function test_Slash_WrongScore_TakesTheCap() public {
        signOut();
        vm.prank(alice);
        staking.requestUnbonding(30e18);

        assertEq(slash(alice, FIRST_EPOCH, WRONG_SCORE, challenger), CAP);

        assertEq(staking.stakeOf(alice).unbonding, 0);
        assertEq(staking.stakeOf(alice).bonded, STAKE - CAP);
    }

    /// Quotes S-03: one incident, one slash, whatever the number and the order of its epochs; the next one costs again.
    function test_Slash_WrongScores_OncePerIncident() public {
        uint64 perIncident = uint64(INCIDENT_S / EPOCH_S);
        uint64 first = FIRST_EPOCH / perIncident * perIncident;

        assertEq(slash(alice, first + perIncident - 1, WRONG_SCORE, challenger), CAP);
        assertEq(slash(alice, first, WRONG_SCORE, challenger), 0);
        assertEq(slash(alice, first + perIncident, WRONG_SCORE, challenger), 90e18);
        assertEq(slash(alice, first - 1, WRONG_SCORE, challenger), 81e18);
        assertEq(slash(member(1), first, WRONG_SCORE, challenger), CAP);
    }

    /// Quotes S-03: a repeat changes nothing, not even who is paid.
    function test_Slash_Repeated_ChangesNothing() public {
        slash(alice, FIRST_EPOCH, WRONG_SCORE, challenger);
        IStaking.Case memory before = staking.caseOf(1);
        vm.warp(block.timestamp + 1);

        assertEq(slash(alice, FIRST_EPOCH, WRONG_SCORE, rival), 0);
        assertEq(slash(alice, FIRST_EPOCH, NONE, rival), 0);

        assertEq(abi.encode(staking.caseOf(1)), abi.encode(before));
        assertEq(staking.caseOf(2).challenger, address(0));
        assertEq(staking.slashableOf(alice), STAKE - CAP);
    }

    /// Quotes S-03: a light offence of his own hides no grave one; disputing the grave one himself would leave him more.
    function test_Slash_GraverInsideTheWindow_TakesTheRest() public {
        slash(alice, FIRST_EPOCH, WRONG_SCORE, alice);
        vm.warp(block.timestamp + CHALLENGE_S - 1);
        assertEq(slash(alice, FIRST_EPOCH, EQUIVOCATION, challenger), STAKE - CAP);
        assertEq(slash(alice, FIRST_EPOCH, WRONG_SCORE, rival), 0);
        assertEq(staking.slashableOf(alice), 0);

        vm.warp(block.timestamp + CHALLENGE_S);
        staking.settle(1);
        staking.settle(2);

        assertEq(stakeToken.balanceOf(alice), CAP / 2);
        assertEq(stakeToken.balanceOf(challenger), (STAKE - CAP) / 2);
        assertEq(stakeToken.balanceOf(staking.BURN_ADDRESS()), STAKE / 2);
    }

    /// Quotes S-03, S-04: after a light offence was paid, the graver one takes what is left.
    function test_Slash_GraverAfterTheWindow_TakesTheRest() public {
        slash(alice, FIRST_EPOCH, WRONG_SCORE, rival);
        vm.warp(block.timestamp + CHALLENGE_S);
        staking.settle(1);

        assertEq(slash(alice, FIRST_EPOCH, EQUIVOCATION, challenger), STAKE - CAP);
        vm.warp(block.timestamp + CHALLENGE_S);
        staking.settle(2);

        assertEq(stakeToken.balanceOf(rival), CAP / 2);
        assertEq(stakeToken.balanceOf(challenger), (STAKE - CAP) / 2);
        assertEq(stakeToken.balanceOf(staking.BURN_ADDRESS()), STAKE / 2);
    }

    /// One piece of evidence names three members, of whom one paid before.
    function test_Slash_SeveralMembers_EachPaysItsOwn() public {
        slash(member(1), FIRST_EPOCH, WRONG_SCORE, rival);
        address[] memory members = new address[](3);
        (members[0], members[1], members[2]) = (member(0), member(1), member(2));

        assertEq(staking.slash(members, FIRST_EPOCH, WRONG_SCORE, challenger), 2 * CAP);
        assertEq(staking.totalPending(), 3 * CAP);
        assertEq(staking.totalSlashable(), 4 * STAKE - 3 * CAP);

        vm.warp(block.timestamp + CHALLENGE_S);
        staking.settle(1);
        staking.settle(2);
        assertEq(stakeToken.balanceOf(challenger), CAP);
        assertEq(stakeToken.balanceOf(rival), CAP / 2);
    }

    /// Quotes S-03: offences share words, 128 members each; the 127th to 129th, at the edge of two, are told apart all the same.
    function test_Slash_MembersAtTheEdgeOfAWord_AreToldApart() public {
        address[] memory members = new address[](3);
        for (uint160 number = 5; number < 130; ++number) {
            bondFor(address(number << 32), STAKE);
            if (number >= 127) members[number - 127] = address(number << 32);
        }

        assertEq(slash(members[1], FIRST_EPOCH, EQUIVOCATION, rival), STAKE);
        assertEq(staking.slash(members, FIRST_EPOCH, WRONG_SCORE, challenger), 2 * CAP);
        assertEq(staking.slash(members, FIRST_EPOCH, WRONG_SCORE, challenger), 0);

        assertEq(uint8(staking.offenceOf(members[0], FIRST_EPOCH)), uint8(WRONG_SCORE));
        assertEq(uint8(staking.offenceOf(members[1], FIRST_EPOCH)), uint8(EQUIVOCATION));
        assertEq(uint8(staking.offenceOf(members[2], FIRST_EPOCH)), uint8(WRONG_SCORE));
        assertEq(uint8(staking.offenceOf(address(uint160(126) << 32), FIRST_EPOCH)), uint8(NONE));
        assertEq(uint8(staking.offenceOf(rival, FIRST_EPOCH)), uint8(NONE));
    }

    function test_Slash_NoStake_IsRecordedAndTakesNothing() public {
        vm.expectEmit(address(staking));
        emit IStaking.Slashed(rival, FIRST_EPOCH, 1, EQUIVOCATION, 0);
        assertEq(slash(rival, FIRST_EPOCH, EQUIVOCATION, challenger), 0);
        bondFor(rival, STAKE);
        assertEq(slash(rival, FIRST_EPOCH, EQUIVOCATION, challenger), 0);

        vm.warp(block.timestamp + CHALLENGE_S);
        vm.expectRevert(abi.encodeWithSelector(IStaking.NothingPending.selector, 1));
        staking.settle(1);
    }

    function test_Slash_RevertWhen_NotTheDisputeContract() public {
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.NotDispute.selector, rival, address(this)));
        vm.prank(rival);
        staking.slash(new address[](0), FIRST_EPOCH, EQUIVOCATION, rival);
    }

    function test_Slash_RevertWhen_EvidenceIsLate() public {
        uint256 answersUntil = uint256(FIRST_EPOCH) * EPOCH_S + UNBONDING_S;
        vm.warp(answersUntil + 1);

        vm.expectRevert(abi.encodeWithSelector(IStaking.LateEvidence.selector, answersUntil + 1, answersUntil));
        slash(alice, FIRST_EPOCH, EQUIVOCATION, challenger);
    }

    // --- settling -----------------------------------------------------------------------------

    /// Quotes S-04: half is burned, rounded up; a member that disputes itself loses half for good.
    function test_Settle_SelfDispute_CostsHalf() public {
        bondFor(alice, 1);
        slash(alice, FIRST_EPOCH, EQUIVOCATION, alice);
        uint256 payableAt = block.timestamp + CHALLENGE_S;

        vm.warp(payableAt - 1);
        vm.expectRevert(abi.encodeWithSelector(IStaking.EarlySettlement.selector, payableAt - 1, payableAt));
        staking.settle(1);

        vm.warp(payableAt);
        vm.expectEmit(address(staking));
        emit IStaking.Settled(1, alice, 500e18, 500e18 + 1);
        staking.settle(1);
        assertEq(stakeToken.balanceOf(alice), 500e18);
        assertEq(stakeToken.balanceOf(staking.BURN_ADDRESS()), 500e18 + 1);
        assertEq(staking.totalPending(), 0);

        vm.expectRevert(abi.encodeWithSelector(IStaking.NothingPending.selector, 1));
        staking.settle(1);
    }

    // --- hostile token ------------------------------------------------------------------------

    function test_Token_CallsBack_IsRefused() public {
        signOut();
        CallingToken calling = new CallingToken();
        deployStaking(calling);
        slash(alice, FIRST_EPOCH, EQUIVOCATION, challenger);
        vm.prank(member(1));
        staking.requestUnbonding(STAKE);
        vm.warp(block.timestamp + UNBONDING_S + 1);
        calling.mint(address(this), 1);
        calling.approve(address(staking), 1);

        calling.arm(address(staking), abi.encodeCall(staking.settle, (1)));
        vm.expectRevert(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        staking.settle(1);

        calling.arm(address(staking), abi.encodeCall(staking.bond, (alice, 1)));
        vm.expectRevert(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        staking.bond(alice, 1);

        calling.arm(address(staking), abi.encodeCall(staking.withdraw, (alice)));
        vm.expectRevert(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        vm.prank(member(1));
        staking.withdraw(alice);
    }

    function slash(address member_, uint64 epoch, IStaking.Offence offence, address by) private returns (uint256) {
        address[] memory members = new address[](1);
        members[0] = member_;
        return staking.slash(members, epoch, offence, by);
    }

    /// @dev The four that `nextKeys` replaced, from `fromEpoch` on.
    function takeBack(uint64 fromEpoch) private {
        ICommittee.Configuration memory next = nextOf(fromEpoch);
        next.members = oracle.coldKeysOf(digest);
        (next.f, next.q) = (1, 2);
        oracle.changeCommittee(next, homeBlock(), certify(next, nextKeys, 5));
    }

    /// @dev Of the next call, which is the member's.
    function expectStill(address member_, bytes32 named) private {
        vm.expectRevert(abi.encodeWithSelector(IStaking.StillMember.selector, member_, named));
        vm.prank(member_);
    }

    function expectInvalid(string memory name, uint256 given, uint256 limit) private {
        vm.expectRevert(abi.encodeWithSelector(IStaking.InvalidStaking.selector, name, given, limit));
    }
}
