// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { Staking } from "../../src/Staking.sol";
import { ICommittee } from "../../src/interfaces/ICommittee.sol";
import { IStaking } from "../../src/interfaces/IStaking.sol";
import { SandboxToken } from "../../src/sandbox/SandboxToken.sol";
import { CommitteeFixture } from "./CommitteeFixture.sol";

/// @notice A committee of four, and their stake.
abstract contract StakingFixture is CommitteeFixture {
    uint256 internal constant SLOWEST_S = 1 days;
    /// @dev Digest, validity, challenge window and slowest publication, of `OracleFixture`.
    uint256 internal constant REQUIRED_S = 28 days + 10_800 + 3600 + 1 days;
    uint256 internal constant UNBONDING_S = REQUIRED_S + 1;
    uint256 internal constant INCIDENT_S = 1 days;
    uint256 internal constant WRONG_SCORE_BPS = 1000;
    uint256 internal constant STAKE = 1000e18;

    SandboxToken internal stakeToken;
    Staking internal staking;

    function stakingConfig() internal view returns (IStaking.StakingConfig memory) {
        return IStaking.StakingConfig({
            oracle: oracle,
            token: stakeToken,
            unbondingSeconds: UNBONDING_S,
            slowestPublicationSeconds: SLOWEST_S,
            incidentSeconds: INCIDENT_S,
            wrongScoreBps: WRONG_SCORE_BPS
        });
    }

    /// @dev Deploys `Staking`; each member has `STAKE`.
    function deployStaking(SandboxToken token) internal {
        stakeToken = token;
        staking = new Staking(stakingConfig());
        for (uint256 i = 0; i < memberKeys.length; ++i) {
            bondFor(member(i), STAKE);
        }
    }

    function bondFor(address member_, uint256 amount) internal {
        stakeToken.mint(address(this), amount);
        stakeToken.approve(address(staking), amount);
        staking.bond(member_, amount);
    }

    /// @dev Four members give way to `nextKeys`, and the first epoch of those begins.
    function signOut() internal {
        ICommittee.Configuration memory next = nextOf(uint64(block.timestamp / EPOCH_S) + 1);
        oracle.changeCommittee(next, homeBlock(), certify(next, memberKeys, 3));
        vm.warp(uint256(next.fromEpoch) * EPOCH_S);
    }

    function member(uint256 id) internal view returns (address) {
        return vm.addr(memberKeys[id]);
    }
}
