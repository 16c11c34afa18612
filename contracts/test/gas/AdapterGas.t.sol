// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IOracle } from "@morpho-org/morpho-blue/src/interfaces/IOracle.sol";

import { MorphoScoreOracle } from "../../src/adapters/MorphoScoreOracle.sol";
import { ScoreFeed } from "../../src/adapters/ScoreFeed.sol";
import { StewardFixture } from "../support/StewardFixture.sol";

/// @dev Writes are whole transactions, views execution. The reserve is a stand-in; a real Aave adds its own reads and writes.
contract AdapterGasTest is StewardFixture {
    function setUp() public {
        deploySteward();
    }

    /// forge-config: default.isolate = true
    function test_Gas_Steward() public {
        postFinal(FIRST_EPOCH, collateralOf(PAIR));
        steward.refresh(ASSET);
        vm.snapshotGasLastCall("adapters", "steward: LTV and caps tightened, ramp begun");
        vm.warp(block.timestamp + 1 hours);
        steward.refresh(ASSET);
        vm.snapshotGasLastCall("adapters", "steward: a step of the ramp");
        steward.refresh(ASSET);
        vm.snapshotGasLastCall("adapters", "steward: nothing to move");
    }

    /// forge-config: default.isolate = true
    function test_Gas_ScoreFeed() public {
        postFinal(FIRST_EPOCH, collateralOf(PAIR));
        new ScoreFeed(oracle, PAIR, ScoreFeed.Figure.LtvCeiling).latestRoundData();
        vm.snapshotGasLastCall("adapters", "feed: latestRoundData");
    }

    /// forge-config: default.isolate = true
    function test_Gas_MorphoScoreOracle() public {
        postFinal(FIRST_EPOCH, collateralOf(PAIR));
        MorphoScoreOracle adapter = new MorphoScoreOracle(oracle, new FixedPrice(), PAIR, 0.86e18, 0.5e18, 100);
        adapter.poke();
        vm.snapshotGasLastCall("adapters", "Morpho: poke");
        adapter.price();
        vm.snapshotGasLastCall("adapters", "Morpho: price above its base");
    }
}

contract FixedPrice is IOracle {
    function price() external pure returns (uint256) {
        return 3000e24;
    }
}
