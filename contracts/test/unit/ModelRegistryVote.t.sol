// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ModelRegistry } from "../../src/ModelRegistry.sol";
import { ScoreTables } from "../../src/ScoreTables.sol";
import { ICommittee } from "../../src/interfaces/ICommittee.sol";
import { IModelRegistry } from "../../src/interfaces/IModelRegistry.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { DisputeFixture } from "../support/DisputeFixture.sol";

/// @notice A committee that names self-tests over its curator's head. Four members, f = 1: three votes name one.
contract ModelRegistryVoteTest is DisputeFixture {
    bytes32 private constant OTHER = keccak256("another self-test");

    bytes32 private modelId;
    bytes32 private selfTest;

    function setUp() public {
        deployOracle(4, 1, 3);
        factory = new ScoreTables();
        registry = new ModelRegistry(address(oracle), curator, UNBONDING_S);
        modelId = register(runModel("borrower-sandbox-1"));
        selfTest = selfTestHashes(cases())[0];
    }

    function cases() private view returns (IModelRegistry.SelfTestCase[] memory) {
        return runSelfTestCases("borrower-sandbox-1");
    }

    function vote(uint8 memberId, bytes32 hash) private {
        vm.prank(member(memberId));
        registry.voteSelfTest(modelId, hash, memberId);
    }

    /// Quotes R-07: the curator withholds, names one that cannot pass, and gets in the way no more.
    function test_Vote_Quorum_NamesOverTheCurator() public {
        vm.prank(curator);
        registry.nameSelfTest(modelId, OTHER);
        vote(3, selfTest);
        vote(0, selfTest);
        assertEq(registry.model(modelId).selfTestHash, OTHER);

        vm.expectEmit(address(registry));
        emit IModelRegistry.SelfTestVoted(modelId, selfTest, digest, 1, 3, 3);
        vm.expectEmit(address(registry));
        emit IModelRegistry.SelfTestNamed(modelId, selfTest);
        vote(1, selfTest);
        vm.prank(curator);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.NamedByCommittee.selector, OTHER, selfTest));
        registry.nameSelfTest(modelId, OTHER);

        registry.runSelfTest(modelId, cases(), 0);
        assertEq(uint8(registry.model(modelId).state), uint8(IModelRegistry.State.Tested));
    }

    /// Quotes R-07: a vote beyond the quorum, or one that was moved and comes back, starts nothing anew.
    function test_Vote_BeyondTheQuorum_KeepsTheProgress() public {
        for (uint8 i = 0; i < 3; ++i) {
            vote(i, selfTest);
        }
        registry.runSelfTest(modelId, batchOf(cases(), 0, 10), selfTestHashes(cases())[10]);

        vote(3, selfTest);
        vote(3, OTHER);
        vote(3, selfTest);

        assertEq(registry.model(modelId).selfTestDone, 10);
    }

    /// Quotes R-07: one vote a member; whoever moves it takes it from the other self-test.
    function test_Vote_Moved_CountsOnce() public {
        vote(0, OTHER);
        vote(1, OTHER);
        vote(0, selfTest);
        vote(2, OTHER);
        assertEq(registry.model(modelId).selfTestHash, 0);

        vote(0, OTHER);
        assertEq(registry.model(modelId).selfTestHash, OTHER);
        // The committee itself may still put a wrong one right.
        for (uint8 i = 0; i < 3; ++i) {
            vote(i, selfTest);
        }
        assertEq(registry.model(modelId).selfTestHash, selfTest);
    }

    /// Votes of a committee that was replaced count for nothing under the next.
    function test_Vote_OfTheCommitteeBefore_CountsNoMore() public {
        vote(0, selfTest);
        vote(1, selfTest);
        ICommittee.Configuration memory next = nextOf(FIRST_EPOCH + 1);
        oracle.changeCommittee(next, homeBlock(), certify(next, memberKeys, 3));
        warpToEpoch(FIRST_EPOCH + 1);

        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.NotMember.selector, member(2), vm.addr(nextKeys[2])));
        vote(2, selfTest);
        vm.prank(vm.addr(nextKeys[2]));
        registry.voteSelfTest(modelId, selfTest, 2);
        assertEq(registry.model(modelId).selfTestHash, 0);
    }

    function test_Vote_RevertWhen_NotAllowed() public {
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.NotMember.selector, address(this), member(0)));
        registry.voteSelfTest(modelId, selfTest, 0);
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.UnknownMember.selector, 4, 4));
        registry.voteSelfTest(modelId, selfTest, 4);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.RepeatedVote.selector, 0, bytes32(0)));
        vote(0, 0);
        vote(0, selfTest);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.RepeatedVote.selector, 0, selfTest));
        vote(0, selfTest);
        modelId = keccak256("none");
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.UnknownModel.selector, modelId));
        vote(1, selfTest);
    }

    function test_Vote_RevertWhen_TestedAlready() public {
        nameSelfTest(modelId, cases());
        registry.runSelfTest(modelId, cases(), 0);

        vm.expectPartialRevert(IModelRegistry.WrongState.selector);
        vote(0, OTHER);
    }
}
