// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import { IScoreOracle } from "./IScoreOracle.sol";

/// @title What members stand to lose
/// @notice A member is its cold key, whatever the committees that it is in. Its stake, also what is leaving, answers for each
///         epoch for as long as stake takes to unbond. Only the dispute contract that the oracle names takes stake.
/// @dev Nothing leaves while its member can sign: it leaves by certificate first, then asks here. Until the others sign it out, or the
///      digest expires because nobody renews it, its stake stays, also what it has beyond that of the others. The committee in
///      question is the home chain's: a certificate that takes a leaving member in has to land there before the release, for
///      elsewhere that member could sign, and take its stake before this chain heard of it. Honest members sign none without.
///      On the home chain alone; other chains void and slash nobody. Slashed stake is held for the challenge window and then
///      paid, case by case: half to the challenger, half burned. A member that disputes itself, or runs ahead of whoever does, therefore
///      gets half back: the penalty that nobody can avoid is half of what is taken. Evidence is not committed to first: who
///      copies it takes the challenger's half, and the slash stands all the same.
interface IStaking {
    // --- types --------------------------------------------------------------------------------

    /// @notice What a member is slashed for; a graver one takes the place of a lighter one.
    enum Offence {
        None,
        WrongScore,
        Equivocation
    }

    /// @notice Set once, at deployment.
    /// @param oracle Names the dispute contract, and the periods.
    /// @param token What is staked. Tokens that deliver less than was sent are refused.
    /// @param unbondingSeconds How long stake answers after its member asked for it.
    /// @param slowestPublicationSeconds How late a report may land on the slowest chain and evidence of it come back.
    /// @param incidentSeconds Epochs of one such period, counted from time 0, are one incident: a mistake that lasts costs once.
    /// @param wrongScoreBps Share of a member's stake that an incident of wrong scores takes.
    struct StakingConfig {
        IScoreOracle oracle;
        IERC20 token;
        uint256 unbondingSeconds;
        uint256 slowestPublicationSeconds;
        uint256 incidentSeconds;
        uint256 wrongScoreBps;
    }

    /// @notice Stake of a member. `unbonding` may be withdrawn after `releaseAt`; both parts are slashable.
    struct Stake {
        uint256 bonded;
        uint256 unbonding;
        uint256 releaseAt;
    }

    /// @notice What one piece of evidence took from all the members that it names, and who gets it.
    /// @param challenger Who gets half of `pending`.
    /// @param payableAt From when on it may be settled.
    /// @param pending Taken, and not yet paid.
    struct Case {
        address challenger;
        uint40 payableAt;
        uint104 pending;
    }

    // --- errors -------------------------------------------------------------------------------

    /// @notice Thrown when a member of the configuration is not inside its limits.
    error InvalidStaking(string name, uint256 given, uint256 limit);

    /// @notice Thrown when unbonding could end while a report of a digest can still be disputed.
    error ShortUnbonding(uint256 given, uint256 required);

    /// @notice Thrown when nothing is bonded, unbonded or funded.
    error ZeroStake();

    /// @notice Thrown when the token delivered another amount than was sent.
    error WrongAmountReceived(uint256 received, uint256 sent);

    /// @notice Thrown when a member asks for more than it has bonded.
    error InsufficientStake(uint256 given, uint256 bonded);

    /// @notice Thrown when unbonding stake is withdrawn at or before its release.
    error EarlyWithdrawal(uint256 blockTimestamp, uint256 releaseAt);

    /// @notice Thrown when a member withdraws and has nothing that unbonds.
    error NothingUnbonding(address member);

    /// @notice Thrown when stake is asked for by a member of a configuration that is in force or to come and has not expired, or
    ///         withdrawn by one that was in such a one since it asked; then it has to ask again.
    error StillMember(address member, bytes32 digest);

    /// @notice Thrown when the epoch of evidence lies further back than stake answers for.
    error LateEvidence(uint256 blockTimestamp, uint256 answersUntil);

    /// @notice Thrown when nothing was taken in a case, or it was paid.
    error NothingPending(uint256 caseNumber);

    /// @notice Thrown when a case is settled inside the challenge window.
    error EarlySettlement(uint256 blockTimestamp, uint256 payableAt);

    // --- events -------------------------------------------------------------------------------

    /// @notice A member's stake grew.
    event Bonded(address indexed member, address indexed payer, uint256 amount);

    /// @notice A member asked for stake; everything it asked for so far is released after `releaseAt`.
    event UnbondingRequested(address indexed member, uint256 amount, uint256 releaseAt);

    /// @notice A member took its released stake.
    event Withdrawn(address indexed member, address indexed receiver, uint256 amount);

    /// @notice An offence was proved, for the first time or as a graver one. `amount` is 0 if nothing more was to be taken.
    event Slashed(
        address indexed member, uint64 indexed epoch, uint256 indexed caseNumber, Offence offence, uint256 amount
    );

    /// @notice Evidence slashed members: `amount` in all, to be settled from `payableAt` on.
    event CaseOpened(uint256 indexed caseNumber, address indexed challenger, uint256 amount, uint256 payableAt);

    /// @notice What a case took was paid.
    event Settled(uint256 indexed caseNumber, address indexed challenger, uint256 paid, uint256 burned);

    // --- writes -------------------------------------------------------------------------------

    /// @notice Adds to the stake of `member`, who need not be the payer.
    function bond(address member, uint256 amount) external;

    /// @notice Asks for `amount` of the caller's stake. Asking again starts the time of all of it anew; 0 does that alone.
    /// @dev Reverts with `StillMember` as long as the caller can sign.
    function requestUnbonding(uint256 amount) external;

    /// @notice Pays the caller's released stake to `receiver`.
    /// @dev Reverts with `StillMember` if the caller could sign at any time since it asked.
    function withdraw(address receiver) external returns (uint256 amount);

    /// @notice Takes stake of `members` for an offence in `epoch`. Only the oracle's dispute contract.
    /// @dev A repeat, a lighter offence after a graver one, and a further epoch of the incident change nothing. A graver one takes
    ///      what is left, as a case of its own. Who reports a lighter offence of his own first therefore keeps half of that share,
    ///      which is less than the half of everything that reporting the graver one himself would leave him.
    /// @return amount What was taken now.
    function slash(address[] calldata members, uint64 epoch, Offence offence, address challenger)
        external
        returns (uint256 amount);

    /// @notice Pays what a case took, half to the challenger and half to `BURN_ADDRESS`. Anyone may call.
    function settle(uint256 caseNumber) external;

    // --- views --------------------------------------------------------------------------------

    /// @notice Where the burned half goes; nobody has its key.
    function BURN_ADDRESS() external view returns (address);

    /// @notice Whose dispute contract slashes.
    function oracle() external view returns (IScoreOracle);

    /// @notice What is staked.
    function token() external view returns (IERC20);

    /// @notice How long stake answers after its member asked for it.
    function unbondingSeconds() external view returns (uint256);

    /// @notice Length of an incident of wrong scores.
    function incidentSeconds() external view returns (uint256);

    /// @notice Share of a member's stake that an incident of wrong scores takes.
    function wrongScoreBps() external view returns (uint256);

    /// @notice Stake of a member by its parts.
    function stakeOf(address member) external view returns (Stake memory);

    /// @notice All that could be taken from a member now.
    function slashableOf(address member) external view returns (uint256);

    /// @notice What is staked in all, whether or not its owner is in a committee and can be slashed.
    function totalSlashable() external view returns (uint256);

    /// @notice Taken and not yet paid.
    function totalPending() external view returns (uint256);

    /// @notice The gravest offence proved of a member in the incident of an epoch.
    function offenceOf(address member, uint64 epoch) external view returns (Offence);

    /// @notice What one piece of evidence took; cases are numbered from 1 on.
    function caseOf(uint256 caseNumber) external view returns (Case memory);
}
