// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ModelRegistry } from "../../src/ModelRegistry.sol";
import { ScoreDispute } from "../../src/ScoreDispute.sol";
import { IScoreDispute } from "../../src/interfaces/IScoreDispute.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { IStaking } from "../../src/interfaces/IStaking.sol";
import { OracleFixture } from "../support/OracleFixture.sol";
import { Vectors } from "../support/Vectors.sol";

/// @notice The outcomes of outcome.json, which pytest holds against `oracle.consensus.outcome`, as evidence. That their scores
///         follow from their vectors is in `ScoreDispute.t.sol` and `ModelRuns.t.sol`.
contract OutcomeVectorsTest is Vectors, OracleFixture {
    uint256 private constant CASES = 7;

    ScoreDispute private dispute;
    string private json;

    function setUp() public {
        deployOracle(4, 1, 3);
        dispute = new ScoreDispute(
            oracle, new ModelRegistry(address(oracle), OWNER, 21 days), IStaking(address(0)), 1200, 30e9
        );
        vm.prank(OWNER);
        oracle.setDispute(address(dispute));
        json = vectors("outcome");
    }

    /// Quotes D-01: however the nodes disagreed, no outcome has two leaves of one subject.
    function test_Outcome_Vectors_AreNoEvidence() public {
        for (uint256 k = 0; k < CASES; ++k) {
            IScoreDispute.Evidence memory evidence = evidenceOf(k, "outcome");
            assertEq(evidence.report.scoresRoot, vm.parseJsonBytes32(json, at(k, "scoresRoot")));

            for (uint256 i = 0; i < entries.length; ++i) {
                for (uint256 j = 0; j < i; ++j) {
                    (bytes memory first, bytes memory second) = (entries[i], entries[j]);
                    (bytes32[] memory firstProof, bytes32[] memory secondProof) = (proofOf(first), proofOf(second));
                    vm.expectPartialRevert(IScoreDispute.DifferentSubjects.selector);
                    dispute.proveTwoLeaves(evidence, first, firstProof, second, secondProof);
                }
            }
        }
    }

    /// All entries that any node gave, in one report: what disagreed is two leaves of one subject.
    function test_Pool_Vectors_AreEvidence() public {
        for (uint256 k = 0; k < CASES; ++k) {
            IScoreDispute.Evidence memory evidence = evidenceOf(k, "");
            uint256 proved;
            for (uint256 i = 0; i < entries.length; ++i) {
                for (uint256 j = 0; j < i; ++j) {
                    (bytes memory first, bytes memory second) = (entries[i], entries[j]);
                    if (subjectOf(first) != subjectOf(second)) continue;
                    dispute.proveTwoLeaves(evidence, first, proofOf(first), second, proofOf(second));
                    ++proved;
                }
            }
            assertEq(oracle.isVoided(oracle.hashReport(evidence.report)), proved != 0);
            // Nine subjects; the entries above nine are another opinion.
            assertGe(proved, entries.length - 9);
        }
    }

    /// @dev The report over the entries of `.observationCases[k]` that `field` lists, or over all of them.
    function evidenceOf(uint256 k, string memory field) private returns (IScoreDispute.Evidence memory evidence) {
        bytes[] memory pool = vm.parseJsonBytesArray(json, at(k, "pool"));
        delete entries;
        if (bytes(field).length == 0) {
            for (uint256 i = 0; i < pool.length; ++i) {
                entries.push(pool[i]);
            }
        } else {
            uint256[] memory listed = vm.parseJsonUintArray(json, at(k, field));
            for (uint256 i = 0; i < listed.length; ++i) {
                entries.push(pool[listed[i]]);
            }
        }
        evidence.report = reportOf(FIRST_EPOCH, nodes()[0]);
        evidence.attestations = attestAll(evidence.report, 3);
    }

    function at(uint256 k, string memory field) private pure returns (string memory) {
        return string.concat(".observationCases[", vm.toString(k), "].", field);
    }

    function subjectOf(bytes memory entry) private pure returns (bytes32 subject) {
        assembly ("memory-safe") {
            subject := mload(add(entry, 64))
        }
    }
}
