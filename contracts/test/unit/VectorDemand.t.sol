// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ModelRegistry } from "../../src/ModelRegistry.sol";
import { ScoreDispute } from "../../src/ScoreDispute.sol";
import { IScoreDispute } from "../../src/interfaces/IScoreDispute.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { IStaking } from "../../src/interfaces/IStaking.sol";
import { IVectorDemand } from "../../src/interfaces/IVectorDemand.sol";
import { OracleFixture } from "../support/OracleFixture.sol";

/// @notice Takes its money only once it is told to, and tries to be paid twice.
contract FickleDemander {
    bool public isWilling;

    function demand(ScoreDispute dispute, uint64 epoch, bytes calldata entry, bytes32[] calldata proof)
        external
        payable
    {
        dispute.demandVector{ value: msg.value }(epoch, entry, proof);
    }

    function collect(ScoreDispute dispute) external {
        dispute.collect();
    }

    function agree() external {
        isWilling = true;
    }

    receive() external payable {
        require(isWilling);
        try ScoreDispute(msg.sender).collect() {
            revert("paid twice");
        } catch { }
    }
}

/// @notice Demands of vectors: answered, unanswered, refused. One report of four leaves is usable.
contract VectorDemandTest is OracleFixture {
    uint64 private constant EPOCH = FIRST_EPOCH;
    uint256 private constant DEMAND_S = 1200;
    uint256 private constant GAS_PRICE_WEI = 30e9;
    /// @dev Twice 100,000 gas at 30 gwei.
    uint256 private constant BOND_WEI = 0.006 ether;
    bytes private constant VECTOR = hex"00010002000300040005";

    ScoreDispute private dispute;
    ModelRegistry private registry;
    address private demander = makeAddr("demander");
    address private node = makeAddr("node");

    function setUp() public {
        deployOracle(4, 1, 3);
        registry = new ModelRegistry(address(oracle), OWNER, 21 days);
        dispute = deployDispute(DEMAND_S, GAS_PRICE_WEI);
        vm.prank(OWNER);
        oracle.setDispute(address(dispute));
        vm.deal(demander, 1 ether);
        for (uint256 i = 0; i < 3; ++i) {
            IScoreOracle.BorrowerScore memory score = borrowerOf(bytes32(i + 1), 100, 4);
            score.featuresHash = keccak256(VECTOR);
            entries.push(abi.encode(score));
        }
        IScoreOracle.CollateralScore memory pair = collateralOf(keccak256("pair"));
        pair.featuresHash = keccak256(VECTOR);
        entries.push(abi.encode(pair));
        publishEntries(EPOCH);
    }

    function deployDispute(uint256 demandSeconds, uint256 gasPriceWei) private returns (ScoreDispute) {
        return new ScoreDispute(oracle, registry, IStaking(address(0)), demandSeconds, gasPriceWei);
    }

    function demand(uint256 i) private {
        bytes32[] memory proof = proofOf(entries[i]);
        vm.prank(demander);
        dispute.demandVector{ value: BOND_WEI }(EPOCH, entries[i], proof);
    }

    // --- deployment ---------------------------------------------------------------------------

    function test_Deploy_Bond_IsTwiceTheAnswer() public view {
        assertEq(dispute.demandBondWei(), BOND_WEI);
        assertEq(dispute.demandSeconds(), DEMAND_S);
    }

    function test_Deploy_RevertWhen_OutOfLimits() public {
        expectInvalid("demandSeconds", VALIDITY_S, VALIDITY_S - 1);
        deployDispute(VALIDITY_S, GAS_PRICE_WEI);
        expectInvalid("gasPriceWei", 0, 1e15);
        deployDispute(DEMAND_S, 0);
        expectInvalid("gasPriceWei", 1e15 + 1, 1e15);
        deployDispute(DEMAND_S, 1e15 + 1);
    }

    function expectInvalid(string memory name, uint256 given, uint256 limit) private {
        vm.expectRevert(abi.encodeWithSelector(IVectorDemand.InvalidDemand.selector, name, given, limit));
    }

    // --- demand -------------------------------------------------------------------------------

    function test_Demand_UsableLeaf_IsOpen() public {
        bytes32 leaf = leafOf(entries[0]);
        vm.expectEmit(address(dispute));
        emit IVectorDemand.VectorDemanded(EPOCH, leaf, demander, block.timestamp + DEMAND_S);
        demand(0);

        IVectorDemand.Demand memory made = dispute.demandOf(EPOCH, leaf);
        assertEq(made.demander, demander);
        assertEq(made.answerBy, block.timestamp + DEMAND_S);
        assertEq(uint8(made.standing), uint8(IVectorDemand.Standing.Open));
        assertTrue(oracle.verify(EPOCH, leaf, proofOf(entries[0])));
    }

    /// Where no node answers, nobody voids a leaf by asking for its vector.
    function test_Demand_RevertWhen_SwitchedOff() public {
        dispute = deployDispute(0, GAS_PRICE_WEI);
        bytes32[] memory proof = proofOf(entries[0]);
        bytes memory entry = entries[0];

        vm.expectRevert(IVectorDemand.NoDemands.selector);
        vm.prank(demander);
        dispute.demandVector{ value: BOND_WEI }(EPOCH, entry, proof);
    }

    function test_Demand_RevertWhen_AnotherBond() public {
        bytes32[] memory proof = proofOf(entries[0]);
        vm.startPrank(demander);
        vm.expectRevert(abi.encodeWithSelector(IVectorDemand.WrongBond.selector, BOND_WEI - 1, BOND_WEI));
        dispute.demandVector{ value: BOND_WEI - 1 }(EPOCH, entries[0], proof);
        vm.expectRevert(abi.encodeWithSelector(IVectorDemand.WrongBond.selector, BOND_WEI + 1, BOND_WEI));
        dispute.demandVector{ value: BOND_WEI + 1 }(EPOCH, entries[0], proof);
    }

    function test_Demand_RevertWhen_LeafIsNotUsable() public {
        bytes32 leaf = leafOf(entries[0]);
        bytes32[] memory proof = proofOf(entries[0]);
        bytes memory entry = entries[0];
        vm.startPrank(demander);
        vm.expectRevert(abi.encodeWithSelector(IVectorDemand.UnusableLeaf.selector, EPOCH - 1, leaf));
        dispute.demandVector{ value: BOND_WEI }(EPOCH - 1, entry, proof);
        vm.expectRevert(abi.encodeWithSelector(IVectorDemand.UnusableLeaf.selector, EPOCH, leaf));
        dispute.demandVector{ value: BOND_WEI }(EPOCH, entry, new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(IScoreDispute.EntryLength.selector, 64));
        dispute.demandVector{ value: BOND_WEI }(EPOCH, new bytes(64), proof);
        vm.warp(uint256(EPOCH) * EPOCH_S + VALIDITY_S + 1);
        vm.expectRevert(abi.encodeWithSelector(IVectorDemand.UnusableLeaf.selector, EPOCH, leaf));
        dispute.demandVector{ value: BOND_WEI }(EPOCH, entry, proof);
    }

    /// While it is open, after it was answered, and after it was not.
    function test_Demand_RevertWhen_Repeated() public {
        demand(0);
        expectRepeated(0, IVectorDemand.Standing.Open);
        dispute.showVector(EPOCH, entries[0], VECTOR);
        expectRepeated(0, IVectorDemand.Standing.Answered);
    }

    function expectRepeated(uint256 i, IVectorDemand.Standing standing) private {
        bytes32[] memory proof = proofOf(entries[i]);
        vm.expectRevert(
            abi.encodeWithSelector(IVectorDemand.AlreadyDemanded.selector, EPOCH, leafOf(entries[i]), standing)
        );
        vm.prank(demander);
        dispute.demandVector{ value: BOND_WEI }(EPOCH, entries[i], proof);
    }

    // --- answer -------------------------------------------------------------------------------

    /// Quotes D-04: whoever shows the vector is paid, and the leaf stays what it is.
    function test_Show_InTheLastSecond_IsPaid() public {
        demand(0);
        vm.warp(block.timestamp + DEMAND_S);
        vm.expectEmit(address(dispute));
        emit IVectorDemand.VectorShown(EPOCH, leafOf(entries[0]), node, VECTOR);
        vm.startPrank(node);
        dispute.showVector(EPOCH, entries[0], VECTOR);

        assertEq(dispute.owedWei(node), BOND_WEI);
        vm.expectEmit(address(dispute));
        emit IVectorDemand.Collected(node, BOND_WEI);
        assertEq(dispute.collect(), BOND_WEI);
        assertEq(node.balance, BOND_WEI);
        assertTrue(oracle.verify(EPOCH, leafOf(entries[0]), proofOf(entries[0])));
        vm.expectRevert(abi.encodeWithSelector(IVectorDemand.NothingOwed.selector, node));
        dispute.collect();
    }

    function test_Show_RevertWhen_Late() public {
        demand(0);
        uint256 answerBy = block.timestamp + DEMAND_S;
        vm.warp(answerBy + 1);

        vm.expectRevert(abi.encodeWithSelector(IVectorDemand.LateAnswer.selector, answerBy + 1, answerBy));
        dispute.showVector(EPOCH, entries[0], VECTOR);
    }

    function test_Show_RevertWhen_AnotherVector() public {
        demand(0);
        bytes memory other = hex"0001";

        vm.expectRevert(abi.encodeWithSelector(IScoreDispute.WrongVector.selector, keccak256(other), keccak256(VECTOR)));
        dispute.showVector(EPOCH, entries[0], other);
    }

    function test_Show_RevertWhen_NotOpen() public {
        expectNotOpen(IVectorDemand.Standing.None);
        dispute.showVector(EPOCH, entries[0], VECTOR);
        demand(0);
        dispute.showVector(EPOCH, entries[0], VECTOR);
        expectNotOpen(IVectorDemand.Standing.Answered);
        dispute.showVector(EPOCH, entries[0], VECTOR);
        vm.warp(block.timestamp + DEMAND_S + 1);
        expectNotOpen(IVectorDemand.Standing.Answered);
        dispute.voidHidden(EPOCH, entries[0]);
    }

    function expectNotOpen(IVectorDemand.Standing standing) private {
        vm.expectRevert(abi.encodeWithSelector(IVectorDemand.NotOpen.selector, EPOCH, leafOf(entries[0]), standing));
    }

    // --- no answer ----------------------------------------------------------------------------

    /// Quotes D-05: readers and `post` refuse the leaf, what was stored of it is gone, and the other leaves stand.
    function test_Void_Unanswered_LeafIsVoid() public {
        postEntries(EPOCH);
        bytes32 leaf = leafOf(entries[0]);
        demand(0);
        vm.warp(block.timestamp + DEMAND_S + 1);
        vm.expectEmit(address(dispute));
        emit IVectorDemand.VectorHidden(EPOCH, leaf, demander);
        dispute.voidHidden(EPOCH, entries[0]);

        assertFalse(oracle.verify(EPOCH, leaf, proofOf(entries[0])));
        assertEq(oracle.borrowerScore(bytes32(uint256(1))).epoch, 0);
        assertTrue(oracle.verify(EPOCH, leafOf(entries[1]), proofOf(entries[1])));
        assertEq(oracle.borrowerScore(bytes32(uint256(2))).epoch, EPOCH);
        assertTrue(oracle.isUsable(EPOCH));
        assertEq(dispute.owedWei(demander), BOND_WEI);
        assertEq(uint8(dispute.demandOf(EPOCH, leaf).standing), uint8(IVectorDemand.Standing.Unanswered));
        expectNotOpen(IVectorDemand.Standing.Unanswered);
        dispute.voidHidden(EPOCH, entries[0]);
    }

    /// A pair becomes unrated and keeps its threshold.
    function test_Void_UnansweredPair_IsUnrated() public {
        postEntries(EPOCH);
        demand(3);
        vm.warp(block.timestamp + DEMAND_S + 1);
        dispute.voidHidden(EPOCH, entries[3]);

        assertEq(oracle.collateralScore(keccak256("pair")).binding, 3);
        assertEq(oracle.collateralScore(keccak256("pair")).liquidationThresholdBps, 8000);
    }

    /// Quotes D-05: not in the last second of the window.
    function test_Void_RevertWhen_Early() public {
        demand(0);
        uint256 answerBy = block.timestamp + DEMAND_S;
        vm.warp(answerBy);

        vm.expectRevert(abi.encodeWithSelector(IVectorDemand.EarlyVoid.selector, answerBy, answerBy));
        dispute.voidHidden(EPOCH, entries[0]);
    }

    function test_Void_RevertWhen_NotDemanded() public {
        expectNotOpen(IVectorDemand.Standing.None);
        dispute.voidHidden(EPOCH, entries[0]);
    }

    // --- bonds --------------------------------------------------------------------------------

    /// A demander that takes no money cannot keep the leaf alive, and one that calls back is not paid twice.
    function test_Collect_FickleDemander_BlocksNothing() public {
        FickleDemander fickle = new FickleDemander();
        bytes32[] memory proof = proofOf(entries[0]);
        fickle.demand{ value: BOND_WEI }(dispute, EPOCH, entries[0], proof);
        demand(1);
        vm.warp(block.timestamp + DEMAND_S + 1);
        dispute.voidHidden(EPOCH, entries[0]);
        assertFalse(oracle.verify(EPOCH, leafOf(entries[0]), proof));

        vm.expectRevert(abi.encodeWithSelector(IVectorDemand.PaymentRefused.selector, address(fickle), BOND_WEI));
        fickle.collect(dispute);
        fickle.agree();
        fickle.collect(dispute);
        assertEq(address(fickle).balance, BOND_WEI);
        assertEq(address(dispute).balance, BOND_WEI);
    }

    /// Quotes D-04, D-05: whatever becomes of four demands, the contract holds each bond that is open or owed, and no other.
    function testFuzz_D04_Bonds_ArePaidOnce(uint8 demanded, uint8 shown, uint8 voided, bool collects) public {
        uint256 open;
        for (uint256 i = 0; i < 4; ++i) {
            if (demanded >> i & 1 == 0) continue;
            demand(i);
            ++open;
        }
        for (uint256 i = 0; i < 4; ++i) {
            if (shown >> i & 1 == 0) continue;
            vm.prank(node);
            try dispute.showVector(EPOCH, entries[i], VECTOR) {
                --open;
            } catch { }
        }
        vm.warp(block.timestamp + DEMAND_S + 1);
        for (uint256 i = 0; i < 4; ++i) {
            if (voided >> i & 1 == 1) {
                try dispute.voidHidden(EPOCH, entries[i]) {
                    --open;
                } catch { }
            }
            bool isHidden = (demanded & ~shown & voided) >> i & 1 == 1;
            assertEq(oracle.verify(EPOCH, leafOf(entries[i]), proofOf(entries[i])), !isHidden);
        }
        if (collects && dispute.owedWei(node) != 0) {
            vm.prank(node);
            dispute.collect();
        }

        uint256 owed = dispute.owedWei(node) + dispute.owedWei(demander);
        assertEq(address(dispute).balance, open * BOND_WEI + owed);
        assertEq(address(dispute).balance + node.balance + demander.balance, 1 ether);
    }

    // --- gas ----------------------------------------------------------------------------------

    /// The bond is at least twice what an answer costs at the stated gas price, with a vector as long as any.
    /// forge-config: default.isolate = true
    function test_ShowGas_LongestVector_IsHalfTheBond() public {
        bytes memory longest = new bytes(64);
        for (uint256 i = 0; i < 64; ++i) {
            longest[i] = bytes1(uint8(i + 1));
        }
        IScoreOracle.CollateralScore memory pair = collateralOf(keccak256("long"));
        pair.featuresHash = keccak256(longest);
        delete entries;
        entries.push(abi.encode(pair));
        publishEntries(EPOCH + 1);
        vm.prank(demander);
        dispute.demandVector{ value: BOND_WEI }(EPOCH + 1, entries[0], new bytes32[](0));
        vm.snapshotGasLastCall("dispute", "demand a vector");

        vm.prank(node);
        dispute.showVector(EPOCH + 1, entries[0], longest);
        uint256 used = vm.snapshotGasLastCall("dispute", "show a vector of 32 slots");

        assertLe(2 * used * GAS_PRICE_WEI, dispute.demandBondWei());
    }
}
