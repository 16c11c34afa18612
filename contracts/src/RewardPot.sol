// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import { ICommittee } from "./interfaces/ICommittee.sol";
import { IRewardPot } from "./interfaces/IRewardPot.sol";
import { IScoreOracle } from "./interfaces/IScoreOracle.sol";
import { AttestationLib } from "./libraries/AttestationLib.sol";

/// @title A pot that pays by participation
/// @notice Keeps no list of members: the report names its configuration, and the committee knows whose cold keys those are.
contract RewardPot is IRewardPot, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @inheritdoc IRewardPot
    IScoreOracle public immutable oracle;
    /// @inheritdoc IRewardPot
    IERC20 public immutable token;
    /// @inheritdoc IRewardPot
    uint256 public immutable rewardPerReport;

    /// @inheritdoc IRewardPot
    uint256 public available;
    /// @inheritdoc IRewardPot
    mapping(address member => uint256) public earnedOf;
    /// @inheritdoc IRewardPot
    mapping(uint64 epoch => bool) public isCredited;

    constructor(IScoreOracle oracle_, IERC20 token_, uint256 rewardPerReport_) {
        if (address(token_) == address(0) || rewardPerReport_ == 0 || rewardPerReport_ > type(uint128).max) {
            revert InvalidPot(address(token_), rewardPerReport_, type(uint128).max);
        }
        oracle = oracle_;
        token = token_;
        rewardPerReport = rewardPerReport_;
    }

    /// @inheritdoc IRewardPot
    function fund(uint256 amount) external nonReentrant {
        if (amount == 0) revert ZeroFunding();
        available += amount;
        emit Funded(msg.sender, amount);
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != amount) revert WrongAmountReceived(received, amount);
    }

    /// @inheritdoc IRewardPot
    /// @custom:invariant W-01 An observer earns one reward for an epoch, by a report that a quorum signed and that is final here.
    function credit(IScoreOracle.Report calldata report, bytes calldata attestations) external nonReentrant {
        uint64 epoch = report.epoch;
        if (isCredited[epoch]) revert AlreadyCredited(epoch);
        IScoreOracle.Reading memory reading = oracle.finalised();
        if (epoch != reading.epoch || report.scoresRoot != reading.scoresRoot) {
            revert NotFinal(epoch, report.scoresRoot, reading.epoch, reading.scoresRoot);
        }
        ICommittee committee = ICommittee(address(oracle));
        bytes32 digest = report.configDigest;
        bytes32 expected = committee.configDigestAt(epoch);
        if (digest != expected) revert IScoreOracle.WrongDigest(digest, expected);
        // Reverts unless every record is good, and ids rise, so that each record is one signer.
        committee.signersOf(report, attestations);
        uint256 signers = attestations.length / AttestationLib.RECORD_BYTES;
        uint256 quorum = committee.termOf(digest).q;
        if (signers < quorum) revert TooFewSigners(signers, quorum);

        isCredited[epoch] = true;
        _credit(committee.coldKeysOf(digest), report.observers);
        emit Credited(epoch, digest, report.observers, rewardPerReport);
    }

    /// @inheritdoc IRewardPot
    function pay(address member) external nonReentrant returns (uint256 amount) {
        amount = earnedOf[member];
        if (amount == 0) revert NothingEarned(member);
        earnedOf[member] = 0;
        emit Paid(member, amount);
        token.safeTransfer(member, amount);
    }

    /// @custom:invariant W-02 The pot holds what is available and what was earned, and nobody earns what is not in it.
    function _credit(address[] memory members, uint32 observers) private {
        if (observers >> members.length != 0) revert UnknownObserver(observers, members.length);
        uint256 required;
        for (uint256 i = 0; i < members.length; ++i) {
            if (observers >> i & 1 == 0) continue;
            required += rewardPerReport;
            earnedOf[members[i]] += rewardPerReport;
        }
        if (required > available) revert EmptyPot(available, required);
        available -= required;
    }
}
