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
/// @notice Whoever signed is named by the dispute contract, and what it has here answers for it. Of the committee it asks one thing:
///         whether a member can still sign, for as long as which its stake stays.
contract Staking is IStaking, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev One word. `number` is the member's own, from 1 on in the order in which they came; 0 of nobody.
    struct Account {
        uint104 bonded;
        uint104 unbonding;
        uint48 number;
    }

    /// @dev One word. A token of 18 decimals may have 20 trillion units staked.
    struct Totals {
        uint104 slashable;
        uint104 pending;
        uint48 cases;
    }

    /// @dev Two bits for each member.
    uint256 private constant _OFFENCES_PER_WORD = 128;
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
    /// @dev In force at deployment, or the first one if that was before its time.
    bytes32 private immutable _earliestDigest;

    mapping(address member => Account) private _accounts;
    mapping(address member => uint256) private _releaseAt;
    uint48 private _members;
    /// @dev The gravest offence proved of each member in an incident, 128 members a word: f + 1 of them are slashed by writing one.
    mapping(uint256 incident => mapping(uint256 group => uint256)) private _offences;
    /// @dev One for each piece of evidence that slashed anybody; the first is number 1.
    mapping(uint256 number => Case) private _cases;
    Totals private _totals;

    /// @dev A digest expires early enough for all that was signed under it to be disputed while its members' stake is here.
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
        _earliestDigest = config.oracle.configDigest();
    }

    // --- members ------------------------------------------------------------------------------

    /// @inheritdoc IStaking
    function bond(address member, uint256 amount) external nonReentrant {
        if (amount == 0) revert ZeroStake();
        Account storage account = _numbered(member);
        account.bonded = SafeCast.toUint104(account.bonded + amount);
        _totals.slashable = SafeCast.toUint104(_totals.slashable + amount);
        emit Bonded(member, msg.sender, amount);
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != amount) revert WrongAmountReceived(received, amount);
    }

    /// @inheritdoc IStaking
    function requestUnbonding(uint256 amount) external nonReentrant {
        Account storage account = _accounts[msg.sender];
        (uint104 bonded, uint104 unbonding) = (account.bonded, account.unbonding);
        if (amount == 0 && unbonding == 0) revert ZeroStake();
        if (amount > bonded) revert InsufficientStake(amount, bonded);
        _requireLeft(msg.sender, block.timestamp);
        // Casts are safe: the amount is at most what is bonded, and what a member has is at most the total.
        account.bonded = bonded - uint104(amount);
        account.unbonding = unbonding + uint104(amount);
        uint256 releaseAt = block.timestamp + unbondingSeconds;
        _releaseAt[msg.sender] = releaseAt;
        emit UnbondingRequested(msg.sender, amount, releaseAt);
    }

    /// @inheritdoc IStaking
    function withdraw(address receiver) external nonReentrant returns (uint256 amount) {
        Account storage account = _accounts[msg.sender];
        amount = account.unbonding;
        if (amount == 0) revert NothingUnbonding(msg.sender);
        uint256 releaseAt = _releaseAt[msg.sender];
        if (block.timestamp <= releaseAt) revert EarlyWithdrawal(block.timestamp, releaseAt);
        _requireLeft(msg.sender, releaseAt - unbondingSeconds);
        account.unbonding = 0;
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
            Account storage account = _numbered(members[i]);
            if (!_isNew(account.number, observedAt / incidentSeconds, offence)) continue;
            isProved = true;
            uint256 taken = _take(account, offence);
            amount += taken;
            emit Slashed(members[i], epoch, caseNumber, offence, taken);
        }
        if (!isProved) return 0;
        // Casts are safe: what is taken is inside the total; block times are below 2^40.
        uint40 payableAt = uint40(block.timestamp + oracle.challengeSeconds());
        _cases[caseNumber] = Case(challenger, payableAt, uint104(amount));
        emit CaseOpened(caseNumber, challenger, amount, payableAt);
        totals.slashable -= uint104(amount);
        totals.pending += uint104(amount);
        totals.cases = caseNumber;
        _totals = totals;
    }

    /// @inheritdoc IStaking
    /// @custom:invariant S-04 What is taken is paid once, after the window: half, rounded up, is burned, the rest is the challenger's.
    function settle(uint256 caseNumber) external nonReentrant {
        Case memory case_ = _cases[caseNumber];
        uint104 pending = case_.pending;
        if (pending == 0) revert NothingPending(caseNumber);
        if (block.timestamp < case_.payableAt) revert EarlySettlement(block.timestamp, case_.payableAt);
        uint256 paid = pending / 2;
        _cases[caseNumber].pending = 0;
        _totals.pending -= pending;
        emit Settled(caseNumber, case_.challenger, paid, pending - paid);
        token.safeTransfer(BURN_ADDRESS, pending - paid);
        token.safeTransfer(case_.challenger, paid);
    }

    // --- views --------------------------------------------------------------------------------

    /// @inheritdoc IStaking
    function stakeOf(address member) external view returns (Stake memory) {
        Account storage account = _accounts[member];
        return Stake({ bonded: account.bonded, unbonding: account.unbonding, releaseAt: _releaseAt[member] });
    }

    /// @inheritdoc IStaking
    function slashableOf(address member) external view returns (uint256) {
        Account storage account = _accounts[member];
        return uint256(account.bonded) + account.unbonding;
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
    function offenceOf(address member, uint64 epoch) external view returns (Offence) {
        uint48 number = _accounts[member].number;
        if (number == 0) return Offence.None;
        (uint256 group, uint256 shift) = _placeOf(number);
        return Offence(_offences[uint256(epoch) * oracle.epochSeconds() / incidentSeconds][group] >> shift & 3);
    }

    /// @inheritdoc IStaking
    function caseOf(uint256 caseNumber) external view returns (Case memory) {
        return _cases[caseNumber];
    }

    // --- internal -----------------------------------------------------------------------------

    /// @dev Reverts if a configuration names the member that was in force at `sinceS`, or later, or is to come, unless it had expired
    ///      by then. What an earlier one let it sign is late, or was disputed, `unbondingSeconds` after `sinceS`.
    /// @custom:invariant S-02 Stake leaves only after its member was for all of the unbonding time in no configuration that can
    ///                         sign, so that it answers for each epoch that its member could sign until evidence of it is late.
    function _requireLeft(address member, uint256 sinceS) private view {
        ICommittee committee = ICommittee(address(oracle));
        bytes32 newest = committee.newestDigest();
        // Cast is safe: it is a block time, by epochs.
        bytes32 digest = committee.configDigestAt(uint64(sinceS / oracle.epochSeconds()));
        if (digest == 0) digest = _earliestDigest;
        while (true) {
            ICommittee.Term memory term = committee.termOf(digest);
            if (sinceS <= term.expiresAt) {
                address[] memory members = committee.coldKeysOf(digest);
                for (uint256 i = 0; i < members.length; ++i) {
                    if (members[i] == member) revert StillMember(member, digest);
                }
            }
            if (digest == newest) return;
            // First epochs rise from each to its successor, so this is the successor.
            digest = committee.configDigestAt(term.untilEpoch);
        }
    }

    /// @dev Account of a member, with a number of its own from the first time that anybody names it here.
    function _numbered(address member) private returns (Account storage account) {
        account = _accounts[member];
        if (account.number == 0) account.number = ++_members;
    }

    /// @dev Notes the offence unless one as grave was proved of the member in the incident.
    function _isNew(uint256 number, uint256 incident, Offence offence) private returns (bool) {
        (uint256 group, uint256 shift) = _placeOf(number);
        uint256 word = _offences[incident][group];
        if (uint256(offence) <= word >> shift & 3) return false;
        _offences[incident][group] = word & ~(3 << shift) | uint256(offence) << shift;
        return true;
    }

    function _placeOf(uint256 number) private pure returns (uint256 group, uint256 shift) {
        return (number / _OFFENCES_PER_WORD, 2 * (number % _OFFENCES_PER_WORD));
    }

    /// @dev All of a member's stake for an equivocation, else a share of it, rounded down. What is leaving goes first.
    function _take(Account storage account, Offence offence) private returns (uint256 amount) {
        uint256 unbonding = account.unbonding;
        uint256 bonded = account.bonded;
        amount = unbonding + bonded;
        if (offence == Offence.WrongScore) amount = amount * wrongScoreBps / _BPS;
        uint256 leaving = amount < unbonding ? amount : unbonding;
        // Casts are safe: neither part is more than there was.
        account.unbonding = uint104(unbonding - leaving);
        account.bonded = uint104(bonded + leaving - amount);
    }
}
