// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ICommittee } from "../../src/interfaces/ICommittee.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { OracleFixture } from "./OracleFixture.sol";
import { SignedHashes } from "./SignedHashes.sol";

/// @notice Changes of committee and rotations of hot keys, signed by known keys.
abstract contract CommitteeFixture is OracleFixture {
    /// @dev The committee that `genesisOf` makes, four members later: keys 4 .. 10.
    uint256[] internal nextKeys;
    SignedHashes internal hashes = new SignedHashes();

    function nextOf(uint64 fromEpoch) internal returns (ICommittee.Configuration memory next) {
        delete nextKeys;
        address[] memory members = new address[](7);
        for (uint256 i = 0; i < members.length; ++i) {
            nextKeys.push(uint256(keccak256(abi.encode("next member", i))));
            members[i] = vm.addr(nextKeys[i]);
        }
        next = ICommittee.Configuration({
            prevDigest: oracle.newestDigest(),
            seq: oracle.termOf(oracle.newestDigest()).seq + 1,
            members: members,
            f: 2,
            q: 5,
            paramsHash: keccak256("next params"),
            fromEpoch: fromEpoch
        });
    }

    function homeBlock() internal pure returns (ICommittee.HomeBlock memory) {
        return ICommittee.HomeBlock({ chainId: 1, blockNumber: 23_900_000, blockHash: keccak256("home block") });
    }

    function digestOf(ICommittee.Configuration memory config) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                config.prevDigest, config.seq, config.members, config.f, config.q, config.paramsHash, config.fromEpoch
            )
        );
    }

    /// @dev Records of the first `count` of `keys` over a change.
    function certify(ICommittee.Configuration memory next, uint256[] memory keys, uint256 count)
        internal
        view
        returns (bytes memory)
    {
        return signAll(hashes.hashChange(next, homeBlock()), keys, count);
    }

    function signAll(bytes32 hash, uint256[] memory keys, uint256 count) internal pure returns (bytes memory all) {
        for (uint256 i = 0; i < count; ++i) {
            all = bytes.concat(all, recordOf(hash, i, keys[i]));
        }
    }

    function recordOf(bytes32 hash, uint256 memberId, uint256 key) internal pure returns (bytes memory) {
        (bytes32 r, bytes32 parityAndS) = signCompact(hash, key);
        return abi.encodePacked(uint8(memberId), r, parityAndS);
    }

    function signCompact(bytes32 hash, uint256 key) internal pure returns (bytes32 r, bytes32 parityAndS) {
        uint8 v;
        bytes32 s;
        (v, r, s) = vm.sign(key, hash);
        parityAndS = withParity(v, s);
    }

    function withParity(uint8 v, bytes32 s) internal pure returns (bytes32) {
        return bytes32(uint256(s) | (uint256(v - 27) << 255));
    }

    function rotationOf(uint8 memberId, address hotKey, uint64 nonce, uint64 fromEpoch)
        internal
        view
        returns (ICommittee.HotKeyRotation memory)
    {
        return ICommittee.HotKeyRotation({
            configDigest: digest, memberId: memberId, hotKey: hotKey, nonce: nonce, fromEpoch: fromEpoch
        });
    }

    /// @dev The hot key is one that `vm.rememberKey` knows.
    function rotate(ICommittee.HotKeyRotation memory rotation, uint256 coldKey) internal {
        bytes32 hash = hashes.hashRotation(rotation);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(rotation.hotKey, hash);
        oracle.rotateHotKey(rotation, signatureOf(hash, coldKey), ICommittee.Signature(r, withParity(v, s)));
    }

    function signatureOf(bytes32 hash, uint256 key) internal pure returns (ICommittee.Signature memory signature) {
        (signature.r, signature.yParityAndS) = signCompact(hash, key);
    }

    /// @dev A report of `epoch` under `config`.
    function reportUnder(bytes32 configDigest, uint64 epoch, bytes32 root)
        internal
        view
        returns (IScoreOracle.Report memory report)
    {
        report = reportOf(epoch, root);
        report.configDigest = configDigest;
    }

    function warpToEpoch(uint64 epoch) internal {
        vm.warp(uint256(epoch) * EPOCH_S + 60);
    }
}
