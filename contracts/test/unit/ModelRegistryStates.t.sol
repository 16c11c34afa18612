// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { RiskOracle } from "../../src/RiskOracle.sol";
import { IModelRegistry } from "../../src/interfaces/IModelRegistry.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { ModelFixture } from "../support/ModelFixture.sol";

/// @notice From Registered to Tested, Pinned and Retired, and what runs when.
contract ModelRegistryStatesTest is ModelFixture {
    bytes32 private borrowerId;
    IModelRegistry.SelfTestCase[] private cases;

    function setUp() public {
        deployRegistry();
        vm.warp(489_600 * 3600);
        borrowerId = register(runModel("borrower-1"));
        IModelRegistry.SelfTestCase[] memory read = runSelfTestCases("borrower-1");
        for (uint256 i = 0; i < read.length; ++i) {
            cases.push(read[i]);
        }
    }

    // --- self-test ----------------------------------------------------------------------------

    /// R-02: in batches of any size, from where the last one ended. A run takes 20 million gas, so there are few.
    /// forge-config: default.fuzz.runs = 16
    function testFuzz_RunSelfTest_AnyBatches_TestTheModel(uint256 size) public {
        size = bound(size, 16, 256);
        nameSelfTest(borrowerId, cases);
        bytes32[] memory hashes = selfTestHashes(cases);
        for (uint256 done = 0; done < SELF_TEST_CASES; done += size) {
            assertEq(uint8(stateOf(borrowerId)), uint8(IModelRegistry.State.Registered));
            uint256 count = done + size > SELF_TEST_CASES ? SELF_TEST_CASES - done : size;
            registry.runSelfTest(borrowerId, batchOf(cases, done, count), hashes[done + count]);
            assertEq(registry.model(borrowerId).selfTestDone, done + count);
        }

        assertEq(uint8(stateOf(borrowerId)), uint8(IModelRegistry.State.Tested));
    }

    function test_RunSelfTest_LastBatch_EmitsTested() public {
        nameSelfTest(borrowerId, cases);
        bytes32[] memory hashes = selfTestHashes(cases);

        vm.expectEmit(address(registry));
        emit IModelRegistry.SelfTestAdvanced(borrowerId, 256);
        vm.expectEmit(address(registry));
        emit IModelRegistry.ModelTested(borrowerId, hashes[0]);
        registry.runSelfTest(borrowerId, cases, 0);
    }

    /// R-02: nobody gets other cases in between, leaves some out or changes their order.
    function test_RunSelfTest_RevertWhen_NotTheNextCases() public {
        nameSelfTest(borrowerId, cases);
        bytes32[] memory hashes = selfTestHashes(cases);
        registry.runSelfTest(borrowerId, batchOf(cases, 0, 10), hashes[10]);

        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.SelfTestMismatch.selector, hashes[0], hashes[10]));
        registry.runSelfTest(borrowerId, batchOf(cases, 0, 10), hashes[10]);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.SelfTestMismatch.selector, hashes[11], hashes[10]));
        registry.runSelfTest(borrowerId, batchOf(cases, 11, 10), hashes[21]);
        vm.expectPartialRevert(IModelRegistry.SelfTestMismatch.selector);
        registry.runSelfTest(borrowerId, batchOf(cases, 10, 10), hashes[21]);
        vm.expectPartialRevert(IModelRegistry.SelfTestMismatch.selector);
        registry.runSelfTest(borrowerId, batchOf(cases, 10, 10), 0);
    }

    /// R-02.
    function test_RunSelfTest_RevertWhen_CountDiffers() public {
        IModelRegistry.SelfTestCase[] memory tooFew = batchOf(cases, 0, 255);
        nameSelfTest(borrowerId, tooFew);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.SelfTestLength.selector, 255, 256));
        registry.runSelfTest(borrowerId, tooFew, 0);

        IModelRegistry.SelfTestCase[] memory tooMany = new IModelRegistry.SelfTestCase[](257);
        for (uint256 i = 0; i < 257; ++i) {
            tooMany[i] = cases[i % 256];
        }
        nameSelfTest(borrowerId, tooMany);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.SelfTestLength.selector, 257, 256));
        registry.runSelfTest(borrowerId, tooMany, 0);
    }

    /// R-02: one bit of one field in one leaf, whichever case it is; that case comes first here.
    function testFuzz_RunSelfTest_RevertWhen_OneLeafDiffers(uint256 index, uint256 at, bytes32 rest) public {
        IModelRegistry.SelfTestCase[] memory changed = new IModelRegistry.SelfTestCase[](1);
        changed[0] = cases[bound(index, 0, 255)];
        bytes32 given = keccak256(changed[0].leaf);
        // The reasons, in bytes 256..259, are not compared.
        at = bound(at, 0, 315);
        if (at >= 256) at += 4;
        changed[0].leaf[at] ^= 0x01;
        bytes32 expected = keccak256(changed[0].leaf);
        vm.assume(rest != 0);
        vm.prank(curator);
        registry.nameSelfTest(borrowerId, keccak256(bytes.concat(keccak256(changed[0].vector), expected, rest)));

        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.SelfTestFailed.selector, 0, given, expected));
        registry.runSelfTest(borrowerId, changed, rest);
    }

    function test_RunSelfTest_RevertWhen_LeafTooShort() public {
        IModelRegistry.SelfTestCase[] memory changed = cases;
        changed[3].leaf = hex"01";
        nameSelfTest(borrowerId, changed);

        vm.expectPartialRevert(IModelRegistry.SelfTestFailed.selector);
        registry.runSelfTest(borrowerId, changed, 0);
    }

    function test_RunSelfTest_OtherReasons_AreNotCompared() public {
        IModelRegistry.SelfTestCase[] memory changed = cases;
        changed[0].leaf[256] ^= 0x01;
        nameSelfTest(borrowerId, changed);

        registry.runSelfTest(borrowerId, changed, 0);

        assertTrue(registry.isExecutable(borrowerId));
    }

    function test_RunSelfTest_RevertWhen_Unnamed() public {
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.SelfTestUnnamed.selector, borrowerId));
        registry.runSelfTest(borrowerId, cases, 0);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.UnknownModel.selector, bytes32(0)));
        registry.runSelfTest(0, cases, 0);
    }

    function test_NameSelfTest_RevertWhen_NotAllowed() public {
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.NotCurator.selector, address(this), curator));
        registry.nameSelfTest(borrowerId, keccak256("test"));
        vm.startPrank(curator);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.SelfTestUnnamed.selector, borrowerId));
        registry.nameSelfTest(borrowerId, 0);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.UnknownModel.selector, keccak256("none")));
        registry.nameSelfTest(keccak256("none"), keccak256("test"));
    }

    /// A wrong name can be put right as long as nothing passed it; progress starts anew.
    function test_NameSelfTest_Again_StartsAnew() public {
        nameSelfTest(borrowerId, cases);
        registry.runSelfTest(borrowerId, batchOf(cases, 0, 10), selfTestHashes(cases)[10]);

        nameSelfTest(borrowerId, cases);

        assertEq(registry.model(borrowerId).selfTestDone, 0);
        registry.runSelfTest(borrowerId, cases, 0);
        vm.prank(curator);
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelRegistry.WrongState.selector,
                borrowerId,
                IModelRegistry.State.Tested,
                IModelRegistry.State.Registered
            )
        );
        registry.nameSelfTest(borrowerId, keccak256("test"));
    }

    // --- pinning ------------------------------------------------------------------------------

    /// R-03: the digest of a real RiskOracle, made of the same fields.
    function test_Pin_RiskOracleConfig_PinsBothModels() public {
        bytes32 collateralId = makeTestedRun("collateral-1");
        testBorrower();
        IModelRegistry.Config memory config = configOf(0);
        bytes memory params = paramsOf(borrowerId, collateralId);
        RiskOracle oracle = deployOracle(config, params);
        committee.setDigest(oracle.configDigest());

        vm.expectEmit(address(registry));
        emit IModelRegistry.ConfigRecorded(oracle.configDigest(), borrowerId, collateralId);
        registry.pin(config, params);

        (bytes32 borrower, bytes32 collateral) = registry.modelsOf(oracle.configDigest());
        assertEq(abi.encode(borrower, collateral), abi.encode(borrowerId, collateralId));
        assertEq(uint8(stateOf(borrowerId)), uint8(IModelRegistry.State.Pinned));
        assertEq(uint8(stateOf(collateralId)), uint8(IModelRegistry.State.Pinned));
    }

    /// R-03.
    function test_Pin_RevertWhen_NotInForce() public {
        IModelRegistry.Config memory config = configOf(0);
        bytes memory params = paramsOf(borrowerId, keccak256("other"));
        bytes32 digest = digestOf(config, params);
        committee.setDigest(keccak256("other digest"));

        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.WrongDigest.selector, digest, keccak256("other digest")));
        registry.pin(config, params);
    }

    /// R-03: any field of the configuration, or byte of the parameters, that differs.
    function testFuzz_Pin_RevertWhen_OneFieldDiffers(uint256 field, uint256 at) public {
        IModelRegistry.Config memory config = configOf(0);
        bytes memory params = paramsOf(borrowerId, keccak256("other"));
        committee.setDigest(digestOf(config, params));
        field = bound(field, 0, 6);
        if (field == 0) config.prevDigest ^= bytes32(uint256(1));
        if (field == 1) ++config.seq;
        if (field == 2) config.members[at % 4] = address(uint160(config.members[at % 4]) ^ 1);
        if (field == 3) ++config.f;
        if (field == 4) ++config.q;
        if (field == 5) ++config.fromEpoch;
        if (field == 6) params[at % params.length] ^= 0x01;

        vm.expectPartialRevert(IModelRegistry.WrongDigest.selector);
        registry.pin(config, params);
    }

    /// R-03.
    function test_Pin_RevertWhen_NotTested() public {
        bytes32 collateralId = makeTestedRun("collateral-1");
        (IModelRegistry.Config memory config, bytes memory params) = inForce(1, borrowerId, collateralId);

        vm.expectRevert(
            abi.encodeWithSelector(
                IModelRegistry.WrongState.selector,
                borrowerId,
                IModelRegistry.State.Registered,
                IModelRegistry.State.Tested
            )
        );
        registry.pin(config, params);
        (config, params) = inForce(1, keccak256("unknown"), collateralId);
        vm.expectPartialRevert(IModelRegistry.WrongState.selector);
        registry.pin(config, params);
    }

    function test_Pin_RevertWhen_KindsAreSwapped() public {
        bytes32 collateralId = makeTestedRun("collateral-1");
        testBorrower();
        (IModelRegistry.Config memory config, bytes memory params) = inForce(1, collateralId, borrowerId);

        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.WrongModelKind.selector, 2, 1));
        registry.pin(config, params);
    }

    function test_Pin_RevertWhen_ParamsNameNoModels() public {
        IModelRegistry.Config memory config = configOf(1);
        bytes memory params = new bytes(255);
        committee.setDigest(digestOf(config, params));

        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ParamsLength.selector, 255, 256));
        registry.pin(config, params);
    }

    function test_Pin_RevertWhen_PinnedAlready() public {
        bytes32 collateralId = makeTestedRun("collateral-1");
        testBorrower();
        bytes32 digest = pinModels(1, borrowerId, collateralId);
        (IModelRegistry.Config memory config, bytes memory params) = inForce(1, borrowerId, collateralId);

        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.AlreadyPinned.selector, digest));
        registry.pin(config, params);
    }

    /// R-03: a configuration of any time can be recorded, for disputes about its epochs; that pins nothing.
    function test_Record_NotInForce_NamesModelsOnly() public {
        testBorrower();
        IModelRegistry.Config memory config = configOf(7);
        bytes memory params = paramsOf(borrowerId, keccak256("collateral"));
        bytes32 digest = digestOf(config, params);

        vm.expectEmit(address(registry));
        emit IModelRegistry.ConfigRecorded(digest, borrowerId, keccak256("collateral"));
        assertEq(registry.record(config, params), digest);

        (bytes32 borrower, bytes32 collateral) = registry.modelsOf(digest);
        assertEq(abi.encode(borrower, collateral), abi.encode(borrowerId, keccak256("collateral")));
        assertEq(uint8(stateOf(borrowerId)), uint8(IModelRegistry.State.Tested));
        vm.recordLogs();
        assertEq(registry.record(config, params), digest);
        assertEq(vm.getRecordedLogs().length, 0);
    }

    // --- retiring -----------------------------------------------------------------------------

    /// R-04: to the second.
    function test_Pin_Successor_RetiresOnlyWhatItNoLongerNames() public {
        bytes32 collateralId = makeTestedRun("collateral-1");
        bytes32 nextId = makeTestedRun("borrower-sandbox-1");
        testBorrower();
        bytes32 firstDigest = pinModels(1, borrowerId, collateralId);
        uint256 until = block.timestamp + EVIDENCE_WINDOW_S;

        (IModelRegistry.Config memory config, bytes memory params) = inForce(2, nextId, collateralId);
        vm.expectEmit(address(registry));
        emit IModelRegistry.ModelPinned(nextId, committee.configDigest());
        vm.expectEmit(address(registry));
        emit IModelRegistry.ModelRetired(borrowerId, until);
        registry.pin(config, params);

        assertEq(uint8(stateOf(borrowerId)), uint8(IModelRegistry.State.Retired));
        assertEq(uint8(stateOf(collateralId)), uint8(IModelRegistry.State.Pinned));
        (bytes32 first,) = registry.modelsOf(firstDigest);
        assertEq(first, borrowerId);
        vm.warp(until);
        registry.scoreBorrower(borrowerId, cases[0].vector);
        vm.warp(until + 1);
        assertFalse(registry.isExecutable(borrowerId));
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelRegistry.NotExecutable.selector, borrowerId, IModelRegistry.State.Retired, until
            )
        );
        registry.scoreBorrower(borrowerId, cases[0].vector);
    }

    /// R-04: what the old configuration signed until it expired can be disputed for the whole window, however early the next came.
    function test_Pin_Successor_WindowStartsWhenTheLastDigestExpires() public {
        bytes32 collateralId = makeTestedRun("collateral-1");
        bytes32 nextId = makeTestedRun("borrower-sandbox-1");
        testBorrower();
        pinModels(1, borrowerId, collateralId);
        uint64 expiresAt = uint64(block.timestamp + 27 days);
        committee.setExpiry(configOf(2).prevDigest, expiresAt);

        pinModels(2, nextId, collateralId);

        uint256 until = expiresAt + EVIDENCE_WINDOW_S;
        assertEq(registry.model(borrowerId).executableUntil, until);
        vm.warp(until);
        assertTrue(registry.isExecutable(borrowerId));
        vm.warp(until + 1);
        assertFalse(registry.isExecutable(borrowerId));
    }

    /// R-04: a digest that had expired, or that a recovery skipped, leaves a window from now on.
    function test_Pin_SuccessorAfterExpiry_WindowStartsNow() public {
        bytes32 collateralId = makeTestedRun("collateral-1");
        bytes32 nextId = makeTestedRun("borrower-sandbox-1");
        testBorrower();
        pinModels(1, borrowerId, collateralId);
        committee.setExpiry(configOf(2).prevDigest, uint64(block.timestamp - 1));

        pinModels(2, nextId, collateralId);

        assertEq(registry.model(borrowerId).executableUntil, block.timestamp + EVIDENCE_WINDOW_S);
    }

    function test_Pin_RetiredModelNamedAgain_RunsAgain() public {
        bytes32 collateralId = makeTestedRun("collateral-1");
        bytes32 nextId = makeTestedRun("borrower-sandbox-1");
        testBorrower();
        pinModels(1, borrowerId, collateralId);
        pinModels(2, nextId, collateralId);
        vm.warp(block.timestamp + EVIDENCE_WINDOW_S + 1);

        pinModels(3, borrowerId, collateralId);

        assertEq(registry.model(borrowerId).executableUntil, 0);
        assertTrue(registry.isExecutable(borrowerId));
        assertEq(uint8(stateOf(nextId)), uint8(IModelRegistry.State.Retired));
    }

    // --- running ------------------------------------------------------------------------------

    /// A tested model that no configuration names runs in shadow.
    function test_Score_ShadowModel_Runs() public {
        testBorrower();

        assertEq(registry.scoreBorrower(borrowerId, cases[0].vector).featuresHash, keccak256(cases[0].vector));
    }

    /// R-02: nothing relies on a model before its self-test passed.
    function test_Score_RevertWhen_NotTested() public {
        bytes memory reason = abi.encodeWithSelector(
            IModelRegistry.NotExecutable.selector, borrowerId, IModelRegistry.State.Registered, 0
        );

        vm.expectRevert(reason);
        registry.scoreBorrower(borrowerId, cases[0].vector);
        vm.expectRevert(reason);
        registry.treesMargin(borrowerId, cases[0].vector);
    }

    function test_Score_RevertWhen_UnknownOrOtherKind() public {
        bytes32 collateralId = makeTestedRun("collateral-1");
        testBorrower();

        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.UnknownModel.selector, keccak256("none")));
        registry.scoreBorrower(keccak256("none"), cases[0].vector);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.UnknownModel.selector, keccak256("none")));
        registry.scoreCollateral(keccak256("none"), cases[0].vector);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.WrongModelKind.selector, 2, 1));
        registry.scoreBorrower(collateralId, cases[0].vector);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.WrongModelKind.selector, 1, 2));
        registry.scoreCollateral(borrowerId, cases[0].vector);
    }

    function test_Score_RevertWhen_VectorMalformed() public {
        testBorrower();
        bytes memory vector = cases[0].vector;

        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.VectorLength.selector, 25, 26));
        registry.scoreBorrower(borrowerId, slice(vector, 0, 25));
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.VectorLength.selector, 28, 26));
        registry.scoreBorrower(borrowerId, bytes.concat(vector, hex"0001"));
        vector[24] = 0xff;
        vector[25] = 0xff;
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.SlotOutOfRange.selector, 12, 65_535, 65_534));
        registry.scoreBorrower(borrowerId, vector);
    }

    /// R-01: code that changed after all.
    function test_Score_RevertWhen_CodeChanged() public {
        testBorrower();
        IModelRegistry.Model memory stored = registry.model(borrowerId);
        bytes memory code = stored.chunks[0].code;
        code[code.length - 1] ^= 0x01;
        vm.etch(stored.chunks[0], code);

        bytes32 given = keccak256(bytes.concat(stored.tables.codehash, keccak256(code)));
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.CodeChanged.selector, given, stored.codeDigest));
        registry.scoreBorrower(borrowerId, cases[0].vector);
    }

    // --- support ------------------------------------------------------------------------------

    function stateOf(bytes32 modelId) private view returns (IModelRegistry.State) {
        return registry.model(modelId).state;
    }

    function testBorrower() private {
        nameSelfTest(borrowerId, cases);
        registry.runSelfTest(borrowerId, cases, 0);
    }

    /// @dev A configuration that names these models, in force but not pinned.
    function inForce(uint64 seq, bytes32 borrower, bytes32 collateral)
        private
        returns (IModelRegistry.Config memory config, bytes memory params)
    {
        config = configOf(seq);
        params = paramsOf(borrower, collateral);
        committee.setDigest(digestOf(config, params));
    }

    function deployOracle(IModelRegistry.Config memory config, bytes memory params) private returns (RiskOracle) {
        return new RiskOracle(
            IScoreOracle.Genesis({
                prevDigest: config.prevDigest,
                members: config.members,
                f: config.f,
                q: config.q,
                paramsHash: keccak256(params),
                fromEpoch: config.fromEpoch,
                epochSeconds: 3600,
                validitySeconds: 10_800,
                graceSeconds: 600,
                challengeSeconds: 3600,
                digestSeconds: 28 days,
                recoverySeconds: 7 days,
                owner: address(this)
            })
        );
    }
}
