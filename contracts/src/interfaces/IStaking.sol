// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import { IScoreOracle } from "./IScoreOracle.sol";

/// @title What members stand to lose
/// @notice A member is its cold key, whatever the committees that it is in. Its stake, also what is leaving, answers for each
///         epoch for as long as stake takes to unbond. Only the dispute contract that the oracle names takes stake.
/// @dev On the home chain alone; other chains void and slash nobody. Slashed stake is held for the challenge window and then
///      paid: half to the challenger, half burned. A member that disputes itself, or runs ahead of whoever does, therefore
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
        uint128 bonded;
        uint128 unbonding;
        uint40 releaseAt;
    }

    /// @notice What a member lost for the incident of an epoch.
    /// @param offence The gravest proved.
    /// @param pending Taken, and not yet paid.
    /// @param challenger Who gets half of `pending`.
    /// @param payableAt From when on it may be settled.
    struct Penalty {
        Offence offence;
        uint128 pending;
        uint40 payableAt;
        address challenger;
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

    /// @notice Thrown when the epoch of evidence lies further back than stake answers for.
    error LateEvidence(uint256 blockTimestamp, uint256 answersUntil);

    /// @notice Thrown when nothing was taken from a member in the incident of an epoch, or it was paid.
    error NothingPending(address member, uint64 epoch);

    /// @notice Thrown when a penalty is settled inside the challenge window.
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
        address indexed member, uint64 indexed epoch, Offence offence, uint256 amount, address indexed challenger
    );

    /// @notice A penalty was paid.
    event Settled(
        address indexed member, uint64 indexed epoch, address indexed challenger, uint256 paid, uint256 burned
    );

    // --- writes -------------------------------------------------------------------------------

    /// @notice Adds to the stake of `member`, who need not be the payer.
    function bond(address member, uint256 amount) external;

    /// @notice Asks for `amount` of the caller's stake. Asking again starts the time of all of it anew.
    function requestUnbonding(uint256 amount) external;

    /// @notice Pays the caller's released stake to `receiver`.
    function withdraw(address receiver) external returns (uint256 amount);

    /// @notice Takes stake of `members` for an offence in `epoch`. Only the oracle's dispute contract.
    /// @dev A repeat, a lighter offence after a graver one, and a further epoch of the incident change nothing. A graver one takes
    ///      what is left for it, and its challenger replaces the one who is not paid yet: who reports a lighter offence of his own
    ///      cannot hide a graver one behind it.
    /// @return amount What was taken now.
    function slash(address[] calldata members, uint64 epoch, Offence offence, address challenger)
        external
        returns (uint256 amount);

    /// @notice Pays what was taken from `member` in the incident of `epoch`, half to the challenger and half to `BURN_ADDRESS`.
    ///         Anyone may call.
    function settle(address member, uint64 epoch) external;

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

    /// @notice All that could be taken from all members now.
    function totalSlashable() external view returns (uint256);

    /// @notice Taken and not yet paid.
    function totalPending() external view returns (uint256);

    /// @notice What a member lost in the incident of an epoch.
    function penaltyOf(address member, uint64 epoch) external view returns (Penalty memory);
}
