// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { Staking } from "../../src/Staking.sol";
import { ICommittee } from "../../src/interfaces/ICommittee.sol";
import { IStaking } from "../../src/interfaces/IStaking.sol";
import { SandboxToken } from "../../src/sandbox/SandboxToken.sol";
import { StakingFixture } from "../support/StakingFixture.sol";

/// @notice Members that bond, are signed out and taken back, and leave, and offences at random, against books kept here. Who is not in
///         the committee has a stranger in its seat.
contract StakingHandler is StakingFixture {
    /// @dev A configuration that landed. Bit i of `seats`: member i has its seat.
    struct Past {
        uint64 fromEpoch;
        uint64 untilEpoch;
        uint256 endedAt;
        uint256 seats;
    }

    address private constant CHALLENGER = address(0xC4A11);

    uint256 public bondedTotal;
    uint256 public takenTotal;
    uint256 public settledTotal;
    uint256 public withdrawnTotal;
    uint256 private cases;
    mapping(address member => mapping(uint256 incident => IStaking.Offence)) private gravest;
    mapping(address member => uint256) private lastRequestAt;
    Past[] private terms;

    string public broken;

    constructor() {
        deployOracle(4, 1, 2);
        vm.prank(OWNER);
        oracle.setDispute(address(this));
        deployStaking(new SandboxToken("Stake", "STK", 18));
        bondedTotal = 4 * STAKE;
        terms.push(Past(FIRST_EPOCH, type(uint64).max, 0, 0xf));
    }

    function target() external view returns (Staking) {
        return staking;
    }

    function targetToken() external view returns (SandboxToken) {
        return stakeToken;
    }

    function memberAt(uint256 id) external view returns (address) {
        return member(id);
    }

    function passTime(uint256 elapsedS, bool isLong) external {
        vm.warp(block.timestamp + bound(elapsedS, 1, isLong ? 20 days : 2 * EPOCH_S));
    }

    function bond(uint256 id, uint256 amount) external {
        amount = bound(amount, 1, STAKE);
        bondFor(member(id % 4), amount);
        bondedTotal += amount;
    }

    function requestUnbonding(uint256 id, uint256 amount) external {
        id %= 4;
        address member_ = member(id);
        IStaking.Stake memory stake = staking.stakeOf(member_);
        if (stake.bonded + stake.unbonding == 0) return;
        amount = bound(amount, stake.unbonding == 0 ? 1 : 0, stake.bonded);
        vm.prank(member_);
        try staking.requestUnbonding(amount) {
            if (canSign(id)) broken = "S-02 asked while it can sign";
            lastRequestAt[member_] = block.timestamp;
        } catch {
            if (!canSign(id)) broken = "S-02 held that cannot sign";
        }
    }

    /// From two epochs back, a late certificate, to two weeks ahead.
    function changeCommittee(uint256 seats, uint64 ahead) external {
        uint64 now_ = uint64(block.timestamp / EPOCH_S);
        ICommittee.Configuration memory next = configOf(seats, now_ - 2 + uint64(bound(ahead, 0, 14 * 24)));
        uint256[] memory keys = new uint256[](4);
        for (uint256 i = 0; i < 4; ++i) {
            keys[i] = seatKey(terms[terms.length - 1].seats, i);
        }
        try oracle.changeCommittee(next, homeBlock(), certify(next, keys, 3)) {
            note(next.fromEpoch, seats);
        } catch { }
    }

    function recover(uint256 seats) external {
        if (block.timestamp <= oracle.termOf(oracle.newestDigest()).expiresAt) return;
        uint256 readyAt = block.timestamp + RECOVERY_S;
        ICommittee.Configuration memory next = configOf(seats, uint64(readyAt / EPOCH_S) + 1);
        vm.prank(OWNER);
        oracle.announceRecovery(next);
        vm.warp(readyAt);
        vm.prank(OWNER);
        oracle.recover(next);
        note(next.fromEpoch, seats);
    }

    function note(uint64 fromEpoch, uint256 seats) private {
        terms[terms.length - 1].untilEpoch = fromEpoch;
        terms[terms.length - 1].endedAt = block.timestamp;
        terms.push(Past(fromEpoch, type(uint64).max, 0, seats));
    }

    function configOf(uint256 seats, uint64 fromEpoch) private returns (ICommittee.Configuration memory next) {
        next = nextOf(fromEpoch);
        next.members = new address[](4);
        for (uint256 i = 0; i < 4; ++i) {
            next.members[i] = vm.addr(seatKey(seats, i));
        }
        (next.f, next.q) = (1, 2);
    }

    function seatKey(uint256 seats, uint256 i) private view returns (uint256) {
        return seats >> i & 1 == 1 ? memberKeys[i] : uint256(keccak256(abi.encode("stranger", i)));
    }

    /// In a configuration that is in force or to come, and has not expired.
    function canSign(uint256 id) private view returns (bool) {
        for (uint256 i = 0; i < terms.length; ++i) {
            bool isOver = block.timestamp / EPOCH_S >= terms[i].untilEpoch || block.timestamp > expiryOf(terms[i]);
            if (terms[i].seats >> id & 1 == 1 && !isOver) return true;
        }
        return false;
    }

    /// The last second at which the member can have signed what anybody takes, by its word in all of them.
    function lastSigning(uint256 id) private view returns (uint256 lastAt) {
        for (uint256 i = 0; i < terms.length; ++i) {
            if (terms[i].seats >> id & 1 == 0) continue;
            uint256 overAt = expiryOf(terms[i]);
            if (terms[i].endedAt != 0) {
                uint256 boundary = uint256(terms[i].untilEpoch - 1) * EPOCH_S;
                uint256 toldAt = boundary > terms[i].endedAt ? boundary : terms[i].endedAt;
                if (toldAt < overAt) overAt = toldAt;
            }
            if (overAt > lastAt) lastAt = overAt;
        }
    }

    function expiryOf(Past memory term) private pure returns (uint256) {
        return uint256(term.fromEpoch) * EPOCH_S + digestSeconds();
    }

    function withdraw(uint256 id) external {
        address member_ = member(id % 4);
        vm.prank(member_);
        try staking.withdraw(member_) returns (uint256 amount) {
            if (block.timestamp <= lastRequestAt[member_] + UNBONDING_S) broken = "S-02 early";
            if (block.timestamp <= lastSigning(id % 4) + UNBONDING_S) broken = "S-02 can be disputed";
            withdrawnTotal += amount;
        } catch { }
    }

    function slash(uint256 id, uint64 behind, bool isGrave) external {
        address member_ = member(id % 4);
        uint64 epoch = uint64(block.timestamp / EPOCH_S) - uint64(bound(behind, 0, 30));
        IStaking.Offence offence = isGrave ? IStaking.Offence.Equivocation : IStaking.Offence.WrongScore;
        uint256 slashable = staking.slashableOf(member_);
        uint256 incident = uint256(epoch) * EPOCH_S / INCIDENT_S;
        address[] memory members = new address[](1);
        members[0] = member_;
        uint256 amount = staking.slash(members, epoch, offence, CHALLENGER);
        takenTotal += amount;
        if (offence <= gravest[member_][incident]) {
            if (amount != 0) broken = "S-03 repeated";
            return;
        }
        ++cases;
        if (staking.caseOf(cases).pending != amount) broken = "S-04 another case";
        gravest[member_][incident] = offence;
        if (isGrave && (amount != slashable || staking.slashableOf(member_) != 0)) broken = "S-03 not all";
        if (!isGrave && amount != slashable / 10) broken = "S-03 not the cap";
    }

    function settle(uint256 caseNumber) external {
        caseNumber = bound(caseNumber, 0, cases + 1);
        IStaking.Case memory case_ = staking.caseOf(caseNumber);
        try staking.settle(caseNumber) {
            if (block.timestamp < case_.payableAt || case_.pending == 0) broken = "S-04";
            settledTotal += case_.pending;
        } catch { }
    }

    function challenger() external pure returns (address) {
        return CHALLENGER;
    }
}

contract StakingInvariantTest is StakingFixture {
    StakingHandler private handler;

    function setUp() public {
        handler = new StakingHandler();
        staking = handler.target();
        stakeToken = handler.targetToken();
        targetContract(address(handler));
        bytes4[] memory selectors = new bytes4[](8);
        (selectors[0], selectors[1], selectors[2]) =
        (handler.passTime.selector, handler.bond.selector, handler.requestUnbonding.selector);
        (selectors[3], selectors[4], selectors[5]) =
        (handler.withdraw.selector, handler.slash.selector, handler.settle.selector);
        (selectors[6], selectors[7]) = (handler.changeCommittee.selector, handler.recover.selector);
        targetSelector(FuzzSelector({ addr: address(handler), selectors: selectors }));
    }

    /// Each action of the handler can succeed, so that the laws below are tried and not vacuous.
    function test_Handler_EachAction_CanSucceed() public {
        handler.bond(0, 1);
        handler.changeCommittee(0xe, 3);
        handler.requestUnbonding(0, 400e18);
        assertEq(staking.stakeOf(handler.memberAt(0)).unbonding, 0);
        handler.passTime(2 * EPOCH_S, false);
        handler.requestUnbonding(0, 400e18);
        assertEq(staking.stakeOf(handler.memberAt(0)).unbonding, 400e18);
        handler.slash(1, 0, false);
        handler.slash(1, 0, true);
        assertEq(handler.takenTotal(), STAKE);
        handler.passTime(2 * EPOCH_S, false);
        handler.settle(1);
        handler.settle(2);
        assertEq(handler.settledTotal(), STAKE);
        handler.passTime(20 days, true);
        handler.passTime(20 days, true);
        handler.withdraw(0);
        assertEq(handler.withdrawnTotal(), 400e18);
        handler.recover(0xf);
        handler.requestUnbonding(0, 1);
        assertEq(staking.stakeOf(handler.memberAt(0)).unbonding, 0);
        assertEq(handler.bondedTotal(), 4 * STAKE + 1);
        assertEq(handler.broken(), "");
    }

    /// Quotes S-01: the contract holds what can be slashed and what is pending, and both add up member by member.
    /// forge-config: default.invariant.runs = 64
    function invariant_S01_Books_AreCovered() public view {
        uint256 slashable;
        for (uint256 i = 0; i < 4; ++i) {
            slashable += staking.slashableOf(handler.memberAt(i));
        }
        assertEq(staking.totalSlashable(), slashable);
        assertEq(stakeToken.balanceOf(address(staking)), slashable + staking.totalPending());
        assertEq(slashable + handler.takenTotal() + handler.withdrawnTotal(), handler.bondedTotal());
    }

    /// Quotes S-02, S-03: nothing left early, nothing was taken twice, above the cap, or twice for an incident.
    /// forge-config: default.invariant.runs = 64
    function invariant_S03_Slashes_ByTheRules() public view {
        assertEq(handler.broken(), "");
    }

    /// Quotes S-04: of what was settled half is burned, the rest the challenger's; what was not is pending.
    /// forge-config: default.invariant.runs = 64
    function invariant_S04_Settled_HalfIsBurned() public view {
        uint256 paid = stakeToken.balanceOf(handler.challenger());
        uint256 burned = stakeToken.balanceOf(staking.BURN_ADDRESS());
        assertEq(paid + burned, handler.settledTotal());
        assertGe(burned, paid);
        assertEq(staking.totalPending() + handler.settledTotal(), handler.takenTotal());
    }
}
