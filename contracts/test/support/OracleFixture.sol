// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { Test } from "forge-std/Test.sol";

import { RiskOracle } from "../../src/RiskOracle.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { TreeLib } from "./TreeLib.sol";

/// @notice A committee with known keys, and reports that it signs.
abstract contract OracleFixture is Test {
    uint64 internal constant EPOCH_S = 3600;
    uint64 internal constant VALIDITY_S = 10_800;
    uint64 internal constant GRACE_S = 600;
    uint64 internal constant CHALLENGE_S = 3600;
    uint64 internal constant RECOVERY_S = 7 days;
    address internal constant OWNER = address(0x0123);
    uint64 internal constant FIRST_EPOCH = 489_555;

    uint256[] internal memberKeys;
    RiskOracle internal oracle;
    bytes32 internal digest;

    /// @dev Leaves and entries of the report being made.
    bytes[] internal entries;

    function deployOracle(uint256 n, uint8 f, uint8 q) internal {
        vm.warp(uint256(FIRST_EPOCH) * EPOCH_S + 60);
        oracle = new RiskOracle(genesisOf(n, f, q));
        digest = oracle.configDigest();
    }

    function genesisOf(uint256 n, uint8 f, uint8 q) internal returns (IScoreOracle.Genesis memory genesis) {
        delete memberKeys;
        address[] memory members = new address[](n);
        for (uint256 i = 0; i < n; ++i) {
            memberKeys.push(uint256(keccak256(abi.encode("member", i))));
            members[i] = vm.addr(memberKeys[i]);
        }
        genesis = IScoreOracle.Genesis({
            prevDigest: keccak256("salt"),
            members: members,
            f: f,
            q: q,
            paramsHash: keccak256("params"),
            fromEpoch: FIRST_EPOCH,
            epochSeconds: EPOCH_S,
            validitySeconds: validitySeconds(),
            graceSeconds: GRACE_S,
            challengeSeconds: CHALLENGE_S,
            digestSeconds: digestSeconds(),
            recoverySeconds: RECOVERY_S,
            owner: OWNER
        });
    }

    /// @dev Of the committees that `genesisOf` makes.
    function validitySeconds() internal pure virtual returns (uint64) {
        return VALIDITY_S;
    }

    /// @dev How long the committees of `genesisOf` sign.
    function digestSeconds() internal pure virtual returns (uint64) {
        return 28 days;
    }

    function reportOf(uint64 epoch, bytes32 root) internal view returns (IScoreOracle.Report memory) {
        return IScoreOracle.Report({
            configDigest: digest,
            epoch: epoch,
            cutHash: keccak256(abi.encode("cut", epoch)),
            scoresRoot: root,
            observers: 7,
            borrowers: 312,
            collaterals: 18,
            stalledChains: 0
        });
    }

    /// @dev One record: member id, r, and s with the parity in its top bit.
    function attest(IScoreOracle.Report memory report, uint256 memberId) internal view returns (bytes memory) {
        return attestAs(report, memberId, memberKeys[memberId]);
    }

    function attestAs(IScoreOracle.Report memory report, uint256 memberId, uint256 key)
        internal
        view
        returns (bytes memory)
    {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, oracle.hashReport(report));
        return abi.encodePacked(uint8(memberId), r, uint256(s) | (uint256(v - 27) << 255));
    }

    function attestAll(IScoreOracle.Report memory report, uint256 count) internal view returns (bytes memory all) {
        for (uint256 i = 0; i < count; ++i) {
            all = bytes.concat(all, attest(report, i));
        }
    }

    function publishRoot(uint64 epoch, bytes32 root) internal {
        (,,, uint8 q,) = oracle.committee();
        IScoreOracle.Report memory report = reportOf(epoch, root);
        oracle.publish(report, attestAll(report, q));
    }

    /// @dev Publishes a report over `entries`, one minute after its boundary unless that has passed.
    function publishEntries(uint64 epoch) internal {
        uint256 due = uint256(epoch) * EPOCH_S + 60;
        if (block.timestamp < due) vm.warp(due);
        publishRoot(epoch, nodes()[0]);
    }

    function nodes() internal view returns (bytes32[] memory) {
        bytes32[] memory leaves = new bytes32[](entries.length);
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = leafOf(entries[i]);
        }
        return TreeLib.build(leaves);
    }

    function proofOf(bytes memory entry) internal view returns (bytes32[] memory) {
        return TreeLib.proofOf(nodes(), leafOf(entry));
    }

    /// @dev Posts all of `entries` in one multiproof.
    function postEntries(uint64 epoch) internal {
        uint256 n = entries.length;
        bytes32[] memory tree = nodes();
        bytes[] memory ordered = new bytes[](n);
        for (uint256 i = 0; i < n; ++i) {
            ordered[2 * n - 2 - TreeLib.indexOf(tree, leafOf(entries[i]))] = entries[i];
        }
        oracle.post(epoch, ordered, new bytes32[](0), TreeLib.flagsOfAll(n));
    }

    function leafOf(bytes memory entry) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(entry)));
    }

    function borrowerOf(bytes32 subject, int32 behaviourMargin, uint8 grade)
        internal
        pure
        returns (IScoreOracle.BorrowerScore memory)
    {
        return IScoreOracle.BorrowerScore({
            kind: 1,
            subject: subject,
            stateOffset: -5790,
            behaviourMargin: behaviourMargin,
            pdPpm: 12_345,
            pdUpperPpm: 15_000,
            points: 600,
            grade: grade,
            reasons: 0x01020304,
            featuresHash: keccak256("features")
        });
    }

    function collateralOf(bytes32 subject) internal pure returns (IScoreOracle.CollateralScore memory) {
        return IScoreOracle.CollateralScore({
            kind: 2,
            subject: subject,
            margin: -9000,
            volatilityPpm: 620_000,
            drawdownBps: 1500,
            gapPpm: 20_000,
            ltvCeilingBps: 7500,
            ltvFloorBps: 6000,
            liquidationThresholdBps: 8000,
            binding: 1,
            featuresHash: keccak256("pair features")
        });
    }

    function asSubject(address account) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }
}
