// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ILendingMarket } from "../../src/interfaces/ILendingMarket.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { MarketFixture } from "../support/MarketFixture.sol";

/// @notice The laws of the market: hiding, splitting, a fresh address or an older proof never pays.
contract MarketLawsTest is MarketFixture {
    function setUp() public {
        setUpMarket();
    }

    /// Quotes M-09: a quote is exactly what the loan then gets, or the reason why it is refused.
    function testFuzz_M09_Quote_EqualsTheLoan(uint256 amount, int32 margin, uint8 grade, bool withProof) public {
        amount = bound(amount, 1, 2000 * USDC);
        grade = uint8(bound(grade, 0, 10));
        ILendingMarket.Proof memory proof = publishAs(FIRST_EPOCH + 1, safe, margin, grade);
        supplyCollateral(safe, WETH);
        ILendingMarket.Quote memory quote = withProof ? market.quote(safe, amount, proof) : market.quote(safe, amount);

        vm.prank(safe);
        (bool done, bytes memory reason) = address(market).call(borrowCall(amount, proof, withProof));

        assertEq(done, quote.allowed);
        if (done) {
            assertEq(market.debtOf(safe), quote.debtAfter);
            assertEq(market.position(safe).premiumBps, quote.premiumBps);
            assertEq(market.position(safe).exposure, quote.exposureAfter);
            assertGe(market.healthFactorWad(safe), 1e18);
        } else {
            assertEq(
                reason,
                abi.encodeWithSelector(
                    ILendingMarket.TermsRefused.selector, quote.refusal, quote.basis, quote.given, quote.limit
                )
            );
        }
    }

    /// Quotes M-09: with interest in the index, the debt booked is the debt quoted, rounded up by two units at most.
    function testFuzz_M09_QuoteAfterInterest_EqualsTheLoan(uint256 first, uint256 second, uint32 elapsedS) public {
        first = bound(first, 1, 700 * USDC);
        second = bound(second, 1, 700 * USDC);
        supplyCollateral(risky, 450 * WETH);
        vm.prank(risky);
        market.borrow(500_000 * USDC, risky);
        vm.warp(block.timestamp + bound(elapsedS, 1, 3650 days));
        ILendingMarket.Proof memory proof = publishAs(uint64(block.timestamp / EPOCH_S) + 1, safe, SAFE_MARGIN, 1);
        postEntry(proof.epoch, entries[0]);
        skipWithPrices(1);
        supplyCollateral(safe, WETH);
        uint256[2] memory amounts = [first, second];
        for (uint256 i = 0; i < 2; ++i) {
            ILendingMarket.Quote memory quote = market.quote(safe, amounts[i], proof);
            vm.prank(safe);
            market.borrow(amounts[i], safe, proof);

            assertTrue(quote.allowed);
            assertEq(market.position(safe).premiumBps, quote.premiumBps);
            assertEq(market.position(safe).exposure, quote.exposureAfter);
            assertGe(market.debtOf(safe), quote.debtAfter);
            assertLe(market.debtOf(safe), quote.debtAfter + 2);
        }
    }

    /// Quotes T-07: showing a score never gives less than hiding it.
    function testFuzz_T07_Hiding_NeverPays(uint256 amount, int32 margin, uint8 grade) public {
        amount = bound(amount, 1, 2000 * USDC);
        ILendingMarket.Proof memory proof = publishAs(FIRST_EPOCH + 1, safe, margin, uint8(bound(grade, 0, 10)));
        supplyCollateral(safe, WETH);

        assertNoBetter(market.quote(safe, amount), market.quote(safe, amount, proof));
    }

    /// Quotes T-08: once a newer score is stored, no older proof gets more than the newer one does.
    function testFuzz_T08_OlderProof_NeverPays(uint256 amount, int32 older, int32 newer, uint8 newerGrade) public {
        amount = bound(amount, 1, 2000 * USDC);
        ILendingMarket.Proof memory oldProof = publishAs(FIRST_EPOCH + 1, safe, older, 3);
        ILendingMarket.Proof memory newProof = publishAs(FIRST_EPOCH + 2, safe, newer, uint8(bound(newerGrade, 0, 10)));
        postEntry(FIRST_EPOCH + 2, abi.encode(newProof.score));
        supplyCollateral(safe, WETH);

        assertNoBetter(market.quote(safe, amount, oldProof), market.quote(safe, amount, newProof));
    }

    /// Quotes T-03: once a riskier score was stored, nothing published before it expires gets more than it does.
    function testFuzz_T03_StoredRiskierScore_CannotBeOutrun(uint256 amount, int32 stored, int32 later) public {
        amount = bound(amount, 1, 2000 * USDC);
        later = int32(bound(later, type(int32).min, stored));
        ILendingMarket.Proof memory riskier = publishAs(FIRST_EPOCH + 1, safe, stored, 5);
        postEntry(FIRST_EPOCH + 1, abi.encode(riskier.score));
        supplyCollateral(safe, WETH);
        ILendingMarket.Quote memory before = market.quote(safe, amount, riskier);
        ILendingMarket.Proof memory milder = publishAs(FIRST_EPOCH + 2, safe, later, 1);

        assertNoBetter(market.quote(safe, amount, milder), before);
    }

    /// Quotes T-03: an unusable score gives exactly what no score gives, however good it was.
    function testFuzz_T03_ExpiredProof_IsTheFloor(uint256 amount, int32 margin, uint32 elapsedS) public {
        amount = bound(amount, 1, 2000 * USDC);
        ILendingMarket.Proof memory old = publishAs(FIRST_EPOCH + 1, safe, margin, 1);
        supplyCollateral(safe, WETH);
        uint64 later = FIRST_EPOCH + 1 + uint64(VALIDITY_S / EPOCH_S + 1 + bound(elapsedS, 0, 1000));
        publishScores(later);
        skipWithPrices(0);
        ILendingMarket.Quote memory floor = market.quote(safe, amount);

        ILendingMarket.Quote memory quote = market.quote(safe, amount, old);

        assertEq(uint8(quote.basis), uint8(ILendingMarket.Basis.Expired));
        assertEq(quote.allowed, floor.allowed);
        assertEq(quote.premiumBps, floor.premiumBps);
        assertEq(quote.ltvBps, floor.ltvBps);
        assertEq(quote.allowed, quote.askBps <= 6000);
    }

    /// Quotes T-09: two loans get no more, and no cheaper, than one of both amounts.
    function testFuzz_T09_TwoLoans_GetNoMoreThanOne(uint256 first, uint256 second, int32 margin) public {
        first = bound(first, 1, 1500 * USDC);
        second = bound(second, 1, 1500 * USDC);
        ILendingMarket.Proof memory proof = publishAs(FIRST_EPOCH + 1, safe, margin, 2);
        supplyCollateral(safe, WETH);
        ILendingMarket.Quote memory whole = market.quote(safe, first + second, proof);
        if (!market.quote(safe, first, proof).allowed) return;
        vm.prank(safe);
        market.borrow(first, safe, proof);

        ILendingMarket.Quote memory rest = market.quote(safe, second, proof);

        assertEq(rest.allowed, whole.allowed);
        assertEq(rest.premiumBps, whole.premiumBps);
        assertEq(rest.exposureAfter, whole.exposureAfter);
    }

    /// Quotes T-10: collateral spread over fresh addresses borrows no more than the floor on the whole.
    function testFuzz_T10_FreshAddresses_GetTheFloor(uint256 share, uint256 amount) public {
        share = bound(share, 1, WETH - 1);
        amount = bound(amount, 1, 2000 * USDC);
        address[2] memory fresh = [makeAddr("fresh one"), makeAddr("fresh two")];
        supplyCollateral(fresh[0], share);
        supplyCollateral(fresh[1], WETH - share);
        uint256 borrowed;
        for (uint256 i = 0; i < 2; ++i) {
            uint256 part = i == 0 ? amount * share / WETH : amount - amount * share / WETH;
            if (part == 0 || !market.quote(fresh[i], part).allowed) continue;
            vm.prank(fresh[i]);
            market.borrow(part, fresh[i]);
            borrowed += part;
        }

        assertLe(borrowed, 1200 * USDC);
    }

    /// Quotes M-03: repayment needs no price and no score, expired or not.
    function testFuzz_M03_Repay_IsNeverBlocked(uint256 amount, uint32 elapsedS, int192 answer) public {
        openSafeLoan(1400 * USDC);
        vm.warp(block.timestamp + bound(elapsedS, 0, 3650 days));
        wethFeed.setAnswerAt(answer, 0);
        uint256 debt = market.debtOf(safe);
        amount = bound(amount, 1, 2 * debt);
        fund(safe, usdc, amount);

        vm.prank(safe);
        uint256 repaid = market.repay(amount, safe);

        assertEq(repaid, amount < debt ? amount : debt);
        // One unit for rounding the debt up, and one unit of scaled debt, worth less than two at such an index.
        assertApproxEqAbs(market.debtOf(safe), debt - repaid, 2);
    }

    /// Quotes M-04: a liquidation never leaves a covered position riskier than it was.
    function testFuzz_M04_Liquidation_HealsCoveredPositions(uint256 price, uint256 amount) public {
        openFloorLoan(unknown, 1200 * USDC);
        // From the edge of liquidation down to where collateral no longer covers debt and bonus.
        price = bound(price, 1261e8, 1499e8);
        wethFeed.setAnswer(int192(uint192(price)));
        // Below a cent the rounding of the price is more than what the repayment heals.
        amount = bound(amount, USDC / 100, 1200 * USDC);
        fund(liquidator, usdc, amount);
        uint256 healthFactorBefore = market.healthFactorWad(unknown);

        vm.prank(liquidator);
        (uint256 repaid, uint256 seized) = market.liquidate(unknown, amount);

        assertLe(repaid, 600 * USDC);
        assertLe(seized * price / 1e20, repaid * 105 / 100);
        assertGe(market.healthFactorWad(unknown), healthFactorBefore);
    }

    /// Quotes M-04, M-05: whatever became of price, threshold and scores, who is unhealthy can be liquidated, and nobody
    /// else; no debt is left without collateral.
    function testFuzz_M04_Unhealthy_IsAlwaysLiquidated(
        uint256 price,
        uint256 amount,
        uint16 thresholdBps,
        bool isRated,
        uint32 elapsedS
    ) public {
        openFloorLoan(unknown, 1200 * USDC);
        IScoreOracle.CollateralScore memory pair = pairScore();
        pair.liquidationThresholdBps = uint16(bound(thresholdBps, 0, 10_000));
        if (!isRated) pair.binding = 3;
        delete entries;
        entries.push(abi.encode(pair));
        publishEntries(FIRST_EPOCH + 1);
        postEntry(FIRST_EPOCH + 1, entries[0]);
        skipWithPrices(bound(elapsedS, 1, 1000 days));
        wethFeed.setAnswer(int192(uint192(bound(price, 1, 4000e8))));
        amount = bound(amount, 1, 3000 * USDC);
        fund(liquidator, usdc, amount);
        uint256 debt = market.debtOf(unknown);
        bool isHealthy = market.healthFactorWad(unknown) >= 1e18;

        vm.prank(liquidator);
        (bool done, bytes memory result) = address(market).call(abi.encodeCall(market.liquidate, (unknown, amount)));

        assertEq(done, !isHealthy);
        if (!done) {
            assertEq(bytes4(result), ILendingMarket.HealthyPosition.selector);
            return;
        }
        (uint256 repaid, uint256 seized) = abi.decode(result, (uint256, uint256));
        assertLe(repaid, amount);
        assertLe(market.debtOf(unknown), debt - repaid + 1);
        assertEq(weth.balanceOf(liquidator), seized);
        if (market.position(unknown).collateral == 0) assertEq(market.debtOf(unknown), 0);
        assertEq(usdc.balanceOf(address(market)), market.cash());
    }

    function publishAs(uint64 epoch, address borrower, int32 margin, uint8 grade)
        private
        returns (ILendingMarket.Proof memory)
    {
        delete entries;
        entries.push(abi.encode(pairScore()));
        entries.push(abi.encode(borrowerOf(asSubject(borrower), margin, grade)));
        publishEntries(epoch);
        return proofAt(epoch, borrowerOf(asSubject(borrower), margin, grade));
    }

    function borrowCall(uint256 amount, ILendingMarket.Proof memory proof, bool withProof)
        private
        view
        returns (bytes memory)
    {
        if (!withProof) return abi.encodeWithSignature("borrow(uint256,address)", amount, safe);
        return abi.encodeWithSignature(
            "borrow(uint256,address,(uint64,(uint8,bytes32,int32,int32,uint32,uint32,uint16,uint8,bytes4,bytes32),bytes32[]))",
            amount,
            safe,
            proof
        );
    }

    function assertNoBetter(ILendingMarket.Quote memory a, ILendingMarket.Quote memory b) private pure {
        if (!a.allowed) return;
        assertTrue(b.allowed);
        assertGe(a.premiumBps, b.premiumBps);
    }
}
