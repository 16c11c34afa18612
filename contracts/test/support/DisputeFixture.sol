// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ModelRegistry } from "../../src/ModelRegistry.sol";
import { RiskOracle } from "../../src/RiskOracle.sol";
import { ScoreDispute } from "../../src/ScoreDispute.sol";
import { ScoreTables } from "../../src/ScoreTables.sol";
import { IModelRegistry } from "../../src/interfaces/IModelRegistry.sol";
import { IScoreDispute } from "../../src/interfaces/IScoreDispute.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { IStaking } from "../../src/interfaces/IStaking.sol";
import { SandboxToken } from "../../src/sandbox/SandboxToken.sol";
import { ModelFixture } from "./ModelFixture.sol";
import { StakingFixture } from "./StakingFixture.sol";

/// @notice A committee whose configuration names released models, its stake, and the dispute contract between them.
abstract contract DisputeFixture is ModelFixture, StakingFixture {
    uint256 internal constant DEMAND_S = 1200;
    uint256 internal constant GAS_PRICE_WEI = 30e9;

    ScoreDispute internal dispute;
    bytes32 internal borrowerModelId;
    bytes32 internal collateralModelId;

    /// @dev Seven members at most; both models tested and recorded, so that they run.
    function deployDispute(uint256 n, uint8 f, uint8 q, string memory borrowerRun) internal {
        borrowerModelId = keccak256(runModel(borrowerRun));
        collateralModelId = keccak256(runModel("collateral-1"));
        bytes memory params = paramsOf(borrowerModelId, collateralModelId);
        vm.warp(uint256(FIRST_EPOCH) * EPOCH_S + 60);
        IScoreOracle.Genesis memory genesis = genesisOf(n, f, q);
        genesis.paramsHash = keccak256(params);
        oracle = new RiskOracle(genesis);
        digest = oracle.configDigest();
        factory = new ScoreTables();
        registry = new ModelRegistry(address(oracle), curator, UNBONDING_S);
        assertEq(makeTestedRun(borrowerRun), borrowerModelId);
        assertEq(makeTestedRun("collateral-1"), collateralModelId);
        IModelRegistry.Config memory config = IModelRegistry.Config({
            prevDigest: genesis.prevDigest, seq: 0, members: genesis.members, f: f, q: q, fromEpoch: genesis.fromEpoch
        });
        assertEq(registry.record(config, params), digest);
        deployStaking(new SandboxToken("Stake", "STK", 18));
        dispute = new ScoreDispute(oracle, registry, staking, DEMAND_S, GAS_PRICE_WEI);
        vm.prank(OWNER);
        oracle.setDispute(address(dispute));
    }

    /// @dev A recorded leaf, as Python made it, of a subject.
    function entryOf(IModelRegistry.SelfTestCase memory item, bytes32 subject) internal pure returns (bytes memory) {
        return withWord(item.leaf, 1, subject);
    }

    function withWord(bytes memory entry, uint256 word, bytes32 value) internal pure returns (bytes memory changed) {
        changed = bytes.concat(entry);
        assembly ("memory-safe") {
            mstore(add(changed, mul(add(word, 1), 32)), value)
        }
    }

    function wordOf(bytes memory entry, uint256 word) internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, mul(add(word, 1), 32)))
        }
    }

    /// @dev `report` with the signatures of the members of the bitmap.
    function evidenceOf(IScoreOracle.Report memory report, uint32 signers)
        internal
        view
        returns (IScoreDispute.Evidence memory evidence)
    {
        evidence.report = report;
        for (uint256 i = 0; i < memberKeys.length; ++i) {
            if (signers >> i & 1 == 1) evidence.attestations = bytes.concat(evidence.attestations, attest(report, i));
        }
    }

    /// @dev The report over `entries`.
    function reportOfEntries(uint64 epoch) internal view returns (IScoreOracle.Report memory) {
        return reportOf(epoch, nodes()[0]);
    }

    function offenceOf(uint256 id, uint64 epoch) internal view returns (uint8) {
        return uint8(staking.offenceOf(member(id), epoch));
    }
}
