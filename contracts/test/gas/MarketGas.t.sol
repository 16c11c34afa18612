// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ILendingMarket } from "../../src/interfaces/ILendingMarket.sol";
import { MarketFixture } from "../support/MarketFixture.sol";

/// @notice Gas of whole transactions of borrowers, with cold storage.
contract MarketGasTest is MarketFixture {
    function setUp() public {
        setUpMarket();
        gate.refresh();
    }

    /// forge-config: default.isolate = true
    function test_LoanGas_WithAndWithoutProof_IsSnapshot() public {
        supplyCollateral(safe, WETH);
        supplyCollateral(unknown, WETH);
        ILendingMarket.Proof memory proof = safeProof();
        fund(unknown, usdc, 100 * USDC);

        vm.prank(unknown);
        market.borrow(1100 * USDC, unknown);
        vm.snapshotGasLastCall("market", "borrow without proof");
        vm.prank(safe);
        market.borrow(1400 * USDC, safe, proof);
        vm.snapshotGasLastCall("market", "borrow with proof");
        vm.warp(block.timestamp + 60);
        vm.prank(unknown);
        market.repay(100 * USDC, unknown);
        vm.snapshotGasLastCall("market", "repay");

        assertGt(market.totalExposure(), 0);
    }

    /// forge-config: default.isolate = true
    function test_LiquidationGas_IsSnapshot() public {
        openFloorLoan(unknown, 1200 * USDC);
        setPrice(1490);
        fund(liquidator, usdc, 600 * USDC);

        vm.prank(liquidator);
        market.liquidate(unknown, 600 * USDC);
        vm.snapshotGasLastCall("market", "liquidate");

        assertEq(market.debtOf(unknown), 600 * USDC);
    }

    /// forge-config: default.isolate = true
    function test_PostGas_CollateralUpdate_IsSnapshot() public {
        publishScores(FIRST_EPOCH + 1);
        vm.snapshotGasLastCall("oracle", "post one collateral");

        assertEq(oracle.collateralScore(pairSubject).epoch, FIRST_EPOCH + 1);
    }
}
