// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { RiskOracle } from "../../src/RiskOracle.sol";
import { ICommittee } from "../../src/interfaces/ICommittee.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { CommitteeFixture } from "../support/CommitteeFixture.sol";

/// @notice Changes, rotations, reports, voids and recoveries at random, by the right and by the wrong people.
/// @dev Every committee has four members and f = 1; the keys of committee k are those of `keysOf(k)`.
contract CommitteeHandler is CommitteeFixture {
    uint256 private constant RING = 16;

    bytes32[] public digests;
    mapping(bytes32 digest => ICommittee.Term) private firstTerms;
    mapping(bytes32 digest => uint256[4]) private hotKeys;
    /// @dev What the test knows of each landed epoch.
    mapping(uint64 epoch => bytes32) public rootAt;
    mapping(uint64 epoch => uint256) public landedAt;
    mapping(uint64 epoch => bool) public isVoidedAt;
    uint64[] public landedEpochs;
    uint256 private keyCount;

    string public broken;

    constructor() {
        deployOracle(4, 1, 2);
        vm.prank(OWNER);
        oracle.setDispute(address(this));
        remember(digest);
    }

    function target() external view returns (RiskOracle) {
        return oracle;
    }

    function digestCount() external view returns (uint256) {
        return digests.length;
    }

    function landedCount() external view returns (uint256) {
        return landedEpochs.length;
    }

    function firstTermOf(bytes32 digest_) external view returns (ICommittee.Term memory) {
        return firstTerms[digest_];
    }

    // --- actions ------------------------------------------------------------------------------

    function passTime(uint256 elapsedS) external {
        vm.warp(block.timestamp + bound(elapsedS, 1, 3 * EPOCH_S));
    }

    function passWeeks(uint256 elapsedS) external {
        vm.warp(block.timestamp + bound(elapsedS, 1 days, 9 days));
    }

    /// @dev Three times in four with enough signatures, and mostly of the right committee.
    function change(uint8 signatures, uint8 ahead) external {
        uint256 k = digests.length;
        bytes32 newest = digests[k - 1];
        ICommittee.Configuration memory next = configOf(k, newest, nowEpoch() + 1 + ahead % 4);
        uint256 count = signatures < 64 ? signatures % 3 : 3 + signatures % 2;
        uint256 signer = signatures % 8 == 7 ? 0 : k - 1;
        bytes memory certificate = certify(next, keysOf(signer), count);
        bool isAlive = block.timestamp <= oracle.termOf(newest).expiresAt;
        try oracle.changeCommittee(next, homeBlock(), certificate) {
            if (count < 3 || !isAlive || signer != k - 1) broken = "C-01";
            remember(digestOf(next));
        } catch { }
    }

    function repeatChange(uint256 which) external {
        if (digests.length < 2) return;
        uint256 k = bound(which, 1, digests.length - 1);
        ICommittee.Configuration memory next = configOf(k, digests[k - 1], firstTerms[digests[k]].fromEpoch);
        try oracle.changeCommittee(next, homeBlock(), certify(next, keysOf(k - 1), 4)) {
            broken = "C-07";
        } catch { }
    }

    function rotateOne(uint256 which, uint8 memberId, uint8 ahead, bool isByTheHotKey) external {
        uint256 k = bound(which, 0, digests.length - 1);
        memberId %= 4;
        bytes32 digest_ = digests[k];
        uint256 newKey = uint256(keccak256(abi.encode("rotated", ++keyCount)));
        ICommittee.HotKeyRotation memory rotation = ICommittee.HotKeyRotation({
            configDigest: digest_,
            memberId: memberId,
            hotKey: vm.addr(newKey),
            nonce: uint64(keyCount),
            fromEpoch: nowEpoch() + ahead % 4
        });
        (, uint64 currentFrom,) = oracle.hotKeyOf(digest_, memberId);
        uint256 hotKey = hotKeys[digest_][memberId];
        uint256 coldKey = keysOf(k)[memberId];
        bytes32 hash = hashes.hashRotation(rotation);
        ICommittee.Signature memory byCold = signatureOf(hash, isByTheHotKey ? hotKey : coldKey);
        try oracle.rotateHotKey(rotation, byCold, signatureOf(hash, newKey)) {
            if (isByTheHotKey && hotKey != coldKey) broken = "C-04";
            (, uint64 newFrom,) = oracle.hotKeyOf(digest_, memberId);
            if (newFrom < currentFrom || newFrom <= nowEpoch()) broken = "C-04";
            hotKeys[digest_][memberId] = newKey;
        } catch { }
    }

    /// @dev With the newest hot keys, or with cold keys, under any digest.
    function publish(uint256 which, uint8 behind, uint8 signatures, bool isCold) external {
        uint256 k = bound(which, 0, digests.length - 1);
        bytes32 digest_ = digests[k];
        uint64 epoch = nowEpoch() + 1 - behind % 4;
        IScoreOracle.Report memory report =
            reportUnder(digest_, epoch, keccak256(abi.encode("root", landedEpochs.length)));
        uint256 count = signatures < 64 ? signatures % 2 : 2 + signatures % 3;
        uint256[] memory keys = keysOf(k);
        for (uint256 i = 0; i < 4 && !isCold; ++i) {
            keys[i] = hotKeys[digest_][i];
        }
        bytes memory attestations = signAll(oracle.hashReport(report), keys, count);
        ICommittee.Term memory term = oracle.termOf(digest_);
        bool isInTime = epoch >= term.fromEpoch && epoch < term.untilEpoch;
        try oracle.publish(report, attestations) {
            if (count < 2) broken = "Q-02";
            if (!isInTime || oracle.configDigestAt(epoch) != digest_) broken = "C-02";
            if (block.timestamp > term.expiresAt) broken = "C-03";
            (rootAt[epoch], landedAt[epoch]) = (report.scoresRoot, block.timestamp);
            landedEpochs.push(epoch);
        } catch { }
    }

    function void(uint256 which) external {
        if (landedEpochs.length == 0) return;
        uint256 oldest = landedEpochs.length > 8 ? landedEpochs.length - 8 : 0;
        uint64 epoch = landedEpochs[bound(which, oldest, landedEpochs.length - 1)];
        IScoreOracle.Report memory report = reportUnder(oracle.configDigestAt(epoch), epoch, rootAt[epoch]);
        bool isInRing = oracle.head().epoch < epoch + RING;
        oracle.voidReport(report);
        if (isInRing) isVoidedAt[epoch] = true;
    }

    function announce(bool isTheOwner) external {
        uint256 k = digests.length;
        ICommittee.Configuration memory next = configOf(k, digests[k - 1], nowEpoch());
        bool isAlive = block.timestamp <= oracle.termOf(digests[k - 1]).expiresAt;
        if (isTheOwner) vm.prank(OWNER);
        try oracle.announceRecovery(next) {
            if (!isTheOwner || isAlive) broken = "C-06";
            announcedEpoch = next.fromEpoch;
            announcedAt = block.timestamp;
        } catch { }
    }

    uint64 private announcedEpoch;
    uint256 private announcedAt;

    function recover(bool isTheOwner) external {
        uint256 k = digests.length;
        ICommittee.Configuration memory next = configOf(k, digests[k - 1], announcedEpoch);
        bool isAlive = block.timestamp <= oracle.termOf(digests[k - 1]).expiresAt;
        if (isTheOwner) vm.prank(OWNER);
        try oracle.recover(next) {
            if (!isTheOwner || isAlive || block.timestamp < announcedAt + RECOVERY_S) broken = "C-06";
            remember(digestOf(next));
        } catch { }
    }

    // --- what is known ------------------------------------------------------------------------

    function keysOf(uint256 k) internal view returns (uint256[] memory keys) {
        if (k == 0) return memberKeys;
        keys = new uint256[](4);
        for (uint256 i = 0; i < 4; ++i) {
            keys[i] = uint256(keccak256(abi.encode("committee", k, i)));
        }
    }

    function configOf(uint256 k, bytes32 prevDigest, uint64 fromEpoch)
        private
        view
        returns (ICommittee.Configuration memory next)
    {
        uint256[] memory keys = keysOf(k);
        next.members = new address[](4);
        for (uint256 i = 0; i < 4; ++i) {
            next.members[i] = vm.addr(keys[i]);
        }
        (next.prevDigest, next.seq, next.f, next.q, next.fromEpoch) = (prevDigest, uint64(k), 1, 2, fromEpoch);
    }

    function remember(bytes32 digest_) private {
        uint256 k = digests.length;
        digests.push(digest_);
        firstTerms[digest_] = oracle.termOf(digest_);
        uint256[] memory keys = keysOf(k);
        for (uint256 i = 0; i < 4; ++i) {
            hotKeys[digest_][i] = keys[i];
        }
    }

    function nowEpoch() private view returns (uint64) {
        return uint64(block.timestamp / EPOCH_S);
    }
}

contract CommitteeInvariantTest is CommitteeFixture {
    CommitteeHandler private handler;

    function setUp() public {
        handler = new CommitteeHandler();
        oracle = handler.target();
        targetContract(address(handler));
        bytes4[] memory selectors = new bytes4[](10);
        (selectors[0], selectors[1], selectors[2]) =
        (handler.passTime.selector, handler.passWeeks.selector, handler.change.selector);
        (selectors[3], selectors[4], selectors[5]) =
        (handler.repeatChange.selector, handler.rotateOne.selector, handler.publish.selector);
        (selectors[6], selectors[7], selectors[8]) =
        (handler.void.selector, handler.announce.selector, handler.recover.selector);
        // Reports come most often.
        selectors[9] = handler.publish.selector;
        targetSelector(FuzzSelector({ addr: address(handler), selectors: selectors }));
    }

    /// Each action of the handler can succeed, so that the laws below are tried and not vacuous.
    function test_Handler_EachAction_CanSucceed() public {
        handler.publish(0, 1, 64, true);
        assertEq(handler.landedCount(), 1);
        handler.void(0);
        assertTrue(oracle.isOnHold());

        handler.rotateOne(0, 1, 0, false);
        (,, uint64 nonce) = oracle.hotKeyOf(handler.digests(0), 1);
        assertEq(nonce, 1);
        handler.passTime(2 * EPOCH_S);
        handler.publish(0, 1, 64, false);
        assertEq(handler.landedCount(), 2);

        handler.change(64, 0);
        assertEq(handler.digestCount(), 2);
        handler.repeatChange(1);
        for (uint256 i = 0; i < 5; ++i) {
            handler.passWeeks(9 days);
        }
        handler.announce(true);
        handler.passWeeks(9 days);
        handler.recover(true);
        assertEq(handler.digestCount(), 3);
        handler.publish(2, 1, 64, true);
        assertEq(handler.landedCount(), 3);
        assertEq(handler.broken(), "");
    }

    /// Quotes C-01, C-02, C-03, C-04, C-06, C-07, Q-02: whatever was taken was taken by the rules.
    /// forge-config: default.invariant.runs = 24
    function invariant_C01_Taken_ByTheRulesAlone() public view {
        assertEq(handler.broken(), "");
    }

    /// Quotes C-08: nothing that was known of a digest changes, but that its successor ends it, once.
    /// forge-config: default.invariant.runs = 24
    function invariant_C08_Digests_NeverChange() public view {
        uint256 count = handler.digestCount();
        assertEq(oracle.newestDigest(), handler.digests(count - 1));
        for (uint256 k = 0; k < count; ++k) {
            bytes32 digest_ = handler.digests(k);
            ICommittee.Term memory term = oracle.termOf(digest_);
            ICommittee.Term memory first = handler.firstTermOf(digest_);
            uint64 ends = k + 1 < count ? oracle.termOf(handler.digests(k + 1)).fromEpoch : type(uint40).max;
            assertEq(term.untilEpoch, ends);
            first.untilEpoch = ends;
            assertEq(abi.encode(term), abi.encode(first));
            assertLt(term.fromEpoch, ends);
            assertEq(term.members, 4);
        }
    }

    /// Quotes O-05, O-06: usable are at most the head and its predecessor, never a voided one, nothing while the head is.
    /// forge-config: default.invariant.runs = 24
    function invariant_O06_Voided_GivesNothing() public view {
        IScoreOracle.Head memory head = oracle.head();
        bool isOnHold = head.epoch != 0 && handler.isVoidedAt(head.epoch);
        assertEq(oracle.isOnHold(), isOnHold);
        uint256 count = handler.landedCount();
        for (uint256 i = count > 20 ? count - 20 : 0; i < count; ++i) {
            uint64 epoch = handler.landedEpochs(i);
            if (handler.isVoidedAt(epoch)) {
                assertFalse(oracle.isUsable(epoch));
                assertFalse(oracle.isFinalised(epoch));
                assertTrue(oracle.isExpired(epoch));
            }
            if (!oracle.isUsable(epoch)) continue;
            assertFalse(isOnHold);
            assertTrue(epoch == head.epoch || epoch == head.previousEpoch);
            assertEq(oracle.rootOf(epoch), handler.rootAt(epoch));
        }
        uint64 latest = oracle.latest().epoch;
        assertEq(latest, oracle.isUsable(head.epoch) ? head.epoch : 0);
    }

    /// Quotes O-07: a final report stood here for the challenge window, is in its validity, not voided, and is the newest such.
    /// forge-config: default.invariant.runs = 24
    function invariant_O07_Final_StoodForTheWindow() public view {
        IScoreOracle.Reading memory reading = oracle.finalised();
        uint64 newest;
        uint256 count = handler.landedCount();
        for (uint256 i = 0; i < count; ++i) {
            uint64 epoch = handler.landedEpochs(i);
            if (!oracle.isFinalised(epoch)) continue;
            assertGe(block.timestamp, handler.landedAt(epoch) + CHALLENGE_S);
            assertLe(block.timestamp, uint256(epoch) * EPOCH_S + VALIDITY_S);
            assertFalse(handler.isVoidedAt(epoch));
            if (epoch > newest) newest = epoch;
        }
        assertEq(reading.epoch, newest);
        assertEq(reading.scoresRoot, newest == 0 ? bytes32(0) : handler.rootAt(newest));
    }
}
