// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { RiskOracle } from "../../src/RiskOracle.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { AttestationLib } from "../../src/libraries/AttestationLib.sol";
import { LeafLib } from "../../src/libraries/LeafLib.sol";
import { Vectors } from "../support/Vectors.sol";
import { MerkleProof } from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

/// @notice What is hashed and signed: subjects, leaves, trees, reports, configuration digests.
contract EncodingVectorsTest is Vectors {
    function test_Subject_Vectors_Agree() public {
        string memory json = vectors("subjects");
        string[] memory form = vm.parseJsonStringArray(json, ".columns.form");
        uint256[] memory chainId = vm.parseJsonUintArray(json, ".columns.chainId");
        address[] memory account = vm.parseJsonAddressArray(json, ".columns.address");
        address[] memory numeraire = vm.parseJsonAddressArray(json, ".columns.numeraire");
        bytes32[] memory expected = vm.parseJsonBytes32Array(json, ".columns.subject");

        for (uint256 i = 0; i < form.length; ++i) {
            // An EVM reads its own chain id, at most 64 bits.
            if (chainId[i] != 0) vm.chainId(chainId[i]);
            bytes32 given;
            if (isText(form[i], "borrower")) given = LeafLib.borrowerSubject(account[i]);
            else if (isText(form[i], "contract")) given = LeafLib.contractSubject(account[i]);
            else given = LeafLib.collateralSubject(account[i], numeraire[i]);
            assertEq(given, expected[i], vm.toString(i));
        }
        assertGt(form.length, 20);
    }

    function test_BorrowerLeaf_Vectors_Agree() public view {
        string memory json = vectors("leaves");
        bytes[] memory encoded = vm.parseJsonBytesArray(json, ".columns.borrower.encoded");
        bytes32[] memory leaf = vm.parseJsonBytes32Array(json, ".columns.borrower.leaf");
        int256[] memory behaviourMargin = vm.parseJsonIntArray(json, ".columns.borrower.behaviourMargin");
        uint256[] memory grade = vm.parseJsonUintArray(json, ".columns.borrower.grade");

        for (uint256 i = 0; i < leaf.length; ++i) {
            IScoreOracle.BorrowerScore memory score = abi.decode(encoded[i], (IScoreOracle.BorrowerScore));
            assertEq(encoded[i].length, LeafLib.BORROWER_BYTES);
            assertEq(abi.encode(score), encoded[i], vm.toString(i));
            assertEq(score.behaviourMargin, behaviourMargin[i], vm.toString(i));
            assertEq(score.grade, grade[i], vm.toString(i));
            assertEq(this.hashEntry(encoded[i]), leaf[i], vm.toString(i));
            if (score.kind == 1) assertEq(this.hashBorrower(score), leaf[i], vm.toString(i));
        }
        assertGt(leaf.length, 20);
    }

    function test_CollateralLeaf_Vectors_Agree() public view {
        string memory json = vectors("leaves");
        bytes[] memory encoded = vm.parseJsonBytesArray(json, ".columns.collateral.encoded");
        bytes32[] memory leaf = vm.parseJsonBytes32Array(json, ".columns.collateral.leaf");
        uint256[] memory ceiling = vm.parseJsonUintArray(json, ".columns.collateral.ltvCeilingBps");

        for (uint256 i = 0; i < leaf.length; ++i) {
            IScoreOracle.CollateralScore memory score = abi.decode(encoded[i], (IScoreOracle.CollateralScore));
            assertEq(encoded[i].length, LeafLib.COLLATERAL_BYTES);
            assertEq(abi.encode(score), encoded[i], vm.toString(i));
            assertEq(score.ltvCeilingBps, ceiling[i], vm.toString(i));
            if (score.kind == 2) assertEq(this.hashCollateral(score), leaf[i], vm.toString(i));
        }
        assertGt(leaf.length, 20);
    }

    function test_Tree_Vectors_ProofsVerify() public view {
        string memory json = vectors("tree");
        uint256[] memory sizes = vm.parseJsonUintArray(json, ".columns.size");
        bytes32[] memory roots = vm.parseJsonBytes32Array(json, ".columns.root");

        for (uint256 i = 0; i < sizes.length; ++i) {
            string memory at = string.concat(".cases[", vm.toString(i), "]");
            bytes32[] memory leaves = vm.parseJsonBytes32Array(json, string.concat(at, ".leaves"));
            for (uint256 j = 0; j < leaves.length; ++j) {
                bytes32[] memory proof =
                    vm.parseJsonBytes32Array(json, string.concat(at, ".proofs[", vm.toString(j), "]"));
                assertTrue(MerkleProof.verify(proof, roots[i], leaves[j]), at);
            }
            assertEq(leaves.length, sizes[i]);
        }
    }

    /// The entries of a vector's multiproof are posted as they stand: one order for the tree, the proof and `post`.
    function test_Post_VectorMultiproofs_AreTaken() public {
        string memory json = vectors("tree");
        bytes32[] memory roots = vm.parseJsonBytes32Array(json, ".columns.root");
        uint256 posted;
        for (uint256 i = 0; i < roots.length; ++i) {
            string memory at = string.concat(".cases[", vm.toString(i), "]");
            bytes[] memory entries = vm.parseJsonBytesArray(json, string.concat(at, ".entries"));
            RiskOracle oracle = oracleWithRoot(roots[i]);
            for (uint256 j = 0; vm.keyExistsJson(json, multiproofAt(at, j)); ++j) {
                (bytes[] memory ordered, bytes32[] memory proof, bool[] memory flags) =
                    readMultiproof(json, multiproofAt(at, j), entries);
                oracle.post(1, ordered, proof, flags);
                ++posted;
            }
        }
        assertGt(posted, 6);
    }

    function test_ReportDigest_Vectors_Agree() public view {
        string memory json = vectors("report");
        bytes32[] memory expected = vm.parseJsonBytes32Array(json, ".columns.reportHash");

        assertEq(AttestationLib.domainSeparator(), vm.parseJsonBytes32(json, ".domainSeparator"));
        assertEq(AttestationLib.DOMAIN_TYPEHASH, vm.parseJsonBytes32(json, ".domainTypeHash"));
        assertEq(AttestationLib.REPORT_TYPEHASH, vm.parseJsonBytes32(json, ".reportTypeHash"));
        for (uint256 i = 0; i < expected.length; ++i) {
            assertEq(this.hashReport(reportAt(json, i)), expected[i], vm.toString(i));
        }
        assertGt(expected.length, 5);
    }

    /// The first committee of committee.json signed report.json: its attestations, made compact, are a quorum here.
    function test_Publish_VectorAttestations_AreAQuorum() public {
        string memory json = vectors("report");
        IScoreOracle.Report memory report = reportAt(json, 0);
        bytes[] memory attestations = vm.parseJsonBytesArray(json, ".cases[0].attestations");
        IScoreOracle.Genesis memory genesis = genesisAt(0);
        bytes memory records;
        for (uint256 i = 0; i < genesis.q; ++i) {
            records = bytes.concat(records, compact(i, attestations[i]));
        }
        RiskOracle oracle = new RiskOracle(genesis);
        vm.warp(uint256(report.epoch) * genesis.epochSeconds + 60);

        oracle.publish(report, records);

        assertEq(oracle.head().epoch, report.epoch);
    }

    function test_ConfigDigest_GenesisVectors_Agree() public {
        string memory json = vectors("committee");
        bytes32[] memory expected = vm.parseJsonBytes32Array(json, ".columns.configDigest");
        uint256[] memory seq = vm.parseJsonUintArray(json, ".columns.seq");
        uint256 compared;
        for (uint256 i = 0; i < expected.length; ++i) {
            // Only a genesis is made by the constructor.
            if (seq[i] != 0) continue;
            assertEq(new RiskOracle(genesisAt(i)).configDigest(), expected[i], vm.toString(i));
            ++compared;
        }
        assertGt(compared, 2);
    }

    function hashEntry(bytes calldata entry) external pure returns (bytes32) {
        return LeafLib.hashEntry(entry);
    }

    function hashBorrower(IScoreOracle.BorrowerScore calldata score) external pure returns (bytes32) {
        return LeafLib.hashBorrower(score);
    }

    function hashCollateral(IScoreOracle.CollateralScore calldata score) external pure returns (bytes32) {
        return LeafLib.hashCollateral(score);
    }

    function hashReport(IScoreOracle.Report calldata report) external pure returns (bytes32) {
        return AttestationLib.hashReport(AttestationLib.domainSeparator(), report);
    }

    // --- reading ------------------------------------------------------------------------------

    function reportAt(string memory json, uint256 i) private pure returns (IScoreOracle.Report memory) {
        string memory at = string.concat(".cases[", vm.toString(i), "]");
        return IScoreOracle.Report({
            configDigest: vm.parseJsonBytes32(json, string.concat(at, ".configDigest")),
            epoch: uint64(vm.parseJsonUint(json, string.concat(at, ".epoch"))),
            cutHash: vm.parseJsonBytes32(json, string.concat(at, ".cutHash")),
            scoresRoot: vm.parseJsonBytes32(json, string.concat(at, ".scoresRoot")),
            observers: uint32(vm.parseJsonUint(json, string.concat(at, ".observers"))),
            borrowers: uint32(vm.parseJsonUint(json, string.concat(at, ".borrowers"))),
            collaterals: uint32(vm.parseJsonUint(json, string.concat(at, ".collaterals"))),
            stalledChains: uint32(vm.parseJsonUint(json, string.concat(at, ".stalledChains")))
        });
    }

    function genesisAt(uint256 i) private view returns (IScoreOracle.Genesis memory genesis) {
        string memory json = vectors("committee");
        string memory at = string.concat(".cases[", vm.toString(i), "]");
        genesis.prevDigest = vm.parseJsonBytes32(json, string.concat(at, ".prevDigest"));
        genesis.members = vm.parseJsonAddressArray(json, string.concat(at, ".members"));
        genesis.f = uint8(vm.parseJsonUint(json, string.concat(at, ".f")));
        genesis.q = uint8(vm.parseJsonUint(json, string.concat(at, ".q")));
        genesis.paramsHash = vm.parseJsonBytes32(json, string.concat(at, ".paramsHash"));
        genesis.fromEpoch = uint64(vm.parseJsonUint(json, string.concat(at, ".fromEpoch")));
        genesis.epochSeconds = 3600;
        genesis.validitySeconds = 10_800;
        genesis.graceSeconds = 600;
        genesis.digestSeconds = 28 days;
    }

    /// @dev A committee of one whose only report has `root`.
    function oracleWithRoot(bytes32 root) private returns (RiskOracle oracle) {
        uint256 key = uint256(keccak256("single member"));
        IScoreOracle.Genesis memory genesis;
        genesis.members = new address[](1);
        genesis.members[0] = vm.addr(key);
        (genesis.q, genesis.epochSeconds, genesis.validitySeconds) = (1, 3600, 10_800);
        genesis.digestSeconds = 28 days;
        oracle = new RiskOracle(genesis);
        vm.warp(3660);
        IScoreOracle.Report memory report;
        (report.configDigest, report.epoch, report.scoresRoot) = (oracle.configDigest(), 1, root);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, oracle.hashReport(report));
        oracle.publish(report, abi.encodePacked(uint8(0), r, uint256(s) | (uint256(v - 27) << 255)));
    }

    function multiproofAt(string memory at, uint256 j) private pure returns (string memory) {
        return string.concat(at, ".multiproofs[", vm.toString(j), "]");
    }

    function readMultiproof(string memory json, string memory at, bytes[] memory entries)
        private
        view
        returns (bytes[] memory ordered, bytes32[] memory proof, bool[] memory flags)
    {
        bytes32[] memory leaves = vm.parseJsonBytes32Array(json, string.concat(at, ".leaves"));
        ordered = new bytes[](leaves.length);
        for (uint256 i = 0; i < leaves.length; ++i) {
            for (uint256 j = 0; j < entries.length; ++j) {
                if (this.hashEntry(entries[j]) == leaves[i]) ordered[i] = entries[j];
            }
        }
        proof = vm.parseJsonBytes32Array(json, string.concat(at, ".proof"));
        flags = vm.parseJsonBoolArray(json, string.concat(at, ".proofFlags"));
    }

    /// @dev 65 bytes r, s, v to the record that `publish` takes.
    function compact(uint256 memberId, bytes memory attestation) private pure returns (bytes memory) {
        bytes32 r = bytes32(slice(attestation, 0, 32));
        uint256 s = uint256(bytes32(slice(attestation, 32, 32)));
        return abi.encodePacked(uint8(memberId), r, s | (uint256(uint8(attestation[64]) - 27) << 255));
    }

    function isText(string memory a, string memory b) private pure returns (bool) {
        return keccak256(bytes(a)) == keccak256(bytes(b));
    }
}
