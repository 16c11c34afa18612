// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ModelRegistry } from "../../src/ModelRegistry.sol";
import { ScoreTables } from "../../src/ScoreTables.sol";
import { ICommittee } from "../../src/interfaces/ICommittee.sol";
import { IModelRegistry } from "../../src/interfaces/IModelRegistry.sol";
import { ScoreMath } from "../../src/libraries/ScoreMath.sol";
import { Vectors } from "./Vectors.sol";

/// @notice Stands for the committee where only its digest, and when digests expire, matters.
contract DigestHolder {
    bytes32 public configDigest;
    mapping(bytes32 digest => uint64) private _expiresAt;

    function setDigest(bytes32 digest) external {
        configDigest = digest;
    }

    function setExpiry(bytes32 digest, uint64 expiresAt) external {
        _expiresAt[digest] = expiresAt;
    }

    function termOf(bytes32 digest) external view returns (ICommittee.Term memory term) {
        term.expiresAt = _expiresAt[digest];
    }
}

/// @notice A registry, and the models of `build/model_runs` with their self-tests and rows.
abstract contract ModelFixture is Vectors {
    uint256 internal constant EVIDENCE_WINDOW_S = 21 days;
    uint256 internal constant MAX_CHUNK_BYTES = 24_575;
    uint256 internal constant SELF_TEST_CASES = 256;

    /// @dev The sections of a model; tables and chunks are deployed.
    struct Sections {
        bytes header;
        address tables;
        address[] chunks;
    }

    DigestHolder internal committee;
    ScoreTables internal factory;
    ModelRegistry internal registry;
    address internal curator = makeAddr("curator");

    function deployRegistry() internal {
        committee = new DigestHolder();
        factory = new ScoreTables();
        registry = new ModelRegistry(address(committee), curator, EVIDENCE_WINDOW_S);
    }

    // --- files --------------------------------------------------------------------------------

    function runFile(string memory name, string memory file) internal view returns (bytes memory) {
        string memory path = string.concat("build/model_runs/", name, "/", file);
        require(vm.exists(path), string.concat(path, " is missing: run make model-runs"));
        return vm.readFileBinary(path);
    }

    function runModel(string memory name) internal view returns (bytes memory) {
        return runFile(name, "model.bin");
    }

    /// @dev self_test.bin holds vector ‖ leaf, 256 times.
    function runSelfTestCases(string memory name) internal view returns (IModelRegistry.SelfTestCase[] memory cases) {
        bytes memory model = runModel(name);
        bytes memory data = runFile(name, "self_test.bin");
        uint256 vectorSize = 2 * uint256(uint8(model[5]));
        uint256 leafSize = leafBytes(model);
        cases = new IModelRegistry.SelfTestCase[](SELF_TEST_CASES);
        assertEq(data.length, SELF_TEST_CASES * (vectorSize + leafSize));
        for (uint256 i = 0; i < SELF_TEST_CASES; ++i) {
            uint256 at = i * (vectorSize + leafSize);
            cases[i].vector = slice(data, at, vectorSize);
            cases[i].leaf = slice(data, at + vectorSize, leafSize);
        }
    }

    function leafBytes(bytes memory model) internal pure returns (uint256) {
        return model[4] == 0x01 ? 320 : 352;
    }

    // --- sections -----------------------------------------------------------------------------

    function deploySections(bytes memory model) internal returns (Sections memory sections) {
        uint256 tablesSize = model[4] == 0x01 ? ScoreMath.BORROWER_TABLES_BYTES : ScoreMath.COLLATERAL_TABLES_BYTES;
        uint256 at = MODEL_HEADER_BYTES + tablesSize;
        sections.header = slice(model, 0, MODEL_HEADER_BYTES);
        sections.tables = deployData(slice(model, MODEL_HEADER_BYTES, tablesSize));
        sections.chunks = new address[]((model.length - at + MAX_CHUNK_BYTES - 1) / MAX_CHUNK_BYTES);
        for (uint256 i = 0; i < sections.chunks.length; ++i) {
            uint256 left = model.length - at;
            uint256 size = left > MAX_CHUNK_BYTES ? MAX_CHUNK_BYTES : left;
            sections.chunks[i] = deployData(slice(model, at, size));
            at += size;
        }
    }

    function deployData(bytes memory data) internal returns (address at) {
        (at,) = factory.deploy(data);
    }

    function register(bytes memory model) internal returns (bytes32) {
        Sections memory sections = deploySections(model);
        return registry.register(sections.header, sections.tables, sections.chunks);
    }

    // --- self-test ----------------------------------------------------------------------------

    /// @dev Hash of each case and all after it; zero at the end.
    function selfTestHashes(IModelRegistry.SelfTestCase[] memory cases)
        internal
        pure
        returns (bytes32[] memory hashes)
    {
        hashes = new bytes32[](cases.length + 1);
        for (uint256 i = cases.length; i > 0; --i) {
            hashes[i - 1] =
                keccak256(bytes.concat(keccak256(cases[i - 1].vector), keccak256(cases[i - 1].leaf), hashes[i]));
        }
    }

    function batchOf(IModelRegistry.SelfTestCase[] memory cases, uint256 start, uint256 count)
        internal
        pure
        returns (IModelRegistry.SelfTestCase[] memory batch)
    {
        batch = new IModelRegistry.SelfTestCase[](count);
        for (uint256 i = 0; i < count; ++i) {
            batch[i] = cases[start + i];
        }
    }

    function nameSelfTest(bytes32 modelId, IModelRegistry.SelfTestCase[] memory cases) internal {
        vm.prank(curator);
        registry.nameSelfTest(modelId, selfTestHashes(cases)[0]);
    }

    /// @dev Registers a model and runs its self-test in batches of 128.
    function makeTested(bytes memory model, IModelRegistry.SelfTestCase[] memory cases)
        internal
        returns (bytes32 modelId)
    {
        modelId = register(model);
        nameSelfTest(modelId, cases);
        bytes32[] memory hashes = selfTestHashes(cases);
        registry.runSelfTest(modelId, batchOf(cases, 0, 128), hashes[128]);
        registry.runSelfTest(modelId, batchOf(cases, 128, 128), hashes[256]);
    }

    function makeTestedRun(string memory name) internal returns (bytes32) {
        return makeTested(runModel(name), runSelfTestCases(name));
    }

    // --- configuration ------------------------------------------------------------------------

    /// @dev Parameters without chains: their encoding's head, as the registry reads it.
    function paramsOf(bytes32 borrowerModelId, bytes32 collateralModelId) internal pure returns (bytes memory) {
        uint256 chains = 7 * 32;
        return bytes.concat(
            abi.encode(uint256(32), chains, borrowerModelId, collateralModelId, uint32(1), uint32(1)),
            abi.encode(uint64(3600), uint64(10_800), uint256(0))
        );
    }

    function configOf(uint64 seq) internal returns (IModelRegistry.Config memory config) {
        address[] memory members = new address[](4);
        for (uint256 i = 0; i < members.length; ++i) {
            members[i] = makeAddr(string.concat("member", vm.toString(i)));
        }
        config = IModelRegistry.Config({
            prevDigest: keccak256(abi.encode("previous", seq)),
            seq: seq,
            members: members,
            f: 1,
            q: 3,
            fromEpoch: 489_555
        });
    }

    function digestOf(IModelRegistry.Config memory config, bytes memory params) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                config.prevDigest, config.seq, config.members, config.f, config.q, keccak256(params), config.fromEpoch
            )
        );
    }

    /// @dev Puts a configuration that names the models into force, and pins it.
    function pinModels(uint64 seq, bytes32 borrowerModelId, bytes32 collateralModelId)
        internal
        returns (bytes32 digest)
    {
        IModelRegistry.Config memory config = configOf(seq);
        bytes memory params = paramsOf(borrowerModelId, collateralModelId);
        digest = digestOf(config, params);
        committee.setDigest(digest);
        registry.pin(config, params);
    }
}
