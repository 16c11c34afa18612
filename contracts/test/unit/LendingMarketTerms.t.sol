// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ILendingMarket } from "../../src/interfaces/ILendingMarket.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { LeafLib } from "../../src/libraries/LeafLib.sol";
import { ForwardingAccount } from "../../src/sandbox/ForwardingAccount.sol";
import { MarketFixture } from "../support/MarketFixture.sol";

/// @notice What a loan gets, and every way to ask for more.
contract LendingMarketTermsTest is MarketFixture {
    function setUp() public {
        setUpMarket();
    }

    // --- floor --------------------------------------------------------------------------------

    /// Quotes T-01: a loan at or below the floor is allowed without any score, at the floor premium.
    function test_Borrow_WithoutProof_GetsTheFloor() public {
        supplyCollateral(unknown, WETH);

        vm.expectEmit(address(market));
        emit ILendingMarket.Borrowed(
            unknown, unknown, 1200 * USDC, ILendingMarket.Basis.NoProof, 6000, FLOOR_PREMIUM_BPS, 0
        );
        vm.prank(unknown);
        market.borrow(1200 * USDC, unknown);

        assertEq(usdc.balanceOf(unknown), 1200 * USDC);
        assertEq(market.debtOf(unknown), 1200 * USDC);
        assertEq(market.position(unknown).premiumBps, FLOOR_PREMIUM_BPS);
        assertEq(market.position(unknown).exposure, 0);
    }

    function test_Borrow_RevertWhen_AboveFloorWithoutProof() public {
        supplyCollateral(safe, WETH);

        vm.expectRevert(refused(ILendingMarket.Refusal.AboveFloor, ILendingMarket.Basis.NoProof, 6001, 6000));
        vm.prank(safe);
        market.borrow(1200 * USDC + 1, safe);

        assertEq(market.debtOf(safe), 0);
        assertEq(market.cash(), 1_000_000 * USDC);
    }

    function test_Borrow_UnratedProof_GetsTheFloor() public {
        supplyCollateral(unknown, WETH);
        ILendingMarket.Proof memory proof = proofFor(unknown, 0, 0);

        vm.startPrank(unknown);
        market.borrow(1200 * USDC, unknown, proof);
        vm.expectRevert(refused(ILendingMarket.Refusal.AboveFloor, ILendingMarket.Basis.Unrated, 6050, 6000));
        market.borrow(10 * USDC, unknown, proof);
    }

    // --- scored -------------------------------------------------------------------------------

    function test_Borrow_SafeProof_GetsMoreThanTheFloor() public {
        supplyCollateral(safe, WETH);
        ILendingMarket.Proof memory proof = safeProof();

        vm.prank(safe);
        market.borrow(1400 * USDC, safe, proof);

        assertEq(market.debtOf(safe), 1400 * USDC);
        assertEq(market.position(safe).exposure, 200 * USDC);
        assertEq(market.totalExposure(), 200 * USDC);
        assertGt(market.position(safe).premiumBps, 0);
    }

    function test_Borrow_SafeProofBelowFloor_IsNoDearer() public {
        supplyCollateral(safe, WETH);
        ILendingMarket.Proof memory proof = safeProof();

        vm.prank(safe);
        market.borrow(600 * USDC, safe, proof);

        assertLt(market.position(safe).premiumBps, FLOOR_PREMIUM_BPS);
    }

    function test_Borrow_RevertWhen_RiskyAboveBudget() public {
        supplyCollateral(risky, WETH);
        ILendingMarket.Proof memory proof = riskyProof();
        ILendingMarket.Quote memory quote = market.quote(risky, 1400 * USDC, proof);

        vm.expectRevert(refused(ILendingMarket.Refusal.OverBudget, ILendingMarket.Basis.Rated, quote.elPpm, BUDGET_PPM));
        vm.prank(risky);
        market.borrow(1400 * USDC, risky, proof);

        assertGt(quote.elPpm, BUDGET_PPM);
    }

    /// A rated but risky borrower never gets less than someone unknown does.
    function test_Borrow_RiskyProofAtFloor_GetsTheFloor() public {
        supplyCollateral(risky, WETH);
        ILendingMarket.Proof memory proof = riskyProof();

        vm.prank(risky);
        market.borrow(1200 * USDC, risky, proof);

        assertEq(market.position(risky).premiumBps, FLOOR_PREMIUM_BPS);
    }

    function test_Borrow_RevertWhen_AboveCeiling() public {
        supplyCollateral(safe, WETH);
        ILendingMarket.Proof memory proof = safeProof();

        vm.expectRevert(refused(ILendingMarket.Refusal.AboveCeiling, ILendingMarket.Basis.Rated, 7501, 7500));
        vm.prank(safe);
        market.borrow(1500 * USDC + 1, safe, proof);
    }

    // --- bad proofs ---------------------------------------------------------------------------

    function test_Borrow_RevertWhen_ProofOfAnotherBorrower() public {
        supplyCollateral(risky, WETH);
        ILendingMarket.Proof memory proof = safeProof();

        vm.expectRevert(abi.encodeWithSelector(ILendingMarket.WrongSubject.selector, asSubject(safe), risky));
        vm.prank(risky);
        market.borrow(100 * USDC, risky, proof);
    }

    function test_Borrow_RevertWhen_ScoreChanged() public {
        supplyCollateral(risky, WETH);
        ILendingMarket.Proof memory proof = riskyProof();
        proof.score.behaviourMargin = SAFE_MARGIN;

        vm.expectRevert(
            abi.encodeWithSelector(IScoreOracle.InvalidProof.selector, FIRST_EPOCH, leafOf(abi.encode(proof.score)))
        );
        vm.prank(risky);
        market.borrow(100 * USDC, risky, proof);
    }

    function test_Borrow_RevertWhen_ProofOfAnotherEpoch() public {
        supplyCollateral(safe, WETH);
        ILendingMarket.Proof memory proof = safeProof();
        delete entries;
        entries.push(abi.encode(borrowerOf(asSubject(safe), RISKY_MARGIN, 8)));
        entries.push(abi.encode(pairScore()));
        publishEntries(FIRST_EPOCH + 1);
        proof.epoch = FIRST_EPOCH + 1;

        vm.expectPartialRevert(IScoreOracle.InvalidProof.selector);
        vm.prank(safe);
        market.borrow(100 * USDC, safe, proof);
    }

    /// A contract's subject binds the chain: the same account's score of another chain is another subject.
    function test_Borrow_RevertWhen_ContractScoreOfAnotherChain() public {
        ForwardingAccount wallet = new ForwardingAccount(safe);
        bytes32 elsewhere = keccak256(abi.encode(uint8(1), block.chainid + 1, address(wallet)));
        delete entries;
        entries.push(abi.encode(borrowerOf(elsewhere, SAFE_MARGIN, 1)));
        publishEntries(FIRST_EPOCH + 1);
        ILendingMarket.Proof memory proof = proofAt(FIRST_EPOCH + 1, borrowerOf(elsewhere, SAFE_MARGIN, 1));

        vm.expectRevert(abi.encodeWithSelector(ILendingMarket.WrongSubject.selector, elsewhere, address(wallet)));
        market.quote(address(wallet), 1, proof);
    }

    function test_Borrow_ContractAccount_UsesItsOwnSubject() public {
        ForwardingAccount wallet = new ForwardingAccount(safe);
        bytes32 subject = LeafLib.contractSubject(address(wallet));
        delete entries;
        entries.push(abi.encode(pairScore()));
        entries.push(abi.encode(borrowerOf(subject, SAFE_MARGIN, 1)));
        publishEntries(FIRST_EPOCH + 1);
        supplyCollateral(supplier, WETH);
        fund(supplier, weth, WETH);
        vm.prank(supplier);
        market.supplyCollateral(WETH, address(wallet));
        ILendingMarket.Proof memory proof = proofAt(FIRST_EPOCH + 1, borrowerOf(subject, SAFE_MARGIN, 1));

        vm.prank(safe);
        wallet.execute(
            address(market),
            abi.encodeWithSignature(
                "borrow(uint256,address,(uint64,(uint8,bytes32,int32,int32,uint32,uint32,uint16,uint8,bytes4,bytes32),bytes32[]))",
                1400 * USDC,
                safe,
                proof
            )
        );

        assertEq(market.debtOf(address(wallet)), 1400 * USDC);
        assertEq(usdc.balanceOf(safe), 1400 * USDC);
    }

    // --- age ----------------------------------------------------------------------------------

    /// Quotes T-03: an unusable score gives the floor.
    function test_Borrow_ExpiredProof_GetsTheFloor() public {
        supplyCollateral(safe, WETH);
        ILendingMarket.Proof memory old = safeProof();
        skipWithPrices(VALIDITY_S + 1);
        publishScores(FIRST_EPOCH + 4);

        vm.startPrank(safe);
        vm.expectRevert(refused(ILendingMarket.Refusal.AboveFloor, ILendingMarket.Basis.Expired, 7000, 6000));
        market.borrow(1400 * USDC, safe, old);
        market.borrow(1200 * USDC, safe, old);

        assertEq(market.position(safe).premiumBps, FLOOR_PREMIUM_BPS);
    }

    function test_Borrow_ProofOlderThanTheGrace_GetsTheFloor() public {
        supplyCollateral(safe, WETH);
        ILendingMarket.Proof memory old = safeProof();
        publishScores(FIRST_EPOCH + 1);

        assertEq(uint8(market.quote(safe, 1400 * USDC, old).basis), uint8(ILendingMarket.Basis.Rated));
        skipWithPrices(GRACE_S + 1);
        ILendingMarket.Quote memory quote = market.quote(safe, 1400 * USDC, old);

        assertEq(uint8(quote.basis), uint8(ILendingMarket.Basis.Expired));
        assertFalse(quote.allowed);
    }

    /// Quotes T-03: an older score than the stored one gives the floor.
    function test_Borrow_ProofOlderThanTheStored_GetsTheFloor() public {
        supplyCollateral(safe, WETH);
        ILendingMarket.Proof memory old = safeProof();
        delete entries;
        entries.push(abi.encode(borrowerOf(asSubject(safe), RISKY_MARGIN, 8)));
        entries.push(abi.encode(pairScore()));
        publishEntries(FIRST_EPOCH + 1);
        postEntry(FIRST_EPOCH + 1, entries[0]);

        ILendingMarket.Quote memory quote = market.quote(safe, 1400 * USDC, old);

        assertEq(uint8(quote.basis), uint8(ILendingMarket.Basis.Superseded));
        assertEq(uint8(quote.refusal), uint8(ILendingMarket.Refusal.AboveFloor));
    }

    /// Quotes T-03: a stored riskier score cannot be hidden behind a newer, milder one.
    function test_Borrow_StoredRiskierScore_Counts() public {
        supplyCollateral(safe, WETH);
        delete entries;
        entries.push(abi.encode(borrowerOf(asSubject(safe), RISKY_MARGIN, 8)));
        entries.push(abi.encode(pairScore()));
        publishEntries(FIRST_EPOCH + 1);
        postEntry(FIRST_EPOCH + 1, entries[0]);
        publishScores(FIRST_EPOCH + 2);
        ILendingMarket.Proof memory milder = safeProof();

        ILendingMarket.Quote memory quote = market.quote(safe, 1400 * USDC, milder);
        assertEq(uint8(quote.refusal), uint8(ILendingMarket.Refusal.OverBudget));

        // Two hours on the stored score has expired, and the milder one stands alone.
        skipWithPrices(2 * EPOCH_S);
        publishScores(FIRST_EPOCH + 5);
        assertTrue(market.quote(safe, 1400 * USDC, safeProof()).allowed);
    }

    function test_Borrow_StoredUnratedScore_GivesTheFloor() public {
        supplyCollateral(safe, WETH);
        delete entries;
        entries.push(abi.encode(borrowerOf(asSubject(safe), 0, 0)));
        entries.push(abi.encode(pairScore()));
        publishEntries(FIRST_EPOCH + 1);
        postEntry(FIRST_EPOCH + 1, entries[0]);
        publishScores(FIRST_EPOCH + 2);

        ILendingMarket.Quote memory quote = market.quote(safe, 1400 * USDC, safeProof());

        assertEq(uint8(quote.basis), uint8(ILendingMarket.Basis.Unrated));
        assertFalse(quote.allowed);
    }

    // --- exposure -----------------------------------------------------------------------------

    function test_Borrow_RevertWhen_OverBorrowerLimit() public {
        // His limit over all markets is 100,000, this market's weight one half.
        supplyCollateral(safe, 250 * WETH);
        ILendingMarket.Proof memory proof = safeProof();

        vm.startPrank(safe);
        vm.expectRevert(
            refused(
                ILendingMarket.Refusal.OverBorrowerLimit, ILendingMarket.Basis.Rated, 50_000 * USDC + 1, 50_000 * USDC
            )
        );
        market.borrow(350_000 * USDC + 1, safe, proof);
        market.borrow(350_000 * USDC, safe, proof);

        assertEq(market.position(safe).exposure, 50_000 * USDC);
    }

    function test_Borrow_RevertWhen_OverExposureCap() public {
        uint256 eachWeth = 150 * WETH;
        delete entries;
        entries.push(abi.encode(pairScore()));
        address[5] memory borrowers;
        for (uint256 i = 0; i < 5; ++i) {
            borrowers[i] = makeAddr(vm.toString(i));
            entries.push(abi.encode(borrowerOf(asSubject(borrowers[i]), SAFE_MARGIN, 1)));
        }
        publishEntries(FIRST_EPOCH + 1);
        for (uint256 i = 0; i < 5; ++i) {
            supplyCollateral(borrowers[i], eachWeth);
        }
        // 150 WETH: a floor debt of 180,000, and 45,000 above it up to the ceiling. Four fit under 200,000.
        for (uint256 i = 0; i < 4; ++i) {
            ILendingMarket.Proof memory proof = proofFor(borrowers[i], SAFE_MARGIN, 1);
            vm.prank(borrowers[i]);
            market.borrow(225_000 * USDC, borrowers[i], proof);
        }
        assertEq(market.totalExposure(), 180_000 * USDC);
        ILendingMarket.Quote memory quote =
            market.quote(borrowers[4], 100_000 * USDC, proofFor(borrowers[4], SAFE_MARGIN, 1));
        assertTrue(quote.allowed);

        fund(supplier, usdc, 1_000_000 * USDC);
        vm.prank(supplier);
        market.deposit(1_000_000 * USDC, supplier);
        quote = market.quote(borrowers[4], 210_000 * USDC, proofFor(borrowers[4], SAFE_MARGIN, 1));

        assertEq(uint8(quote.refusal), uint8(ILendingMarket.Refusal.OverExposureCap));
        assertEq(quote.given, 210_000 * USDC);
        assertEq(quote.limit, 200_000 * USDC);
    }

    function test_Repay_Part_FreesExposureFirst() public {
        openSafeLoan(1400 * USDC);
        fund(safe, usdc, 1400 * USDC);

        vm.startPrank(safe);
        market.repay(150 * USDC, safe);
        assertEq(market.totalExposure(), 50 * USDC);
        market.repay(type(uint128).max, safe);
        assertEq(market.totalExposure(), 0);
        assertEq(market.position(safe).premiumBps, 0);
    }

    // --- withdrawals on terms -----------------------------------------------------------------

    function test_WithdrawCollateral_WithProof_GoesByTheScore() public {
        supplyCollateral(safe, WETH);
        vm.prank(safe);
        market.borrow(1000 * USDC, safe);
        ILendingMarket.Proof memory proof = safeProof();

        vm.startPrank(safe);
        vm.expectRevert(refused(ILendingMarket.Refusal.AboveFloor, ILendingMarket.Basis.NoProof, 6667, 6000));
        market.withdrawCollateral(0.25 ether, safe);
        market.withdrawCollateral(0.25 ether, safe, proof);

        assertEq(market.position(safe).exposure, 100 * USDC);
        assertEq(weth.balanceOf(safe), 0.25 ether);
    }

    function test_Quote_BetterPositionLater_StaysInTheBooks() public {
        openSafeLoan(1400 * USDC);
        ILendingMarket.Quote memory quote = market.quote(safe, 50 * USDC, safeProof());
        ILendingMarket.Proof memory proof = safeProof();

        vm.prank(safe);
        market.borrow(50 * USDC, safe, proof);

        assertEq(market.position(safe).premiumBps, quote.premiumBps);
        assertEq(market.position(safe).exposure, quote.exposureAfter);
        assertEq(market.debtOf(safe), quote.debtAfter);
    }
}
