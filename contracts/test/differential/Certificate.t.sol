// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { RiskOracle } from "../../src/RiskOracle.sol";
import { ICommittee } from "../../src/interfaces/ICommittee.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { AttestationLib } from "../../src/libraries/AttestationLib.sol";
import { SignedHashes } from "../support/SignedHashes.sol";
import { Vectors } from "../support/Vectors.sol";

/// @notice Changes of committee and rotations of hot keys, as another implementation hashed and signed them.
contract CertificateVectorsTest is Vectors {
    string private constant MNEMONIC = "test test test test test test test test test test test junk";

    string private json;
    RiskOracle private oracle;
    SignedHashes private hashes = new SignedHashes();

    function setUp() public {
        json = vectors("certificate");
        string memory committees = vectors("committee");
        IScoreOracle.Genesis memory genesis;
        genesis.prevDigest = vm.parseJsonBytes32(committees, ".cases[0].prevDigest");
        genesis.members = vm.parseJsonAddressArray(committees, ".cases[0].members");
        genesis.paramsHash = vm.parseJsonBytes32(committees, ".cases[0].paramsHash");
        genesis.fromEpoch = uint64(vm.parseJsonUint(committees, ".cases[0].fromEpoch"));
        (genesis.f, genesis.q, genesis.epochSeconds, genesis.validitySeconds) = (1, 3, 3600, 10_800);
        genesis.digestSeconds = 28 days;
        vm.warp(uint256(genesis.fromEpoch) * 3600 + 60);
        oracle = new RiskOracle(genesis);
    }

    function test_Change_Vectors_Agree() public view {
        bytes32[] memory expected = vm.parseJsonBytes32Array(json, ".columns.changeHash");

        assertEq(AttestationLib.CHANGE_TYPEHASH, vm.parseJsonBytes32(json, ".changeTypeHash"));
        for (uint256 i = 0; i < expected.length; ++i) {
            (ICommittee.Configuration memory next, ICommittee.HomeBlock memory home) = changeAt(i);
            assertEq(hashes.hashChange(next, home), expected[i], vm.toString(i));
        }
        assertGt(expected.length, 5);
    }

    function test_Rotation_Vectors_Agree() public view {
        assertEq(AttestationLib.ROTATION_TYPEHASH, vm.parseJsonBytes32(json, ".rotationTypeHash"));
        uint256 compared;
        for (; vm.keyExistsJson(json, rotationAt(compared)); ++compared) {
            bytes32 expected = vm.parseJsonBytes32(json, string.concat(rotationAt(compared), ".rotationHash"));
            assertEq(hashes.hashRotation(readRotation(compared)), expected, vm.toString(compared));
        }
        assertGt(compared, 5);
    }

    /// The first committee of committee.json certified the first change: its signatures, made compact, change it here.
    function test_Change_VectorSignatures_AreTaken() public {
        (ICommittee.Configuration memory next, ICommittee.HomeBlock memory home) = changeAt(0);
        bytes[] memory signatures = vm.parseJsonBytesArray(json, ".cases[0].signatures");
        bytes memory records;
        for (uint256 i = 0; i < signatures.length; ++i) {
            (bytes32 r, bytes32 parityAndS) = compact(signatures[i]);
            records = bytes.concat(records, abi.encodePacked(uint8(i), r, parityAndS));
        }

        oracle.changeCommittee(next, home, records);

        assertEq(oracle.newestDigest(), vm.parseJsonBytes32(json, ".cases[0].nextDigest"));
    }

    function test_Rotation_VectorSignature_IsTaken() public {
        ICommittee.HotKeyRotation memory rotation = readRotation(0);
        (bytes32 r, bytes32 parityAndS) = compact(vm.parseJsonBytes(json, string.concat(rotationAt(0), ".signature")));
        // The hot key is the sixth of the test keys that the vectors use; it signs the same digest.
        (uint8 v, bytes32 hotR, bytes32 hotS) = vm.sign(
            vm.deriveKey(MNEMONIC, 5), vm.parseJsonBytes32(json, string.concat(rotationAt(0), ".rotationHash"))
        );
        (bytes32 byHotR, bytes32 byHotS) = compact(abi.encodePacked(hotR, hotS, v));

        oracle.rotateHotKey(rotation, ICommittee.Signature(r, parityAndS), ICommittee.Signature(byHotR, byHotS));

        (address hotKey, uint64 fromEpoch,) = oracle.hotKeyOf(rotation.configDigest, rotation.memberId);
        assertEq(hotKey, rotation.hotKey);
        assertEq(fromEpoch, rotation.fromEpoch);
    }

    // --- reading ------------------------------------------------------------------------------

    function changeAt(uint256 i)
        private
        view
        returns (ICommittee.Configuration memory next, ICommittee.HomeBlock memory home)
    {
        string memory at = string.concat(".cases[", vm.toString(i), "]");
        next.prevDigest = vm.parseJsonBytes32(json, string.concat(at, ".prevDigest"));
        next.seq = uint64(vm.parseJsonUint(json, string.concat(at, ".seq")));
        next.members = vm.parseJsonAddressArray(json, string.concat(at, ".members"));
        next.f = uint8(vm.parseJsonUint(json, string.concat(at, ".f")));
        next.q = uint8(vm.parseJsonUint(json, string.concat(at, ".q")));
        next.paramsHash = vm.parseJsonBytes32(json, string.concat(at, ".paramsHash"));
        next.fromEpoch = uint64(vm.parseJsonUint(json, string.concat(at, ".fromEpoch")));
        home.chainId = uint64(vm.parseJsonUint(json, string.concat(at, ".homeChainId")));
        home.blockNumber = uint64(vm.parseJsonUint(json, string.concat(at, ".homeBlockNumber")));
        home.blockHash = vm.parseJsonBytes32(json, string.concat(at, ".homeBlockHash"));
    }

    function rotationAt(uint256 i) private pure returns (string memory) {
        return string.concat(".rotations[", vm.toString(i), "]");
    }

    function readRotation(uint256 i) private view returns (ICommittee.HotKeyRotation memory rotation) {
        string memory at = rotationAt(i);
        rotation.configDigest = vm.parseJsonBytes32(json, string.concat(at, ".configDigest"));
        rotation.memberId = uint8(vm.parseJsonUint(json, string.concat(at, ".memberId")));
        rotation.hotKey = vm.parseJsonAddress(json, string.concat(at, ".hotKey"));
        rotation.nonce = uint64(vm.parseJsonUint(json, string.concat(at, ".nonce")));
        rotation.fromEpoch = uint64(vm.parseJsonUint(json, string.concat(at, ".fromEpoch")));
    }

    function compact(bytes memory signature) private pure returns (bytes32 r, bytes32 parityAndS) {
        r = bytes32(slice(signature, 0, 32));
        uint256 s = uint256(bytes32(slice(signature, 32, 32)));
        parityAndS = bytes32(s | (uint256(uint8(signature[64]) - 27) << 255));
    }
}
