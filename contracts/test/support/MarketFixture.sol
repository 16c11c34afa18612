// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { LendingMarket } from "../../src/LendingMarket.sol";
import { RiskGate } from "../../src/RiskGate.sol";
import { ILendingMarket } from "../../src/interfaces/ILendingMarket.sol";
import { IRiskGate } from "../../src/interfaces/IRiskGate.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { LeafLib } from "../../src/libraries/LeafLib.sol";
import { SandboxToken } from "../../src/sandbox/SandboxToken.sol";
import { ScriptedFeed } from "../../src/sandbox/ScriptedFeed.sol";
import { OracleFixture } from "./OracleFixture.sol";
import { Vectors } from "./Vectors.sol";

/// @notice A market that lends USDC on WETH: threshold 80 %, ceiling 75 %, floor 60 %, one WETH is worth 2,000 USDC.
abstract contract MarketFixture is OracleFixture, Vectors {
    address internal constant USD = 0x0000000000000000000000000000000000000348;
    address internal constant GUARDIAN = address(0x0456);
    uint256 internal constant USDC = 1e6;
    uint256 internal constant WETH = 1e18;

    uint32 internal constant SEVERITY_BPS = 2000;
    uint32 internal constant BUDGET_PPM = 400;
    uint32 internal constant FLOOR_PREMIUM_BPS = 75;

    int32 internal constant SAFE_MARGIN = -14_000;
    int32 internal constant RISKY_MARGIN = 5000;

    address internal supplier = makeAddr("supplier");
    address internal safe = makeAddr("safe borrower");
    address internal risky = makeAddr("risky borrower");
    address internal unknown = makeAddr("unknown borrower");
    address internal liquidator = makeAddr("liquidator");

    SandboxToken internal usdc;
    SandboxToken internal weth;
    ScriptedFeed internal usdcFeed;
    ScriptedFeed internal wethFeed;
    LendingMarket internal market;
    RiskGate internal gate;
    bytes32 internal pairSubject;

    function setUpMarket() internal {
        // The market does not care how many sign; one signature keeps the fuzz runs short.
        deployOracle(1, 0, 1);
        usdc = new SandboxToken("USD Coin", "USDC", 6);
        weth = new SandboxToken("Wrapped Ether", "WETH", 18);
        usdcFeed = new ScriptedFeed(8, "USDC / USD", 1e8);
        wethFeed = new ScriptedFeed(8, "ETH / USD", 2000e8);
        pairSubject = LeafLib.collateralSubject(address(weth), USD);
        market = deployMarket(marketConfig());
        gate = RiskGate(address(market.gate()));
        publishScores(FIRST_EPOCH);
        fund(supplier, usdc, 1_000_000 * USDC);
        vm.prank(supplier);
        market.deposit(1_000_000 * USDC, supplier);
    }

    /// @dev The market does not care for how long a committee signs.
    function digestSeconds() internal pure override returns (uint64) {
        return 36_500 days;
    }

    function marketConfig() internal view returns (ILendingMarket.MarketConfig memory) {
        return ILendingMarket.MarketConfig({
            loanToken: address(usdc),
            collateralToken: address(weth),
            loanFeed: address(usdcFeed),
            collateralFeed: address(wethFeed),
            loanPriceMaxAgeSeconds: 86_400,
            collateralPriceMaxAgeSeconds: 7200,
            closeFactorBps: 5000,
            liquidationBonusBps: 500,
            baseRateBps: 100,
            slopeLowBps: 400,
            slopeHighBps: 6000,
            kinkBps: 8000,
            name: "Assay USDC on WETH",
            symbol: "aUSDC-WETH"
        });
    }

    /// @dev A market with a gate of its own.
    function deployMarket(ILendingMarket.MarketConfig memory config) internal returns (LendingMarket) {
        return new LendingMarket(config, scoreConfig(config.collateralToken));
    }

    function scoreConfig() internal returns (ILendingMarket.ScoreConfig memory) {
        return scoreConfig(address(weth));
    }

    function scoreConfig(address collateralToken) internal returns (ILendingMarket.ScoreConfig memory) {
        address tables = deployTables(0);
        return ILendingMarket.ScoreConfig({
            gate: address(new RiskGate(gateConfig(collateralToken, USD))),
            numeraire: USD,
            borrowerTables: tables,
            borrowerTablesHash: tables.codehash,
            severityBps: SEVERITY_BPS,
            budgetPpm: BUDGET_PPM,
            floorPremiumBps: FLOOR_PREMIUM_BPS,
            weightBps: 5000,
            borrowerLimit: uint128(100_000 * USDC)
        });
    }

    /// @dev Wide bounds: threshold and LTVs move by 50 bps an hour and 100 bps a day.
    function gateConfig(address collateralToken, address numeraire)
        internal
        view
        virtual
        returns (IRiskGate.GateConfig memory config)
    {
        config.oracle = oracle;
        config.owner = OWNER;
        config.guardian = GUARDIAN;
        config.collateralToken = collateralToken;
        config.numeraire = numeraire;
        config.mode = IRiskGate.Mode.Live;
        config.timelockSeconds = 1 days;
        config.vetoSeconds = 7 days;
        config.rampBpsPerHour = 50;
        config.looseningBpsPerDay = 100;
        config.fallbackThresholdBps = 7500;
        config.fallbackLtvBps = 5000;
        config.bounds = IRiskGate.Bounds(5000, 9500, 9500, 9500, 1, 1);
        config.exposureCap = uint128(200_000 * USDC);
        config.cappedExposureCap = uint128(20_000 * USDC);
    }

    /// @dev A report with the pair, a safe, a risky and an unrated borrower; the pair is posted.
    function publishScores(uint64 epoch) internal {
        delete entries;
        entries.push(abi.encode(pairScore()));
        entries.push(abi.encode(borrowerOf(asSubject(safe), SAFE_MARGIN, 1)));
        entries.push(abi.encode(borrowerOf(asSubject(risky), RISKY_MARGIN, 8)));
        entries.push(abi.encode(borrowerOf(asSubject(unknown), 0, 0)));
        publishEntries(epoch);
        postEntry(epoch, entries[0]);
    }

    function pairScore() internal view returns (IScoreOracle.CollateralScore memory) {
        return collateralOf(pairSubject);
    }

    function postEntry(uint64 epoch, bytes memory entry) internal {
        bytes[] memory one = new bytes[](1);
        one[0] = entry;
        bytes32[] memory proof = proofOf(entry);
        oracle.post(epoch, one, proof, new bool[](proof.length));
    }

    function proofFor(address borrower, int32 margin, uint8 grade)
        internal
        view
        returns (ILendingMarket.Proof memory proof)
    {
        return proofAt(oracle.head().epoch, borrowerOf(asSubject(borrower), margin, grade));
    }

    /// @dev A proof against the tree of the current `entries`.
    function proofAt(uint64 epoch, IScoreOracle.BorrowerScore memory score)
        internal
        view
        returns (ILendingMarket.Proof memory)
    {
        return ILendingMarket.Proof({ epoch: epoch, score: score, proof: proofOf(abi.encode(score)) });
    }

    function safeProof() internal view returns (ILendingMarket.Proof memory) {
        return proofFor(safe, SAFE_MARGIN, 1);
    }

    function riskyProof() internal view returns (ILendingMarket.Proof memory) {
        return proofFor(risky, RISKY_MARGIN, 8);
    }

    function fund(address account, SandboxToken token, uint256 amount) internal {
        token.mint(account, amount);
        vm.prank(account);
        token.approve(address(market), type(uint256).max);
    }

    function supplyCollateral(address borrower, uint256 amount) internal {
        fund(borrower, weth, amount);
        vm.prank(borrower);
        market.supplyCollateral(amount, borrower);
    }

    /// @dev One WETH, and a loan of `amount` on it without a proof.
    function openFloorLoan(address borrower, uint256 amount) internal {
        supplyCollateral(borrower, WETH);
        vm.prank(borrower);
        market.borrow(amount, borrower);
    }

    /// @dev One WETH, and a loan of `amount` on it with the safe borrower's score.
    function openSafeLoan(uint256 amount) internal {
        supplyCollateral(safe, WETH);
        ILendingMarket.Proof memory proof = safeProof();
        vm.prank(safe);
        market.borrow(amount, safe, proof);
    }

    function setPrice(int192 usd) internal {
        wethFeed.setAnswer(usd * 1e8);
    }

    /// @dev Moves on, keeping both prices fresh.
    function skipWithPrices(uint256 elapsedS) internal {
        vm.warp(block.timestamp + elapsedS);
        usdcFeed.setAnswer(1e8);
        wethFeed.setAnswer(int192(wethFeed.latestAnswer()));
    }

    function refused(ILendingMarket.Refusal refusal, ILendingMarket.Basis basis, uint256 given, uint256 limit)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(ILendingMarket.TermsRefused.selector, refusal, basis, given, limit);
    }
}
