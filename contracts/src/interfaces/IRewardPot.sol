// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import { IScoreOracle } from "./IScoreOracle.sol";

/// @title Pay of a committee on one chain
/// @notice Each chain pays from a pot of its own, so no bridge is trusted. Whoever observed a report that became final here is
///         paid one reward, by the bitmap of observers that the quorum signed.
interface IRewardPot {
    // --- errors -------------------------------------------------------------------------------

    /// @notice Thrown when the pot is made without a token or a reward.
    error InvalidPot(address token, uint256 rewardPerReport, uint256 maxReward);

    /// @notice Thrown when nothing is put into the pot.
    error ZeroFunding();

    /// @notice Thrown when the token delivered another amount than was sent.
    error WrongAmountReceived(uint256 received, uint256 sent);

    /// @notice Thrown when a report is not the one that is final here now; the oracle's `finalised` says which is.
    error NotFinal(uint64 givenEpoch, bytes32 givenRoot, uint64 finalEpoch, bytes32 finalRoot);

    /// @notice Thrown when a report is brought with fewer attestations than make it one.
    error TooFewSigners(uint256 given, uint256 required);

    /// @notice Thrown when a report names an observer that is no member.
    error UnknownObserver(uint32 observers, uint256 members);

    /// @notice Thrown when the observers of an epoch were credited before.
    error AlreadyCredited(uint64 epoch);

    /// @notice Thrown when the pot holds less than the observers of a report earn together.
    error EmptyPot(uint256 available, uint256 required);

    /// @notice Thrown when a member is paid and has earned nothing since it was paid last.
    error NothingEarned(address member);

    // --- events -------------------------------------------------------------------------------

    /// @notice The pot grew.
    event Funded(address indexed payer, uint256 amount);

    /// @notice The observers of an epoch, one bit each, earned the reward.
    event Credited(uint64 indexed epoch, bytes32 indexed configDigest, uint32 observers, uint256 rewardPerReport);

    /// @notice A member was paid all that it had earned.
    event Paid(address indexed member, uint256 amount);

    // --- writes -------------------------------------------------------------------------------

    /// @notice Puts `amount` into the pot, for good.
    function fund(uint256 amount) external;

    /// @notice Credits the observers of the report that is final here now. Anyone may call, once for each epoch.
    /// @param report The report; its scores root is the final reading's.
    /// @param attestations Records as in `publish`, at least as many as the report's committee needs.
    /// @dev A report is the final reading until the next one is final: whoever observed has about an epoch to bring it.
    function credit(IScoreOracle.Report calldata report, bytes calldata attestations) external;

    /// @notice Pays a member, at its cold key, what it has earned. Anyone may call, so the cold key stays where it is.
    function pay(address member) external returns (uint256 amount);

    // --- views --------------------------------------------------------------------------------

    /// @notice Whose reports are paid.
    function oracle() external view returns (IScoreOracle);

    /// @notice What is paid in.
    function token() external view returns (IERC20);

    /// @notice What one observer earns by one report.
    function rewardPerReport() external view returns (uint256);

    /// @notice What nobody has earned yet.
    function available() external view returns (uint256);

    /// @notice What a member has earned and not been paid.
    function earnedOf(address member) external view returns (uint256);

    /// @notice Whether the observers of an epoch were credited.
    function isCredited(uint64 epoch) external view returns (bool);
}
