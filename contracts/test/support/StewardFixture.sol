// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { AaveSteward } from "../../src/adapters/AaveSteward.sol";
import { IAaveSteward } from "../../src/interfaces/IAaveSteward.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { AaveReserve } from "./AaveReserve.sol";
import { OracleFixture } from "./OracleFixture.sol";

/// @notice A steward of one reserve that stands looser than the fixture's score: 78 / 82.5 % against 75 / 80 %, and twice the cap.
abstract contract StewardFixture is OracleFixture {
    address internal constant ASSET = address(0xA55E7);
    bytes32 internal constant PAIR = keccak256("pair");
    uint256 internal constant DELAY_S = 1 days;
    uint256 internal constant RAMP_BPS = 25;

    AaveReserve internal aave;
    AaveSteward internal steward;

    function deploySteward() internal {
        deployOracle(4, 1, 2);
        vm.prank(OWNER);
        oracle.setDispute(address(this));
        aave = new AaveReserve();
        aave.set(7800, 8250, 10_500, 200_000, 150_000);
        steward = stewardOf(policy());
    }

    function policy() internal pure returns (IAaveSteward.Policy memory) {
        return IAaveSteward.Policy({
            asset: ASSET,
            pair: PAIR,
            minLtvBps: 5000,
            maxLtvBps: 8000,
            minThresholdBps: 6000,
            maxThresholdBps: 8500,
            maxRiseBps: 50,
            maxCapRiseBps: 1000,
            rampBpsPerHour: uint16(RAMP_BPS),
            minDelayS: uint32(DELAY_S),
            borrowShareBps: 5000,
            minSupplyCap: 1000,
            maxSupplyCap: 1_000_000,
            gapBudget: 2000
        });
    }

    function stewardOf(IAaveSteward.Policy memory given) internal returns (AaveSteward) {
        IAaveSteward.Policy[] memory policies = new IAaveSteward.Policy[](1);
        policies[0] = given;
        return new AaveSteward(oracle, aave, policies);
    }

    function scoreOf(uint16 ltvBps, uint16 thresholdBps, uint32 gapPpm)
        internal
        pure
        returns (IScoreOracle.CollateralScore memory score)
    {
        score = collateralOf(PAIR);
        (score.ltvCeilingBps, score.liquidationThresholdBps, score.gapPpm) = (ltvBps, thresholdBps, gapPpm);
    }

    function post(uint64 epoch, IScoreOracle.CollateralScore memory score) internal {
        delete entries;
        entries.push(abi.encode(score));
        publishEntries(epoch);
        postEntries(epoch);
    }

    /// @dev Landing times are kept rounded up by 1/254 of the validity, 43 s, so a minute more than the window is enough.
    function postFinal(uint64 epoch, IScoreOracle.CollateralScore memory score) internal {
        post(epoch, score);
        vm.warp(block.timestamp + CHALLENGE_S + 60);
    }
}
