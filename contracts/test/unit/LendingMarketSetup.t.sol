// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { LendingMarket } from "../../src/LendingMarket.sol";
import { RiskGate } from "../../src/RiskGate.sol";
import { ILendingMarket } from "../../src/interfaces/ILendingMarket.sol";
import { IScoreTables } from "../../src/interfaces/IScoreTables.sol";
import { SandboxToken } from "../../src/sandbox/SandboxToken.sol";
import { CallingToken, FeeToken, PriceProbe } from "../support/HostileTokens.sol";
import { MarketFixture } from "../support/MarketFixture.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// @notice Tokens and configurations that a market must refuse, or live with.
contract LendingMarketSetupTest is MarketFixture {
    function setUp() public {
        setUpMarket();
    }

    // --- hostile tokens -----------------------------------------------------------------------

    function test_SupplyCollateral_RevertWhen_TokenTakesAFee() public {
        FeeToken fee = new FeeToken();
        LendingMarket hostile = marketWith(fee);
        fee.mint(unknown, 100);
        vm.startPrank(unknown);
        fee.approve(address(hostile), 100);

        vm.expectRevert(abi.encodeWithSelector(ILendingMarket.UnsupportedToken.selector, address(fee), 100, 99));
        hostile.supplyCollateral(100, unknown);
        assertEq(hostile.position(unknown).collateral, 0);
    }

    function test_Deposit_RevertWhen_TokenTakesAFee() public {
        FeeToken fee = new FeeToken();
        ILendingMarket.MarketConfig memory config = marketConfig();
        config.loanToken = address(fee);
        LendingMarket hostile = deployMarket(config);
        fee.mint(supplier, 100);
        vm.startPrank(supplier);
        fee.approve(address(hostile), 100);

        vm.expectRevert(abi.encodeWithSelector(ILendingMarket.UnsupportedToken.selector, address(fee), 100, 99));
        hostile.deposit(100, supplier);
    }

    function test_Writes_RevertWhen_TokenCallsBack() public {
        CallingToken calling = new CallingToken();
        LendingMarket hostile = marketWith(calling);
        calling.mint(unknown, WETH);
        vm.startPrank(unknown);
        calling.approve(address(hostile), WETH);
        bytes[3] memory payloads = [
            abi.encodeCall(hostile.supplyCollateral, (1, unknown)),
            abi.encodeCall(hostile.repay, (1, unknown)),
            abi.encodeCall(hostile.accrue, ())
        ];
        for (uint256 i = 0; i < payloads.length; ++i) {
            calling.arm(address(hostile), payloads[i]);
            vm.expectRevert(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
            hostile.supplyCollateral(WETH, unknown);
        }
    }

    /// A deposit that is under way must not show a share price that was never true.
    function test_Deposit_TokenCallsBack_SharePriceIsTheOldOne() public {
        CallingToken calling = new CallingToken();
        ILendingMarket.MarketConfig memory config = marketConfig();
        config.loanToken = address(calling);
        LendingMarket hostile = deployMarket(config);
        PriceProbe probe = new PriceProbe(hostile);
        calling.mint(supplier, 2 ether);
        vm.startPrank(supplier);
        calling.approve(address(hostile), 2 ether);
        hostile.deposit(1 ether, supplier);
        calling.arm(address(probe), abi.encodeCall(probe.look, ()));

        hostile.deposit(1 ether, supplier);

        assertEq(probe.seen(), 1 ether);
        assertEq(hostile.convertToAssets(1e24), 1 ether);
    }

    // --- construction -------------------------------------------------------------------------

    function test_Constructor_RevertWhen_ConfigUnsound() public {
        ILendingMarket.ScoreConfig memory scores = scoreConfig();
        ILendingMarket.MarketConfig memory config = marketConfig();
        config.collateralToken = config.loanToken;
        expectInvalid("collateralToken", uint160(config.loanToken), uint160(config.loanToken));
        new LendingMarket(config, scores);

        config = marketConfig();
        config.closeFactorBps = 0;
        expectInvalid("closeFactorBps", 0, 10_000);
        new LendingMarket(config, scores);

        config.closeFactorBps = 10_001;
        expectInvalid("closeFactorBps", 10_001, 10_000);
        new LendingMarket(config, scores);

        config = marketConfig();
        config.kinkBps = 10_000;
        expectInvalid("kinkBps", 10_000, 9999);
        new LendingMarket(config, scores);

        config.kinkBps = 0;
        expectInvalid("kinkBps", 0, 9999);
        new LendingMarket(config, scores);

        config = marketConfig();
        config.liquidationBonusBps = 10_001;
        expectInvalid("liquidationBonusBps", 10_001, 10_000);
        new LendingMarket(config, scores);

        scores.weightBps = 10_001;
        expectInvalid("weightBps", 10_001, 10_000);
        new LendingMarket(marketConfig(), scores);
    }

    function test_Constructor_RevertWhen_TablesAreNotThePinned() public {
        ILendingMarket.ScoreConfig memory scores = scoreConfig();
        bytes32 pinned = scores.borrowerTablesHash;
        scores.borrowerTables = deployTables(1);

        vm.expectRevert(
            abi.encodeWithSelector(IScoreTables.TablesMismatch.selector, scores.borrowerTables.codehash, pinned)
        );
        new LendingMarket(marketConfig(), scores);

        scores.borrowerTablesHash = scores.borrowerTables.codehash;
        expectInvalid("borrowerTables", scores.borrowerTables.code.length, 5920);
        new LendingMarket(marketConfig(), scores);
    }

    /// Quotes M-13: a threshold of 95 % leaves room for a bonus of 5.26 %.
    function test_M13_Constructor_RevertWhen_BonusIsMoreThanTheThresholdLeaves() public {
        ILendingMarket.ScoreConfig memory scores = scoreConfig();
        ILendingMarket.MarketConfig memory config = marketConfig();
        config.liquidationBonusBps = 527;
        expectInvalid("liquidationBonusBps", 527, 526);
        new LendingMarket(config, scores);

        config.liquidationBonusBps = 526;
        assertEq(new LendingMarket(config, scores).liquidationBonusBps(), 526);
    }

    /// Code that could run could be another one tomorrow.
    function test_Constructor_RevertWhen_TablesCouldRun() public {
        ILendingMarket.ScoreConfig memory scores = scoreConfig();
        bytes memory code = scores.borrowerTables.code;
        code[0] = 0xFF;
        vm.etch(address(0x7AB1E), code);
        (scores.borrowerTables, scores.borrowerTablesHash) = (address(0x7AB1E), keccak256(code));

        expectInvalid("borrowerTables", 0xFF, 0);
        new LendingMarket(marketConfig(), scores);
    }

    /// Code that its own transaction destroyed is still there while a market is made in it. Without it nothing is lent by a score,
    /// and what needs none goes on.
    function test_Tables_Vanished_LendOnTheFloorAlone() public {
        setUpMarket();
        openFloorLoan(unknown, 1000 * USDC);
        supplyCollateral(safe, WETH);
        ILendingMarket.Proof memory proof = safeProof();
        bytes32 pinned = market.borrowerTables().codehash;
        vm.etch(market.borrowerTables(), "");

        bytes memory refusal = abi.encodeWithSelector(IScoreTables.TablesMismatch.selector, keccak256(""), pinned);
        vm.expectRevert(refusal);
        market.quote(safe, 1400 * USDC, proof);
        vm.prank(safe);
        vm.expectRevert(refusal);
        market.borrow(1400 * USDC, safe, proof);

        vm.prank(safe);
        market.borrow(1000 * USDC, safe);
        fund(unknown, usdc, 1000 * USDC);
        vm.startPrank(unknown);
        market.repay(1000 * USDC, unknown);
        market.withdrawCollateral(WETH, unknown);
    }

    function test_Constructor_RevertWhen_GateIsOfAnotherPair() public {
        ILendingMarket.ScoreConfig memory scores = scoreConfig();
        RiskGate other = new RiskGate(gateConfig(address(usdc), USD));
        scores.gate = address(other);

        expectInvalid("gate", uint256(other.pairSubject()), uint256(pairSubject));
        new LendingMarket(marketConfig(), scores);
    }

    function marketWith(SandboxToken collateral) private returns (LendingMarket) {
        ILendingMarket.MarketConfig memory config = marketConfig();
        config.collateralToken = address(collateral);
        return deployMarket(config);
    }

    function expectInvalid(string memory field, uint256 given, uint256 limit) private {
        vm.expectRevert(abi.encodeWithSelector(ILendingMarket.InvalidConfig.selector, field, given, limit));
    }
}
