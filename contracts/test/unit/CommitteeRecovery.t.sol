// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { RiskOracle } from "../../src/RiskOracle.sol";
import { ICommittee } from "../../src/interfaces/ICommittee.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { CommitteeFixture } from "../support/CommitteeFixture.sol";

/// @notice What the owner may do once a committee has expired, and the genesis of the periods.
contract CommitteeRecoveryTest is CommitteeFixture {
    uint256 private expiresAt;

    function setUp() public {
        deployOracle(4, 1, 2);
        expiresAt = oracle.termOf(digest).expiresAt;
    }

    /// @dev What the owner would put in force: it starts in the epoch of the expiry.
    function recovered() private returns (ICommittee.Configuration memory next) {
        next = nextOf(uint64(expiresAt / EPOCH_S));
    }

    function announce(ICommittee.Configuration memory next) private {
        vm.prank(OWNER);
        oracle.announceRecovery(next);
    }

    // --- recovery -----------------------------------------------------------------------------

    function test_Recover_AfterExpiryAndDelay_IsActivated() public {
        ICommittee.Configuration memory next = recovered();
        vm.warp(expiresAt + 1);
        vm.expectEmit(address(oracle));
        emit ICommittee.RecoveryAnnounced(digestOf(next), expiresAt + 1 + RECOVERY_S);
        announce(next);

        vm.warp(expiresAt + 1 + RECOVERY_S);
        vm.prank(OWNER);
        oracle.recover(next);

        assertEq(oracle.newestDigest(), digestOf(next));
        assertEq(oracle.configDigest(), digestOf(next));
        assertEq(oracle.termOf(digest).untilEpoch, next.fromEpoch);
        uint64 epoch = uint64(block.timestamp / EPOCH_S);
        IScoreOracle.Report memory report = reportUnder(digestOf(next), epoch, keccak256("root"));
        oracle.publish(report, signAll(oracle.hashReport(report), nextKeys, 5));
        assertEq(oracle.head().epoch, epoch);
    }

    /// A chain that missed changes goes straight to the committee that the others have reached.
    function test_Recover_LaterSeqOfOtherChains_IsTaken() public {
        ICommittee.Configuration memory next = recovered();
        next.prevDigest = keccak256("a digest this chain never heard of");
        next.seq = 5;
        vm.warp(expiresAt + 1);
        announce(next);
        vm.warp(expiresAt + 1 + RECOVERY_S);
        vm.prank(OWNER);
        oracle.recover(next);

        ICommittee.Configuration memory sixth = nextOf(next.fromEpoch + 200);
        assertEq(sixth.seq, 6);
        oracle.changeCommittee(sixth, homeBlock(), certify(sixth, nextKeys, 5));
        assertEq(oracle.newestDigest(), digestOf(sixth));
    }

    /// Quotes C-06: only the owner, only after the expiry, only after the delay, only what stood announced.
    function test_Recover_RevertWhen_NotTheOwner() public {
        ICommittee.Configuration memory next = recovered();
        vm.warp(expiresAt + 1);

        vm.expectRevert(abi.encodeWithSelector(ICommittee.NotOwner.selector, address(this), OWNER));
        oracle.announceRecovery(next);
        announce(next);
        vm.warp(expiresAt + 1 + RECOVERY_S);
        vm.expectRevert(abi.encodeWithSelector(ICommittee.NotOwner.selector, address(this), OWNER));
        oracle.recover(next);
    }

    function test_Recover_RevertWhen_NotExpired() public {
        ICommittee.Configuration memory next = recovered();
        vm.warp(expiresAt);
        vm.startPrank(OWNER);

        vm.expectRevert(abi.encodeWithSelector(ICommittee.UnexpiredDigest.selector, expiresAt, expiresAt));
        oracle.announceRecovery(next);
        vm.expectRevert(abi.encodeWithSelector(ICommittee.UnexpiredDigest.selector, expiresAt, expiresAt));
        oracle.recover(next);
    }

    function test_Recover_RevertWhen_Early() public {
        ICommittee.Configuration memory next = recovered();
        vm.warp(expiresAt + 1);
        announce(next);
        uint256 readyAt = expiresAt + 1 + RECOVERY_S;

        vm.warp(readyAt - 1);
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(ICommittee.EarlyRecovery.selector, readyAt - 1, readyAt));
        oracle.recover(next);

        // Announcing again starts the delay anew.
        announce(next);
        vm.warp(readyAt);
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(ICommittee.EarlyRecovery.selector, readyAt, readyAt - 1 + RECOVERY_S));
        oracle.recover(next);
    }

    function test_Recover_RevertWhen_NotAnnounced() public {
        ICommittee.Configuration memory next = recovered();
        vm.warp(expiresAt + 1);
        vm.startPrank(OWNER);

        vm.expectRevert(abi.encodeWithSelector(ICommittee.NotAnnounced.selector, digestOf(next), bytes32(0)));
        oracle.recover(next);

        oracle.announceRecovery(next);
        bytes32 announced = digestOf(next);
        next.members[0] = address(0xBAD);
        vm.warp(expiresAt + 1 + RECOVERY_S);
        vm.expectRevert(abi.encodeWithSelector(ICommittee.NotAnnounced.selector, digestOf(next), announced));
        oracle.recover(next);
    }

    function test_Recover_RevertWhen_Repeated() public {
        ICommittee.Configuration memory next = recovered();
        vm.warp(expiresAt + 1);
        announce(next);
        vm.warp(expiresAt + 1 + RECOVERY_S);
        vm.startPrank(OWNER);
        oracle.recover(next);

        vm.expectPartialRevert(ICommittee.UnexpiredDigest.selector);
        oracle.recover(next);
    }

    function test_Announce_RevertWhen_ItDoesNotFollow() public {
        ICommittee.Configuration memory next = recovered();
        vm.warp(expiresAt + 1);
        vm.startPrank(OWNER);

        next.seq = 0;
        vm.expectRevert(abi.encodeWithSelector(ICommittee.WrongSeq.selector, 0, 1));
        oracle.announceRecovery(next);

        next.seq = 1;
        next.fromEpoch = FIRST_EPOCH;
        vm.expectRevert(abi.encodeWithSelector(ICommittee.StaleCommittee.selector, FIRST_EPOCH, FIRST_EPOCH));
        oracle.announceRecovery(next);

        uint256 latest = (block.timestamp + digestSeconds()) / EPOCH_S;
        next.fromEpoch = uint64(latest) + 1;
        vm.expectRevert(abi.encodeWithSelector(ICommittee.FutureCommittee.selector, next.fromEpoch, latest));
        oracle.announceRecovery(next);
    }

    function test_Announce_RevertWhen_ItWouldBeExpired() public {
        ICommittee.Configuration memory next = recovered();
        next.fromEpoch = FIRST_EPOCH + 1;
        uint256 nextExpiresAt = expiresAt + EPOCH_S;
        vm.warp(nextExpiresAt + 1);

        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(ICommittee.ExpiredDigest.selector, nextExpiresAt, nextExpiresAt + 1));
        oracle.announceRecovery(next);
    }

    function test_Recover_RevertWhen_CommitteeUnsound() public {
        ICommittee.Configuration memory next = recovered();
        next.f = 3;
        vm.warp(expiresAt + 1);
        announce(next);
        vm.warp(expiresAt + 1 + RECOVERY_S);

        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(ICommittee.InvalidCommittee.selector, 7, 3, 5));
        oracle.recover(next);
    }

    // --- genesis ------------------------------------------------------------------------------

    function test_Genesis_Periods_CanBeRead() public view {
        assertEq(oracle.owner(), OWNER);
        assertEq(oracle.epochSeconds(), EPOCH_S);
        assertEq(oracle.validitySeconds(), VALIDITY_S);
        assertEq(oracle.graceSeconds(), GRACE_S);
        assertEq(oracle.challengeSeconds(), CHALLENGE_S);
        assertEq(oracle.digestSeconds(), digestSeconds());
        assertEq(oracle.recoverySeconds(), RECOVERY_S);
    }

    function expectPeriod(IScoreOracle.Genesis memory genesis, string memory name, uint256 given, uint256 limit)
        private
    {
        vm.expectRevert(abi.encodeWithSelector(ICommittee.InvalidPeriod.selector, name, given, limit));
        new RiskOracle(genesis);
    }

    function test_Genesis_RevertWhen_PeriodIsWrong() public {
        IScoreOracle.Genesis memory genesis = genesisOf(4, 1, 3);
        genesis.digestSeconds = 0;
        expectPeriod(genesis, "digestSeconds", 0, type(uint64).max);

        genesis = genesisOf(4, 1, 3);
        genesis.validitySeconds = 0;
        expectPeriod(genesis, "validitySeconds", 0, type(uint40).max);
        genesis.validitySeconds = type(uint64).max;
        expectPeriod(genesis, "validitySeconds", type(uint64).max, type(uint40).max);

        genesis = genesisOf(4, 1, 3);
        genesis.challengeSeconds = VALIDITY_S;
        expectPeriod(genesis, "challengeSeconds", VALIDITY_S, VALIDITY_S - 1);

        genesis = genesisOf(4, 1, 3);
        genesis.fromEpoch = type(uint64).max;
        uint256 expiry = uint256(type(uint64).max) * EPOCH_S + digestSeconds();
        expectPeriod(genesis, "expiresAt", expiry, uint256(type(uint40).max) - 1);
    }

    /// Quotes C-06: no delay would be no announcement. Without an owner nobody recovers anything.
    function test_Genesis_RevertWhen_RecoveryIsShort() public {
        IScoreOracle.Genesis memory genesis = genesisOf(4, 1, 3);
        genesis.recoverySeconds = 0;
        expectPeriod(genesis, "recoverySeconds", 0, 1 days);
        genesis.recoverySeconds = 1 days - 1;
        expectPeriod(genesis, "recoverySeconds", 1 days - 1, 1 days);

        genesis.recoverySeconds = 1 days;
        assertEq(new RiskOracle(genesis).recoverySeconds(), 1 days);
        (genesis.recoverySeconds, genesis.owner) = (0, address(0));
        assertEq(new RiskOracle(genesis).recoverySeconds(), 0);
    }

    /// Epochs of a second, the shortest validity, no challenge window, no owner.
    function test_Genesis_Smallest_Works() public {
        IScoreOracle.Genesis memory genesis = genesisOf(1, 0, 1);
        (genesis.epochSeconds, genesis.validitySeconds, genesis.challengeSeconds) = (1, 1, 0);
        (genesis.fromEpoch, genesis.graceSeconds, genesis.recoverySeconds) = (0, 0, 0);
        (genesis.digestSeconds, genesis.owner) = (type(uint32).max, address(0));
        vm.warp(1000);
        oracle = new RiskOracle(genesis);
        digest = oracle.configDigest();

        publishRoot(1060, keccak256("root"));

        assertEq(oracle.head().epoch, 1060);
        assertTrue(oracle.isUsable(1060));
        vm.warp(1062);
        assertFalse(oracle.isUsable(1060));
    }
}
