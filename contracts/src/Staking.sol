// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { SafeCast } from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import { ICommittee } from "./interfaces/ICommittee.sol";
import { IScoreOracle } from "./interfaces/IScoreOracle.sol";
import { IStaking } from "./interfaces/IStaking.sol";

/// @title Bonds of members by cold key
/// @notice Knows no committee: whoever signed is named by the dispute contract, and what it has here answers for it.
contract Staking is IStaking, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @dev One word: what a member lost in an incident. `offence` is the gravest proved.
    struct Record {
        uint128 pending;
        uint48 caseNumber;
        Offence offence;
    }

    /// @dev One word: who proved the offence of all members that it names, and when that is paid.
    struct Case {
        address challenger;
        uint40 payableAt;
    }

    /// @dev One word. A token of 18 decimals may have 20 trillion units staked.
    struct Totals {
        uint104 slashable;
        uint104 pending;
        uint48 cases;
    }

    uint256 private constant _BPS = 10_000;
    uint256 private constant _MAX_SECONDS = 1000 * 365 days;

    /// @inheritdoc IStaking
    address public constant BURN_ADDRESS = 0x000000000000000000000000000000000000dEaD;
    /// @inheritdoc IStaking
    IScoreOracle public immutable oracle;
    /// @inheritdoc IStaking
    IERC20 public immutable token;
    /// @inheritdoc IStaking
    uint256 public immutable unbondingSeconds;
    /// @inheritdoc IStaking
    uint256 public immutable incidentSeconds;
    /// @inheritdoc IStaking
    uint256 public immutable wrongScoreBps;

    mapping(address member => Stake) private _stakes;
    mapping(address member => mapping(uint256 incident => Record)) private _records;
    /// @dev One for each piece of evidence that slashed anybody; the first is number 1.
    mapping(uint256 number => Case) private _cases;
    Totals private _totals;

    /// @custom:invariant S-02 What was staked when an epoch began answers for it until evidence of it is late, and a digest
    ///                         expires early enough for all that was signed under it to be disputed.
    constructor(StakingConfig memory config) {
        if (address(config.token) == address(0)) revert InvalidStaking("token", 0, 1);
        if (config.unbondingSeconds > _MAX_SECONDS) {
            revert InvalidStaking("unbondingSeconds", config.unbondingSeconds, _MAX_SECONDS);
        }
        if (config.wrongScoreBps == 0 || config.wrongScoreBps > _BPS) {
            revert InvalidStaking("wrongScoreBps", config.wrongScoreBps, _BPS);
        }
        uint256 epochSeconds = config.oracle.epochSeconds();
        if (config.incidentSeconds < epochSeconds) {
            revert InvalidStaking("incidentSeconds", config.incidentSeconds, epochSeconds);
        }
        uint256 required = uint256(ICommittee(address(config.oracle)).digestSeconds()) + config.oracle.validitySeconds()
            + config.oracle.challengeSeconds() + config.slowestPublicationSeconds;
        if (config.unbondingSeconds <= required) revert ShortUnbonding(config.unbondingSeconds, required);
        oracle = config.oracle;
        token = config.token;
        unbondingSeconds = config.unbondingSeconds;
        incidentSeconds = config.incidentSeconds;
        wrongScoreBps = config.wrongScoreBps;
    }

    // --- members ------------------------------------------------------------------------------

    /// @inheritdoc IStaking
    function bond(address member, uint256 amount) external nonReentrant {
        if (amount == 0) revert ZeroStake();
        Stake storage stake = _stakes[member];
        stake.bonded = (stake.bonded + amount).toUint128();
        _totals.slashable = (_totals.slashable + amount).toUint104();
        emit Bonded(member, msg.sender, amount);
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != amount) revert WrongAmountReceived(received, amount);
    }

    /// @inheritdoc IStaking
    function requestUnbonding(uint256 amount) external nonReentrant {
        if (amount == 0) revert ZeroStake();
        Stake storage stake = _stakes[msg.sender];
        uint128 bonded = stake.bonded;
        if (amount > bonded) revert InsufficientStake(amount, bonded);
        // Casts are safe: the amount is at most what is bonded, and the period at most a thousand years.
        stake.bonded = bonded - uint128(amount);
        stake.unbonding = (stake.unbonding + amount).toUint128();
        stake.releaseAt = uint40(block.timestamp + unbondingSeconds);
        emit UnbondingRequested(msg.sender, amount, stake.releaseAt);
    }

    /// @inheritdoc IStaking
    function withdraw(address receiver) external nonReentrant returns (uint256 amount) {
        Stake storage stake = _stakes[msg.sender];
        amount = stake.unbonding;
        if (amount == 0) revert NothingUnbonding(msg.sender);
        if (block.timestamp <= stake.releaseAt) revert EarlyWithdrawal(block.timestamp, stake.releaseAt);
        stake.unbonding = 0;
        // Cast is safe: the amount is a member's part.
        _totals.slashable -= uint104(amount);
        emit Withdrawn(msg.sender, receiver, amount);
        token.safeTransfer(receiver, amount);
    }

    // --- slashing -----------------------------------------------------------------------------

    /// @inheritdoc IStaking
    /// @custom:invariant S-03 An incident costs a member one slash, for the gravest offence proved: all of the stake, or the cap.
    function slash(address[] calldata members, uint64 epoch, Offence offence, address challenger)
        external
        nonReentrant
        returns (uint256 amount)
    {
        address dispute = oracle.dispute();
        if (msg.sender != dispute) revert IScoreOracle.NotDispute(msg.sender, dispute);
        uint256 observedAt = uint256(epoch) * oracle.epochSeconds();
        if (block.timestamp > observedAt + unbondingSeconds) {
            revert LateEvidence(block.timestamp, observedAt + unbondingSeconds);
        }
        Totals memory totals = _totals;
        uint48 caseNumber = totals.cases + 1;
        bool isProved;
        for (uint256 i = 0; i < members.length; ++i) {
            Record storage record = _records[members[i]][observedAt / incidentSeconds];
            if (offence <= record.offence) continue;
            isProved = true;
            uint256 taken = _take(members[i], offence);
            record.offence = offence;
            record.caseNumber = caseNumber;
            record.pending = (record.pending + taken).toUint128();
            amount += taken;
            emit Slashed(members[i], epoch, offence, taken, challenger);
        }
        if (!isProved) return 0;
        // Casts are safe: what is taken is inside the total; block times are below 2^40.
        _cases[caseNumber] = Case(challenger, uint40(block.timestamp + oracle.challengeSeconds()));
        totals.slashable -= uint104(amount);
        totals.pending = (totals.pending + amount).toUint104();
        totals.cases = caseNumber;
        _totals = totals;
    }

    /// @inheritdoc IStaking
    /// @custom:invariant S-04 What is taken is paid once, after the window: half, rounded up, is burned, the rest is the challenger's.
    function settle(address member, uint64 epoch) external nonReentrant {
        Record storage record = _recordOf(member, epoch);
        Case memory case_ = _cases[record.caseNumber];
        uint128 pending = record.pending;
        if (pending == 0) revert NothingPending(member, epoch);
        if (block.timestamp < case_.payableAt) revert EarlySettlement(block.timestamp, case_.payableAt);
        uint256 paid = pending / 2;
        record.pending = 0;
        // Cast is safe: it is part of the total.
        _totals.pending -= uint104(pending);
        emit Settled(member, epoch, case_.challenger, paid, pending - paid);
        token.safeTransfer(BURN_ADDRESS, pending - paid);
        token.safeTransfer(case_.challenger, paid);
    }

    // --- views --------------------------------------------------------------------------------

    /// @inheritdoc IStaking
    function stakeOf(address member) external view returns (Stake memory) {
        return _stakes[member];
    }

    /// @inheritdoc IStaking
    function slashableOf(address member) public view returns (uint256) {
        Stake storage stake = _stakes[member];
        return uint256(stake.bonded) + stake.unbonding;
    }

    /// @inheritdoc IStaking
    function totalSlashable() external view returns (uint256) {
        return _totals.slashable;
    }

    /// @inheritdoc IStaking
    function totalPending() external view returns (uint256) {
        return _totals.pending;
    }

    /// @inheritdoc IStaking
    function penaltyOf(address member, uint64 epoch) external view returns (Penalty memory) {
        Record storage record = _recordOf(member, epoch);
        Case memory case_ = _cases[record.caseNumber];
        return Penalty({
            offence: record.offence, pending: record.pending, payableAt: case_.payableAt, challenger: case_.challenger
        });
    }

    // --- internal -----------------------------------------------------------------------------

    function _recordOf(address member, uint64 epoch) private view returns (Record storage) {
        return _records[member][uint256(epoch) * oracle.epochSeconds() / incidentSeconds];
    }

    /// @dev All of a member's stake for an equivocation, else a share of it, rounded down. What is leaving goes first.
    function _take(address member, Offence offence) private returns (uint256 amount) {
        Stake storage stake = _stakes[member];
        uint256 unbonding = stake.unbonding;
        uint256 bonded = stake.bonded;
        amount = unbonding + bonded;
        if (offence == Offence.WrongScore) amount = amount * wrongScoreBps / _BPS;
        uint256 leaving = amount < unbonding ? amount : unbonding;
        // Casts are safe: neither part is more than there was.
        stake.unbonding = uint128(unbonding - leaving);
        stake.bonded = uint128(bonded + leaving - amount);
    }
}
